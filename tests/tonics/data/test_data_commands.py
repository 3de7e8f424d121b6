import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tonics.cli import main


@pytest.fixture
def folder(picture: Callable[..., Path], tmp_path: Path) -> Path:
    text = "file_name,caption\n"
    for i in range(40):
        picture(f"root/{i}.jpg")
        text += f"{i}.jpg,picture number {i}\n"
    (tmp_path / "root" / "metadata.csv").write_text(text + "gone.jpg,gone\n")
    return tmp_path / "root"


def test_import_then_show(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, numbers = str(tmp_path / "out"), tmp_path / "numbers.json"
    command = ["data", "import", "--format", "folder", "--root", str(folder), "--out", out]
    assert main([*command, "--json", str(numbers)]) == 0
    printed = capsys.readouterr().out
    assert "left out: missing picture" in printed and "quarantine.csv" in printed
    info = json.loads(numbers.read_text())
    assert sum(info["images"].values()) == 40 and info["skipped"] == {"missing picture": 1}
    assert main(["data", "show", out, "--json", str(numbers)]) == 0
    assert capsys.readouterr().out == printed
    assert json.loads(numbers.read_text()) == info
    assert main(["data", "show", out, "--json", str(tmp_path / "no" / "x.json")]) == 2


@pytest.mark.parametrize(
    "command",
    [
        ["data", "show", "nowhere"],
        ["data", "import", "--format", "folder", "--root", "nowhere", "--out", "out"],
        ["data", "import", "--format", "csv", "--out", "out"],
        ["data", "import", "--format", "jpeg", "--out", "out"],
        ["data", "import", "--out", "out"],
    ],
)
def test_mistakes_are_one_line_and_status_two(
    command: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(command) == 2
    message = capsys.readouterr().err
    assert message.startswith("tonics: ") and message.strip().count("\n") == 0
