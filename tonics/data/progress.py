"""One progress bar for all long work."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

REPORT = 15.0
"""Seconds between two lines where there is no terminal to draw a bar on; quick work leaves none."""


@contextmanager
def track(title: str, total: int, done: int = 0) -> Iterator[Callable[[int], None]]:
    """Show a bar on stderr while the block runs; without a terminal, a line now and then.

    Args:
        title: what is being done.
        total: how many items there are.
        done: how many of them are done already.

    Yields:
        A function that advances the bar by so many items.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines(console, title, total, done)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task(title, total=total, completed=done)
        yield lambda n: progress.update(task, advance=n)


@contextmanager
def status(title: str) -> Iterator[None]:
    """Show a spinner on stderr while the block runs; nothing without a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:  # rich would leave an empty line
        yield
        return
    with console.status(title):
        yield


def _lines(console: Console, title: str, total: int, done: int) -> Callable[[int], None]:
    """A function that counts items, and says from time to time how many there are."""
    told = monotonic()
    reported = False

    def advance(n: int) -> None:
        nonlocal done, told, reported
        done += n
        due = monotonic() - told > REPORT
        if due or (reported and done >= total):
            print(f"{title}: {done:,} of {total:,}", file=console.file, flush=True)
            told, reported = monotonic(), True

    return advance
