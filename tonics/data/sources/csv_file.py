"""A CSV or TSV file that lists pictures and captions; the pictures lie in its folder or below.

See `tonics.data.sources.tabular` for its columns. Several lines with the same picture are one row.
"""

from functools import partial
from pathlib import Path

from tonics.data.sources.base import Source
from tonics.data.sources.tabular import csv_entries, merged
from tonics.errors import UserError


def source(root: Path | None) -> Source:
    """The pictures that the file ``root`` lists.

    Raises:
        UserError: there is no such file.
    """
    if root is None or not root.is_file():
        raise UserError(f"{root or 'no --root'}: --root names a CSV file for --format csv")
    return Source(root.parent, merged(partial(csv_entries, root)))
