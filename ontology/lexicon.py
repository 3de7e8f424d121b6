"""The word lists of ``data/lexicon.txt``, which says what each is for."""

import re
from pathlib import Path

from ontology import OntologyError

_FILE = Path(__file__).parent / "data" / "lexicon.txt"


def read_sections(path: Path) -> dict[str, str]:
    """The text under each ``[title]`` of a file of word lists, on one line, without comments.

    Raises:
        OntologyError: the file cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise OntologyError(f"cannot read {path}: install tonics again") from error
    text = re.sub(r"^#.*$", "", text, flags=re.MULTILINE)
    titles = re.split(r"^\[(.+)\]$", text, flags=re.MULTILINE)[1:]
    return {
        title: " ".join(body.split()) for title, body in zip(titles[::2], titles[1::2], strict=True)
    }


def _words(title: str) -> frozenset[str]:
    return frozenset(_SECTIONS[title].split())


def _table(title: str) -> dict[str, str]:
    pairs = (entry.partition("=") for entry in _SECTIONS[title].split())
    return {word: meant for word, _, meant in pairs}


_SECTIONS = read_sections(_FILE)

CLOSED = {letter: _words(f"closed {letter}") for letter in "DPTCWXOR"}
"""The closed classes by the letter that `ontology.linking` reads for them."""
PUNCTUATION = '.,;:!?()[]"-–—/…“”‘’*#'
ADJECTIVES = _words("adjectives")
ADJECTIVES_OR_OBJECTS = _words("adjectives or objects")
NOT_OBJECTS = _words("not objects")
NEVER_VERBS = _words("never verbs")
MOSTLY_VERBS = _words("mostly verbs")
VISIBLE_FILES = _words("visible files")
VISIBLE_BRANCHES = _words("visible branches")
SENSES = {word: int(number) for word, number in _table("senses").items()}
ALIASES = _table("aliases")
NOT_OBJECT_PHRASES = frozenset(_SECTIONS["not object phrases"].split(", "))
PLAIN_ADJECTIVES = _words("plain adjectives")
NOT_MULTIWORDS = _words("not multiwords")
