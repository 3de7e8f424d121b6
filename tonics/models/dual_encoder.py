"""Two towers, two heads and a temperature: the model that tonics trains."""

import math
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from tonics.data.images import decode
from tonics.models.freezing import fix_batch_norm, freeze, frozen_part
from tonics.models.heads import HeadConfig, ProjectionHead
from tonics.models.text import TextTower
from tonics.models.vision import VisionTower

MAX_LOGIT_SCALE = math.log(100)
"""CLIP's ceiling for the log of the scale (Radford et al. 2021, section 2.3)."""


class DualEncoder(nn.Module):
    """A vision tower and a text tower with heads into one space.

    Attributes:
        vision: pixels to features.
        text: token ids to features.
        image_head: image features to embeddings.
        text_head: text features to embeddings.
        logit_scale: log of the factor on cosine similarities; starts at ln(1 / 0.07).
    """

    def __init__(self, vision: VisionTower, text: TextTower, head: HeadConfig) -> None:
        """Join two towers with new heads; both towers start frozen."""
        super().__init__()
        self.vision = vision
        self.text = text
        self.head_config = head
        self.image_head = ProjectionHead(vision.width, head)
        self.text_head = ProjectionHead(text.width, head)
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))
        self.unfreeze(vision=False, text=False)

    def unfreeze(self, *, vision: bool, text: bool, text_layers: int | None = None) -> None:
        """Choose which towers learn from now on; heads and temperature always do.

        Args:
            vision: whether the vision tower learns.
            text: whether the text tower learns.
            text_layers: only so many of its last layers; all of it when not given.

        Raises:
            UserError: ``text_layers`` for a tower whose layers are not known, or not so many.
        """
        self._frozen: list[nn.Module] = [] if vision else [self.vision]
        if not text:
            self._frozen.append(self.text)
        elif text_layers is not None:
            self._frozen += frozen_part(self.text.layers(), self.text.model, text_layers)
        self.requires_grad_(True)
        self.train(self.training)
        for part in self._frozen:
            freeze(part)

    def train(self, mode: bool = True) -> "DualEncoder":
        """As in PyTorch, but what is frozen stays in evaluation mode."""
        super().train(mode)
        if mode:
            fix_batch_norm(self)
            for part in self._frozen:
                part.eval()
        return self

    @torch.no_grad()
    def clamp_logit_scale(self) -> None:
        """Keep the temperature within [0, ln 100]; to be called after every optimiser step."""
        self.logit_scale.clamp_(0, MAX_LOGIT_SCALE)

    def project_image(self, features: Tensor) -> Tensor:
        """Vision features [B, width] to unit embeddings [B, dim]."""
        return F.normalize(self.image_head(features), dim=-1)

    def project_text(self, features: Tensor) -> Tensor:
        """Text features [B, width] to unit embeddings [B, dim]."""
        return F.normalize(self.text_head(features), dim=-1)

    def encode_image(self, pixels: Tensor) -> Tensor:
        """Pixels [B, 3, H, W] to unit embeddings [B, dim]."""
        return self.project_image(self.vision(pixels))

    def encode_text(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Token ids [B, T] and their mask [B, T] to unit embeddings [B, dim]."""
        return self.project_text(self.text(input_ids, attention_mask))

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return self.logit_scale.device

    @torch.inference_mode()
    def embed_images(self, images: Sequence[str | Path | Image.Image]) -> Tensor:
        """One batch of pictures (files, or RGB pictures in memory) to unit embeddings [B, dim].

        Raises:
            ImageError: a file cannot be read as a picture.
        """
        size = self.vision.transform.size
        opened = [x if isinstance(x, Image.Image) else decode(x, size) for x in images]
        pixels = torch.stack([self.vision.transform(image) for image in opened])
        return self.encode_image(pixels.to(self.device))

    @torch.inference_mode()
    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """One batch of texts to unit embeddings [B, dim]."""
        tokens = {k: v.to(self.device) for k, v in self.text.tokenize(list(texts)).items()}
        return self.encode_text(**tokens)
