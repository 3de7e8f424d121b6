import os
import shutil
from pathlib import Path

import pytest

from tonics.data.sources import debian
from tonics.errors import UserError

APT = """#!/bin/sh
printf '%s\\n' "$*" >> {log}
for word; do case $word in Dir::*=*) test -d "${{word#*=}}" || exit 9;; esac; done
case "$*" in
  *update*) test -d lists/partial && test -d cache/archives/partial;;
  *download*) if [ -e {broken} ]; then echo 'W: hm' >&2; echo 'E: no network' >&2; exit 100; fi
              echo archive > package_1_all.deb;;
esac
"""
DPKG = """#!/bin/sh
test "$2" -ef package_1_all.deb && mkdir -p "$3/usr" && echo content > "$3/usr/file"
"""


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand-ins for apt-get and dpkg-deb, which check what they are told."""
    folder = tmp_path / "bin"
    folder.mkdir()
    scripts = {
        "apt-get": APT.format(log=folder / "log", broken=folder / "broken"),
        "dpkg-deb": DPKG,
    }
    for name, text in scripts.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    monkeypatch.setenv("TONICS_CACHE", str(tmp_path / "cache"))
    return folder


def test_a_package_is_fetched_once(tools: Path, tmp_path: Path) -> None:
    folder = debian.fetch("package")
    assert folder == tmp_path / "cache" / "debian" / "package"
    assert (folder / "usr" / "file").read_text() == "content\n"
    assert debian.fetch("package") == folder
    assert len((tools / "log").read_text().splitlines()) == 2
    assert [path.name for path in folder.parent.iterdir()] == ["package"]


def test_a_failure_is_one_line_and_leaves_nothing(tools: Path, tmp_path: Path) -> None:
    (tools / "broken").touch()
    with pytest.raises(UserError, match="E: no network") as caught:
        debian.fetch("package")
    assert "\n" not in str(caught.value)
    assert list((tmp_path / "cache" / "debian").iterdir()) == []
    (tools / "broken").unlink()
    assert debian.fetch("package").is_dir()


def test_without_apt_the_error_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("TONICS_CACHE", str(tmp_path / "cache"))
    assert shutil.which("apt-get") is None
    with pytest.raises(UserError, match=r"no apt-get.*--format folder --root DIR"):
        debian.fetch("package")
