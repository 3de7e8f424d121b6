"""A folder of pictures with ``metadata.csv`` or ``metadata.jsonl``: the imagefolder convention.

The metadata lies beside the pictures, or one in each of the folders ``train``, ``dev`` (or ``val``,
``validation``) and ``test``, which are then the splits. Its columns: `tonics.data.sources.tabular`.
"""

import os
from array import array
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tonics.data.captions import key
from tonics.data.images import SUFFIXES
from tonics.data.sources.base import Source, require_folder
from tonics.data.sources.tabular import csv_entries, json_entries, merged
from tonics.data.splits import split_name
from tonics.data.writing import Row, Skip
from tonics.errors import UserError

_READERS = {"metadata.csv": csv_entries, "metadata.jsonl": json_entries}


def source(root: Path | None) -> Source:
    """The pictures in the folder ``root``.

    Raises:
        UserError: it is no folder, or has no metadata.
    """
    root = require_folder(root, "the pictures and their metadata.csv")
    metadata = _metadata(root)
    if not metadata:
        raise UserError(
            f"{root} has no metadata.csv or metadata.jsonl: write one, with file_name and caption"
        )
    return Source(root, _rows(root, metadata))


def _metadata(root: Path) -> list[tuple[Path, str, str | None]]:
    """(file, its folder, its split): the metadata in ``root``, or else in the split folders."""
    if own := _metadata_file(root):
        return [(own, "", None)]
    names = sorted(path.name for path in root.iterdir() if path.is_dir() and split_name(path.name))
    found = [(_metadata_file(root / name), name, split_name(name)) for name in names]
    return [(path, name, split) for path, name, split in found if path]


def _metadata_file(folder: Path) -> Path | None:
    """The folder's metadata; None where there is none."""
    found = [folder / name for name in _READERS if (folder / name).is_file()]
    if len(found) > 1:
        raise UserError(f"{folder} has both {' and '.join(_READERS)}: keep one")
    return found[0] if found else None


def _rows(root: Path, metadata: list[tuple[Path, str, str | None]]) -> Iterator[Row | Skip]:
    """The pictures that the metadata names, then those that it does not."""

    def read() -> Iterator[Row | Skip]:
        for path, folder, split in metadata:
            yield from _READERS[path.name](path, folder, split)

    seen = array("q")
    for row in merged(read):
        seen.append(key(row.file))
        yield row
    named = np.unique(np.asarray(seen, np.int64))
    for file in _pictures(root):
        number = key(file)
        at = np.searchsorted(named, number)
        if at == len(named) or named[at] != number:
            yield Skip(file, "no caption", "not in the metadata")


def _pictures(root: Path) -> Iterator[str]:
    """The picture files below ``root``, relative to it; links to folders are not followed."""
    for folder, folders, files in os.walk(root):
        folders.sort()
        for name in sorted(files):
            if Path(name).suffix.casefold() in SUFFIXES:
                yield (Path(folder) / name).relative_to(root).as_posix()
