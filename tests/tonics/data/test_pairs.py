import csv
import json
import pickle
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tonics.data.captions import caption_key
from tonics.data.pairs import SPLITS, Pairs, Row, Skip, write_pairs
from tonics.errors import UserError

ROWS = [
    Row("a", "x/a.jpg", ["A dog.", "A brown dog, running"], "train", digest=b"1"),
    Row("b", "x/b.jpg", ["a DOG"], "test", {"de": "Ein Hund"}, 3, 4, 50, b"2"),
    Row("c", "c.png", ["Ünï — code", "two", "three"], "dev", digest=b"3"),
    Row("d", "d.png", ["four"], "train", digest=b"4"),
]


def test_everything_written_is_read_back(tmp_path: Path) -> None:
    write_pairs(ROWS, tmp_path / "out", tmp_path, "folder")
    pairs = Pairs.open(tmp_path / "out")
    flat = [text for row in ROWS for text in row.captions]
    assert (len(pairs), pairs.n_captions) == (4, 7)
    assert (pairs.path, pairs.root) == (tmp_path / "out", tmp_path)
    assert [pairs.id(i) for i in range(4)] == ["a", "b", "c", "d"]
    assert [pairs.captions(i) for i in range(4)] == [row.captions for row in ROWS]
    assert [pairs.image_path(i) for i in range(4)] == [tmp_path / row.file for row in ROWS]
    assert [pairs.translations(i) for i in range(4)] == [{}, {"de": "Ein Hund"}, {}, {}]
    assert [pairs.caption(i) for i in range(7)] == flat
    assert pairs.caption_texts(np.array([6, 0, 2])) == [flat[6], flat[0], flat[2]]
    assert pairs.caption_offsets.tolist() == [0, 2, 3, 6, 7]
    assert pairs.caption_keys.tolist() == [caption_key(text) for text in flat]
    assert [SPLITS[i] for i in pairs.splits] == [row.split for row in ROWS]
    assert (pairs.splits.dtype, pairs.caption_offsets.dtype) == (np.int8, np.int64)
    assert pairs.rows("train").tolist() == [0, 3] and pairs.rows("train").dtype == np.int64
    assert pairs.info["straddling_captions"] == 1


def test_captions_are_iterated_in_row_order(tmp_path: Path) -> None:
    rows = [Row(str(i), f"{i}.jpg", [f"caption {i}"] * (1 + i % 3)) for i in range(10_000)]
    write_pairs(rows, tmp_path / "out", tmp_path, "folder")
    batches = list(Pairs.open(tmp_path / "out").iter_captions(batch=999))
    assert [start for start, _ in batches] == list(range(0, 10_000, 999))
    assert [texts for _, batch in batches for texts in batch] == [row.captions for row in rows]


def test_arrays_are_memory_mapped_and_pickling_carries_the_path(tmp_path: Path) -> None:
    write_pairs(ROWS, tmp_path / "out", tmp_path, "folder")
    pairs = Pairs.open(tmp_path / "out")
    assert all(isinstance(a, np.memmap) for a in (pairs.splits, pairs.caption_keys))
    assert len(pickle.dumps(pairs)) < 1000
    assert pickle.loads(pickle.dumps(pairs)).captions(2) == ROWS[2].captions


def test_an_unknown_split_is_a_users_error(tmp_path: Path) -> None:
    write_pairs(ROWS, tmp_path / "out", tmp_path, "folder")
    with pytest.raises(UserError, match="train, dev, test"):
        Pairs.open(tmp_path / "out").rows("val")


def test_the_fingerprint_tells_what_changed(tmp_path: Path) -> None:
    def fingerprint(rows: list[Row], root: Path = tmp_path) -> str:
        write_pairs(rows, tmp_path / "out", root, "folder")
        return Pairs.open(tmp_path / "out").fingerprint

    base = fingerprint(ROWS)
    assert fingerprint(ROWS) == base
    assert fingerprint(ROWS, tmp_path / "moved") == base
    changes: list[dict] = [{"id": "z"}, {"captions": ["other"]}, {"split": "dev"}, {"digest": b"9"}]
    changed = {fingerprint([replace(ROWS[0], **change), *ROWS[1:]]) for change in changes}
    changed.add(fingerprint(ROWS[::-1]))
    assert len(changed | {base}) == 6


