"""R@K, median and mean rank: both directions, several positives, ties at chance."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

CHUNK_BYTES = 64 << 20
"""How much of the similarity matrix is held at a time."""


@dataclass(frozen=True)
class Ranks:
    """Where the best positive of each query stands, before ties are broken.

    Attributes:
        above: int64 [Q], how many negatives score higher than the best positive.
        tied: int64 [Q], how many negatives score the same as it.
        positives: int64 [Q], how many positives score the same as it, itself included.
    """

    above: np.ndarray
    tied: np.ndarray
    positives: np.ndarray

    def expected(self) -> np.ndarray:
        """The best positive's rank, from 1, if ties were broken at random: float [Q].

        The first of p marked items among p + t shuffled ones stands at (p + t + 1) / (p + 1).
        """
        tied = (self.tied + self.positives + 1) / (self.positives + 1)
        return self.above + tied

    def hits(self, k: int) -> np.ndarray:
        """The chance of a positive among the first k if ties were broken at random: float [Q].

        Without ties 0 or 1. With m places left for p + t tied items, all m go to negatives with
        the chance C(t, m) / C(p + t, m).
        """
        places = k - self.above
        hits = (places > 0).astype(float)
        for i in np.flatnonzero((self.tied > 0) & (places > 0)):
            t, p = int(self.tied[i]), int(self.positives[i])
            taken = np.arange(min(int(places[i]), t + p))
            hits[i] = 1 - np.prod(np.clip(t - taken, 0, None) / (t + p - taken))
        return hits


@torch.inference_mode()
def ranks(queries: Tensor, gallery: Tensor, query_ids: Tensor, gallery_ids: Tensor) -> Ranks:
    """Rank the gallery for each query by dot product, a chunk of queries at a time.

    Args:
        queries: [Q, D].
        gallery: [G, D].
        query_ids: int [Q].
        gallery_ids: int [G]; an item is a positive of the queries with its id.

    Returns:
        One rank a query. Every query must have a positive.
    """
    step = max(1, CHUNK_BYTES // (4 * len(gallery)))
    above, tied, positives = [], [], []
    for start in range(0, len(queries), step):
        scores = queries[start : start + step].float() @ gallery.float().T
        positive = query_ids[start : start + step, None] == gallery_ids
        best = scores.masked_fill(~positive, float("-inf")).amax(dim=1, keepdim=True)
        equal = scores == best
        above.append(((scores > best) & ~positive).sum(dim=1))
        tied.append((equal & ~positive).sum(dim=1))
        positives.append((equal & positive).sum(dim=1))
    return Ranks(*(torch.cat(parts).cpu().numpy() for parts in (above, tied, positives)))


def summary(found: Ranks) -> dict[str, float]:
    """R@1, R@5 and R@10 in percent, median and mean rank (from 1)."""
    expected = found.expected()
    recalls = {f"R@{k}": 100 * float(found.hits(k).mean()) for k in (1, 5, 10)}
    return {
        **recalls,
        "median_rank": float(np.median(expected)),
        "mean_rank": float(expected.mean()),
    }


def retrieval(images: Tensor, texts: Tensor, image_of_text: Tensor) -> dict[str, dict[str, float]]:
    """Retrieval in both directions.

    Args:
        images: unit embeddings [N, D].
        texts: unit embeddings [M, D].
        image_of_text: int [M], which image each text describes; every image has at least one.

    Returns:
        ``text_to_image`` and ``image_to_text``, each a `summary`. An image's caption is found when
        any of its captions is, as papers on Flickr and COCO count it.
    """
    ids = torch.arange(len(images), device=images.device)
    return {
        "text_to_image": summary(ranks(texts, images, image_of_text, ids)),
        "image_to_text": summary(ranks(images, texts, ids, image_of_text)),
    }


def within(
    images: Tensor, texts: Tensor, image_of_text: Tensor, nodes: Mapping[str, np.ndarray]
) -> dict[str, tuple[Ranks, Ranks]]:
    """Ranks inside each node: its images' texts against its images, and its images against those.

    Args:
        images: unit embeddings [N, D].
        texts: unit embeddings [M, D].
        image_of_text: int [M], which image each text describes.
        nodes: for each node the positions of its images, in [0, N).

    Returns:
        Text→image and image→text ranks by node.
    """
    found = {}
    for node, members in nodes.items():
        inside = torch.zeros(len(images), dtype=torch.bool, device=images.device)
        ids = torch.as_tensor(np.array(members), dtype=torch.long, device=images.device)
        inside[ids] = True
        chosen = inside[image_of_text]
        own, of_text = texts[chosen], image_of_text[chosen]
        to_image = ranks(own, images[ids], of_text, ids)
        found[node] = (to_image, ranks(images[ids], own, ids, of_text))
    return found


def batch_accuracy(found: Ranks, gallery: int, size: int) -> float:
    """The expected accuracy in a random batch of ``size``, from ranks in a larger gallery.

    A query with r better negatives among g - 1 beats size - 1 of them, drawn at random, with the
    chance C(g - 1 - r, size - 1) / C(g - 1, size - 1). So nodes of any size are judged by the same
    task, without drawing anything.

    Args:
        found: ranks of queries with one positive each.
        gallery: how many images there were to choose from.
        size: pairs in the batch; no more than ``gallery``.
    """
    size = min(size, gallery)
    worse = found.expected() - 1
    drawn = np.arange(size - 1)
    chances = np.clip(gallery - 1 - worse[:, None] - drawn, 0, None) / (gallery - 1 - drawn)
    return float(chances.prod(axis=1).mean())
