"""What one word of a caption can be: its class, as a letter, and the object it names, as a synset.

The letters are those of `ontology.lexicon.CLOSED`, and for the open classes:

====  ==========================================================================================
a A   a person or an animal, one or several
n N   another thing one can see, one or several
e E   the same, but also a verb: "board", "boards"
b B   the same, but more often a verb: "watch", "watches"
z Z   a verb that is also a noun for something unseen: "jump", "jumps"
k     a noun for something unseen, or an unknown word
H     an -ing word that is a thing as well: "building"
G V   verb forms: with -ing, any other
J j   an adjective; one that names a thing where no noun follows: "orange"
====  ==========================================================================================
"""

from typing import NamedTuple

from ontology.lexicon import (
    ADJECTIVES,
    ADJECTIVES_OR_OBJECTS,
    ALIASES,
    CLOSED,
    MOSTLY_VERBS,
    NEVER_VERBS,
    NOT_OBJECTS,
    PUNCTUATION,
    SENSES,
    VISIBLE_BRANCHES,
    VISIBLE_FILES,
)
from ontology.wordnet import Taxonomy

# A word is an object only if this share of its tagged uses is: "time" is a clock in none of them.
MIN_VISIBLE_SHARE = 0.25
_VERB_ENDINGS = (
    ("s", ""), ("ies", "y"), ("es", "e"), ("es", ""),
    ("ed", "e"), ("ed", ""), ("ing", "e"), ("ing", ""),
)  # fmt: skip
_ANIMATE_FILES = ("noun.person", "noun.animal")
_NUMBER = frozenset("0123456789")


class Word(NamedTuple):
    """A word's class, the synset number it names (-1 for none), and its singular."""

    letter: str
    synset: int
    singular: str


