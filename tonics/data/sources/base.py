"""What every source gives, and how they read text that nobody vouches for."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tonics.data.writing import Row, Skip
from tonics.errors import UserError

MAX_LINE = 1_000_000
"""Characters in one line of a text file; more is a mistake, or an attempt to fill the memory."""


@dataclass(frozen=True)
class Source:
    """A dataset, ready to be read once.

    Attributes:
        root: the folder that the rows' files are relative to.
        rows: the images, and what the source itself leaves out; pictures are not opened.
    """

    root: Path
    rows: Iterator[Row | Skip]


def require_folder(root: Path | None, what: str) -> Path:
    """The folder named by ``--root``.

    Raises:
        UserError: none was named, or it is not a folder.
    """
    if root is None:
        raise UserError(f"say where {what} is: --root DIR")
    if not root.is_dir():
        raise UserError(f"{root} is not a folder: --root names the folder of {what}")
    return root


def lines(path: Path) -> Iterator[str]:
    """The lines of a UTF-8 file, each with its line end, never more than `MAX_LINE` at once.

    Raises:
        UserError: the file cannot be read, is not UTF-8, or has a longer line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            while line := file.readline(MAX_LINE):
                if len(line) == MAX_LINE:
                    raise UserError(f"{path}: a line of more than {MAX_LINE:,} characters")
                yield line
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text: convert it first") from error
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from error
