"""Debian's ``tuxpaint-stamps-default``: pictures of things, each with an English sentence.

Beside ``name.png`` lies ``name.txt``: the first line is the English caption, each further line
``xx.utf8=...`` its translation. The folders are topics.

Left out, each counted: drawings in SVG (Pillow does not draw them; many are there as PNG as well),
and pictures without a text of their own, which are mirror images of others. Everything else stays:
photo cut-outs, drawings, and signs such as letters and coins. There are no published splits: they
are split by hash.
"""

from collections.abc import Iterator
from pathlib import Path

from tonics.data.sources import debian
from tonics.data.sources.base import Source, lines
from tonics.data.writing import Row, Skip
from tonics.errors import UserError

PACKAGE = "tuxpaint-stamps-default"
_FOLDER = Path("usr/share/tuxpaint/stamps")


def source(root: Path | None) -> Source:
    """The stamps in ``root``, or, without one, those of the Debian package (161 MB, GPL-2).

    Args:
        root: the folder ``stamps`` itself, or one that a package was unpacked into.

    Raises:
        UserError: the folder holds no stamps, or the package cannot be fetched.
    """
    unpacked = debian.fetch(PACKAGE) if root is None else root
    stamps = unpacked / _FOLDER if (unpacked / _FOLDER).is_dir() else unpacked
    if not any(stamps.glob("**/*.png")):
        raise UserError(f"{stamps} holds no stamps: leave --root out and they are fetched")
    return Source(stamps, _rows(stamps))


def _rows(root: Path) -> Iterator[Row | Skip]:
    """One row a stamp, in the order of the file names."""
    for path in sorted(root.rglob("*")):
        file = path.relative_to(root).as_posix()
        if path.suffix not in (".png", ".svg"):
            continue
        if path.suffix == ".svg":
            yield Skip(file, "drawing in SVG")
        elif not path.with_suffix(".txt").is_file():
            yield Skip(file, "no caption", "no text file beside it")
        else:
            caption, translations = _read_text(path.with_suffix(".txt"))
            yield Row(file.removesuffix(".png"), file, [caption], translations=translations)


def _read_text(path: Path) -> tuple[str, dict[str, str]]:
    """The English caption, and its translations by language code (``de``, ``sr@latin``)."""
    first, *others = [line.strip() for line in lines(path)] or [""]
    translations = {}
    for line in others:
        language, mark, text = line.partition(".utf8=")
        if mark and text.strip():
            translations[language] = text.strip()
    return first, translations
