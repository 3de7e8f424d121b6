"""One progress bar for all long work."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def track(title: str, total: int, done: int = 0) -> Iterator[Callable[[int], None]]:
    """Show a bar on stderr while the block runs.

    Args:
        title: what is being done.
        total: how many items there are.
        done: how many of them are done already.

    Yields:
        A function that advances the bar by so many items.
    """
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task(title, total=total, completed=done)
        yield lambda n: progress.update(task, advance=n)
    if not console.is_terminal:
        # Without a terminal there is no bar: leave one line where it would have been.
        print(f"{title}: {total:,} done", file=console.file)
