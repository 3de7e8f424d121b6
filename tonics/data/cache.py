"""Where tonics keeps what it has fetched or computed and can fetch or compute again."""

import os
from pathlib import Path


def cache_dir() -> Path:
    """The folder ``$TONICS_CACHE``, or ``~/.cache/tonics``; it is made when it is not there."""
    named = os.environ.get("TONICS_CACHE")
    folder = Path(named) if named else Path.home() / ".cache" / "tonics"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
