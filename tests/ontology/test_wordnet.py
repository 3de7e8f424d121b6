import subprocess
import sys
import time
from pathlib import Path

import pytest

from ontology import OntologyError
from ontology.wordnet import ROOT, Taxonomy

# Checked by hand in WordNet 3.0's online browser and files.
MORPHY = {
    "dogs": "dog", "geese": "goose", "churches": "church", "aardwolves": "aardwolf",
    "boxes": "box", "puppies": "puppy", "women": "woman", "children": "child", "feet": "foot",
    "glasses": "glasses", "gas": "gas", "knives": "knife", "firemen": "fireman", "xyzzy": None,
    "sheep": "sheep", "mice": "mouse", "": None,
}  # fmt: skip


@pytest.mark.parametrize(("word", "base"), MORPHY.items())
def test_morphy(taxonomy: Taxonomy, word: str, base: str | None) -> None:
    assert taxonomy.morphy(word) == base


def test_dog_is_as_in_wordnet(taxonomy: Taxonomy) -> None:
    assert taxonomy.version == "3.0"
    assert taxonomy.senses("dog") == [
        "dog.n.01", "frump.n.01", "dog.n.03", "cad.n.01", "frank.n.02", "pawl.n.01", "andiron.n.01",
    ]  # fmt: skip
    assert taxonomy.count("dog", "dog.n.01") == 42
    assert taxonomy.hypernyms("dog.n.01") == ["domestic_animal.n.01", "canine.n.02"]
    assert taxonomy.hypernyms("einstein.n.01") == ["physicist.n.01"]  # an instance
    assert taxonomy.lexname("dog.n.01") == "noun.animal"


def test_every_synset_reaches_the_root_and_back_to_its_name(taxonomy: Taxonomy) -> None:
    root = taxonomy.number(ROOT)
    for synset in range(0, len(taxonomy), 97):
        assert root in taxonomy.ancestor_numbers(synset)
        assert taxonomy.number(taxonomy.name(synset)) == synset


@pytest.mark.parametrize("name", ["dog", "dog.n.99", "dog.n.00", "dog.v.01", "zzz.n.01", ""])
def test_an_unknown_synset_is_named(taxonomy: Taxonomy, name: str) -> None:
    with pytest.raises(OntologyError, match="no noun synset"):
        taxonomy.number(name)


def test_unknown_lemmas_have_no_senses(taxonomy: Taxonomy) -> None:
    assert taxonomy.senses("zzz") == taxonomy.counts("zzz") == []
    with pytest.raises(OntologyError, match="no sense of"):
        taxonomy.count("cat", "dog.n.01")


def test_a_missing_or_corrupt_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(OntologyError, match=r"no taxonomy at.*ontology\.pack"):
        Taxonomy.load(tmp_path / "absent.npz")
    (tmp_path / "bad.npz").write_bytes(b"not a zip file")
    with pytest.raises(OntologyError, match="is no packed taxonomy"):
        Taxonomy.load(tmp_path / "bad.npz")


def test_loading_is_fast() -> None:
    start = time.process_time()
    Taxonomy.load()
    assert time.process_time() - start < 0.5


def test_the_package_loads_neither_torch_nor_nltk() -> None:
    code = (
        "import sys, ontology, ontology.wordnet, ontology.linking, ontology.saved, "
        "ontology.building, ontology.pack\n"
        "print([m for m in ('torch', 'nltk', 'tonics', 'transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
