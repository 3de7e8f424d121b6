"""Pack a WordNet that nltk reads into the one file that `ontology.wordnet` loads.

``python -m ontology.pack --wordnet PATH --out FILE``, where PATH holds ``data.noun`` and its
fellows (Debian's ``wordnet-base`` keeps them in ``/usr/share/wordnet``). Glosses, examples and
every relation but the hypernyms are left out. Of the other parts of speech it keeps what telling
nouns from verbs and adjectives in a caption needs: the single words, and how often each was tagged.
"""

import argparse
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ontology import OntologyError

LEXNAMES = [
    "adj.all", "adj.pert", "adv.all", "noun.Tops", "noun.act", "noun.animal", "noun.artifact",
    "noun.attribute", "noun.body", "noun.cognition", "noun.communication", "noun.event",
    "noun.feeling", "noun.food", "noun.group", "noun.location", "noun.motive", "noun.object",
    "noun.person", "noun.phenomenon", "noun.plant", "noun.possession", "noun.process",
    "noun.quantity", "noun.relation", "noun.shape", "noun.state", "noun.substance", "noun.time",
    "verb.body", "verb.change", "verb.cognition", "verb.communication", "verb.competition",
    "verb.consumption", "verb.contact", "verb.creation", "verb.emotion", "verb.motion",
    "verb.perception", "verb.possession", "verb.social", "verb.stative", "verb.weather", "adj.ppl",
]  # fmt: skip
"""The lexicographer files by number, from WordNet's ``lexnames(5)``."""

_POS_NUMBER = {"noun": 1, "verb": 2, "adj": 3, "adv": 4}
_FILES = [f"{part}.{pos}" for part in ("data", "index") for pos in _POS_NUMBER]
_OPTIONAL = [*(f"{pos}.exc" for pos in _POS_NUMBER), "cntlist.rev", "lexnames", "index.sense"]


@contextmanager
def read_wordnet(source: Path) -> Iterator[Any]:
    """Open any WordNet folder with nltk's reader.

    nltk wants a tree that ends in ``corpora/wordnet``, inside its own search path, with files that
    distributions leave out; so the files are staged in a temporary folder and the gaps filled.

    Args:
        source: the folder with ``data.noun``, ``index.noun`` and so on.

    Yields:
        An ``nltk.corpus.reader.WordNetCorpusReader``.

    Raises:
        OntologyError: a file without which WordNet cannot be read is absent, or nltk refuses one.
    """
    import nltk
    from nltk.corpus.reader.wordnet import WordNetCorpusReader, WordNetError

    if absent := [name for name in _FILES if not (source / name).is_file()]:
        raise OntologyError(
            f"{source} is no WordNet folder (it lacks {absent[0]}): "
            "give the folder that holds data.noun and index.noun"
        )
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "corpora" / "wordnet"
        root.mkdir(parents=True)
        for name in _OPTIONAL:
            (root / name).write_text(_lexnames_file() if name == "lexnames" else "")
        for name in (*_FILES, *_OPTIONAL):
            if (source / name).is_file():
                shutil.copyfile(source / name, root / name)
            (root / name).chmod(0o644)
        nltk.data.path.insert(0, scratch)
        try:
            reader = WordNetCorpusReader(nltk.data.find("corpora/wordnet"), _NoTranslations())
        except (WordNetError, AssertionError, ValueError) as error:
            nltk.data.path.remove(scratch)
            raise OntologyError(f"{source} cannot be read as WordNet: {error}") from error
        try:
            yield reader
        finally:
            nltk.data.path.remove(scratch)


class _NoTranslations:
    """Stands where nltk expects Open Multilingual WordNet, so that it does not warn without it."""

    def fileids(self) -> list[str]:
        return []


def _lexnames_file() -> str:
    lines = (f"{i:02d}\t{name}\t{_pos_number(name)}" for i, name in enumerate(LEXNAMES))
    return "\n".join(lines) + "\n"


def _pos_number(lexname: str) -> int:
    return _POS_NUMBER[lexname.split(".")[0]]