def test_what_is_left_out_is_counted_and_listed(tmp_path: Path) -> None:
    skips = [Skip("x.jpg", "broken picture", "no, really"), Skip("y.jpg", "broken picture")]
    info = write_pairs([skips[0], *ROWS, skips[1]], tmp_path / "out", tmp_path, "folder")
    assert info["skipped"] == {"broken picture": 2}
    with (tmp_path / "out" / "quarantine.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["file", "reason"],
            ["x.jpg", "broken picture: no, really"],
            ["y.jpg", "broken picture"],
        ]


def test_nothing_usable_is_a_users_error_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="1 broken"):
        write_pairs([Skip("x", "broken")], tmp_path / "out", tmp_path, "folder")
    assert list(tmp_path.iterdir()) == []


def test_splits_for_some_rows_only_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="some images have a split"):
        write_pairs([ROWS[0], Row("z", "z", ["z"])], tmp_path / "out", tmp_path, "folder")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_import_keeps_the_old_table(tmp_path: Path) -> None:
    def failing() -> Iterator[Row]:
        yield ROWS[0]
        raise RuntimeError("the disk went away")

    write_pairs(ROWS, tmp_path / "out", tmp_path, "folder")
    with pytest.raises(RuntimeError):
        write_pairs(failing(), tmp_path / "out", tmp_path, "folder")
    assert len(Pairs.open(tmp_path / "out")) == 4
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_only_a_table_of_pairs_is_replaced(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_pairs(ROWS, out, tmp_path, "folder")
    write_pairs(ROWS[:2], out, tmp_path, "folder")
    assert len(Pairs.open(out)) == 2
    (out / "holiday.jpg").write_bytes(b"dear")
    with pytest.raises(UserError, match=r"holiday\.jpg"):
        write_pairs(ROWS, out, tmp_path, "folder")
    assert (out / "holiday.jpg").read_bytes() == b"dear"
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="is a file"):
        write_pairs(ROWS, tmp_path / "file", tmp_path, "folder")
    (tmp_path / "empty").mkdir()
    write_pairs(ROWS, tmp_path / "empty", tmp_path, "folder")


def test_no_table_and_damaged_tables_are_one_line_errors(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="tonics data import"):
        Pairs.open(tmp_path)
    out = tmp_path / "out"

    def damage(name: str, content: bytes) -> None:
        write_pairs(ROWS, out, tmp_path, "folder")
        (out / name).write_bytes(content)
        with pytest.raises(UserError, match="import it again") as caught:
            Pairs.open(out)
        assert "\n" not in str(caught.value)

    write_pairs(ROWS, out, tmp_path, "folder")
    arrow = (out / "pairs.arrow").read_bytes()
    damage("pairs.arrow", arrow[: len(arrow) // 2])
    damage("pairs.arrow", b"")
    damage("pairs.json", b"{")
    damage("pairs.json", b"[]")
    damage("pairs.json", json.dumps({"kind": "other"}).encode())
    damage("splits.npy", (out / "splits.npy").read_bytes()[:-1])
    damage("caption_keys.npy", b"\x80\x04K\x01.")  # a pickle
    np.save(tmp_path / "splits.npy", np.zeros(3, np.int8))
    damage("splits.npy", (tmp_path / "splits.npy").read_bytes())


STREAM = """
import sys
from pathlib import Path
from tonics.data.pairs import Pairs, Row, write_pairs

most = 0

def measure():
    global most
    status = Path("/proc/self/status").read_text()
    most = max(most, int(status.split("RssAnon:")[1].split()[0]) // 1024)

def rows():
    for i in range(int(sys.argv[2])):
        if i % 1000 == 0:
            measure()
        text = f"caption {i} " + "with a good many words " * 10
        yield Row(str(i), f"{i}.jpg", [text, text + "more"])

write_pairs(rows(), Path(sys.argv[1]), Path("."), "folder")
measure()
pairs = Pairs.open(sys.argv[1])
for start, batch in pairs.iter_captions():
    measure()
assert start + len(batch) == len(pairs)
print(most)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_rows_stream_in_bounded_memory(tmp_path: Path) -> None:
    def most_megabytes(n: int) -> int:
        command = [sys.executable, "-c", STREAM, str(tmp_path / str(n)), str(n)]
        return int(subprocess.run(command, capture_output=True, check=True).stdout)

    few, many = most_megabytes(10_000), most_megabytes(100_000)
    assert (tmp_path / "100000" / "pairs.arrow").stat().st_size > 40 * 2**20
    assert many < few + 20  # 33 bytes a row in side files, and slack; not 450 bytes of captions
