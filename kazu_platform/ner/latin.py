"""Latin that is no name of a species, though it has the form of one: "Gluteus medius".

Anatomy, medicine and pharmacy write a noun with a capital and a Latin word behind it, as botany
does. What decides is mostly the noun: no genus is called Musculus, and where one is (Radix is a
snail too) its species are for a vocabulary to know. Words behind that say where in a body something
lies are those of species as well ("Bactrocera dorsalis"), so they need more than their form.
"""

from __future__ import annotations

from typing import Final


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_MUSCLES: Final = _words(
    "Abductor Adductor Anconeus Biceps Brachialis Brachioradialis Buccinator Bulbospongiosus "
    "Coccygeus Constrictor Coracobrachialis Cremaster Deltoideus Depressor Detrusor Dilator "
    "Extensor Fibularis Flexor Gastrocnemius Gemellus Genioglossus Gluteus Gracilis Iliacus "
    "Iliocostalis Iliopsoas Infraspinatus Interosseus Interossei Latissimus Levator Longissimus "
    "Masseter Mentalis Multifidus Musculus Musculi Mylohyoideus Obliquus Obturator Occipitalis "
    "Omohyoideus Opponens Orbicularis Palmaris Pectineus Pectoralis Peroneus Piriformis Plantaris "
    "Platysma Popliteus Pronator Psoas Pterygoideus Quadratus Quadriceps Rectus Rhomboideus "
    "Sartorius Scalenus Semimembranosus Semispinalis Semitendinosus Serratus Soleus Sphincter "
    "Splenius Stapedius Sternocleidomastoideus Sternohyoideus Subscapularis Supinator "
    "Supraspinatus Temporalis Tensor Teres Tibialis Transversus Trapezius Triceps Vastus "
    "Zygomaticus"
)
_ORGANS: Final = _words(
    "Acetabulum Aditus Ampulla Angulus Ansa Antrum Anulus Annulus Apertura Aponeurosis Aqueductus "
    "Arcus Area Arteria Arteriae Articulatio Auricula Bulbus Bursa Calcar Calvaria Camera Canalis "
    "Capitulum Capsula Caput Cartilago Caruncula Cauda Cavum Cavitas Centrum Cerebellum Cervix "
    "Chiasma Chorda Chordae Choroidea Cisterna Claustrum Clivus Colliculus Columna Commissura "
    "Concha Condylus Conus Cornu Cornua Corona Corpora Corpus Cortex Crista Crura Crus Cutis "
    "Diaphragma Digitus Ductus Ductuli Eminentia Epidermis Falx Fascia Fasciculus Fibrae Fimbria "
    "Fissura Folia Foramen Foramina Formatio Fornix Fossa Fovea Foveola Frenulum Fundus Funiculus "
    "Ganglion Genu Glandula Glandulae Globus Gubernaculum Gyrus Gyri Hallux Hamulus Hiatus Hilus "
    "Hippocampus Humor Incisura Indusium Infundibulum Insula Isthmus Labia Labium Labrum Lacuna "
    "Lacus Lamina Lemniscus Ligamenta Ligamentum Limbus Limen Linea Lobulus Lobus Locus Macula "
    "Malleolus Manus Margo Massa Meatus Medulla Membrana Meniscus Mons Muscularis Nervi Nervus "
    "Nidus Nodulus Nodus Nuclei Nucleus Obex Oculus Oliva Omentum Ostium Palatum Palpebra Papilla "
    "Pars Pedunculus Pelvis Penis Perineum Peritoneum Pes Phalanx Philtrum Placenta Plexus Plica "
    "Plicae Pollex Pons Porta Portio Precuneus Processus Promontorium Protuberantia Pulvinar "
    "Pylorus Pyramis Radiatio Ramus Rami Raphe Regio Rete Retinaculum Rima Rostrum Sacculus Scala "
    "Scapha Sella Septa Septum Sinus Spatium Spina Splenium Stratum Stria Striae Subiculum "
    "Substantia Sulcus Sulci Sustentaculum Sutura Symphysis Tarsus Tectum Tegmen Tegmentum Tela "
    "Tendo Tentorium Testis Thalamus Torus Trabecula Trabeculae Tractus Tragus Trigonum Trochanter "
    "Trochlea Truncus Tuberculum Tuberositas Tunica Umbo Ureter Urethra Uterus Utriculus Uvea "
    "Uvula Vagina Valvula Valva Vasa Velum Vena Venae Ventriculus Vermis Vertebra Vesica Vesicula "
    "Vestibulum Vinculum Zona Zonula"
)
_DISEASES: Final = _words(
    "Abetalipoproteinemia Ablatio Acanthosis Acne Acrodermatitis Algor Alopecia Amaurosis Amotio "
    "Angina Ankyloblepharon Aplasia Arthrogryposis Asphyxia Aura Balanitis Blepharitis Bullae "
    "Calcinosis Caries Cataracta Cheilitis Cholera Chorea Chondrodysplasia Clavus Colica Comedo "
    "Condylomata Coryza Coxa Craniosynostosis Crusta Cubitus Decubitus Delirium Dementia "
    "Dermatitis Diabetes Dystrophia Ecthyma Ectopia Eczema Elephantiasis Embryotoxon Encephalitis "
    "Enteritis Enuresis Epidermolysis Epilepsia Epispadias Erythema Erythrasma Erysipelas "
    "Exanthema Facies Febris Fetus Fibrodysplasia Fibromatosis Fluor Folliculitis Fractura "
    "Framboesia Furunculus Gangraena Globulus Glossitis Granuloma Graviditas Hernia Herpes "
    "Hordeolum Hydroa Hydrocephalus Hydrops Hyperemesis Hyperostosis Hypospadias Icterus "
    "Ichthyosis Ileus Impetigo Incontinentia Inertia Iritis Keratoconus Keratoderma Keratosis "
    "Kraurosis Lentigo Lepra Leptomeningitis Leukonychia Lichen Linitis Livedo Livor Lues Lupus "
    "Melasma Meningitis Miliaria Molluscum Morbilli Morbus Morphea Myasthenia Mycosis Myelitis "
    "Myopathia Myositis Naevus Necrobiosis Necrosis Neuritis Neuromyelitis Nevus Oligohydramnios "
    "Onychia Ophthalmia Osteitis Osteochondritis Osteogenesis Osteopetrosis Otitis Ozaena Pannus "
    "Papula Papulosis Paralysis Parapsoriasis Partus Pectus Pemphigus Pernio Pertussis Pityriasis "
    "Poliomyelitis Polymyalgia Porphyria Porrigo Prurigo Pruritus Pseudotumor Psoriasis Ptosis "
    "Purpura Pustulosis Rachitis Restitutio Retinitis Rhinitis Rigor Roseola Rubella Rubeola Rupia "
    "Sclerosis Scoliosis Scorbutus Seborrhea Situs Spasmus Status Strabismus Struma Sycosis Tabes "
    "Talipes Telangiectasia Tetanus Tinea Tinnitus Torticollis Trichorrhexis Tyloma Typhus Ulcera "
    "Ulcus Urticaria Varicella Variola Verruca Verrucae Vertigo Vitiligo Vulnus Xanthelasma "
    "Xeroderma Xerosis Zoster"
)
_DRUGS: Final = _words(
    "Acetum Aqua Arillus Balsamum Bulbus Cacumen Calyx Caulis Colla Cortex Emplastrum Exocarpium "
    "Extractum Flos Flores Folium Folia Fructus Gummi Herba Lignum Massa Medulla Oleum Pericarpium "
    "Periostracum Plumula Pulvis Radix Ramulus Resina Rhizoma Sanguis Semen Semina Spica Succus "
    "Syrupus Tinctura Unguentum"
)
MEDICAL: Final = frozenset({*_MUSCLES, *_ORGANS, *_DISEASES, *_DRUGS})
"""Nouns with which Latin names of muscles, organs, diseases and drugs begin."""

PLACED: Final = frozenset(
    _words(
        "abdominis accessorius accreta ani anterior anterius arteriosum arteriosus ascendens "
        "brachii brevis bullosa capitis carpi cavernosa cavernosum cavernosus cerebelli cerebri "
        "cervicis colli cordis cruris descendens digitorum dorsalis dorsi externa externus faciei "
        "femoris fetalis flavum gravidarum hallucis inferior inferius interna internus labii "
        "lateralis linguae longus lumborum maximus medialis mediale medius minimus nasi neonatorum "
        "oblongata oculi opticum opticus ossificans palpebrae palpebrarum pellucidum pigmenti "
        "pollicis posterior posterius profunda profundus proximalis superficialis superior "
        "superius testis thoracis transversa transversum transversus unguium uteri ventralis "
        "vesicae"
    )
)
"""Words that say where in a body something lies, or of what organ it is."""
