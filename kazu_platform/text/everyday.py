"""Everyday words that are names all the same: "mouse" is a species, "cancer" a disease.

A common English word is not matched (see `autocuration`) unless it stands here. The lists were
written from general knowledge and from training corpora, in lower case, in the singular; plurals
are added by rule, irregular ones stand here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


def _words(text: str) -> frozenset[str]:
    words = text.split()
    plurals = {f"{word[:-1]}ies" for word in words if word.endswith("y")}
    plurals |= {f"{word}es" for word in words if word.endswith(("s", "x", "ch", "sh", "o"))}
    return frozenset({*words, *(f"{word}s" for word in words), *plurals})


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(","))


PEOPLE: Final = _words(
    "human humans man men woman women person people child children boy girl infant newborn "
    "patient participant schoolchild schoolchildren volunteer"
)
"""Words for human beings."""

_ANIMALS: Final = _words(
    "mouse mice murine rat dog canine cat feline cow cattle calf calves bovine ox pig swine "
    "porcine piglet sheep ovine goat horse equine donkey rabbit hamster gerbil chicken hen duck "
    "goose turkey quail pigeon sparrow finch canary parrot ostrich penguin crow owl frog toad "
    "newt salamander axolotl turtle tortoise alligator crocodile zebrafish trout "
    "salmon carp medaka goldfish tilapia catfish eel tuna herring cod monkey macaque "
    "baboon chimpanzee gorilla orangutan ferret mink otter fox wolf bear lion tiger leopard "
    "elephant whale dolphin seal camel llama alpaca deer moose elk reindeer buffalo bison "
    "squirrel hedgehog platypus opossum kangaroo koala mosquito honeybee bumblebee "
    "silkworm cockroach locust grasshopper "
    "crab lobster shrimp crayfish oyster mussel squid octopus urchin "
    "starfish sponge hydra earthworm worm leech nematode jellyfish zebra giraffe hippopotamus "
    "rhinoceros hare vole shrew raccoon skunk badger"
)
_PLANTS: Final = _words(
    "yeast rice wheat barley maize corn oat rye sorghum millet soybean tomato tomatoes potato "
    "potatoes tobacco cotton pea bean lentil chickpea peanut onion garlic leek cabbage broccoli "
    "spinach lettuce cucumber pumpkin melon watermelon carrot radish beet celery parsley pepper "
    "eggplant apple pear peach plum cherry apricot grape grapevine banana orange lemon lime "
    "strawberry raspberry blueberry mango papaya pineapple avocado olive fig date coconut "
    "walnut almond cassava sugarcane sunflower rapeseed flax hemp cannabis hop tea coffee cocoa "
    "ginger turmeric cinnamon nutmeg clove basil mint rosemary thyme sage horseradish alfalfa "
    "clover ryegrass poplar willow oak pine spruce fir birch maple eucalyptus bamboo fern moss "
    "arabidopsis drosophila xenopus"
)
ORGANISMS: Final = PEOPLE | _ANIMALS | _PLANTS
"""Words for organisms of one species, or of a few that a text does not tell apart.

Words for orders of thousands of species are not here: beetle, fly, tick, spider, snake.
"""

GENERAL_TAXA: Final = _words(
    "animal plant fungus fungi bacterium bacteria bacillus bacilli virus microorganism organism "
    "insect bird fish mammal vertebrate invertebrate eukaryote prokaryote archaea rodent "
    "primate carnivore reptile amphibian arthropod crustacean mollusc protist alga algae lichen "
    "tree grass weed flower avian plants retrovirus adenovirus bacteriophage phage "
    "cyanobacteria cyanobacterium reovirus baculovirus coxsackievirus enterovirus herpesvirus "
    "lentivirus parvovirus poxvirus rotavirus flavivirus coronavirus ciliate diatom "
    "dinoflagellate actinomycete ascomycete basidiomycete oomycete conifer legume "
    "proteobacteria rhizobacteria opisthokont"
)
"""Words for groups so wide that a text which holds one names no species."""

GENERAL_CHEMICALS: Final = _words(
    "agonist antagonist inhibitor activator blocker modulator ligand substrate metabolite "
    "antigen antibody drug agent compound adrenergic cholinergic antioxidant oxidant anesthetic "
    "anaesthetic antiviral antiepileptic antibiotic hormone enzyme cofactor coenzyme receptor "
    "lipid solvent reagent radical ion anion cation isotope isomer derivative analog analogue "
    "methyl ethyl propyl hydroxy hydroxyl carboxyl amino amine amide ketone aldehyde ester "
    "lactam polymer monomer dimer endocrine retinal molecule macromolecule acid base salt "
    "placebo vehicle excipient"
)
"""Words for roles, groups and parts of chemicals: a text that holds one names no chemical."""

GENERAL_GENES: Final = _names(
    "dna, rna, trna, mrna, mirna, mir, dna binding, dna-binding, protein dna, dna protein, atp, "
    "adp, amp, gtp, gdp, lps, ros, co2, ca2, ca2+, leu, ser, tyr, thr, cys, lys, arg, glu, galnac, "
    "ltr, orf, utr, kappa, beta, gamma, zeta, beta 1, beta 2, zeta 2, factor kappa, factor-kappa, "
    "n terminal, n-terminal, heavy chain, nuclear protein, transporter, hormone receptor, "
    "colony stimulating factor, colony-stimulating factor, immediate early, immediate-early, "
    "novel gene, particle, cytoplasmic, mitochondrial, golgi, lymph, adipose, olfactory, spatial, "
    "cryptic, lethal, fused, obese, spastic, ataxia, anorexia, hypertension, "
    "hypercholesterolemia, triglycerides, neuroblastoma, myeloid leukemia, "
    "promyelocytic leukemia, body weight, body mass index, severe combined immunodeficiency, "
    "hcc, scc, rcc, cml, nhl, copd, emt, ctl, ecm, mri, nmr, fish, sds, rt-pcr, all-trans, 9-cis, "
    "n-acetylcysteine, nmol/l, mol/l, micromol/l, ng/ml, transcription factor, "
    "tyrosine phosphatase, g protein-coupled receptor, th1, th2, mab, cho, map, and, all"
)
"""What genes are called by databases and nobody else: molecules, traits, places, units.

