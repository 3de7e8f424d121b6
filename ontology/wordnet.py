"""The noun taxonomy of WordNet, from one packed file: names, senses, hypernyms, base forms.

Reads what `ontology.pack` wrote, without nltk, in tens of milliseconds. Synsets are numbers inside
(rows of flat arrays) and names outside, the same names as nltk's ``Synset.name()``.
"""

from functools import cached_property
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from ontology import OntologyError
from ontology.pack import LEXNAMES

PACKED = Path(__file__).parent / "data" / "nouns.npz"
ROOT = "entity.n.01"

# WordNet's own rules of detachment for nouns, in its order: see morphy(7).
_ENDINGS = (
    ("s", ""), ("ses", "s"), ("ves", "f"), ("xes", "x"), ("zes", "z"),
    ("ches", "ch"), ("shes", "sh"), ("men", "man"), ("ies", "y"),
)  # fmt: skip


class Taxonomy:
    """The nouns of one WordNet.

    Example:
        >>> nouns = Taxonomy.load()
        >>> nouns.senses("dog")[:2]
        ['dog.n.01', 'frump.n.01']
        >>> nouns.hypernyms("dog.n.01")
        ['domestic_animal.n.01', 'canine.n.02']
        >>> nouns.lexname("dog.n.01"), nouns.morphy("geese")
        ('noun.animal', 'goose')
    """

    def __init__(self, arrays: dict[str, np.ndarray]) -> None:
        self._arrays = arrays
        self.lemmas: list[str] = _lines(arrays["lemmas"])
        self._lemma_number = {lemma: i for i, lemma in enumerate(self.lemmas)}
        # Lists, because single look-ups in them cost a third of the same in arrays.
        self._sense_starts: list[int] = arrays["sense_starts"].tolist()
        self._senses: list[int] = arrays["senses"].tolist()
        self._hyper_starts: list[int] = arrays["hyper_starts"].tolist()
        self._hypernyms: list[int] = arrays["hypernyms"].tolist()
        self.version = _lines(arrays["version"])[0]

    @classmethod
    def load(cls, path: Path | None = None) -> "Taxonomy":
        """Read a packed taxonomy.

        Args:
            path: what ``python -m ontology.pack`` wrote; by default WordNet 3.0, as packaged.

        Raises:
            OntologyError: the file is missing or is no packed taxonomy.
        """
        try:
            with np.load(path or PACKED, allow_pickle=False) as packed:
                return cls({name: packed[name] for name in packed.files})
        except FileNotFoundError as error:
            raise OntologyError(
                f"no taxonomy at {path or PACKED}: `python -m ontology.pack` makes one"
            ) from error
        except (OSError, ValueError, KeyError, EOFError, BadZipFile, AttributeError) as error:
            raise OntologyError(
                f"{path or PACKED} is no packed taxonomy: `python -m ontology.pack` makes one"
            ) from error

    def __len__(self) -> int:
        return len(self._hyper_starts) - 1

    def name(self, synset: int) -> str:
        """The name of synset number ``synset``, such as ``dog.n.01``."""
        lemma = int(self._arrays["first_lemmas"][synset])
        rank = self.sense_numbers(self.lemmas[lemma]).index(synset) + 1
        return f"{self.lemmas[lemma]}.n.{rank:02d}"

    def number(self, name: str) -> int:
        """The number of a synset, by its name or by any other of its lemmas' names.

        Raises:
            OntologyError: WordNet has no noun synset of this name.
        """
        lemma, _, rank = name.partition(".n.")
        # partition, not rpartition: a lemma may hold dots, but none holds ".n.".
        senses = self.sense_numbers(lemma)
        if not rank.isdecimal() or not 0 < int(rank) <= len(senses):
            raise OntologyError(f"no noun synset {name!r} in WordNet: names look like 'dog.n.01'")
        return senses[int(rank) - 1]

    def __contains__(self, lemma: str) -> bool:
        return lemma in self._lemma_number

    def sense_numbers(self, lemma: str) -> list[int]:
        """The synsets of a lemma by number, most frequent first; empty for an unknown lemma."""
        i = self._lemma_number.get(lemma)
        return [] if i is None else self._senses[self._sense_starts[i] : self._sense_starts[i + 1]]

    def senses(self, lemma: str) -> list[str]:
        """The synsets of a lemma by name, most frequent first; empty for an unknown lemma."""
        return [self.name(synset) for synset in self.sense_numbers(lemma)]

    def counts(self, lemma: str) -> list[int]:
        """How often each sense of a lemma was tagged in WordNet's corpora, in `senses`' order."""
        i = self._lemma_number.get(lemma)
        if i is None:
            return []
        start, end = self._sense_starts[i], self._sense_starts[i + 1]
        return self._arrays["counts"][start:end].tolist()

    def count(self, lemma: str, name: str) -> int:
        """How often ``lemma`` was tagged with the synset ``name``.

        Raises:
            OntologyError: the synset is unknown, or is no sense of this lemma.
        """
        senses = self.sense_numbers(lemma)
        if (synset := self.number(name)) not in senses:
            raise OntologyError(f"{name!r} is no sense of {lemma!r}: see Taxonomy.senses")
        return self.counts(lemma)[senses.index(synset)]

    def hypernym_numbers(self, synset: int) -> list[int]:
        """The direct hypernyms of a synset by number, ascending, instances' included."""
        return self._hypernyms[self._hyper_starts[synset] : self._hyper_starts[synset + 1]]

    def hypernyms(self, name: str) -> list[str]:
        """The direct hypernyms of a synset by name, instances' included, in the file's order."""
        return [self.name(up) for up in self.hypernym_numbers(self.number(name))]

    def ancestor_numbers(self, synset: int) -> set[int]:
        """A synset and everything above it, by number."""
        seen = {synset}
        frontier = [synset]
        while frontier:
            for up in self.hypernym_numbers(frontier.pop()):
                if up not in seen:
                    seen.add(up)
                    frontier.append(up)
        return seen

    def ancestors(self, name: str) -> set[str]:
        """A synset and everything above it, up to ``entity.n.01``, by name."""
        return {self.name(up) for up in self.ancestor_numbers(self.number(name))}

    def lexname(self, name: str) -> str:
        """The lexicographer file of a synset, such as ``noun.animal``."""
        return self.lexnames[self.number(name)]

    @cached_property
    def lexnames(self) -> list[str]:
        """The lexicographer file of every synset, by number."""
        return [LEXNAMES[file] for file in self._arrays["files"].tolist()]

    def base_forms(self, word: str) -> list[str]:
        """The noun lemmas that a word may be a form of, as WordNet's morphy finds them.

        Irregular plurals come from WordNet's list, which then replaces the rules; the word itself
        comes first where it is a lemma.
        """
        forms = self.irregular_nouns.get(word)
        if forms is None:
            forms = [word[: -len(old)] + new for old, new in _ENDINGS if word.endswith(old)]
        return [f for f in dict.fromkeys([word, *forms]) if f in self._lemma_number]

    def morphy(self, word: str) -> str | None:
        """The first of `base_forms`, or None: what nltk's ``morphy(word, "n")`` answers."""
        return next(iter(self.base_forms(word)), None)

    @cached_property
    def irregular_nouns(self) -> dict[str, list[str]]:
        """Irregular plurals and their singulars."""
        return _exceptions(self._arrays["irregular_nouns"])

    @cached_property
    def irregular_verbs(self) -> dict[str, list[str]]:
        """Irregular verb forms and their infinitives."""
        return _exceptions(self._arrays["irregular_verbs"])

    def word_counts(self, pos: str) -> dict[str, int]:
        """The single words of another part of speech, and how often each was tagged.

        Args:
            pos: ``"v"`` verbs, ``"a"`` adjectives, ``"r"`` adverbs.
        """
        counts: list[int] = self._arrays[f"counts_{pos}"].tolist()
        return dict(zip(_lines(self._arrays[f"words_{pos}"]), counts, strict=True))


def _lines(text: np.ndarray) -> list[str]:
    return text.tobytes().decode().split("\n")


def _exceptions(text: np.ndarray) -> dict[str, list[str]]:
    return {form: bases for form, *bases in map(str.split, _lines(text)) if form}
