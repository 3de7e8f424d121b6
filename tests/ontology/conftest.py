"""The packaged taxonomy, a linker, and a WordNet of eleven nouns in WordNet's own file format."""

from pathlib import Path

import pytest

from ontology.linking import Linker
from ontology.wordnet import Taxonomy

# name -> (lexicographer file, lemmas, hypernyms, instance hypernyms); a diamond below entity.
NOUNS: dict[str, tuple[int, list[str], list[str], list[str]]] = {
    "entity": (3, ["entity"], [], []),
    "animal": (5, ["animal", "beast"], ["entity"], []),
    "friend": (18, ["friend", "beast"], ["entity"], []),
    "dog": (5, ["dog", "Canis_familiaris"], ["animal", "friend"], []),
    "Laika": (5, ["Laika"], [], ["dog"]),
    "goose": (5, ["goose"], ["animal"], []),
    "jump": (4, ["jump"], ["entity"], []),
}
COUNTS = {("beast", "friend"): 7, ("beast", "animal"): 2, ("dog", "dog"): 42}
OTHERS = {"verb": (38, ["jump", "dog"]), "adj": (0, ["red"]), "adv": (2, ["fast"])}
LETTERS = {"noun": "n", "verb": "v", "adj": "a", "adv": "r"}


def write_tiny_wordnet(folder: Path) -> Path:
    """Write `NOUNS` and `OTHERS` as WordNet database files (wndb(5)), without the optional ones."""
    folder.mkdir(parents=True)
    lines: dict[str, str] = {}
    offsets: dict[str, int] = {}
    for _ in range(2):  # offsets have eight digits always: the second pass knows them all
        place = 0
        for name, (file, lemmas, ups, instances) in NOUNS.items():
            offsets[name] = place
            pointers = [f"@ {offsets.get(up, 0):08d} n 0000" for up in ups]
            pointers += [f"@i {offsets.get(up, 0):08d} n 0000" for up in instances]
            words = " ".join(f"{lemma} 0" for lemma in lemmas)
            lines[name] = (
                f"{place:08d} {file:02d} n {len(lemmas):02x} {words} "
                f"{len(pointers):03d} {' '.join([*pointers, '|'])} a gloss\n"
            )
            place += len(lines[name])
    (folder / "data.noun").write_text("".join(lines.values()))
    senses: dict[str, list[str]] = {}
    for name, (_, lemmas, _, _) in NOUNS.items():
        for lemma in lemmas:
            senses.setdefault(lemma.lower(), []).append(name)
    senses["beast"].reverse()  # the friend is tagged more often
    index = [
        f"{lemma} n {len(names)} 0 {len(names)} 0 {' '.join(f'{offsets[s]:08d}' for s in names)}\n"
        for lemma, names in sorted(senses.items())
    ]
    (folder / "index.noun").write_text("".join(index))
    for pos, (file, words) in OTHERS.items():
        data, entries, letter = "", [], LETTERS[pos]
        for word in words:
            entries.append(f"{word} {letter} 1 0 1 0 {len(data):08d}\n")
            frames = "01 + 02 00 " if pos == "verb" else ""
            data += f"{len(data):08d} {file:02d} {letter} 01 {word} 0 000 {frames}| a gloss\n"
        (folder / f"data.{pos}").write_text(data)
        (folder / f"index.{pos}").write_text("".join(sorted(entries)))
        (folder / f"{pos}.exc").write_text("leapt leap\n" if pos == "verb" else "")
    (folder / "noun.exc").write_text("geese goose\n")
    keys = {
        f"{lemma}%1:{NOUNS[name][0]:02d}:00:: 1 {count}\n"
        for (lemma, name), count in COUNTS.items()
    }
    (folder / "cntlist.rev").write_text("".join(sorted(keys)))
    return folder


@pytest.fixture(scope="session")
def taxonomy() -> Taxonomy:
    return Taxonomy.load()


@pytest.fixture(scope="session")
def linker(taxonomy: Taxonomy) -> Linker:
    return Linker(taxonomy)


@pytest.fixture
def tiny_wordnet(tmp_path: Path) -> Path:
    return write_tiny_wordnet(tmp_path / "tiny")
