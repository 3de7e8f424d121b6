import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tonics.losses.infonce import further_positives, in_batch_accuracy, info_nce


def slow_info_nce(logits: list[list[float]], masked: list[list[bool]]) -> float:
    """Each pair's two cross-entropies, written out over the negatives that count."""
    n = len(logits)
    total = 0.0
    for i in range(n):
        row = sum(math.exp(logits[i][j]) for j in range(n) if not masked[i][j])
        column = sum(math.exp(logits[j][i]) for j in range(n) if not masked[j][i])
        total += math.log(row) - logits[i][i] + math.log(column) - logits[i][i]
    return total / (2 * n)


def similarities(n: int, scale: float = 5.0) -> Tensor:
    generator = torch.Generator().manual_seed(n)
    image, text = (torch.randn(n, 6, generator=generator, dtype=torch.double) for _ in range(2))
    return scale * F.normalize(image, dim=-1) @ F.normalize(text, dim=-1).T


def random_mask(n: int) -> Tensor:
    generator = torch.Generator().manual_seed(n + 1)
    return further_positives(
        torch.randint(0, n // 2, (n,), generator=generator),
        torch.randint(0, n // 2, (n,), generator=generator),
    )


def nothing(n: int) -> Tensor:
    return torch.zeros(n, n, dtype=torch.bool)


@pytest.mark.parametrize("n", [2, 5, 16])
def test_it_equals_clips_formula(n: int) -> None:
    # open_clip.loss.ClipLoss, one process: mean of the cross-entropies of both directions.
    logits = similarities(n)
    labels = torch.arange(n)
    clip = (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2
    assert info_nce(logits, nothing(n)).item() == pytest.approx(clip.item(), abs=1e-12)
    slow = slow_info_nce(logits.tolist(), nothing(n).tolist())
    assert info_nce(logits, nothing(n)).item() == pytest.approx(slow, abs=1e-12)


@pytest.mark.parametrize("n", [4, 9, 16])
def test_masked_pairs_are_out_of_both_denominators(n: int) -> None:
    logits, masked = similarities(n), random_mask(n)
    assert masked.any()
    slow = slow_info_nce(logits.tolist(), masked.tolist())
    assert info_nce(logits, masked).item() == pytest.approx(slow, abs=1e-12)
    assert slow < slow_info_nce(logits.tolist(), nothing(n).tolist())


def test_equal_similarities_cost_the_log_of_the_batch_size() -> None:
    assert info_nce(torch.full((8, 8), 3.0), nothing(8)).item() == pytest.approx(math.log(8))


def test_a_pair_without_negatives_costs_nothing() -> None:
    masked = ~torch.eye(4, dtype=torch.bool)
    assert info_nce(similarities(4), masked).item() == 0.0


def test_gradients_equal_differences() -> None:
    masked = random_mask(6)
    logits = similarities(6).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: info_nce(x, masked), (logits,))


def test_masked_pairs_get_no_gradient_and_negatives_are_pushed_away() -> None:
    masked = random_mask(8)
    logits = similarities(8).requires_grad_()
    info_nce(logits, masked).backward()
    assert logits.grad is not None
    assert (logits.grad[masked] == 0).all()
    negatives = ~masked & ~torch.eye(8, dtype=torch.bool)
    assert (logits.grad[negatives] > 0).all()
    assert (logits.grad.diagonal() < 0).all()


def test_further_positives_share_an_image_or_a_caption() -> None:
    images, keys = [4, 7, 4, 9, 1], [1, 2, 3, 2, 1]
    found = further_positives(torch.tensor(images), torch.tensor(keys))
    for i in range(5):
        for j in range(5):
            match = i != j and (images[i] == images[j] or keys[i] == keys[j])
            assert found[i, j].item() == match
    assert found.sum() == 6


def test_in_batch_accuracy_counts_captions_that_find_their_image() -> None:
    # Columns are captions: the first and the third find their image, the second finds the third.
    # (Of the images only the first finds its caption.)
    logits = torch.tensor([[9.0, 1.0, 0.0], [4.0, 3.0, 1.0], [1.0, 8.0, 4.0]])
    assert in_batch_accuracy(logits, nothing(3)).item() == pytest.approx(2 / 3)
    forgiven = nothing(3)
    forgiven[2, 1] = forgiven[1, 2] = True
    assert in_batch_accuracy(logits, forgiven).item() == 1.0


def test_in_batch_accuracy_of_equal_similarities_is_chance() -> None:
    assert in_batch_accuracy(torch.ones(8, 8), nothing(8)).item() == pytest.approx(1 / 8)
