import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tonics.data.pairs import Row, Skip
from tonics.data.sources.folder import source
from tonics.errors import UserError


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_metadata_beside_the_pictures(
    picture: Callable[..., Path], tmp_path: Path, kind: str
) -> None:
    for name in ("a.jpg", "sub/b.PNG", "sub/unlisted.webp"):
        picture(name)
    if kind == "csv":
        text = 'file_name,captions\na.jpg,"[""one"", ""two""]"\nsub/b.PNG,three\n'
    else:
        lines = [
            {"file_name": "a.jpg", "captions": ["one", "two"]},
            {"file_name": "sub/b.PNG", "captions": "three"},
        ]
        text = "\n".join(map(json.dumps, lines))
    (tmp_path / f"metadata.{kind}").write_text(text)
    assert list(source(tmp_path).rows) == [
        Row("a.jpg", "a.jpg", ["one", "two"]),
        Row("sub/b.PNG", "sub/b.PNG", ["three"]),
        Skip("sub/unlisted.webp", "no caption", "not in the metadata"),
    ]


def test_split_folders(picture: Callable[..., Path], tmp_path: Path) -> None:
    for folder in ("train", "validation", "test"):
        picture(f"{folder}/a.jpg")
        (tmp_path / folder / "metadata.csv").write_text(f"file_name,text\na.jpg,in {folder}\n")
    assert [(row.file, row.split) for row in source(tmp_path).rows if isinstance(row, Row)] == [
        ("test/a.jpg", "test"),
        ("train/a.jpg", "train"),
        ("validation/a.jpg", "dev"),
    ]


def test_malformed_json_lines_are_listed(tmp_path: Path) -> None:
    lines = ['{"file_name": "a.jpg", "text": "x"}', "{oops", "3", '{"file_name": 3, "text": "x"}']
    deep = "[" * 100_000
    (tmp_path / "metadata.jsonl").write_text("\n".join([*lines, "", deep]))
    rows = list(source(tmp_path).rows)
    assert rows[0] == Row("a.jpg", "a.jpg", ["x"])
    assert [(row.file, row.reason) for row in rows[1:] if isinstance(row, Skip)] == [
        ("metadata.jsonl, line 2", "malformed line"),
        ("metadata.jsonl, line 3", "malformed line"),
        ("metadata.jsonl, line 4", "no file name"),
        ("metadata.jsonl, line 6", "malformed line"),
    ]


def test_no_metadata_and_two_of_them(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no metadata\.csv"):
        source(tmp_path)
    (tmp_path / "metadata.csv").touch()
    (tmp_path / "metadata.jsonl").touch()
    with pytest.raises(UserError, match="keep one"):
        source(tmp_path)
    with pytest.raises(UserError, match="--root DIR"):
        source(None)
    with pytest.raises(UserError, match="not a folder"):
        source(tmp_path / "nowhere")
