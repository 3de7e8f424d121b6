import json
import random
from pathlib import Path

import pytest

from tonics.data.pairs import Row, Skip
from tonics.data.sources.csv_file import source
from tonics.data.sources.tabular import merged
from tonics.errors import UserError


def read(tmp_path: Path, text: str | bytes, name: str = "list.csv") -> list[Row | Skip]:
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return list(source(path).rows)


@pytest.mark.parametrize("file", ["file_name", "file", "filepath", "image_path", "Image"])
@pytest.mark.parametrize("caption", ["caption", "captions", "text", "TITLE"])
def test_columns_are_found_by_name(tmp_path: Path, file: str, caption: str) -> None:
    rows = read(tmp_path, f'id,{caption},{file}\n7,"a dog, running",x/a.jpg\n')
    assert rows == [Row("x/a.jpg", "x/a.jpg", ["a dog, running"])]


def test_tabs_split_names_and_a_byte_order_mark(tmp_path: Path) -> None:
    text = "\ufefffilepath\ttitle\tsplit\na.jpg\ta dog, big\tval\nb.jpg\tcat\tother\n"
    assert read(tmp_path, text, "list.tsv") == [
        Row("a.jpg", "a.jpg", ["a dog, big"], "dev"),
        Skip("b.jpg", "unknown split", "'other' is not train, dev or test"),
    ]


def test_captions_may_be_a_json_list(tmp_path: Path) -> None:
    text = 'file,captions\na.jpg,"[""one"", ""two""]"\nb.jpg,[sic] a dog\nc.jpg,"[1]"\n'
    assert read(tmp_path, text) == [
        Row("a.jpg", "a.jpg", ["one", "two"]),
        Row("b.jpg", "b.jpg", ["[sic] a dog"]),
        Skip("c.jpg", "malformed line", "list.csv, line 4: a caption is no text"),
    ]


def test_lines_of_one_picture_merge_wherever_they_stand(tmp_path: Path) -> None:
    lines = [(f"{i}.jpg", f"caption {i} {j}") for i in range(50) for j in range(3)]
    random.Random(0).shuffle(lines)
    expected: dict[str, list[str]] = {}
    for file, caption in lines:
        expected.setdefault(file, []).append(caption)
    rows = read(tmp_path, "file,caption\n" + "".join(f"./{f},{c}\n" for f, c in lines))
    assert {row.file: row.captions for row in rows if isinstance(row, Row)} == expected
    assert len(rows) == 50


def test_a_grouped_list_holds_one_picture_at_a_time() -> None:
    begun = 0

    def lines() -> list[Row]:
        return [Row(str(i), str(i), ["x"]) for i in range(100) for _ in range(2)]

    def counted():
        nonlocal begun
        begun = 0
        for row in lines():
            begun += 1
            yield row

    for n, _ in enumerate(merged(counted), 1):
        assert begun == 2 * n


def test_a_picture_in_two_splits_is_left_out(tmp_path: Path) -> None:
    text = "file,caption,split\na,x,train\na,y,test\na,z,train\nb,x,train\n"
    assert read(tmp_path, text) == [
        Skip("a", "in two splits", "train and test"),
        Row("b", "b", ["x"], "train"),
    ]


def test_malformed_lines_are_listed(tmp_path: Path) -> None:
    text = "file,caption\na.jpg\nb.jpg,a dog, running\n,c\n\nd.jpg,fine\n"
    assert read(tmp_path, text) == [
        Skip("list.csv, line 2", "malformed line", "1 fields, not 2"),
        Skip("list.csv, line 3", "malformed line", "3 fields, not 2"),
        Skip("list.csv, line 4", "no file name"),
        Row("d.jpg", "d.jpg", ["fine"]),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("file,words\na.jpg,x\n", "no column captions or caption.*it has file, words"),
        ("picture,caption\na.jpg,x\n", "no column file_name or file"),
        ("", "no column"),
        (b"file,caption\na.jpg,\xff\xfe\n", "not UTF-8"),
        ('file,caption\na.jpg,"x\nb.jpg,y\n', "line"),
        ("file,caption\na.jpg," + "x" * 200_000 + "\n", "line 2"),
        ("file,caption\na.jpg," + "x" * 1_100_000 + "\n", "line of more than"),
    ],
)
def test_a_bad_file_is_a_one_line_error(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        read(tmp_path, content)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    for root in (None, tmp_path / "no.csv", tmp_path):
        with pytest.raises(UserError, match="CSV file"):
            source(root)


def test_json_text_that_is_no_list_stays_a_caption(tmp_path: Path) -> None:
    deep = "[" * 100_000
    rows = read(tmp_path, f"file,captions\na.jpg,{deep}\n")
    assert rows == [Row("a.jpg", "a.jpg", [deep])]
    assert json.dumps(rows[0].captions)  # type: ignore[union-attr]
