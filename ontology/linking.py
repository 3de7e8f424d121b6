"""From a caption to the objects it names.

A dictionary alone finds erosion in "wearing" and a pet in "hot dog". Here each word becomes a
letter for what it can be (`ontology.words`), phrases and multiword nouns are joined, and a few
regular expressions over the letters settle which words are nouns and which noun a phrase is about:
"a soccer field" shows a field, "the street side" a street. Expressions over one short string are
also what makes it fast.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from ontology.lexicon import NOT_MULTIWORDS, NOT_OBJECT_PHRASES, PLAIN_ADJECTIVES
from ontology.wordnet import Taxonomy
from ontology.words import Dictionary, Word

VERSION = "1"

_TOKEN = re.compile(r"'[sS]\b|[^\W_]+(?:-[^\W_]+)*(?:'(?![sS]\b)[^\W_]+)?|[^\w\s]")

# In turn: the letter to settle, where, and what it becomes. Later rules see what earlier settled.
_RULES: tuple[tuple[str, re.Pattern[str], str], ...] = tuple(
    (found, re.compile(pattern), letter)
    for found, pattern, letter in (
        ("Z", r"(?<=[DJ])Z", "k"),
        ("Z", r"Z", "V"),
        ("z", r"(?<=[AOWTXR])z|z(?=D)", "V"),
        ("z", r"z", "k"),
        ("B", r"(?<=[aAnNkHOWRezb])B|(?<=[VG]C)B", "V"),
        ("B", r"B", "N"),
        ("b", r"(?<=[ANOWTXR])b|(?<![DJj])b(?=D)", "V"),
        ("b", r"b", "n"),
        ("E", r"(?<=[aO])E(?=[DPTR.]|$)|(?<=[WR])E(?=[DPT])|(?<![DJjPVGC])E(?=D)", "V"),
        ("E", r"E", "N"),
        ("e", r"(?<=[AO])e(?=[DPTR.]|$)|(?<=[W])e|(?<=[VGX]T)e(?!$)", "V"),
        ("e", r"e", "n"),
        ("H", r"(?<=[XaAOW])H|(?<![DJjP])H(?=D)", "G"),
        ("H", r"H", "n"),
    )
)
# Nouns in a row, and adjectives among them; the object is the last noun that names one.
_PHRASE = re.compile(r"[aAnNkj][aAnNkJj]*")
_HEAD = re.compile(r"[aAnNj](?=[kJ]*$)")


_MODIFIER = Word("J", -1, "")
_NO_OBJECT = Word("P", -1, "")
_NO_MATCH = Word("", -1, "")


class Link(NamedTuple):
    """An object that a caption names: its synset, and the characters that name it."""

    synset: str
    start: int
    end: int


class _Words(dict[str, Word]):
    """Remembers the words, or the phrases, that it has looked up."""

    def __init__(self, look_up: Callable[[str], Word]) -> None:
        super().__init__()
        self._look_up = look_up

    def __missing__(self, word: str) -> Word:
        found = self[word] = self._look_up(word)
        return found


class Linker:
    """Finds the objects of captions.

    Example:
        >>> linker = Linker(Taxonomy.load())
        >>> [link.synset for link in linker.link("A man wearing a hat eats a hot dog.")]
        ['man.n.01', 'hat.n.01', 'frank.n.02']
    """

    def __init__(self, taxonomy: Taxonomy) -> None:
        self.taxonomy = taxonomy
        self._dictionary = Dictionary(taxonomy)
        self._words = _Words(self._dictionary.look_up)
        self._matches = _Words(self._match)
        self._pairs = _first_pairs(taxonomy)
        self._firsts = {first for first, _ in self._pairs}
        self._names: dict[int, str] = {}

    def link(self, caption: str) -> tuple[Link, ...]:
        """The objects that a caption names, in its order.

        Args:
            caption: one sentence or phrase, or several.

        Returns:
            A link for every mention, so that an object named twice is there twice.
        """
        tokens = list(_TOKEN.finditer(caption.replace("’", "'")))
        texts = [token[0].lower() for token in tokens]
        words = [self._words[text] for text in texts]
        joined = self._join(texts, words)
        letters = "".join([word.letter for word in words])
        for found, pattern, letter in _RULES:
            if found in letters:
                letters = pattern.sub(letter, letters)
        links = []
        for phrase in _PHRASE.finditer(letters):
            if (head := _HEAD.search(letters, phrase.start(), phrase.end())) is None:
                continue
            last = head.start()
            first = joined.get(last, last)
            synset = words[last].synset
            links.append(Link(self._name(synset), tokens[first].start(), tokens[last].end()))
        return tuple(links)

    def _name(self, synset: int) -> str:
        if (name := self._names.get(synset)) is None:
            name = self._names[synset] = self.taxonomy.name(synset)
        return name

    def _join(self, texts: list[str], words: list[Word]) -> dict[int, int]:
        """Make one word of every phrase and multiword noun, in place.

        The last word then stands for the whole and those before it turn into adjectives; a phrase
        that names no object turns into prepositions.

        Returns:
            The last word's place to the first's, for every multiword noun.
        """
        joined: dict[int, int] = {}
        after = 0
        for i, first in enumerate(texts[:-1]):
            if i < after or first not in self._firsts:
                continue
            pair = self._pairs.get((first, texts[i + 1]))
            for length in pair or self._pairs.get((first, words[i + 1].singular), ()):
                end = i + length
                if end > len(texts):
                    continue
                if (found := self._matches[" ".join(texts[i:end])]) is not _NO_MATCH:
                    filler = _NO_OBJECT if found is _NO_OBJECT else _MODIFIER
                    words[i : end - 1] = [filler] * (length - 1)
                    words[end - 1] = found
                    joined[end - 1] = i
                    after = end
                    break
        return joined

    def _match(self, phrase: str) -> Word:
        """The multiword noun or phrase that some words in a row make, or `_NO_MATCH`."""
        if phrase in NOT_OBJECT_PHRASES:
            return _NO_OBJECT
        lemma, synset, _ = self._dictionary.noun(phrase.replace(" ", "_"))
        if synset < 0 or lemma in NOT_MULTIWORDS:
            return _NO_MATCH
        first, last = phrase.split()[0], phrase.split()[-1]
        if first in PLAIN_ADJECTIVES:
            broader = self._words[last].synset
            if broader not in self.taxonomy.ancestor_numbers(synset):
                return _NO_MATCH
        letter = "a" if self._dictionary.animate(synset) else "n"
        singular = lemma[-1] == last[-1]
        return Word(letter if singular else letter.upper(), synset, lemma)


def _first_pairs(taxonomy: Taxonomy) -> dict[tuple[str, str], tuple[int, ...]]:
    """The first two words of multiword nouns and phrases, and how long those are, longest first."""
    lengths: dict[tuple[str, str], set[int]] = {}
    for words in (
        *(lemma.split("_") for lemma in taxonomy.lemmas if "_" in lemma),
        *(phrase.split() for phrase in NOT_OBJECT_PHRASES),
    ):
        lengths.setdefault((words[0], words[1]), set()).add(len(words))
    return {pair: tuple(sorted(found, reverse=True)) for pair, found in lengths.items()}
