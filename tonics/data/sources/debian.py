"""Fetches and unpacks a Debian package without root, in a cache folder of its own."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tonics.data.cache import cache_dir
from tonics.errors import UserError

_TOOLS = ("apt-get", "dpkg-deb")


def fetch(package: str) -> Path:
    """The folder that the package was unpacked into; fetched once, then found again.

    The machine's own package lists are neither needed nor touched. apt checks the signatures; the
    folder appears under its final name only when the package is unpacked whole.

    Raises:
        UserError: this machine has no apt, or the package cannot be fetched.
    """
    target = cache_dir() / "debian" / package
    if target.is_dir():
        return target
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if missing:
        raise UserError(
            f"this machine has no {missing[0]} to fetch Debian's {package}: use pictures of your "
            "own (`tonics data import --format folder --root DIR`)"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{package}.", dir=target.parent) as name:
        work = Path(name)
        options = _apt_options(work)
        _run(["apt-get", *options, "update"], work, package)
        _run(["apt-get", *options, "download", package], work, package)
        _run(["dpkg-deb", "--extract", str(next(work.glob("*.deb"))), "unpacked"], work, package)
        if not target.is_dir():  # unless another process was quicker
            (work / "unpacked").rename(target)
    return target


def _apt_options(work: Path) -> list[str]:
    """Options that keep apt's lists, archives and locks inside ``work``."""
    lists, cache = work / "lists", work / "cache"
    for folder in (lists / "partial", cache / "archives" / "partial"):
        folder.mkdir(parents=True)
    settings = {
        "Dir::State::Lists": lists,
        "Dir::Cache": cache,
        "Dir::Cache::archives": cache / "archives",
        # As root, apt would drop to a user of its own, who may not enter this folder.
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
        "Acquire::Retries": 3,
        "Acquire::http::Timeout": 60,
    }
    return ["-qq", *(word for key, value in settings.items() for word in ("-o", f"{key}={value}"))]


def _run(command: list[str], work: Path, package: str) -> None:
    """Run one tool in ``work``.

    Raises:
        UserError: it fails, with its last line.
    """
    done = subprocess.run(
        command,
        cwd=work,
        env={**os.environ, "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip() or "no message").splitlines()[-1]
        raise UserError(f"cannot fetch Debian's {package}: {command[0]}: {last}")
