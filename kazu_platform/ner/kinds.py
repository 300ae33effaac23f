"""Words for kinds of organisms with which common names of species end: "ring ouzel", "fire ant".

Only such as English uses often; of rare words a gloss takes any (`glossed`).
"""

from __future__ import annotations

from typing import Final

from kazu_platform.text.everyday import ORGANISMS, PEOPLE
from kazu_platform.text.words import word_set

_ANIMALS: Final = word_set(
    "ant anemone anchovy antelope ape aphid barnacle bass bat beaver bee beetle bluebird boa boar "
    "bobcat bug butterfly buzzard caterpillar centipede chameleon cheetah chickadee cichlid cicada "
    "civet clam cobra cockatoo conch condor coral cormorant coyote crane cricket cuckoo damselfly "
    "dingo dog dove dragonfly eagle earwig egret falcon flamingo flea flounder fly flycatcher frog "
    "gazelle gecko gibbon gnat goby grouper grouse gull guppy haddock halibut hawk heron hornet "
    "hummingbird hyena ibex ibis iguana jackal jackdaw jaguar jay kestrel kingfisher kite kiwi "
    "ladybird ladybug lamprey lark lemming lemur leopard lice limpet lizard loach louse lynx "
    "mackerel magpie mallard mammoth manatee mantis marlin marmoset marmot marten martin midge "
    "millipede minnow mite mole mongoose moth mullet muskrat nautilus nightingale oriole osprey "
    "panda panther parakeet partridge peacock peccary pelican perch petrel pheasant pike piranha "
    "planarian plover polecat porcupine porpoise possum prawn puffin puma python rattlesnake raven "
    "ray robin sandfly sardine scallop scorpion shark silverfish skate skink slug snail snake "
    "snapper sole spider springtail squid starling stickleback stingray stork sturgeon swallow "
    "swan swift swordfish tapir tarantula tern termite thrush tick tit toucan turtle viper vulture "
    "wallaby walrus warbler wasp weasel weevil whelk wildebeest wolverine wombat woodpecker wren "
    "yak"
)
_PLANTS: Final = word_set(
    "acacia agave alder aloe aspen aster azalea barberry beech begonia bellflower bindweed "
    "blackberry bluebell buckwheat buttercup cactus cardamom carnation cedar chestnut chicory "
    "chilli chrysanthemum citrus coriander cowpea cranberry cress cumin currant cypress daffodil "
    "daisy dandelion elder elm fennel foxglove geranium ginkgo ginseng goldenrod gourd guava hazel "
    "heather hemlock hibiscus hickory holly honeysuckle hyacinth iris ivy jasmine juniper kale "
    "kelp larch laurel lavender licorice lily lotus lupin lychee magnolia mahogany mallow mangrove "
    "marigold mistletoe mulberry mustard myrtle nettle oleander oregano palm peony pea petunia "
    "pistachio poinsettia pomegranate poppy primrose privet quince quinoa ragweed raspberry "
    "redwood reed rhododendron rhubarb rose saffron sedge sequoia sesame snapdragon squash "
    "sycamore tamarind taro teak thistle tulip vanilla vetch vine violet wisteria yam yarrow yew "
    "yucca zucchini mold mould mushroom truffle"
)
KINDS: Final = (ORGANISMS - PEOPLE) | _ANIMALS | _PLANTS
"""In the singular, as a gloss may end."""
