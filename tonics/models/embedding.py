"""Many files and many texts through a tower: prepared in threads, batched by length."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tonics.data.images import ImageError, decode
from tonics.data.progress import track
from tonics.models.dual_encoder import DualEncoder
from tonics.models.text import TextTower
from tonics.models.transforms import ImageTransform

IMAGE_BATCH = 64
TEXT_BATCH = 128


def load_pixels(files: Sequence[Path], transform: ImageTransform) -> Tensor:
    """Decode and prepare files in threads: float [B, 3, H, W].

    Raises:
        ImageError: a file cannot be read as a picture.
    """
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        return torch.stack(list(pool.map(lambda f: transform(decode(f, transform.size)), files)))


def text_batches(
    texts: Sequence[str], tower: TextTower
) -> Iterator[tuple[np.ndarray, dict[str, Tensor]]]:
    """Tokenised batches of texts of like length (little padding: half the time).

    Yields:
        Positions in ``texts`` int64 [B], and the tokens of those texts.
    """
    order = np.argsort([len(text) for text in texts], kind="stable")
    for start in range(0, len(order), TEXT_BATCH):
        places = order[start : start + TEXT_BATCH]
        yield places, tower.tokenize([texts[i] for i in places])


@torch.inference_mode()
def embed_files(
    model: DualEncoder, files: Sequence[Path]
) -> tuple[np.ndarray, list[int], list[ImageError]]:
    """Embed picture files, passing over those that cannot be read.

    Args:
        model: the dual encoder.
        files: picture files.

    Returns:
        Unit embeddings float32 [n, D], the positions in ``files`` of those n, and an error for each
        of the others.
    """
    kept: list[int] = []
    errors: list[ImageError] = []
    parts = [np.empty((0, model.head_config.dim), dtype=np.float32)]
    transform = model.vision.transform

    def prepare(file: Path) -> Tensor | ImageError:
        try:
            return transform(decode(file, transform.size))
        except ImageError as error:
            return error

    with (
        track("Embedding pictures", len(files)) as advance,
        ThreadPoolExecutor(torch.get_num_threads()) as pool,
    ):
        for start in range(0, len(files), IMAGE_BATCH):
            pixels = []
            prepared = list(pool.map(prepare, files[start : start + IMAGE_BATCH]))
            for place, item in enumerate(prepared, start):
                if isinstance(item, ImageError):
                    errors.append(item)
                else:
                    kept.append(place)
                    pixels.append(item)
            if pixels:
                embedded = model.encode_image(torch.stack(pixels).to(model.device))
                parts.append(embedded.float().cpu().numpy())
            advance(len(prepared))
    return np.concatenate(parts), kept, errors


@torch.inference_mode()
def embed_texts(model: DualEncoder, texts: Sequence[str]) -> np.ndarray:
    """Embed texts: unit embeddings float32 [n, D], in the order of ``texts``."""
    embeddings = np.empty((len(texts), model.head_config.dim), dtype=np.float32)
    with track("Embedding texts", len(texts)) as advance:
        for places, tokens in text_batches(texts, model.text):
            moved = {name: tensor.to(model.device) for name, tensor in tokens.items()}
            embeddings[places] = model.encode_text(**moved).float().cpu().numpy()
            advance(len(places))
    return embeddings