class Dictionary:
    """Looks words up in a taxonomy, as captions use them.

    Example:
        >>> words = Dictionary(Taxonomy.load())
        >>> words.look_up("dogs").letter, words.look_up("wearing").letter
        ('A', 'G')
    """

    def __init__(self, taxonomy: Taxonomy) -> None:
        self.taxonomy = taxonomy
        self._verbs = taxonomy.word_counts("v")
        self._adjectives = taxonomy.word_counts("a")
        self._adverbs = taxonomy.word_counts("r")
        self._closed = {word: letter for letter, words in CLOSED.items() for word in words}
        self._closed |= dict.fromkeys(PUNCTUATION, ".")
        self._branches = {taxonomy.number(name) for name in VISIBLE_BRANCHES}
        # These two stand in a file of their own, above all people and animals.
        self._beings = {taxonomy.number("person.n.01"), taxonomy.number("animal.n.01")}
        self._visible: dict[int, bool] = {}

    def visible(self, synset: int) -> bool:
        """Whether a synset is something one can see in a picture."""
        known = self._visible.get(synset)
        if known is None:
            known = self.taxonomy.lexnames[
                synset
            ] in VISIBLE_FILES or not self._branches.isdisjoint(
                self.taxonomy.ancestor_numbers(synset)
            )
            self._visible[synset] = known
        return known

    def animate(self, synset: int) -> bool:
        """Whether a synset is a person or an animal, which can be the subject of any verb."""
        return self.taxonomy.lexnames[synset] in _ANIMATE_FILES or synset in self._beings

    def sense(self, lemma: str) -> tuple[int, int]:
        """The object that a noun lemma names, and how often it was tagged as something visible.

        Returns:
            The synset number, or -1 where the lemma mostly means something unseen; and the count.
        """
        lemma = ALIASES.get(lemma, lemma)
        senses, counts = self.taxonomy.sense_numbers(lemma), self.taxonomy.counts(lemma)
        if (meant := SENSES.get(lemma, 0)) and meant <= len(senses):
            return senses[meant - 1], max(1, sum(counts))
        seen = [self.visible(synset) for synset in senses]
        if not any(seen):
            return -1, 0
        # Half a use for the first sense decides for the many lemmas that were never tagged.
        total = sum(counts) + 0.5
        count = sum(count for count, is_seen in zip(counts, seen, strict=True) if is_seen)
        if count + 0.5 * seen[0] < MIN_VISIBLE_SHARE * total:
            return -1, 0
        return senses[seen.index(True)], count

    def noun(self, word: str) -> tuple[str, int, int]:
        """The lemma, synset and count that a word names as a noun; lemma "" if it is none.

        Of the lemmas a plural may come from ("men": man, or the men of a chess player), the one
        tagged most often is meant.
        """
        if word in SENSES or word in ALIASES:
            return (word, *self.sense(word))
        singulars = [
            *self.taxonomy.base_forms(word),
            *([word[:-1]] if word[:-1] in ALIASES else []),
        ]
        found = [(lemma, *self.sense(lemma)) for lemma in singulars]
        return max(found, key=lambda entry: (entry[1] >= 0, entry[2]), default=("", -1, 0))

    def verb(self, word: str) -> str | None:
        """The verb that a word is a form of, or None."""
        forms = [word, *self.taxonomy.irregular_verbs.get(word, ())]
        forms += [word[: -len(old)] + new for old, new in _VERB_ENDINGS if word.endswith(old)]
        # A stem of two letters makes "be" of "bed" and "ring" of nothing.
        forms = [form for form in forms if len(form) > 2 or form == word]
        if word.endswith(("ing", "ed")):  # "running": the consonant doubled
            stem = word.removesuffix("ing").removesuffix("ed")
            forms += [stem[:-1]] if len(stem) > 2 and stem[-1] == stem[-2] else []
        known = [form for form in forms if form in self._verbs]
        return word if word in known else max(known, key=self._verbs.__getitem__, default=None)

    def look_up(self, word: str) -> Word:
        """The class and the object of a lower-case word."""
        forms = self.taxonomy.base_forms(word)
        letter, synset = self._classify(word)
        return Word(letter, synset, forms[-1] if forms else word)

    def _classify(self, word: str) -> tuple[str, int]:
        if (letter := self._closed.get(word)) is not None:
            return letter, -1
        if word[0] in _NUMBER:
            return "D", -1
        lemma, synset, count = self.noun(word)
        if word in NOT_OBJECTS or len(word) == 1:
            synset = -1
        if word in ADJECTIVES:
            return ("j", synset) if word in ADJECTIVES_OR_OBJECTS and synset >= 0 else ("J", -1)
        verb = None if word in NEVER_VERBS else self.verb(word)
        if synset >= 0 and self._adjectives.get(word, 0) > 2 * count and verb is None:
            return "J", -1
        if synset < 0:
            return self._unseen(word, lemma, verb), -1
        return self._seen(word, lemma, synset, count, verb), synset

    def _unseen(self, word: str, lemma: str, verb: str | None) -> str:
        """The class of a word that names no object."""
        if word.endswith("ing") and verb not in (None, word):
            return "G"
        if verb and lemma:
            return "Z" if word.endswith("s") and verb != word else "z"
        if verb and word not in NOT_OBJECTS and word not in self._adjectives:
            return "V"
        if word in self._adjectives and not lemma:
            return "V" if word.endswith("ed") else "J"
        if word in self._adverbs and not lemma:
            return "R"
        if lemma:
            adjective = self._adjectives.get(word, 0) > sum(self.taxonomy.counts(lemma))
            return "J" if adjective and word not in NOT_OBJECTS else "k"
        for ending, letter in (("ing", "G"), ("ed", "V"), ("ly", "R"), ("y", "J")):
            if word.endswith(ending):
                return letter
        return "k"

    def _seen(self, word: str, lemma: str, synset: int, count: int, verb: str | None) -> str:
        """The class of a word that names an object."""
        plural = word != lemma or word in ("people", "kids", "shorts", "trunks", "glasses", "pants")
        tagged = self._verbs[verb] if verb else 0
        if word in MOSTLY_VERBS:
            if word.endswith("ing"):
                return "G"
            return "B" if word.endswith("s") and verb != word else "b"
        if verb not in (None, word) and word.endswith("ing"):
            return "H" if lemma == word and count * 4 > tagged else "G"
        if verb and word.endswith("ed") and verb != word:
            return "H" if lemma == word and count > tagged else "V"
        if self.animate(synset) and tagged * 6 <= count:
            return "A" if plural else "a"
        if verb is None or tagged * 20 < count:
            return "N" if plural else "n"
        if tagged > count:
            return "B" if plural else "b"
        return "E" if plural else "e"
