"""Lists of pictures and captions that people keep: CSV, TSV and JSON lines, as streams.

Columns are found by name, in this order of preference, whatever their case: the picture in
``file_name``, ``file``, ``filepath``, ``image_path`` or ``image``; its caption in ``captions`` (a
JSON list, or one caption), ``caption``, ``text`` or ``title``; optionally its ``split``.
"""

import csv
import json
import posixpath
from array import array
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tonics.data.captions import key
from tonics.data.sources.base import lines
from tonics.data.splits import split_name
from tonics.data.writing import Row, Skip
from tonics.errors import UserError

FILE_COLUMNS = ("file_name", "file", "filepath", "image_path", "image")
CAPTION_COLUMNS = ("captions", "caption", "text", "title")


def csv_entries(path: Path, folder: str = "", split: str | None = None) -> Iterator[Row | Skip]:
    """One row a line of a CSV or TSV file with a header, the same picture perhaps several times.

    Args:
        path: the file; it is tab-separated if a tab stands in its header.
        folder: what the pictures' names are relative to, relative to the source's root.
        split: the split of all its rows, where the file's place says it.

    Raises:
        UserError: the file is no CSV in UTF-8, or lacks a column for the pictures or the captions.
    """
    header = next(lines(path), "")
    # Strict, because a stray quote would otherwise swallow the lines that follow.
    reader = csv.reader(lines(path), delimiter="\t" if "\t" in header else ",", strict=True)
    try:
        names = [name.strip().casefold() for name in next(reader, [])]
        file_column = _column(path, names, FILE_COLUMNS)
        caption_column = _column(path, names, CAPTION_COLUMNS)
        for record in reader:
            if not record:
                continue
            where = f"{path.name}, line {reader.line_num}"
            if len(record) != len(names):
                # Too many fields, too: a caption's comma without quotes would cut the caption.
                yield Skip(where, "malformed line", f"{len(record)} fields, not {len(names)}")
                continue
            caption: Any = record[names.index(caption_column)]
            if caption_column == "captions" and caption.lstrip().startswith("["):
                caption = _parsed(caption)
            own_split = record[names.index("split")] if "split" in names else split
            yield _entry(where, folder, record[names.index(file_column)], caption, own_split)
    except csv.Error as error:
        raise UserError(f"{path}, line {reader.line_num}: {error}") from error


def json_entries(path: Path, folder: str = "", split: str | None = None) -> Iterator[Row | Skip]:
    """One row a line of a file of JSON objects; arguments as for `csv_entries`.

    Raises:
        UserError: the file is not UTF-8, or an object lacks the picture or the captions.
    """
    for number, line in enumerate(lines(path), 1):
        if not line.strip():
            continue
        where = f"{path.name}, line {number}"
        value = _parsed(line)
        if not isinstance(value, dict):
            yield Skip(where, "malformed line", "no JSON object")
            continue
        record = {name.strip().casefold(): item for name, item in value.items()}
        file = record[_column(path, record, FILE_COLUMNS)]
        caption = record[_column(path, record, CAPTION_COLUMNS)]
        yield _entry(where, folder, file, caption, record.get("split", split))


def merged(read: Callable[[], Iterator[Row | Skip]]) -> Iterator[Row | Skip]:
    """One row a picture, wherever in the list its captions stand.

    The list is read twice: first for the last place of each picture (eight bytes a line), so that a
    row can leave as soon as it is complete. A list that is sorted, or has one line a picture, holds
    one row at a time; a shuffled one holds the pictures that are still to come again.
    """
    keys = array("q", (key(row.file) for row in read() if isinstance(row, Row)))
    last = _last_of_each(np.asarray(keys, np.int64))
    waiting: dict[str, Row | Skip] = {}
    position = 0
    for row in read():
        if isinstance(row, Skip):
            yield row
            continue
        file = row.file
        joined = _join(waiting.pop(file), row) if file in waiting else row
        if last[position]:
            yield joined
        else:
            waiting[file] = joined
        position += 1
    yield from waiting.values()  # empty, unless two names share a 64-bit key


def _last_of_each(keys: np.ndarray) -> np.ndarray:
    """Bool [n]: whether no equal key follows."""
    last = np.zeros(len(keys), bool)
    _, from_end = np.unique(keys[::-1], return_index=True)
    last[len(keys) - 1 - from_end] = True
    return last


def _join(earlier: Row | Skip, row: Row) -> Row | Skip:
    """Two lines of the same picture as one row."""
    if isinstance(earlier, Skip):
        return earlier
    if earlier.split != row.split:
        return Skip(
            row.file, "in two splits", f"{earlier.split or 'none'} and {row.split or 'none'}"
        )
    return replace(earlier, captions=earlier.captions + row.captions)


def _entry(where: str, folder: str, file: Any, caption: Any, split: Any) -> Row | Skip:
    """One line's row; ``where`` names the line if it has no picture."""
    if not isinstance(file, str) or not file.strip():
        return Skip(where, "no file name")
    file = posixpath.normpath(posixpath.join(folder, file.strip()))
    captions = caption if isinstance(caption, list) else [caption]
    if not all(isinstance(text, str) for text in captions):
        return Skip(file, "malformed line", f"{where}: a caption is no text")
    name = split_name(str(split)) if split else None
    if split and name is None:
        return Skip(file, "unknown split", f"{split!r} is not train, dev or test")
    return Row(file, file, captions, name)


def _column(path: Path, present: Collection[str], wanted: tuple[str, ...]) -> str:
    """The first of the wanted columns that is there."""
    for name in wanted:
        if name in present:
            return name
    raise UserError(
        f"{path} has no column {' or '.join(wanted)}: it has {', '.join(sorted(present)) or 'none'}"
    )


def _parsed(text: str) -> Any:
    """The JSON value, or the text itself where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
