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
    whole = torch.ones(len(gallery), 1, device=gallery.device)
    above, tied, positives = _count(queries, gallery, query_ids, gallery_ids, whole)
    return Ranks(above[:, 0], tied[:, 0], positives)


@torch.inference_mode()
def _count(
    queries: Tensor, gallery: Tensor, query_ids: Tensor, gallery_ids: Tensor, groups: Tensor
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How many negatives beat or tie the best positive, within each group of the gallery.

    One product of comparisons with memberships counts for all groups at once.

    Args:
        queries: [Q, D].
        gallery: [G, D].
        query_ids: int [Q].
        gallery_ids: int [G].
        groups: [G, K], 1 where an item belongs to a group, else 0.

    Returns:
        Above [Q, K], tied [Q, K], and positives that tie with the best one [Q]; int64.
    """
    step = max(1, CHUNK_BYTES // (4 * len(gallery)))
    above, tied, positives = [], [], []
    for start in range(0, len(queries), step):
        scores = queries[start : start + step].float() @ gallery.float().T
        positive = query_ids[start : start + step, None] == gallery_ids
        best = scores.masked_fill(~positive, float("-inf")).amax(dim=1, keepdim=True)
        positives.append(((scores == best) & positive).sum(dim=1))
        scores.masked_fill_(positive, float("-inf"))
        # Sums of ones are exact in float32 up to 16 million.
        # Not `>`: embeddings of a model that diverged (NaN) must come last, not first.
        above.append((~(scores <= best)).float() @ groups)
        tied.append((scores == best).float() @ groups)
    found = (torch.cat(parts).cpu().numpy().astype(np.int64) for parts in (above, tied, positives))
    return tuple(found)  # type: ignore[return-value]


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
    groups = torch.zeros(len(images), len(nodes), device=images.device)
    for column, members in enumerate(nodes.values()):
        groups[torch.as_tensor(np.array(members), device=images.device), column] = 1
    ids = torch.arange(len(images), device=images.device)
    inside, inside_texts = (g.cpu().numpy() > 0 for g in (groups, groups[image_of_text]))
    # All positives of a query lie in the nodes that it lies in itself.
    to_image = _count(texts, images, image_of_text, ids, groups)
    to_text = _count(images, texts, ids, image_of_text, groups[image_of_text])
    found = {}
    for column, node in enumerate(nodes):
        parts = []
        for (above, tied, positives), own in ((to_image, inside_texts), (to_text, inside)):
            chosen = own[:, column]
            parts.append(Ranks(above[chosen, column], tied[chosen, column], positives[chosen]))
        found[node] = (parts[0], parts[1])
    return found


def batch_accuracy(found: Ranks, gallery: int, size: int) -> float:
    """The expected accuracy in a random batch of ``size``, from ranks in a larger gallery.

    A query with r better negatives among g - 1 beats size - 1 of them, drawn at random, with the
    chance C(g - 1 - r, size - 1) / C(g - 1, size - 1). So nodes of any size are judged by the same
    task, without drawing anything. With t ties, broken at random, r is any of above … above + t:
    the mean of their chances is (C(g - above, size) - C(g - 1 - above - t, size)) / (t + 1), over
    the same denominator.

    Args:
        found: ranks of queries with one positive each.
        gallery: how many images there were to choose from.
        size: pairs in the batch; no more than ``gallery``.
    """
    size = min(size, gallery)
    drawn = np.arange(size)

    def share(n: np.ndarray) -> np.ndarray:
        """C(n, size) / C(gallery, size)."""
        return (np.clip(n[:, None] - drawn, 0, None) / (gallery - drawn)).prod(axis=1)

    chances = share(gallery - found.above) - share(gallery - 1 - found.above - found.tied)
    return float((chances / (found.tied + 1)).mean() * gallery / size)
