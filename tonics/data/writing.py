"""Writes a table of pairs as a stream: record batches, side files, fingerprint, quarantine."""

import csv
import json
import shutil
import tempfile
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tonics.data.captions import caption_key
from tonics.data.splits import SPLITS, hash_splits, straddling
from tonics.errors import UserError

KIND = "tonics table of pairs"
LAYOUT = 1
QUARANTINE = "quarantine.csv"
_FILES = {"pairs.arrow", "splits.npy", "caption_offsets.npy", "caption_keys.npy", "pairs.json"}
_BATCH = 4096
_SCHEMA = pa.schema(
    {
        "id": pa.string(),
        "file": pa.string(),
        "captions": pa.list_(pa.string()),
        "translations": pa.map_(pa.string(), pa.string()),
        "width": pa.int32(),
        "height": pa.int32(),
        "bytes": pa.int64(),
    }
)


@dataclass(slots=True)
class Row:
    """One image with its captions, on its way into a table.

    Attributes:
        id: the image's id in its source.
        file: the image's file, relative to the table's root, with forward slashes.
        captions: at least one.
        split: one of `SPLITS`, or None where the source has no splits: all rows or none.
        translations: the caption by language code, where the source has it.
        width, height: pixels as displayed, that is after the EXIF orientation.
        file_bytes: the file's size.
        digest: a hash of the file's content.
    """

    id: str
    file: str
    captions: list[str]
    split: str | None = None
    translations: dict[str, str] = field(default_factory=dict)
    width: int = 0
    height: int = 0
    file_bytes: int = 0
    digest: bytes = b""


@dataclass(slots=True)
class Skip:
    """Something that does not come into the table: its reason is counted, its file listed."""

    file: str
    reason: str
    detail: str = ""


def write_pairs(
    rows: Iterable[Row | Skip], out: str | Path, root: str | Path, format: str
) -> dict[str, Any]:
    """Write a table of pairs, and put it in place only when it is complete.

    Rows are written as they come, `_BATCH` at a time; what stays in memory is eight bytes a caption
    and nine a row. Without splits of their own, rows are split by `hash_splits`.

    Args:
        rows: the images in order, and what was left out.
        out: the table's folder; a table of pairs already there is replaced.
        root: the folder of the pictures.
        format: the name of the source's format, for the record.

    Returns:
        What ``pairs.json`` holds.

    Raises:
        UserError: ``out`` holds something else, no row is left, or only some rows have a split.
    """
    out = Path(out).resolve()
    _check_replaceable(out)
    with _temporary_beside(out) as folder:
        writer = _Writer(folder)
        writer.consume(rows)
        info = writer.finish(Path(root).resolve(), format)
        _check_replaceable(out)
        if out.exists():
            # Nobody ever sees half a table: the old one, for an instant none, then the new one.
            out.rename(folder / "replaced")
        (folder / "table").rename(out)
    return info


