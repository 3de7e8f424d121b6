"""Small pictures, broken pictures, and the shared data sets where they are."""

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image


@pytest.fixture
def picture(tmp_path: Path) -> Callable[..., Path]:
    """Writes a small picture of a colour of its own, and its folder."""
    made = 0

    def write(name: str, size: tuple[int, int] = (24, 16)) -> Path:
        nonlocal made
        made += 1
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, (made * 7 % 256, made // 36, 99)).save(path)
        return path

    return write


@pytest.fixture
def png_header() -> Callable[[int, int], bytes]:
    """A PNG of 57 bytes that claims any size: a header, an empty body, an end."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    def make(width: int, height: int) -> bytes:
        header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        return b"\x89PNG\r\n\x1a\n" + b"".join(
            [chunk(b"IHDR", header), chunk(b"IDAT", b""), chunk(b"IEND", b"")]
        )

    return make


@pytest.fixture
def shared_data() -> Path:
    """The folder of real data sets that TONICS_SHARED_DATA names."""
    named = os.environ.get("TONICS_SHARED_DATA")
    if not named:
        pytest.skip("TONICS_SHARED_DATA does not name a folder of data sets")
    return Path(named)
