import os
import random
from pathlib import Path

import numpy as np
import pytest

from ontology import OntologyError
from ontology.pack import LEXNAMES, main, pack, read_wordnet
from ontology.wordnet import Taxonomy


def assert_same_as_nltk(taxonomy: Taxonomy, reader, synsets, lemmas) -> None:
    for synset in synsets:
        name = synset.name()
        assert taxonomy.name(taxonomy.number(name)) == name
        ups = [up.name() for up in synset.hypernyms() + synset.instance_hypernyms()]
        assert sorted(taxonomy.hypernyms(name)) == sorted(ups)
        assert taxonomy.lexname(name) == synset.lexname()
        for lemma in synset.lemmas():
            assert taxonomy.count(lemma.name().lower(), name) == lemma.count()
        closure = {up.name() for path in synset.hypernym_paths() for up in path}
        assert taxonomy.ancestors(name) == closure
    for lemma in lemmas:
        offsets = reader._lemma_pos_offset_map[lemma]["n"]
        names = [reader.synset_from_pos_and_offset("n", offset).name() for offset in offsets]
        assert taxonomy.senses(lemma) == names
        for form in (lemma, lemma + "s", lemma + "es", lemma[:-1] + "ies", lemma[:-1] + "men"):
            assert taxonomy.morphy(form) == reader.morphy(form, "n")


def test_a_tiny_wordnet_agrees_with_nltk(tiny_wordnet: Path, tmp_path: Path) -> None:
    out = tmp_path / "tiny.npz"
    main(["--wordnet", str(tiny_wordnet), "--out", str(out)])
    taxonomy = Taxonomy.load(out)
    with read_wordnet(tiny_wordnet) as reader:
        assert len(taxonomy) == len(list(reader.all_synsets("n"))) == 7
        assert_same_as_nltk(
            taxonomy, reader, reader.all_synsets("n"), list(reader.all_lemma_names("n"))
        )
    # By hand, from the files: nltk and the package could be wrong together.
    assert taxonomy.senses("beast") == ["friend.n.01", "animal.n.01"]
    assert taxonomy.counts("beast") == [7, 2]
    assert taxonomy.hypernyms("laika.n.01") == ["dog.n.01"]
    assert taxonomy.ancestors("dog.n.01") == {
        "dog.n.01", "animal.n.01", "friend.n.01", "entity.n.01",
    }  # fmt: skip
    assert taxonomy.morphy("geese") == "goose"
    assert taxonomy.irregular_verbs == {"leapt": ["leap"]}
    assert taxonomy.word_counts("v") == {"dog": 0, "jump": 0}


def test_the_packaged_table_agrees_with_nltk(taxonomy: Taxonomy) -> None:
    if not (source := os.environ.get("TONICS_WORDNET")):
        pytest.skip("TONICS_WORDNET names no WordNet 3.0 folder")
    with read_wordnet(Path(source)) as reader:
        lemmas = sorted(reader.all_lemma_names("n"))
        assert len(taxonomy) == len(set(reader.all_synsets("n"))) == 82115
        assert taxonomy.lemmas == lemmas
        sample = random.Random(0)
        synsets = sorted(reader.all_synsets("n"), key=lambda s: s.offset())
        assert_same_as_nltk(
            taxonomy, reader, sample.sample(synsets, 2000), sample.sample(lemmas, 2000)
        )
        exceptions = sample.sample(sorted(reader._exception_map["n"]), 500)
        for form in (*exceptions, "geese", "men", "children", "people", "nonword"):
            assert taxonomy.morphy(form) == reader.morphy(form, "n")


def test_packing_leaves_out_glosses_and_pickles(tiny_wordnet: Path, tmp_path: Path) -> None:
    out = tmp_path / "tiny.npz"
    assert pack(tiny_wordnet, out) == {"synsets": 7, "lemmas": 9, "senses": 10}
    with np.load(out, allow_pickle=False) as arrays:
        assert not any(b"gloss" in arrays[name].tobytes() for name in arrays.files)


def test_a_folder_without_wordnet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OntologyError, match=r"lacks data\.noun.*give the folder"):
        pack(tmp_path, tmp_path / "out.npz")


def test_an_unwritable_out_is_one_line(tiny_wordnet: Path, tmp_path: Path) -> None:
    with pytest.raises(OntologyError, match="cannot write"):
        pack(tiny_wordnet, tmp_path / "absent" / "out.npz")


def test_lexicographer_files_are_numbered_as_in_wordnet() -> None:
    assert len(LEXNAMES) == 45
    assert (LEXNAMES[3], LEXNAMES[5], LEXNAMES[18], LEXNAMES[28], LEXNAMES[44]) == (
        "noun.Tops", "noun.animal", "noun.person", "noun.time", "adj.ppl",
    )  # fmt: skip
