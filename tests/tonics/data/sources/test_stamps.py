from collections.abc import Callable
from pathlib import Path

import pytest

from tonics.data.pairs import Row, Skip
from tonics.data.sources import debian
from tonics.data.sources.stamps import source
from tonics.errors import UserError

FOLDER = "usr/share/tuxpaint/stamps"


@pytest.fixture
def root(picture: Callable[..., Path], tmp_path: Path) -> Path:
    for name in ("food/apple", "food/apple_mirror", "symbols/math/plus", "town/fort"):
        picture(f"{FOLDER}/{name}.png")
    stamps = tmp_path / FOLDER
    stamps.joinpath("food/drawn.svg").write_text("<svg/>")
    stamps.joinpath("food/apple.dat").write_text("x")
    text = " An apple. \nde.utf8=Ein Apfel.\nsr@latin.utf8=Jabuka=x \nfr.utf8=\nnonsense\n"
    stamps.joinpath("food/apple.txt").write_text(text, "utf-8")
    stamps.joinpath("symbols/math/plus.txt").write_text("Plus.")
    stamps.joinpath("town/fort.txt").write_text("")
    return tmp_path


def test_stamps(root: Path) -> None:
    expected = [
        Row(
            "food/apple",
            "food/apple.png",
            ["An apple."],
            translations={"de": "Ein Apfel.", "sr@latin": "Jabuka=x"},
        ),
        Skip("food/apple_mirror.png", "no caption", "no text file beside it"),
        Skip("food/drawn.svg", "drawing in SVG"),
        Row("symbols/math/plus", "symbols/math/plus.png", ["Plus."]),
        Row("town/fort", "town/fort.png", [""]),
    ]
    assert list(source(root).rows) == expected
    assert list(source(root / FOLDER).rows) == expected
    assert source(root).root == root / FOLDER


def test_without_a_root_the_package_is_fetched(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "fetch", lambda package: root)
    assert source(None).root == root / FOLDER


def test_a_folder_without_stamps(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no stamps"):
        source(tmp_path)
