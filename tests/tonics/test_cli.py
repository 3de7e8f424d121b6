"""The command line: what help costs, and that every mistake is one line and status 2."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tonics.cli import COMMANDS, main

Refused = Callable[..., str]

HELP = """
import sys
from tonics.cli import main
status = main(["--help"])
heavy = {"torch", "torchvision", "transformers", "timm", "pytorch_lightning", "matplotlib"}
print(status, sorted(heavy & set(sys.modules)), file=sys.stderr)
"""

SPOKEN = r"step \d+: loss \S+  accuracy \S+  dev/R@1 \S+"


def test_help_lists_the_commands_and_imports_nothing_heavy() -> None:
    ended = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True)
    assert ended.stderr == "0 []\n"
    assert all(name in ended.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*name.split(), "--help"])
    assert ended.value.code == 0
    printed = capsys.readouterr()
    assert name in printed.out and "--" in printed.out and not printed.err


def test_as_a_process_the_status_is_2_and_the_line_stands_alone() -> None:
    """Nothing of the interpreter's or the libraries' own comes before or after."""
    command = [sys.executable, "-m", "tonics", "fit", "--config", "nowhere.yaml"]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 2 and ended.stdout == ""
    assert re.fullmatch(r"tonics: fit: .*nowhere\.yaml'?\n", ended.stderr), ended.stderr


def test_a_fit_says_what_it_does_and_nothing_else(world: Any, tmp_path: Path) -> None:
    """No library's warnings or advice, where Python shows warnings as it does to a user."""
    phases = ["--model.phases", "[{steps: 6, heads: 0.01}, {steps: 2, text: 0.001, vision: 0.001}]"]
    command = [sys.executable, "-m", "tonics", "fit", *world.arguments(tmp_path / "run", *phases)]
    for more in ([], ["--ckpt_path", "last"]):  # the second finds nothing left to do
        ended = subprocess.run([*command, *more], capture_output=True, text=True, env=os.environ)
        assert ended.returncode == 0 and ended.stdout == "", ended.stderr
        spoken = [re.fullmatch(SPOKEN, line) for line in ended.stderr.splitlines()]
        assert all(spoken) and len(spoken) == (0 if more else 3), ended.stderr


@pytest.mark.parametrize("words", [["frobnicate"], ["eval"], ["data", "frobnicate"], ["--verbose"]])
def test_unknown_commands(words: list[str], refused: Refused) -> None:
    assert "tonics --help" in refused(*words)


