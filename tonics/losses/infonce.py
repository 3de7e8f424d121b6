"""InfoNCE over a batch of pairs, in both directions."""

import torch
import torch.nn.functional as F
from torch import Tensor


def further_positives(image_ids: Tensor, caption_keys: Tensor) -> Tensor:
    """Which pairs off the diagonal are known to match, so that they are no negatives.

    Args:
        image_ids: [B], equal where two pairs show the same image.
        caption_keys: [B], equal where two captions say the same.

    Returns:
        bool [B, B], symmetric, False on the diagonal.
    """
    same = (image_ids[:, None] == image_ids) | (caption_keys[:, None] == caption_keys)
    return same.fill_diagonal_(False)


def info_nce(logits: Tensor, masked: Tensor) -> Tensor:
    """Symmetric InfoNCE: each image picks its caption out of the batch, and each caption its image.

    The mean of the two cross-entropies of CLIP (Radford et al. 2021, figure 3), with the pairs in
    ``masked`` taken out of the denominators: being matches, they must not be pushed apart.

    Args:
        logits: scaled similarities [B, B], images by captions, matching pairs on the diagonal.
        masked: bool [B, B], symmetric, False on the diagonal.

    Returns:
        A scalar, in nats.
    """
    logits = logits.masked_fill(masked, float("-inf"))
    targets = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, targets) + F.cross_entropy(logits.T, targets)) / 2


def in_batch_accuracy(logits: Tensor, masked: Tensor) -> Tensor:
    """Share of captions whose image has the highest logit of the batch: a scalar in [0, 1]."""
    best = logits.masked_fill(masked, float("-inf")).argmax(dim=0)
    return (best == torch.arange(len(logits), device=logits.device)).float().mean()
