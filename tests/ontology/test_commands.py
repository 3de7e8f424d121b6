"""The three commands, from captions to what they print, on a table of pairs of twelve images."""

import json
from pathlib import Path

import pytest

from ontology.saved import Ontology
from tonics.cli import main
from tonics.data.pairs import Pairs, Row, write_pairs

DOGS = ["A dog runs on the beach.", "A man walks his dog."]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rows = [
        Row(
            id=str(i),
            file=f"{i}.png",
            captions=DOGS if i % 2 else ["A cat sleeps.", f"Nothing at all, {i}."],
            split="train" if i < 10 else "test",
        )
        for i in range(12)
    ]
    write_pairs(rows, tmp_path / "pairs", tmp_path, "folder")
    return tmp_path / "pairs"


def build(table: Path, out: Path, *more: str) -> int:
    return main(["ontology", "build", "--data", str(table), "--out", str(out), *more])


def test_build_saves_an_ontology_of_the_table(table: Path, tmp_path: Path, capsys) -> None:
    numbers = tmp_path / "numbers.json"
    assert build(table, tmp_path / "o", "--min-support", "5", "--json", str(numbers)) == 0
    pairs, ontology = Pairs.open(table), Ontology.load(tmp_path / "o")
    assert ontology.require(pairs.fingerprint).fingerprint == pairs.fingerprint
    assert ontology.index.images("dog.n.01", "train").tolist() == [1, 3, 5, 7, 9]
    assert ontology.index.images("cat.n.01", "test").tolist() == [10]
    counts = json.loads(numbers.read_text())
    assert (counts["images"], counts["captions"], counts["captions_linked"]) == (12, 24, 18)
    assert counts["nodes"] == len(ontology.graph)
    assert ontology.provenance["data"] == str(table)
    assert "75.0%" in capsys.readouterr().out


def test_support_drops_nodes(table: Path, tmp_path: Path) -> None:
    assert build(table, tmp_path / "o", "--min-support", "6") == 0
    assert "dog.n.01" not in Ontology.load(tmp_path / "o").graph


def test_show_prints_paths_children_and_captions(table: Path, tmp_path: Path, capsys) -> None:
    build(table, tmp_path / "o", "--min-support", "1")
    capsys.readouterr()
    assert main(["ontology", "show", "dog.n.01", "--ontology", str(tmp_path / "o")]) == 0
    out = capsys.readouterr().out
    assert "train 5, dev 0, test 1" in out
    assert "dog.n.01 < " in out and " < entity.n.01\n" in out
    assert out.count(f"  {DOGS[0]}\n") == 5


def test_show_refuses_unknown_nodes_and_other_data(table: Path, tmp_path: Path, capsys) -> None:
    build(table, tmp_path / "o", "--min-support", "1")
    write_pairs([Row("x", "x.png", ["A dog."])], tmp_path / "other", tmp_path, "folder")
    capsys.readouterr()
    show = ["ontology", "show", "--ontology", str(tmp_path / "o")]
    assert main([*show, "unicorn.n.01"]) == 2
    assert main([*show, "dog.n.01", "--data", str(tmp_path / "other")]) == 2
    unknown, other = capsys.readouterr().err.splitlines()
    assert "no node 'unicorn.n.01'" in unknown
    assert "built from other data" in other


def test_link_prints_what_a_text_names(capsys) -> None:
    assert main(["ontology", "link", "a man walks his dog"]) == 0
    assert capsys.readouterr().out == "man.n.01\tman\ndog.n.01\tdog\n"


def test_link_writes_one_record_a_line(tmp_path: Path) -> None:
    source, out = tmp_path / "captions.txt", tmp_path / "links.jsonl"
    source.write_text("Two dogs.\n\nUn café\r\nA hot dog.", encoding="utf-8")
    assert main(["ontology", "link", "--input", str(source), "--json", str(out)]) == 0
    records = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert records[0] == {"caption": "Two dogs.", "objects": ["dog.n.01"], "spans": [[4, 8]]}
    assert [record["caption"] for record in records] == ["Two dogs.", "", "Un café", "A hot dog."]
    assert records[3]["spans"] == [[2, 9]]


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (["link"], "either TEXT or --input"),
        (["link", "a dog", "--input", "x"], "either TEXT or --input"),
        (["link", "--input", "x"], "--input needs --json"),
        (["link", "--input", "absent", "--json", "x"], "cannot read absent"),
        (["build", "--data", "absent", "--out", "x"], "holds no table"),
        (["build", "--data", "d", "--out", "x", "--min-support", "0"], "at least 1"),
        (["show", "dog.n.01", "--ontology", "absent"], "no ontology in absent"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(argv: list[str], complaint: str, capsys) -> None:
    assert main(["ontology", *argv]) == 2
    error = capsys.readouterr().err
    assert complaint in error and error.count("\n") == 1
