"""Pictures to tensors, as the vision tower wants them."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

Fit = Literal["crop", "pad", "squash"]
_INTERPOLATION = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}


@dataclass(frozen=True)
class ImageTransform:
    """Resizes a picture to a square, scales to [0, 1] and normalises by channel.

    Attributes:
        size: side of the square, in pixels.
        mean: by channel, on the scale [0, 1].
        std: by channel, on the scale [0, 1].
        interpolation: ``bicubic`` or ``bilinear``.
        fit: how a picture that is not square gets square: ``crop`` its middle, ``pad`` it with
            white (nothing lost: right for cut-outs), or ``squash`` it (nothing lost, no padding).
    """

    size: int = 224
    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    std: tuple[float, ...] = (0.5, 0.5, 0.5)
    interpolation: str = "bicubic"
    fit: Fit = "crop"

    def __call__(self, image: Image.Image, rng: np.random.Generator | None = None) -> Tensor:
        """An RGB picture to a float tensor [3, size, size].

        Args:
            image: an RGB picture.
            rng: if given, a random crop of 70 to 100% of the picture is taken first, which is what
                a tower sees in training.
        """
        if rng is not None:
            image = random_crop(image, rng)
        side = (self.size, self.size)
        method = _INTERPOLATION.get(self.interpolation, Image.Resampling.BICUBIC)
        if self.fit == "pad":
            image = ImageOps.pad(image, side, method, color="white")
        elif self.fit == "crop":
            image = ImageOps.fit(image, side, method)
        else:
            image = image.resize(side, method)
        pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).float().div_(255)
        mean, std = (torch.tensor(x).view(3, 1, 1) for x in (self.mean, self.std))
        return pixels.sub_(mean).div_(std).contiguous()


def random_crop(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A crop of 70 to 100% of the area at a random place, of the picture's own aspect ratio."""
    scale = rng.uniform(0.7, 1.0) ** 0.5
    width, height = (max(1, round(side * scale)) for side in image.size)
    left = int(rng.integers(0, image.width - width + 1))
    top = int(rng.integers(0, image.height - height + 1))
    return image.crop((left, top, left + width, top + height))
