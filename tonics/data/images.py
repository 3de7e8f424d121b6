"""Decodes pictures that nobody vouches for: to RGB, on white, upright, or a reason why not."""

import threading
from contextlib import nullcontext
from dataclasses import dataclass
from hashlib import blake2b
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageOps

from tonics.errors import UserError

MAX_PIXELS = 80_000_000
"""A larger picture is refused by its header alone (Pillow itself begins to warn at 89 million)."""

MAX_BYTES = 200_000_000
"""A larger file is refused unread."""

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"})
"""The endings of files that are taken for pictures when a folder is searched."""

# Named, because Pillow would otherwise try formats that start other programs (EPS).
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")

# Pictures above this many pixels are decoded one at a time: many threads, bounded memory.
_LARGE_PIXELS = 16_000_000
_one_large_picture = threading.Lock()


class ImageError(UserError):
    """A picture that cannot be used; the message is one line."""


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What the import keeps of a picture: size as displayed, file size, digest of the content."""

    width: int
    height: int
    file_bytes: int
    digest: bytes


def decode(source: str | Path | bytes, size: int | None = None) -> Image.Image:
    """The picture in RGB, upright by its EXIF orientation, transparent parts white.

    Args:
        source: a file, or its content.
        size: if the picture will be shrunk so that its shorter side has this many pixels, then say
            so: a JPEG is decoded at the smallest of its scales that is still as large, several
            times faster.

    Returns:
        The picture at its own size, or a reduced one with both sides at least ``size`` pixels
        (where the picture itself has them). Of an animation, the first frame.

    Raises:
        ImageError: missing, empty, truncated, too large, or no picture. Thread-safe.
    """
    name = "the image" if isinstance(source, bytes) else str(source)
    data = source if isinstance(source, bytes) else read_bytes(Path(source))
    return _decode(data, name, size)[0]


def check(path: Path) -> ImageFacts:
    """Read and decode a file to the end, and say what it is.

    Raises:
        ImageError: as `decode`.
    """
    data = read_bytes(path)
    # The smallest JPEG scale still reads every byte, which is what finds a truncated file.
    _, (width, height) = _decode(data, str(path), size=1)
    return ImageFacts(width, height, len(data), blake2b(data, digest_size=16).digest())


def read_bytes(path: Path) -> bytes:
    """The content of a regular file of at most `MAX_BYTES`.

    Raises:
        ImageError: there is no such file, it cannot be read, or it is empty or too large.
    """
    try:
        if not path.is_file():
            raise ImageError(f"{path}: no such file")
        if (size := path.stat().st_size) > MAX_BYTES:
            raise ImageError(f"{path}: a file of more than {MAX_BYTES // 10**6} MB")
        with path.open("rb") as file:
            data = file.read(size)
    except OSError as error:
        raise ImageError(f"{path}: {error.strerror or error}") from error
    if not data:
        raise ImageError(f"{path}: empty file")
    return data


def _decode(data: bytes, name: str, size: int | None) -> tuple[Image.Image, tuple[int, int]]:
    """The decoded picture, and its full width and height as displayed."""
    try:
        with Image.open(BytesIO(data), formats=_FORMATS) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise ImageError(f"{name}: {width} x {height} pixels; at most {MAX_PIXELS:,}")
            if size is not None:
                image.draft("RGB", (size, size))
            large = image.width * image.height > _LARGE_PIXELS
            # Reading a PNG's EXIF may already decode it: so that, too, one at a time.
            with _one_large_picture if large else nullcontext():
                if image.getexif().get(0x0112, 1) in (5, 6, 7, 8):  # lying on its side
                    width, height = height, width
                return _to_rgb(ImageOps.exif_transpose(image)), (width, height)
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageError(f"{name}: more than {MAX_PIXELS:,} pixels") from error
    except Image.UnidentifiedImageError as error:
        raise ImageError(f"{name}: not a picture in a known format") from error
    except Exception as error:
        # A decoder fed with damaged data raises nearly anything: OSError, SyntaxError, ValueError,
        # struct.error, EOFError. Whatever it is, this picture is broken and the next may be fine.
        raise ImageError(f"{name}: broken picture ({' '.join(str(error).split())})") from error


def _to_rgb(image: Image.Image) -> Image.Image:
    """Any Pillow mode to RGB, transparent parts on white."""
    if image.mode.startswith("I"):
        # 16-bit greys: Pillow's own conversion would clip them to white.
        image = image.convert("I").point(lambda grey: grey * (1 / 256)).convert("L")
    if not image.has_transparency_data:
        return image.convert("RGB")
    rgba = image.convert("RGBA")
    white = Image.new("RGB", rgba.size, "white")
    white.paste(rgba, mask=rgba.getchannel("A"))
    return white
