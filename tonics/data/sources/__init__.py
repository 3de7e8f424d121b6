"""One file a dataset format; each reads a source into rows and skips, without opening a picture."""

from pathlib import Path

from tonics.data.sources import csv_file, flickr8k, folder, stamps
from tonics.data.sources.base import Source

FORMATS = {
    "stamps": stamps.source,
    "folder": folder.source,
    "csv": csv_file.source,
    "flickr8k": flickr8k.source,
}


def open_source(format: str, root: Path | None) -> Source:
    """The dataset of one of the `FORMATS` at ``root``; only the stamps can do without one.

    Raises:
        UserError: there is no such dataset there.
    """
    return FORMATS[format](root)
