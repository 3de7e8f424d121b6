"""The table of pairs: one row an image with its captions, on disk, memory-mapped.

A table is a folder: ``pairs.arrow`` (Arrow IPC), ``splits.npy``, ``caption_offsets.npy`` and
``caption_keys.npy`` (numpy, memory-mapped as well), ``pairs.json`` (where the pictures are, counts,
fingerprint) and ``quarantine.csv`` (what was left out and why). Ten million rows cost address
space, not memory: nothing is a Python object until it is asked for.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tonics.data.splits import SPLITS
from tonics.data.writing import KIND, LAYOUT, Row, Skip, write_pairs
from tonics.errors import UserError

__all__ = ["SPLITS", "Pairs", "Row", "Skip", "write_pairs"]


class Pairs:
    """A table of pairs, opened for reading; pickling it carries the path, not the rows.

    A caption's id is its position among all captions in row order: row r holds the ids
    ``caption_offsets[r]`` to ``caption_offsets[r + 1] - 1``.

    Attributes:
        path: the table's folder.
        root: the folder of the pictures.
        fingerprint: a hash over ids, captions, splits and the image files' contents.
        info: ``pairs.json`` as it was read.
        splits: int8 [n], indices into `SPLITS`.
        caption_offsets: int64 [n + 1].
        caption_keys: int64 [n_captions]; equal where captions are equal after normalisation.
    """

    def __init__(self, path: Path, info: dict[str, Any], table: pa.Table) -> None:
        self.path = path
        self.info = info
        self.root = Path(info["root"])
        self.fingerprint: str = info["fingerprint"]
        self.splits: np.ndarray = _sidecar(path, "splits", np.int8)
        self.caption_offsets: np.ndarray = _sidecar(path, "caption_offsets", np.int64)
        self.caption_keys: np.ndarray = _sidecar(path, "caption_keys", np.int64)
        self._table = table
        chunks = [chunk.flatten() for chunk in table.column("captions").chunks]
        self._flat = pa.chunked_array(chunks, type=pa.string())
        if not (
            len(self.splits) == len(self.caption_offsets) - 1 == table.num_rows
            and int(self.caption_offsets[-1]) == len(self.caption_keys) == len(self._flat)
        ):
            raise _corrupt(path, "its files do not belong together")

    @classmethod
    def open(cls, path: str | Path) -> "Pairs":
        """Open the table in the folder ``path``.

        Raises:
            UserError: there is no table, or it is damaged.
        """
        path = Path(path)
        if not (path / "pairs.json").is_file():
            raise UserError(f"{path} holds no table of pairs: make one with `tonics data import`")
        try:
            info = json.loads((path / "pairs.json").read_text("utf-8"))
            if info["kind"] != KIND or info["layout"] != LAYOUT:
                raise _corrupt(path, f"it is not of layout {LAYOUT}")
            table = pa.ipc.open_file(pa.memory_map(str(path / "pairs.arrow"))).read_all()
            return cls(path, info, table)
        except (OSError, ValueError, KeyError, TypeError, IndexError, pa.ArrowException) as error:
            raise _corrupt(path, " ".join(str(error).split())) from error

    def __reduce__(self) -> tuple[Any, ...]:
        return Pairs.open, (self.path,)

    def __len__(self) -> int:
        return self._table.num_rows

    @property
    def n_captions(self) -> int:
        """How many captions the table holds."""
        return len(self.caption_keys)

    def rows(self, split: str) -> np.ndarray:
        """The rows of a split: int64, ascending.

        Raises:
            UserError: the split is not one of `SPLITS`.
        """
        if split not in SPLITS:
            raise UserError(f"no split {split!r}: choose one of {', '.join(SPLITS)}")
        return np.flatnonzero(self.splits == SPLITS.index(split)).astype(np.int64)

    def id(self, row: int) -> str:
        """The image's id in its source."""
        return self._table.column("id")[int(row)].as_py()

    def image_path(self, row: int) -> Path:
        """The image's file."""
        return self.root / self._table.column("file")[int(row)].as_py()

    def captions(self, row: int) -> list[str]:
        """The image's captions, at least one."""
        return self._table.column("captions")[int(row)].as_py()

    def caption(self, caption_id: int) -> str:
        """The text of one caption."""
        return self._flat[int(caption_id)].as_py()

    def caption_texts(self, caption_ids: Sequence[int] | np.ndarray) -> list[str]:
        """The texts of several captions, in the order asked for."""
        return [self._flat[int(caption_id)].as_py() for caption_id in caption_ids]

    def caption_ids(self, rows: np.ndarray) -> np.ndarray:
        """The ids of all captions of some rows, row by row: int64."""
        counts = self.caption_offsets[rows + 1] - self.caption_offsets[rows]
        before = np.concatenate([[0], np.cumsum(counts)[:-1]]) if len(rows) else counts
        return np.arange(counts.sum()) + np.repeat(self.caption_offsets[rows] - before, counts)

    def owners(self, rows: np.ndarray) -> np.ndarray:
        """For each id of ``caption_ids(rows)`` the position in ``rows`` of its image: int64."""
        counts = self.caption_offsets[rows + 1] - self.caption_offsets[rows]
        return np.repeat(np.arange(len(rows)), counts)

    def iter_captions(self, batch: int = 8192) -> Iterator[tuple[int, list[list[str]]]]:
        """The captions of all rows in row order: (first row, one list of captions a row)."""
        column = self._table.column("captions")
        for start in range(0, len(self), batch):
            yield start, column.slice(start, batch).to_pylist()

    def translations(self, row: int) -> dict[str, str]:
        """The caption in other languages, by language code; empty for most sources."""
        return dict(self._table.column("translations")[int(row)].as_py() or [])


def _sidecar(path: Path, name: str, dtype: type) -> np.ndarray:
    """One of the table's numpy files, memory-mapped."""
    array = np.load(path / f"{name}.npy", mmap_mode="r", allow_pickle=False)
    if array.dtype != dtype or array.ndim != 1:
        raise _corrupt(path, f"{name}.npy is not one-dimensional {np.dtype(dtype)}")
    return array


def _corrupt(path: Path, reason: str) -> UserError:
    """What to say of a table that cannot be read."""
    return UserError(f"the table of pairs in {path} is damaged ({reason}): import it again")
