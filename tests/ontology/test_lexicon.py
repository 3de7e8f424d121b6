from pathlib import Path

import pytest

from ontology import OntologyError, lexicon
from ontology.lexicon import read_sections
from ontology.wordnet import Taxonomy


def test_sections_lose_comments_and_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("# head\n[one]\n# note\na b\nc\n\n[two words]\nd\n")
    assert read_sections(path) == {"one": "a b c", "two words": "d"}
    with pytest.raises(OntologyError, match="cannot read"):
        read_sections(tmp_path / "absent.txt")


def test_every_word_has_one_closed_class() -> None:
    words = [word for group in lexicon.CLOSED.values() for word in group]
    assert len(words) == len(set(words)) > 200


def test_what_the_lists_refer_to_exists(taxonomy: Taxonomy) -> None:
    for name in lexicon.VISIBLE_BRANCHES:
        taxonomy.number(name)
    assert set(taxonomy.lexnames) >= lexicon.VISIBLE_FILES
    for word, number in lexicon.SENSES.items():
        assert len(taxonomy.sense_numbers(word)) >= number, word
    for word, lemma in lexicon.ALIASES.items():
        assert lemma in taxonomy, word
    for lemma in lexicon.NOT_MULTIWORDS:
        assert "_" in lemma and lemma in taxonomy, lemma
    assert all(" " in phrase for phrase in lexicon.NOT_OBJECT_PHRASES)
    assert lexicon.ADJECTIVES_OR_OBJECTS <= lexicon.ADJECTIVES