Each was found at least ten times in the training corpora of genes, and marked at most once in ten.
"""

GENERAL: Final[Mapping[str, frozenset[str]]] = {
    "chemical": GENERAL_CHEMICALS,
    "gene": GENERAL_GENES,
    "cell_type": _names("delta, epsilon, basal, poly, type i, type ii"),
}
"""General terms of a class; those of species are matched at the end of a name, too."""

_DISEASES: Final = _words(
    "abscess acne aids allergy amnesia anaemia anemia aneurysm anorexia anxiety apnea apnoea "
    "arrhythmia arthritis asthma autism bleeding blindness bronchitis bulimia cancer carcinoma "
    "cataract chickenpox cholera cirrhosis colic coma confusion constipation convulsion cough "
    "cramp cyst deafness death dehydration delirium dementia depression dermatitis diabetes "
    "diarrhea diarrhoea diphtheria dizziness dysentery dyslexia eczema edema oedema emphysema "
    "encephalitis epilepsy fatigue fever fibrosis flu fracture gangrene gastritis glaucoma "
    "goiter gonorrhea gout hallucination headache hemorrhage haemorrhage hepatitis hernia "
    "herpes hypertension hypotension infection infertility inflammation influenza insomnia "
    "ischemia ischaemia itching jaundice leprosy leukemia leukaemia lupus lymphoma malaria "
    "malnutrition mania measles melanoma meningitis meningioma migraine mumps myopia narcolepsy "
    "nausea necrosis neoplasm nephritis neuropathy obesity osteoporosis overdose pain palsy "
    "paralysis paranoia pertussis phobia plague pneumonia poisoning polio polyp pregnancy "
    "psoriasis psychosis rabies rash rickets rubella sarcoma scabies schizophrenia sclerosis "
    "scoliosis scurvy seizure sepsis septicemia shock sinusitis smallpox sprain stroke "
    "stuttering suicide syphilis tachycardia tetanus thrombosis tinnitus trauma tremor "
    "tuberculosis tumor tumour typhoid typhus ulcer vertigo vomiting wart "
    "toxicity alcoholism ebola shingles"
)
_CHEMICALS: Final = _words(
    "acetone adrenaline alanine alcohol aluminium aluminum ammonia amphetamine "
    "arginine arsenic aspirin barium benzene biotin boron bromine butane cadmium caffeine "
    "calcium cannabis carbohydrate carbon carotene chloride chlorine chloroform cholesterol "
    "chromium citrate cobalt cocaine codeine copper cortisol cortisone creatine creatinine "
    "cyanide cysteine dioxide dioxin dopamine ecstasy ephedrine epinephrine estradiol estrogen "
    "oestrogen ethanol ether ethylene fentanyl fluoride fluorine formaldehyde fructose gallium "
    "gasoline gelatin glucose glutamate glutamine glycerol glycine gold graphite heparin heroin "
    "histamine hydrogen ibuprofen iodine iron ketamine lactate lactose lead leucine lithium "
    "lysine magnesium maltose manganese marijuana melatonin mercury methadone methane methanol "
    "methionine morphine nickel nicotine nitrate nitrite nitrogen opiate opioid opium oxide "
    "oxycodone oxygen ozone paracetamol peptide peroxide phenol phosphate phosphorus platinum "
    "plutonium polyester potassium progesterone propane protein quinine radium radon "
    "selenium serine serotonin silica silicon silver sodium starch steroid sucrose sugar water "
    "sulfate sulphate sulfur sulphur testosterone thyroxine tin titanium toluene toxin "
    "tryptophan tungsten tyrosine uranium urea valine vitamin xenon zinc"
) - {"protein", "proteins", "leads", "golds", "tins", "peptide", "peptides"}

KEPT: Final[Mapping[str, frozenset[str]]] = {
    "species": ORGANISMS,
    "disease": _DISEASES,
    "phenotype": _DISEASES,
    "chemical": _CHEMICALS,
    "gene": frozenset({"tau", "ras", "myc", "fos", "src", "abl", "wnt", "jun", "raf", "rel"}),
    "cell_type": _names("ilc1, ilc2, ilc3, th0, th1, th2, th9, th17, dc1, dc2"),
}
"""By entity class: common English words that are matched all the same."""
