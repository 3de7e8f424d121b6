import pytest

from ontology.linking import Link, Linker

# Labelled by hand, in the order of mention.
CAPTIONS = {
    # Words that a dictionary alone takes for objects: verbs, function words, places, abstractions.
    "A man wearing a hat at the front of a house.": "man hat house",
    "It is being held, as he can see.": "",
    "The top of the mountain in the background.": "mountain",
    "A dog with a ball in its mouth.": "dog ball",
    "A group of people pose for a picture.": "person",
    "A man in red is looking at a woman in white.": "man woman",
    "The girl does a trick in the air.": "girl",
    "Two boys run a race.": "male_child",
    "A dog is walking in front of a bike.": "dog bicycle",
    "A picture of one of the cats.": "cat",
    # A multiword noun is one object, and its words none.
    "A man eats a hot dog on a park bench.": "man frank.n.02 park_bench",
    "A rhinoceros beetle.": "rhinoceros_beetle",
    "A soccer player kicks the soccer ball.": "soccer_player soccer_ball",
    "A red fire hydrant.": "fireplug",
    "Two teddy bears.": "teddy",
    "A blue and red bat near a black bear.": "bat.n.05 american_black_bear.n.01",
    "A couple holding a couple of cups.": "couple cup",
    # A phrase is about its head, unless the head is unseen.
    "A brick wall near a soccer field.": "wall field",
    "A dog show in a street corner.": "dog corner.n.04",
    "Two green apples.": "apple",
    "An orange.": "orange",
    "A man in an orange vest.": "man vest",
    "The baby sleeps in a baby carriage.": "baby baby_buggy",
    # One form, two parts of speech.
    "She watches him and wears a watch.": "watch",
    "A plane flies over the beach.": "airplane beach",
    "A fly on a leaf.": "fly leaf",
    "A man rocks the baby.": "man baby",
    "A dog sits on the rocks.": "dog rock",
    "A man boards a train.": "man train",
    "The woman dresses her child.": "woman child",
    "Women in dresses dance.": "woman dress",
    "Two people fish from a boat.": "person boat",
    "Men in hats stand in line.": "man hat",
    "A dog pants and bites a dog toy.": "dog plaything",
    "A fish in the water.": "fish body_of_water",
    "Boys building a tower.": "male_child tower",
    "A building next to a river.": "building river",
    "A man skis down a slope.": "man slope",
    "A man carrying skis.": "man ski",
    "A boy trying to board a bus.": "male_child bus",
    "Children are playing baseball.": "child",
    "A player holds a baseball bat.": "player baseball_bat",
    "A boy rides a bike while others watch .": "male_child bicycle",
    # Forms: plurals, possessives, capitals, hyphens, other alphabets, nothing.
    "The WOMEN'S geese.": "woman goose",
    "Three ladies with knives": "lady knife",
    "A T-shirt.": "jersey.n.03",
    "犬 ça 🐶": "",
    "   ": "",
    "": "",
}  # fmt: skip


def synset(label: str) -> str:
    return label if "." in label else f"{label}.n.01"


@pytest.mark.parametrize(("caption", "labels"), CAPTIONS.items())
def test_captions_labelled_by_hand(linker: Linker, caption: str, labels: str) -> None:
    assert [link.synset for link in linker.link(caption)] == [*map(synset, labels.split())]


def test_spans_are_the_words_that_name_the_object(linker: Linker) -> None:
    caption = "“Two Hot  Dogs’ buns”, and a man’s polar bear!"
    spans = [caption[link.start : link.end] for link in linker.link(caption)]
    assert spans == ["Hot  Dogs", "buns", "man", "polar bear"]
    assert linker.link("a cat") == (Link("cat.n.01", 2, 5),)


def test_every_link_is_visible_and_known(linker: Linker) -> None:
    for caption in CAPTIONS:
        for link in linker.link(caption):
            assert linker.taxonomy.name(linker.taxonomy.number(link.synset)) == link.synset
            above = linker.taxonomy.ancestors(link.synset)
            assert above & {"physical_entity.n.01", "group.n.01"}


def test_linking_is_the_same_again_and_by_another_linker(linker: Linker) -> None:
    again = Linker(linker.taxonomy)
    for caption in reversed(CAPTIONS):
        assert again.link(caption) == linker.link(caption) == again.link(caption)
