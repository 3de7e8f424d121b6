"""The import: a source's rows, their captions cleaned and their pictures checked, into a table."""

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from tonics.data.captions import clean
from tonics.data.images import ImageError, check
from tonics.data.sources.base import Source
from tonics.data.writing import Row, Skip, write_pairs

_THREADS = min(8, os.cpu_count() or 1)
_IN_FLIGHT = 8 * _THREADS


def import_pairs(source: Source, out: Path, format: str) -> dict[str, Any]:
    """Read a source into a table of pairs, with a progress bar on stderr.

    A picture that is missing, broken or outside the source's folder, and a caption that says
    nothing, is left out, counted and listed in the table's ``quarantine.csv``.

    Returns:
        What the table's ``pairs.json`` holds.

    Raises:
        UserError: nothing usable is left, or as `write_pairs`.
    """
    rows = checked(cleaned(source.rows), source.root)
    return write_pairs(_with_progress(rows), out, source.root, format)


def cleaned(rows: Iterable[Row | Skip]) -> Iterator[Row | Skip]:
    """Drop captions that say nothing, and images that are left without one."""
    for row in rows:
        if isinstance(row, Skip):
            yield row
            continue
        kept, empty = clean(row.captions)
        yield from [Skip(row.file, "empty caption")] * empty
        if kept:
            yield replace(row, captions=kept)
        else:
            yield Skip(row.file, "no caption left")


def checked(rows: Iterable[Row | Skip], root: Path) -> Iterator[Row | Skip]:
    """Decode every row's picture on a few threads, in order, holding only a window of rows."""
    root = root.resolve()
    pending: deque[Row | Skip | Future[Row | Skip]] = deque()
    with ThreadPoolExecutor(_THREADS) as pool:
        for row in rows:
            pending.append(row if isinstance(row, Skip) else pool.submit(_check, row, root))
            if len(pending) == _IN_FLIGHT:
                yield _result(pending.popleft())
        while pending:
            yield _result(pending.popleft())


def _result(item: Row | Skip | Future[Row | Skip]) -> Row | Skip:
    return item.result() if isinstance(item, Future) else item


def _check(row: Row, root: Path) -> Row | Skip:
    """The row with its picture's facts, or why the picture cannot be used."""
    try:
        row.file.encode()
        path = inside(root, row.file)
        if path is None:
            return Skip(row.file, "outside the folder")
        if not path.exists():
            return Skip(row.file, "missing picture")
    except (OSError, ValueError, RuntimeError) as error:
        # A name that is no text, or holds a zero byte, or is too long; a loop of links.
        detail = error.strerror if isinstance(error, OSError) else "no usable name"
        return Skip(row.file, "missing picture", detail or "")
    try:
        facts = check(path)
    except ImageError as error:
        # The reason without the path: the file stands beside it.
        return Skip(row.file, "broken picture", str(error).removeprefix(f"{path}: "))
    return replace(
        row,
        width=facts.width,
        height=facts.height,
        file_bytes=facts.file_bytes,
        digest=facts.digest,
    )


def inside(root: Path, file: str) -> Path | None:
    """The file's real path if it lies in the folder ``root``, links followed; None otherwise.

    Args:
        root: a resolved folder.
        file: relative, with forward slashes, from an untrusted list.
    """
    relative = PurePosixPath(file)
    if relative.is_absolute() or ".." in relative.parts:
        return None
    path = (root / relative).resolve()
    return path if path.is_relative_to(root) else None


def _with_progress(rows: Iterable[Row | Skip]) -> Iterator[Row | Skip]:
    """The same rows, counted before the user's eyes."""
    console = Console(stderr=True)
    if not console.is_terminal:  # rich would leave an empty line
        yield from rows
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    images = skipped = 0
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("reading", total=None)
        for row in rows:
            images += isinstance(row, Row)
            skipped += isinstance(row, Skip)
            progress.update(task, description=f"{images:,} images, {skipped:,} skipped")
            yield row