def test_a_message_of_several_lines_becomes_one(
    refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tonics.commands import data_show
    from tonics.errors import UserError

    def fail(argv: list[str]) -> None:
        raise UserError("a name\nwith a newline")

    monkeypatch.setattr(data_show, "main", fail)
    assert refused("data", "show", "x") == "tonics: a name with a newline\n"


def test_imports_of_what_cannot_be_used(
    make_pictures: Callable[[Path], Path], tmp_path: Path, refused: Refused
) -> None:
    (tmp_path / "columns.csv").write_text("picture,words\na.png,a dog\n")
    (tmp_path / "missing.csv").write_text("file_name,caption\nnowhere.png,a dog\n")
    pictures = make_pictures(tmp_path / "pictures")
    (tmp_path / "empty.csv").write_text("file_name,caption\npictures/000.png,  \n")
    (tmp_path / "zero.png").touch()
    (tmp_path / "cut.png").write_bytes((pictures / "000.png").read_bytes()[:80])
    (tmp_path / "broken.csv").write_text("file_name,caption\nzero.png,a dog\ncut.png,a cat\n")
    complaints = {
        "nowhere.csv": "nowhere.csv",
        "columns.csv": "has no column",
        "missing.csv": "1 missing picture",
        "empty.csv": "no usable image",
        "broken.csv": "2 broken picture",
    }
    for name, complaint in complaints.items():
        command = ["data", "import", "--format", "csv", "--root", tmp_path / name]
        assert complaint in refused(*command, "--out", tmp_path / "out")
        assert not (tmp_path / "out" / "pairs.json").exists()


def test_broken_pictures_and_empty_captions_are_left_out_and_listed(
    tmp_path: Path, make_pictures: Callable[[Path], Path], huge_png: bytes
) -> None:
    """The rest is imported."""
    root = make_pictures(tmp_path / "pictures")
    (root / "000.png").write_bytes(b"")
    (root / "001.png").write_bytes((root / "001.png").read_bytes()[:60])
    (root / "002.png").write_bytes(huge_png)
    (root / "003.png").unlink()
    table = (root / "metadata.csv").read_text().splitlines()
    table[5] = '004.png,"[""""]",train'
    (root / "metadata.csv").write_text("\n".join(table) + "\n")
    source = ["--format", "folder", "--root", str(root)]
    numbers = tmp_path / "numbers.json"
    out = ["--out", str(tmp_path / "out"), "--json", str(numbers)]
    assert main(["data", "import", *source, *out]) == 0
    info = json.loads(numbers.read_text())
    assert info["images"] == {"train": 79, "dev": 48, "test": 48}
    assert info["skipped"]["broken picture"] == 3 and info["skipped"]["missing picture"] == 1
    assert info["skipped"]["no caption left"] == 1
    listed = (tmp_path / "out" / "quarantine.csv").read_text()
    assert all(f"00{i}.png" in listed for i in range(5)) and "more than 80,000,000 pixels" in listed


def test_models_that_are_not_there_or_damaged(
    finished: Path, world: Any, tmp_path: Path, refused: Refused
) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("a dog\n")
    out = tmp_path / "out.npz"

    def complaint(run: Path) -> str:
        return refused("embed", "--model", run, "--texts", texts, "--out", out)

    assert "holds no model" in complaint(tmp_path / "nowhere")
    assert "holds no model" in complaint(world.pictures)
    damages: list[tuple[str, bytes | None, str]] = [
        ("model.json", b"{", "cannot be read as a model"),
        ("model.json", b'{"layout": 1}', "cannot be read as a model"),
        ("model.safetensors", None, "cannot read weights"),
        ("model.safetensors", b"\x00" * 64, "cannot read weights"),
        ("text/config.json", None, "cannot be read as a model"),
        ("text/tokenizer.json", None, "its files are missing"),
    ]
    for number, (name, content, expected) in enumerate(damages):
        copy = tmp_path / str(number)
        shutil.copytree(finished, copy)
        (copy / name).unlink()
        if content is not None:
            (copy / name).write_bytes(content)
        assert expected in complaint(copy)
    assert not out.exists()


@pytest.mark.parametrize(
    ("part", "key", "value"), [("head", "dim", 8), ("vision", "name", "test_vit")]
)
def test_weights_of_another_architecture(
    finished: Path, tmp_path: Path, refused: Refused, part: str, key: str, value: Any
) -> None:
    shutil.copytree(finished, tmp_path / "run")
    facts = json.loads((finished / "model.json").read_text())
    (facts[part] if part == "head" else facts[part]["config"])[key] = value
    (tmp_path / "run" / "model.json").write_text(json.dumps(facts))
    query = ["search", "a dog", "--images", tmp_path, "--model", tmp_path / "run"]
    (tmp_path / "picture.png").touch()
    assert "is of another architecture" in refused(*query)


def test_paths_that_cannot_be_written(finished: Path, world: Any, refused: Refused) -> None:
    below_a_file = world.recipe / "out"
    evaluate = ["eval", "retrieval", "--model", finished, "--data", world.pairs]
    search = ["search", "a dog", "--model", finished, "--images", world.pictures]
    embed = ["embed", "--model", finished, "--images", world.pictures]
    compare = ["compare", "--config", world.recipe, "--out", below_a_file]
    for command in (
        [*evaluate, "--json", below_a_file],
        [*search, "--json", below_a_file],
        [*search, "--sheet", below_a_file.with_suffix(".png")],
        [*embed, "--out", below_a_file],
        [*embed, "--out", world.pictures],
        ["fit", *world.arguments(below_a_file)],
        [*compare, "--data.pairs", world.pairs],
        ["ontology", "build", "--data", world.pairs, "--out", below_a_file],
    ):
        refused(*command)


@pytest.mark.parametrize(
    "words",
    [
        ["eval", "retrieval", "--data", "PAIRS", "--ontology", "nowhere"],
        ["eval", "retrieval", "--data", "nowhere"],
        ["eval", "retrieval", "--data", "PAIRS", "--split", "validation"],
        ["search", "  ", "--images", "PICTURES"],
        ["search", "a dog", "--images", "nowhere"],
        ["search", "a dog", "--images", "PICTURES", "--k", "0"],
        ["search", "a dog", "--images", "PICTURES", "--sheet", "sheet.doc"],
        ["embed", "--out", "x.npz"],
        ["embed", "--out", "x.npz", "--images", "nowhere"],
        ["embed", "--out", "x.npz", "--texts", "nowhere"],
        ["embed", "--out", "x.npz", "--texts", "PICTURES"],
    ],
)
def test_mistakes_with_a_finished_run(
    words: list[str], finished: Path, world: Any, refused: Refused
) -> None:
    places = {"PAIRS": world.pairs, "PICTURES": world.pictures}
    refused(*(places.get(word, word) for word in words), "--model", finished)