class _Writer:
    """The state of one table being written in ``folder / "table"``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.table = folder / "table"
        self.table.mkdir()
        self.splits = array("b")
        self.offsets = array("q", [0])
        self.keys = array("q")
        self.skipped: Counter[str] = Counter()
        self.hash = blake2b(digest_size=16)

    def consume(self, rows: Iterable[Row | Skip]) -> None:
        """Stream the rows into record batches, and what was left out into the quarantine."""
        with (
            (self.table / QUARANTINE).open(
                "w", encoding="utf-8", errors="backslashreplace", newline=""
            ) as text,
            pa.ipc.new_file(str(self.folder / "unsplit.arrow"), _SCHEMA) as sink,
        ):
            quarantine = csv.writer(text)
            quarantine.writerow(["file", "reason"])
            batch: list[Row] = []
            for row in rows:
                if isinstance(row, Skip):
                    self.skipped[row.reason] += 1
                    detail = f": {row.detail}" if row.detail else ""
                    quarantine.writerow([row.file, row.reason + detail])
                    continue
                self._note(row)
                batch.append(row)
                if len(batch) == _BATCH:
                    sink.write_batch(_record_batch(batch))
                    batch = []
            if batch:
                sink.write_batch(_record_batch(batch))

    def _note(self, row: Row) -> None:
        """Keep what the side files and the fingerprint need of a row."""
        if not row.captions:
            raise ValueError(f"{row.id}: a row needs a caption")
        split = -1 if row.split is None else SPLITS.index(row.split)
        if self.splits and (split < 0) != (self.splits[0] < 0):
            raise UserError(f"{row.id}: some images have a split and others none: all or none must")
        self.splits.append(split)
        self.keys.extend(map(caption_key, row.captions))
        self.offsets.append(len(self.keys))
        self.hash.update(json.dumps([row.id, row.captions, row.digest.hex()]).encode())

    def finish(self, root: Path, format: str) -> dict[str, Any]:
        """Split, write the side files, and say what the table holds."""
        if not self.splits:
            reasons = ", ".join(f"{count} {reason}" for reason, count in self.skipped.items())
            raise UserError(
                f"{root}: no usable image with a caption ({reasons or 'nothing found'})"
            )
        splits = np.frombuffer(self.splits, np.int8)
        offsets = np.frombuffer(self.offsets, np.int64)
        keys = np.frombuffer(self.keys, np.int64)
        by_hash = bool(splits[0] < 0)
        if by_hash:
            splits = hash_splits(offsets, keys)
        self.hash.update(splits.tobytes())
        self._add_split_column(splits)
        for name, values in (("splits", splits), ("caption_offsets", offsets)):
            np.save(self.table / f"{name}.npy", values)
        np.save(self.table / "caption_keys.npy", keys)
        captions = np.bincount(splits, np.diff(offsets), len(SPLITS)).astype(int)
        info = {
            "kind": KIND,
            "layout": LAYOUT,
            "format": format,
            "root": str(root),
            "images": dict(zip(SPLITS, np.bincount(splits, minlength=3).tolist(), strict=True)),
            "captions": dict(zip(SPLITS, captions.tolist(), strict=True)),
            "split_by": "hash of the captions" if by_hash else "the source",
            "straddling_captions": straddling(offsets, keys, splits),
            "skipped": dict(self.skipped),
            "fingerprint": self.hash.hexdigest(),
            "tonics": _version(),
        }
        (self.table / "pairs.json").write_text(json.dumps(info, indent=2) + "\n", "utf-8")
        return info

    def _add_split_column(self, splits: np.ndarray) -> None:
        """Copy the record batches with their splits, known only now."""
        names = np.array(SPLITS, object)
        start = 0
        source = pa.memory_map(str(self.folder / "unsplit.arrow"))
        schema = _SCHEMA.append(pa.field("split", pa.string()))
        with (
            pa.ipc.open_file(source) as reader,
            pa.ipc.new_file(str(self.table / "pairs.arrow"), schema) as sink,
        ):
            for index in range(reader.num_record_batches):
                batch = reader.get_batch(index)
                column = pa.array(names[splits[start : start + len(batch)]], pa.string())
                sink.write_batch(pa.record_batch([*batch.columns, column], schema=schema))
                start += len(batch)


def _record_batch(rows: list[Row]) -> pa.RecordBatch:
    """Rows as columns."""
    columns: dict[str, list[Any]] = {
        "id": [row.id for row in rows],
        "file": [row.file for row in rows],
        "captions": [row.captions for row in rows],
        "translations": [list(row.translations.items()) or None for row in rows],
        "width": [row.width for row in rows],
        "height": [row.height for row in rows],
        "bytes": [row.file_bytes for row in rows],
    }
    arrays = [pa.array(columns[column.name], column.type) for column in _SCHEMA]
    return pa.record_batch(arrays, schema=_SCHEMA)


def _check_replaceable(out: Path) -> None:
    """Refuse to write over anything but a table of pairs.

    Raises:
        UserError: ``out`` is there and is something else, or holds more than a table.
    """
    if not out.exists():
        return
    if not out.is_dir():
        raise UserError(f"{out} is a file: choose another folder for the table")
    names = {entry.name for entry in out.iterdir()}
    foreign = sorted(names - _FILES - {QUARANTINE})
    if foreign or (names and "pairs.json" not in names):
        raise UserError(
            f"{out} holds more than a table of pairs ({(foreign or sorted(names))[0]}): "
            "choose another folder for the table"
        )


@contextmanager
def _temporary_beside(out: Path) -> Iterator[Path]:
    """A folder on the same file system, gone in the end, whatever happens."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    except OSError as error:
        raise UserError(f"cannot write to {out.parent}: {error.strerror}") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _version() -> str:
    """The version of tonics that writes."""
    try:
        return version("tonics")
    except PackageNotFoundError:
        return "not installed"
