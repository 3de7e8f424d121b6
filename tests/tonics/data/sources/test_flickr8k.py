from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tonics.data.pairs import Row, Skip
from tonics.data.sources.flickr8k import source
from tonics.errors import UserError

CAPTIONS = {
    "1_a.jpg": ["A dog , running .", 'A "big" dog .'],
    "2_b.jpg": ["Two cats", "A cat, and a cat"],
    "3_c.jpg": ["A man .", "A person ."],
    "4_d.jpg": ["No list names this .", "Really ."],
}


def write_token(root: Path) -> None:
    root.joinpath("Flickr8k.token.txt").write_text(
        "".join(f"{n}#{i}\t{t}\n" for n, ts in CAPTIONS.items() for i, t in enumerate(ts))
    )


def write_lists(root: Path) -> None:
    for split, name in zip(("train", "dev", "test"), CAPTIONS, strict=False):
        root.joinpath(f"Flickr_8k.{split}Images.txt").write_text(name + "\n")


def write_kaggle(root: Path) -> None:
    """Some captions quoted, some with bare commas, one that only begins with a quote."""
    lines = ["image,caption"]
    for name, texts in CAPTIONS.items():
        lines.append(f"{name},{texts[0]}")
        lines.append('{},"{}"'.format(name, texts[1].replace('"', '""')))
    root.joinpath("captions.txt").write_text("\n".join([*lines, '4_d.jpg,"Stray quote', ""]))


@pytest.fixture
def root(picture: Callable[..., Path], tmp_path: Path) -> Path:
    for name in CAPTIONS:
        picture(f"Images/{name}")
    return tmp_path


def test_the_original_layout_keeps_the_published_splits(root: Path) -> None:
    write_token(root)
    write_lists(root)
    *rows, left_out = source(root).rows
    assert left_out == Skip("Images/4_d.jpg", "in no published split")
    assert rows == [
        Row(name, f"Images/{name}", CAPTIONS[name], split)
        for name, split in zip(CAPTIONS, ("train", "dev", "test"), strict=False)
    ]


def test_kaggles_layout_has_no_splits(root: Path) -> None:
    write_kaggle(root)
    rows = [row for row in source(root).rows if isinstance(row, Row)]
    assert {row.id: row.captions for row in rows} == {
        **CAPTIONS,
        "4_d.jpg": [*CAPTIONS["4_d.jpg"], '"Stray quote'],
    }
    assert {row.split for row in rows} == {None}


def test_the_original_is_preferred(root: Path) -> None:
    write_token(root)
    write_kaggle(root)
    assert len([row for row in source(root).rows if isinstance(row, Row)][3].captions) == 2


@pytest.mark.parametrize("problem", ["images", "captions", "list", "tab", "folder"])
def test_what_is_missing_is_named(root: Path, problem: str) -> None:
    write_token(root)
    write_lists(root)
    if problem == "images":
        root.joinpath("Images").rename(root / "Pictures")
    elif problem == "captions":
        root.joinpath("Flickr8k.token.txt").unlink()
    elif problem == "list":
        root.joinpath("Flickr_8k.devImages.txt").unlink()
    elif problem == "tab":
        root.joinpath("Flickr8k.token.txt").write_text("1_a.jpg#0 A dog\n")
    with pytest.raises(UserError):
        list(source(root / "nowhere" if problem == "folder" else root).rows)


def test_the_real_one_reads_the_same_in_both_layouts(shared_data: Path, tmp_path: Path) -> None:
    root = shared_data / "flickr8k"
    original = [row for row in source(root).rows if isinstance(row, Row)]
    assert Counter(row.split for row in original) == {"train": 6000, "dev": 1000, "test": 1000}
    assert {len(row.captions) for row in original} == {5}
    (tmp_path / "Images").mkdir()
    (tmp_path / "captions.txt").write_bytes((root / "captions.txt").read_bytes())
    kaggle = {row.id: row.captions for row in source(tmp_path).rows if isinstance(row, Row)}
    assert len(kaggle) == 8091
    tidy = [[text.strip() for text in row.captions] for row in original]
    assert [[text.strip() for text in kaggle[row.id]] for row in original] == tidy
