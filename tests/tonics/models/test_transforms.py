import numpy as np
import pytest
import torch
from PIL import Image
from timm.data import create_transform
from torch import Tensor

from tonics.models.transforms import ImageTransform, random_crop

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SHAPES = [(50, 50), (90, 40), (40, 90), (33, 70), (20, 24)]


def picture(width: int, height: int) -> Image.Image:
    """Smooth waves with noise on them."""
    x, y = np.meshgrid(np.linspace(0, 9, width), np.linspace(0, 7, height))
    noise = np.random.default_rng(0).normal(0, 6, (height, width, 3))
    waves = np.stack([np.sin(x), np.cos(y), np.sin(x + y)], axis=-1) * 100 + 128
    return Image.fromarray((waves + noise).clip(0, 255).astype(np.uint8))


def timms(image: Image.Image, size: int, mode: str, interpolation: str = "bicubic") -> Tensor:
    transform = create_transform(
        (3, size, size),
        interpolation=interpolation,
        mean=MEAN,
        std=STD,
        crop_pct=1.0,
        crop_mode=mode,
    )
    return transform(image)


def grey_levels(pixels: Tensor) -> Tensor:
    """Normalised pixels back to the scale of 0 to 255."""
    return (pixels * torch.tensor(STD).view(3, 1, 1) + torch.tensor(MEAN).view(3, 1, 1)) * 255


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
def test_squash_equals_timms(shape: tuple[int, int], interpolation: str) -> None:
    ours = ImageTransform(32, MEAN, STD, interpolation, "squash")(picture(*shape))
    assert (ours.shape, ours.dtype, ours.is_contiguous()) == ((3, 32, 32), torch.float32, True)
    torch.testing.assert_close(ours, timms(picture(*shape), 32, "squash", interpolation))


@pytest.mark.parametrize("shape", SHAPES)
def test_crop_is_timms_centre_crop(shape: tuple[int, int]) -> None:
    # timm resizes and then cuts whole pixels: up to half a pixel beside ours, cut first.
    image = picture(*shape)
    ours = grey_levels(ImageTransform(32, MEAN, STD, fit="crop")(image))
    theirs = grey_levels(timms(image, 32, "center"))
    squashed = grey_levels(ImageTransform(32, MEAN, STD, fit="squash")(image))
    assert (ours - theirs).abs().mean() < 8
    if shape[0] != shape[1]:
        assert (ours - theirs).abs().mean() < (squashed - theirs).abs().mean()


@pytest.mark.parametrize("fit", ["crop", "pad", "squash"])
def test_square_pictures_come_out_the_same(fit: str) -> None:
    ours = ImageTransform(32, MEAN, STD, fit=fit)(picture(50, 50))  # type: ignore[arg-type]
    torch.testing.assert_close(ours, timms(picture(50, 50), 32, "squash"))


@pytest.mark.parametrize(("shape", "inner"), [((80, 40), (32, 16)), ((20, 80), (8, 32))])
def test_pad_adds_white_and_loses_nothing(shape: tuple[int, int], inner: tuple[int, int]) -> None:
    image = picture(*shape)
    canvas = Image.new("RGB", (32, 32), (255, 255, 255))
    place = ((32 - inner[0]) // 2, (32 - inner[1]) // 2)
    canvas.paste(image.resize(inner, Image.Resampling.BICUBIC), place)
    ours = ImageTransform(32, MEAN, STD, fit="pad")(image)
    torch.testing.assert_close(ours, timms(canvas, 32, "squash"))
    corner = (1 - torch.tensor(MEAN)) / torch.tensor(STD)
    torch.testing.assert_close(ours[:, 0, 0], corner)
    torch.testing.assert_close(ours[:, -1, -1], corner)


@pytest.mark.parametrize("fit", ["crop", "pad", "squash"])
@pytest.mark.parametrize("shape", [(1, 1), (500, 1), (1, 500), (31, 33)])
def test_odd_shapes_come_through(fit: str, shape: tuple[int, int]) -> None:
    pixels = ImageTransform(32, fit=fit)(Image.new("RGB", shape, "red"))  # type: ignore[arg-type]
    assert pixels.shape == (3, 32, 32) and pixels.isfinite().all()
    # In the middle it is red whatever surrounds it: (1, -1, -1) at mean and std 0.5.
    assert pixels[:, 15:17, 15:17].amax(dim=(1, 2)).tolist()[0] == 1.0


def test_colours_are_normalised_by_channel() -> None:
    mean, std = (0.1, 0.2, 0.3), (0.5, 0.25, 2.0)
    pixels = ImageTransform(8, mean, std)(Image.new("RGB", (9, 9), (255, 51, 0)))
    expected = [(1.0 - 0.1) / 0.5, (0.2 - 0.2) / 0.25, (0.0 - 0.3) / 2.0]
    assert pixels[:, 4, 4].tolist() == pytest.approx(expected, abs=1e-6)


def coordinates(width: int, height: int) -> Image.Image:
    """A picture whose pixels hold their own place."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    return Image.fromarray(np.stack([x, y, x * 0], axis=-1).astype(np.uint8))


def test_random_crops_are_windows_of_70_to_100_percent() -> None:
    width, height = 200, 120
    rng = np.random.default_rng(0)
    places, areas = set(), []
    for _ in range(300):
        cropped = np.array(random_crop(coordinates(width, height), rng)).astype(int)
        (left, top), (right, bottom) = cropped[0, 0, :2], cropped[-1, -1, :2]
        assert cropped.shape[:2] == (bottom - top + 1, right - left + 1)
        areas.append(cropped.shape[0] * cropped.shape[1] / (width * height))
        assert cropped.shape[1] / cropped.shape[0] == pytest.approx(width / height, rel=0.02)
        places.add((left > 0, top > 0, right < width - 1, bottom < height - 1))
    assert 0.69 < min(areas) < 0.72 and 0.98 < max(areas) <= 1.0
    assert np.mean(areas) == pytest.approx(0.85, abs=0.02)
    assert len(places) > 4, "not always the same corner"


def test_a_random_crop_comes_before_the_fit_and_only_with_a_generator() -> None:
    image, transform = picture(60, 50), ImageTransform(32)
    cropped = random_crop(image, np.random.default_rng(7))
    assert torch.equal(transform(image, np.random.default_rng(7)), transform(cropped))
    assert torch.equal(transform(image), transform(image))
    assert not torch.equal(transform(image, np.random.default_rng(8)), transform(image))


def test_a_crop_of_a_single_pixel_is_that_pixel() -> None:
    image = Image.new("RGB", (1, 1), "blue")
    assert random_crop(image, np.random.default_rng(0)).getpixel((0, 0)) == (0, 0, 255)
