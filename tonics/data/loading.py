"""What a batch is made from: cached features or live pictures and texts, behind one call."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from tonics.curricula.sampler import PlannedBatch
from tonics.data.images import decode
from tonics.data.pairs import Pairs
from tonics.models.text import TextTower, tokenize
from tonics.models.transforms import ImageTransform

Batch = dict[str, Any]


class Features:
    """Rows of a feature cache, under the name that the model looks for."""

    def __init__(self, name: str, array: np.ndarray) -> None:
        """Serve ``array``, fp16 [n, width], as ``name``."""
        self.name = name
        self.array = array

    def __call__(self, ids: np.ndarray, seed: list[int] | None = None) -> Batch:
        """The features of some items: float [B, width]."""
        return {self.name: torch.from_numpy(self.array[ids].astype(np.float32))}


class Pictures:
    """Pictures decoded when they are asked for; with a seed, a random crop of each."""

    def __init__(self, pairs: Pairs, transform: ImageTransform) -> None:
        """Serve the pictures of ``pairs`` as ``transform`` prepares them."""
        self.pairs = pairs
        self.transform = transform

    def __call__(self, ids: np.ndarray, seed: list[int] | None = None) -> Batch:
        """Pixels of some rows: float [B, 3, H, W]."""
        return {"pixels": torch.stack([self._pixels(int(row), seed) for row in ids])}

    def _pixels(self, row: int, seed: list[int] | None) -> Tensor:
        # The crop depends on run, step and row alone: the same with any number of workers.
        rng = None if seed is None else np.random.default_rng([*seed, row])
        return self.transform(decode(self.pairs.image_path(row), self.transform.size), rng)


class Texts:
    """Captions tokenised when they are asked for."""

    def __init__(self, pairs: Pairs, tower: TextTower) -> None:
        """Serve the captions of ``pairs`` as the tower's tokenizer reads them."""
        self.pairs = pairs
        # The bound method would drag the tower's weights into every worker.
        self.tokenizer = tower.tokenizer
        self.max_length = tower.config.max_length

    def __call__(self, ids: np.ndarray, seed: list[int] | None = None) -> Batch:
        """Token ids and mask of some captions: int64 [B, T], T the longest of them."""
        return tokenize(self.tokenizer, self.pairs.caption_texts(ids), self.max_length)


Source = Callable[..., Batch]


class PairBatches(Dataset[Batch]):
    """Training batches, fetched whole: an item is a `PlannedBatch`, not a pair."""

    def __init__(self, pairs: Pairs, images: Source, texts: Source, seed: int) -> None:
        """Make batches of ``pairs`` from two sources."""
        self.pairs = pairs
        self.images = images
        self.texts = texts
        self.seed = seed

    def __getitems__(self, planned: PlannedBatch) -> Batch:
        """The batch of a plan: both sources, ids for the loss, and facts for the log."""
        return {
            **self.images(planned.rows, [self.seed, 2, planned.step]),
            **self.texts(planned.captions),
            "image_ids": torch.from_numpy(planned.rows),
            "caption_keys": torch.from_numpy(self.pairs.caption_keys[planned.captions]),
            "planned": planned,
        }


class ItemBatches(Dataset[Batch]):
    """Batches of images or of captions alone, for embedding: an item is an array of ids."""

    def __init__(self, source: Source) -> None:
        """Make batches from one source."""
        self.source = source

    def __getitems__(self, ids: np.ndarray) -> Batch:
        """The batch of some rows or captions."""
        return self.source(ids)