def _ragged(lists: Iterable[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Lists of numbers as one flat array, and where each list starts in it."""
    rows = list(lists)
    starts = np.zeros(len(rows) + 1, np.int32)
    starts[1:] = np.cumsum([len(row) for row in rows])
    return starts, np.array([number for row in rows for number in row], np.int32)


def _text(lines: Iterable[str]) -> np.ndarray:
    return np.frombuffer("\n".join(lines).encode(), np.uint8)


def _noun_arrays(reader: Any) -> dict[str, np.ndarray]:
    synsets = sorted(set(reader.all_synsets("n")), key=lambda synset: synset.offset())
    number = {synset.offset(): i for i, synset in enumerate(synsets)}
    # The public reader.synsets(lemma) applies morphology, which would mix in the senses of other
    # lemmas; this map is the index file as it stands.
    senses = reader._lemma_pos_offset_map
    lemmas = sorted(reader.all_lemma_names("n"))
    lemma_number = {lemma: i for i, lemma in enumerate(lemmas)}
    tagged = {
        (lemma.name().lower(), synset.offset()): lemma.count()
        for synset in synsets
        for lemma in synset.lemmas()
    }
    sense_starts, sense_synsets = _ragged(
        [number[offset] for offset in senses[lemma]["n"]] for lemma in lemmas
    )
    counts = [tagged.get((lemma, offset), 0) for lemma in lemmas for offset in senses[lemma]["n"]]
    hyper_starts, hypernyms = _ragged(
        sorted(number[up.offset()] for up in s.hypernyms() + s.instance_hypernyms())
        for s in synsets
    )
    return {
        "offsets": np.array([synset.offset() for synset in synsets], np.int32),
        "files": np.array([LEXNAMES.index(s.lexname()) for s in synsets], np.uint8),
        # A lemma names a synset in its index's spelling, which drops markers such as "(p)".
        "first_lemmas": np.array(
            [lemma_number[s.name().rsplit(".", 2)[0]] for s in synsets], np.int32
        ),
        "hyper_starts": hyper_starts,
        "hypernyms": hypernyms,
        "lemmas": _text(lemmas),
        "sense_starts": sense_starts,
        "senses": sense_synsets,
        "counts": np.array(counts, np.int32),
    }


def _word_counts(reader: Any, pos: str) -> dict[str, np.ndarray]:
    """Single words of a part of speech and how often each was tagged, all senses together."""
    totals = {word: 0 for word in sorted(reader.all_lemma_names(pos)) if "_" not in word}
    for synset in reader.all_synsets(pos):
        for lemma in synset.lemmas():
            # Adjectives carry syntactic markers: "galore(ip)".
            word = re.sub(r"\(\w+\)$", "", lemma.name()).lower()
            if word in totals:
                totals[word] += lemma.count()
    return {f"words_{pos}": _text(totals), f"counts_{pos}": np.array([*totals.values()], np.int32)}


def _irregular(reader: Any, name: str) -> np.ndarray:
    with reader.open(name) as file:
        return _text(sorted(line.strip() for line in file if line.strip()))


def pack(source: Path, out: Path) -> dict[str, int]:
    """Write the packed taxonomy of a WordNet folder.

    Args:
        source: the folder with WordNet's database files.
        out: the ``.npz`` file to write.

    Returns:
        How many synsets, lemmas and senses it holds.

    Raises:
        OntologyError: ``source`` is no WordNet, or ``out`` cannot be written.
    """
    with read_wordnet(source) as reader:
        arrays = _noun_arrays(reader)
        for pos in "var":
            arrays |= _word_counts(reader, pos)
        arrays["irregular_nouns"] = _irregular(reader, "noun.exc")
        arrays["irregular_verbs"] = _irregular(reader, "verb.exc")
        arrays["version"] = _text([reader.get_version() or "unknown"])
    try:
        with out.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)
    except OSError as error:
        raise OntologyError(
            f"cannot write {out}: {error.strerror}; choose another --out"
        ) from error
    return {
        "synsets": len(arrays["offsets"]),
        "lemmas": len(arrays["sense_starts"]) - 1,
        "senses": len(arrays["senses"]),
    }


def main(argv: list[str]) -> None:
    """The command line of ``python -m ontology.pack``."""
    parser = argparse.ArgumentParser(prog="python -m ontology.pack", description=__doc__)
    parser.add_argument("--wordnet", type=Path, required=True, help="folder with data.noun")
    parser.add_argument("--out", type=Path, required=True, help="the .npz file to write")
    args = parser.parse_args(argv)
    counts = pack(args.wordnet, args.out)
    print(f"{args.out}: " + ", ".join(f"{n:,} {what}" for what, n in counts.items()))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except OntologyError as error:
        sys.exit(f"ontology.pack: {error}")
