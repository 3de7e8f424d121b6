"""The feature cache: what a frozen tower makes of each image and caption, computed once.

A cache is a folder named by everything that its numbers depend on (the tower's weights and
preparation, the pairs' fingerprint), so it is shared between runs and never stale. It is written
chunk by chunk; one that was cut off goes on where it stopped.
"""

import fcntl
import json
from abc import ABC, abstractmethod
from hashlib import blake2b
from pathlib import Path

import numpy as np
import torch
from torch import nn

from tonics.data.pairs import Pairs
from tonics.data.progress import track
from tonics.errors import UserError
from tonics.models.embedding import load_pixels, text_batches
from tonics.models.text import TextTower
from tonics.models.vision import VisionTower


class TowerFeatures(ABC):
    """A tower's features of all items of a table, on disk in fp16.

    Attributes:
        kind: ``images`` or ``captions``.
        chunk: how many items are encoded between two looks at the disk.
        shape: (items, width).
        folder: where the cache is.
    """

    kind: str
    chunk: int

    def __init__(self, tower: nn.Module, key: list[str], shape: tuple[int, int], cache: Path):
        """Name the cache by the tower's weights and ``key``, all else that counts."""
        self._tower = tower
        self.shape = shape
        name = "\n".join([self.kind, weights_digest(tower), *key]).encode()
        digest = blake2b(name, digest_size=8).hexdigest()
        self.folder = cache / "features" / f"{self.kind}-{digest}"
        self._data = self.folder / "features.npy"
        self._progress = self.folder / "progress.json"

    @abstractmethod
    def encode(self, ids: np.ndarray) -> np.ndarray:
        """The features of some items: float32 [B, width]."""

    def all(self) -> np.ndarray:
        """The features of all items: fp16 [items, width], memory-mapped; computed where missing.

        Raises:
            UserError: a picture cannot be read any more, or features do not fit into fp16.
        """
        if self._done() < len(self):
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / "lock").open("w") as lock:
                # A second run waits here, and then finds that the first has done the work.
                fcntl.flock(lock, fcntl.LOCK_EX)
                self._complete()
        return np.load(self._data, mmap_mode="r", allow_pickle=False)

    def _complete(self) -> None:
        """Compute what is missing, chunk by chunk."""
        done = self._done()
        if done == len(self):
            return
        mode = "r+"
        if not done:  # what an older file's progress says must not outlive that file
            mode = "w+"
            self._progress.unlink(missing_ok=True)
        array = np.lib.format.open_memmap(self._data, mode, np.float16, self.shape)
        with track(f"Features of {self.kind}", len(self), done) as advance:
            while done < len(self):
                ids = np.arange(done, min(done + self.chunk, len(self)))
                array[ids] = self._halved(ids)
                array.flush()
                done += len(ids)
                # Only what has reached the disk counts as done.
                self._progress.write_text(json.dumps({"done": done}))
                advance(len(ids))

    def some(self, ids: np.ndarray) -> np.ndarray:
        """The features of some items: fp16 [B, width]; from a finished cache, or computed now."""
        if self._done() == len(self):
            return np.load(self._data, mmap_mode="r", allow_pickle=False)[ids]
        parts = []
        with track(f"Encoding {self.kind}", len(ids)) as advance:
            for start in range(0, len(ids), self.chunk):
                parts.append(self._halved(ids[start : start + self.chunk]))
                advance(len(parts[-1]))
        return np.concatenate(parts)

    def __len__(self) -> int:
        return self.shape[0]

    def _halved(self, ids: np.ndarray) -> np.ndarray:
        """Features in fp16, which must hold them."""
        # A frozen tower is in this mode anyway; one about to be frozen again may not be yet.
        self._tower.eval()
        with torch.inference_mode():
            features = self.encode(ids)
        if not np.abs(features).max() <= np.finfo(np.float16).max:
            raise UserError(f"features of {self.kind} do not fit into fp16: unfreeze that tower")
        return features.astype(np.float16)

    def _done(self) -> int:
        """How many items an earlier run has left; 0 for anything that does not look right."""
        try:
            array = np.load(self._data, mmap_mode="r", allow_pickle=False)
            done = int(json.loads(self._progress.read_text())["done"])
        except (OSError, ValueError, KeyError, TypeError):
            return 0
        return done if array.shape == self.shape and array.dtype == np.float16 else 0


class ImageFeatures(TowerFeatures):
    """A vision tower's features of a table's images, by row."""

    kind = "images"
    chunk = 64

    def __init__(self, tower: VisionTower, pairs: Pairs, cache: Path) -> None:
        """Describe the features; nothing is computed yet."""
        shape = (len(pairs), tower.width)
        # Other models may hold the same tensors and differ in pooling or activation.
        key = [tower.config.name, str(tower.config.pooling), repr(tower.transform)]
        super().__init__(tower, [*key, pairs.fingerprint], shape, cache)
        self._vision = tower
        self._pairs = pairs

    def encode(self, ids: np.ndarray) -> np.ndarray:
        """The features of some rows: float32 [B, width]."""
        files = [self._pairs.image_path(row) for row in ids]
        pixels = load_pixels(files, self._vision.transform).to(_device(self._vision))
        return self._vision(pixels).float().cpu().numpy()


class TextFeatures(TowerFeatures):
    """A text tower's features of a table's captions, by caption id."""

    kind = "captions"
    chunk = 2048

    def __init__(self, tower: TextTower, pairs: Pairs, cache: Path) -> None:
        """Describe the features; nothing is computed yet."""
        config = tower.config
        # Two tokenizers that cut a text alike serve one tower alike, wherever they lie.
        probe = repr(tower.tokenize(["The Tokenizer's probe, 12 naïve words: 狗!"]))
        key = [config.pooling, str(config.max_length), probe, pairs.fingerprint]
        super().__init__(tower, key, (pairs.n_captions, tower.width), cache)
        self._text = tower
        self._pairs = pairs

    def encode(self, ids: np.ndarray) -> np.ndarray:
        """The features of some captions: float32 [B, width]."""
        features = np.empty((len(ids), self._text.width), dtype=np.float32)
        for places, tokens in text_batches(self._pairs.caption_texts(ids), self._text):
            moved = {name: tensor.to(_device(self._text)) for name, tensor in tokens.items()}
            features[places] = self._text(**moved).float().cpu().numpy()
        return features


def weights_digest(tower: nn.Module) -> str:
    """A hash of a tower's tensors, names included."""
    digest = blake2b(digest_size=8)
    for name, tensor in tower.state_dict().items():
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(tensor.detach().cpu().numpy()).data)
    return digest.hexdigest()


def _device(tower: nn.Module) -> torch.device:
    """Where a tower's parameters are."""
    return next(tower.parameters()).device
