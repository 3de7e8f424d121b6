import csv
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from tonics.data.importing import checked, cleaned, import_pairs, inside
from tonics.data.pairs import Pairs, Row, Skip
from tonics.data.sources.base import Source
from tonics.errors import UserError


def imported(tmp_path: Path, rows: list[Row | Skip]) -> Pairs:
    import_pairs(Source(tmp_path / "root", iter(rows)), tmp_path / "out", "folder")
    return Pairs.open(tmp_path / "out")


def quarantine(tmp_path: Path) -> dict[str, str]:
    with (tmp_path / "out" / "quarantine.csv").open(newline="") as file:
        return dict(list(csv.reader(file))[1:])  # type: ignore[arg-type]


def test_every_bad_picture_is_listed_and_the_good_ones_come_in(
    picture: Callable[..., Path], png_header: Callable[[int, int], bytes], tmp_path: Path
) -> None:
    root = tmp_path / "root"
    good = [picture(f"root/{i}.jpg") for i in range(3)]
    picture("secret.jpg")
    (root / "zero.jpg").touch()
    (root / "cut.jpg").write_bytes(good[0].read_bytes()[:300])
    (root / "huge.png").write_bytes(png_header(30_000, 30_000))
    (root / "html.jpg").write_text("<html>")
    (root / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    (root / "loop.jpg").symlink_to("loop.jpg")
    (root / "inner.jpg").symlink_to("0.jpg")
    outside = ["../secret.jpg", str(tmp_path / "secret.jpg"), "link.jpg", "a/../../secret.jpg"]
    missing = ["nowhere.jpg", "nul\0.jpg", "x" * 300 + ".jpg", "loop.jpg"]
    broken = ["zero.jpg", "cut.jpg", "huge.png", "html.jpg"]
    names = ["0.jpg", *outside, "1.jpg", *missing, *broken, "2.jpg", "inner.jpg"]
    pairs = imported(tmp_path, [Row(name, name, [f"a {name}"]) for name in names])
    assert [pairs.id(i) for i in range(len(pairs))] == ["0.jpg", "1.jpg", "2.jpg", "inner.jpg"]
    assert pairs.info["skipped"] == {
        "outside the folder": 4,
        "missing picture": 4,
        "broken picture": 4,
    }
    listed = quarantine(tmp_path)
    assert set(listed) == {*outside, *missing, *broken}
    assert listed["zero.jpg"] == "broken picture: empty file"
    assert all(str(tmp_path) not in reason for reason in listed.values())


def test_empty_captions_are_dropped_and_listed(
    picture: Callable[..., Path], tmp_path: Path
) -> None:
    for name in ("a", "b"):
        picture(f"root/{name}.png")
    rows = [Row("a", "a.png", [" A dog. ", "", "!"]), Row("b", "b.png", [" "])]
    pairs = imported(tmp_path, [*rows, Row("c", "c.png", [])])
    assert [pairs.captions(i) for i in range(len(pairs))] == [["A dog."]]
    assert pairs.info["skipped"] == {"empty caption": 3, "no caption left": 2}


def test_names_and_captions_that_no_file_can_hold(
    picture: Callable[..., Path], tmp_path: Path
) -> None:
    picture("root/a.png")
    undecodable = b"root/\xff.png".decode("utf-8", "surrogateescape")
    (tmp_path / undecodable).write_bytes((tmp_path / "root/a.png").read_bytes())
    names = ["a.png", undecodable.removeprefix("root/"), "\ud800.png"]
    pairs = imported(tmp_path, [Row(name, name, ["a \ud800 dog"]) for name in names])
    assert [pairs.captions(i) for i in range(len(pairs))] == [["a ? dog"]]
    assert pairs.info["skipped"] == {"missing picture": 2}
    assert set(quarantine(tmp_path)) == {"\\udcff.png", "\\ud800.png"}


def test_cleaned_passes_skips_on() -> None:
    assert list(cleaned([Skip("x", "y")])) == [Skip("x", "y")]


def test_nothing_left_is_a_users_error(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    with pytest.raises(UserError, match=r"no usable image.*1 missing picture"):
        imported(tmp_path, [Row("a", "a.jpg", ["a"])])


def test_facts_and_fingerprint_follow_the_files(
    picture: Callable[..., Path], tmp_path: Path
) -> None:
    path = picture("root/a.png", (30, 20))
    rows: list[Row | Skip] = [Row("a", "a.png", ["a"])]
    (row,) = checked(rows, tmp_path / "root")
    assert isinstance(row, Row)
    assert (row.width, row.height, row.file_bytes) == (30, 20, path.stat().st_size)
    before = imported(tmp_path, rows).fingerprint
    assert imported(tmp_path, rows).fingerprint == before
    Image.new("RGB", (30, 20), "red").save(path)
    assert imported(tmp_path, rows).fingerprint != before


def test_rows_are_checked_in_order_within_a_window(
    picture: Callable[..., Path], tmp_path: Path
) -> None:
    picture("a.png")
    read = 0

    def rows() -> Iterator[Row | Skip]:
        nonlocal read
        for i in range(1000):
            read += 1
            yield Row(str(i), "a.png", ["a"]) if i % 3 else Skip(str(i), "no")

    furthest = 0
    for position, row in enumerate(checked(rows(), tmp_path)):
        assert (row.id if isinstance(row, Row) else row.file) == str(position)
        furthest = max(furthest, read - position)
    assert position == 999
    assert furthest <= 64


def test_inside(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    assert inside(root, "a/b.jpg") == root / "a/b.jpg"
    assert inside(root, "../b.jpg") is None
    assert inside(root, "/etc/passwd") is None
    assert inside(root, "a/../b.jpg") is None
