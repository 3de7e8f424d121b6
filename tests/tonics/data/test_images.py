import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tonics.data import images
from tonics.data.images import ImageError, check, decode
from tonics.errors import UserError


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    buffer = BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def noise(width: int, height: int) -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(pixels)


def test_rgb_comes_back_exactly(tmp_path: Path) -> None:
    image = noise(20, 10)
    image.save(tmp_path / "a.png")
    assert np.array_equal(decode(tmp_path / "a.png"), image)
    assert np.array_equal(decode(str(tmp_path / "a.png")), image)
    assert np.array_equal(decode((tmp_path / "a.png").read_bytes()), image)


def test_alpha_is_blended_onto_white() -> None:
    rgba = np.zeros((1, 3, 4), np.uint8)
    rgba[0, :, 3] = [0, 128, 255]  # black: clear, half, solid
    for mode in ("RGBA", "LA"):
        data = encoded(Image.fromarray(rgba).convert(mode), "PNG")
        assert np.allclose(np.asarray(decode(data))[0, :, 0], [255, 127, 0], atol=1)


def test_a_transparent_palette_colour_is_white() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([200, 0, 0, 0, 0, 200])
    image.putpixel((1, 0), 1)
    pixels = np.asarray(decode(encoded(image, "PNG", transparency=0)))
    assert pixels.tolist() == [[[255, 255, 255], [0, 0, 200]]]


@pytest.mark.parametrize("mode", ["L", "1", "CMYK", "P"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    format = "TIFF" if mode == "CMYK" else "PNG"
    assert decode(encoded(noise(8, 8).convert(mode), format)).mode == "RGB"


def test_sixteen_bits_are_scaled_not_clipped() -> None:
    image = Image.fromarray(np.array([[0, 0x7FFF, 0xFFFF]], np.uint16))
    assert np.asarray(decode(encoded(image, "PNG")))[0, :, 0] == pytest.approx([0, 127, 255], abs=1)


def test_the_exif_orientation_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise
    image = Image.new("RGB", (64, 32), "black")
    image.paste("white", (0, 0, 32, 32))
    (tmp_path / "a.jpg").write_bytes(encoded(image, "JPEG", exif=exif))
    upright = decode(tmp_path / "a.jpg")
    assert upright.size == (32, 64)
    assert upright.getpixel((16, 8)) > (240, 240, 240)
    facts = check(tmp_path / "a.jpg")
    assert (facts.width, facts.height) == (32, 64)


def test_a_jpeg_is_decoded_reduced_but_never_below_the_size() -> None:
    data = encoded(noise(640, 480), "JPEG")
    assert decode(data).size == (640, 480)
    assert decode(data, size=100).size == (160, 120)
    assert decode(data, size=240).size == (320, 240)
    assert decode(data, size=1000).size == (640, 480)


def test_thirty_thousand_squared_is_refused_without_the_memory(
    tmp_path: Path, png_header: Callable[[int, int], bytes]
) -> None:
    (tmp_path / "huge.png").write_bytes(png_header(30_000, 30_000))
    assert (tmp_path / "huge.png").stat().st_size < 100
    tracemalloc.start()
    with pytest.raises(ImageError, match="pixels"):
        decode(tmp_path / "huge.png")
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


def test_just_above_the_cap_is_refused_by_our_own_limit(
    png_header: Callable[[int, int], bytes],
) -> None:
    with pytest.raises(ImageError, match="at most"):
        decode(png_header(8_000, 10_001))


def test_broken_files_are_one_line_errors(
    tmp_path: Path, png_header: Callable[[int, int], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    jpeg, png = encoded(noise(64, 64), "JPEG"), encoded(noise(64, 64), "PNG")
    broken = {
        "zero.jpg": b"",
        "truncated.jpg": jpeg[: len(jpeg) // 2],
        "truncated.png": png[: len(png) // 2],
        "body.png": png_header(10, 10),
        "text.jpg": b"<html>404</html>",
        "postscript.eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
        "large.jpg": jpeg + bytes(100),
    }
    monkeypatch.setattr(images, "MAX_BYTES", len(jpeg) + 50)
    for name, content in broken.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder.jpg").mkdir()
    for name in [*broken, "missing.jpg", "folder.jpg"]:
        with pytest.raises(UserError) as caught:
            check(tmp_path / name)
        assert isinstance(caught.value, ImageError)
        assert "\n" not in str(caught.value) and name in str(caught.value)


def test_facts(tmp_path: Path) -> None:
    noise(30, 20).save(tmp_path / "a.png")
    content = (tmp_path / "a.png").read_bytes()
    facts = check(tmp_path / "a.png")
    assert (facts.width, facts.height, facts.file_bytes) == (30, 20, len(content))
    assert facts.digest == blake2b(content, digest_size=16).digest()


def test_threads_agree_with_one() -> None:
    data = [encoded(noise(50 + i, 40), "JPEG") for i in range(32)]
    alone = [decode(item).tobytes() for item in data]
    with ThreadPoolExecutor(8) as pool:
        assert [image.tobytes() for image in pool.map(decode, data)] == alone
