import itertools
from math import comb
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from tonics.evaluation import retrieval as module
from tonics.evaluation.retrieval import Ranks, batch_accuracy, ranks, retrieval, summary, within


def whole_numbers(n: int, dim: int, seed: int, high: int = 3) -> Tensor:
    """Embeddings whose products are exact, with many ties."""
    return torch.randint(0, high, (n, dim), generator=torch.Generator().manual_seed(seed)).float()


def owners(images: int, texts: int, seed: int) -> Tensor:
    """An image for each text; every image has at least one."""
    generator = torch.Generator().manual_seed(seed)
    rest = torch.randint(0, images, (texts - images,), generator=generator)
    return torch.cat([torch.arange(images), rest])[torch.randperm(texts, generator=generator)]


def slow_ranks(scores: list[list[float]], positive: list[list[bool]]) -> list[tuple[int, int, int]]:
    found = []
    for row, good in zip(scores, positive, strict=True):
        best = max(s for s, g in zip(row, good, strict=True) if g)
        pairs = list(zip(row, good, strict=True))
        above = sum(s > best and not g for s, g in pairs)
        tied = sum(s == best and not g for s, g in pairs)
        found.append((above, tied, sum(s == best and g for s, g in pairs)))
    return found


def triples(found: Ranks) -> list[tuple[int, ...]]:
    return list(
        zip(found.above.tolist(), found.tied.tolist(), found.positives.tolist(), strict=True)
    )


def one(above: int, tied: int, positives: int) -> Ranks:
    return Ranks(np.array([above]), np.array([tied]), np.array([positives]))


@pytest.mark.parametrize("seed", range(5))
def test_ranks_equal_a_loop(seed: int) -> None:
    images, texts = whole_numbers(20, 4, seed), whole_numbers(70, 4, seed + 100)
    ids, of_text = torch.arange(20), owners(20, 70, seed)
    scores = texts @ images.T
    positive = of_text[:, None] == ids
    found = ranks(texts, images, of_text, ids)
    assert triples(found) == slow_ranks(scores.tolist(), positive.tolist())
    found = ranks(images, texts, ids, of_text)
    assert triples(found) == slow_ranks(scores.T.tolist(), positive.T.tolist())
    assert (found.tied > 0).any() and (found.positives > 1).any()


@pytest.mark.parametrize(
    ("tied", "positives"), list(itertools.product(range(5), range(1, 4))), ids=str
)
def test_ties_are_as_if_broken_at_random(tied: int, positives: int) -> None:
    # Every order of the tied items, behind two better negatives.
    marks = [True] * positives + [False] * tied
    firsts = [order.index(True) for order in itertools.permutations(marks)]
    found = one(2, tied, positives)
    assert found.expected()[0] == pytest.approx(3 + np.mean(firsts))
    for k in range(1, 12):
        share = np.mean([2 + first < k for first in firsts])
        assert found.hits(k)[0] == pytest.approx(share, abs=1e-12)


def test_without_ties_a_hit_is_a_rank_of_at_most_k() -> None:
    found = Ranks(np.array([0, 1, 4, 5, 10]), np.zeros(5, int), np.ones(5, int))
    assert found.expected().tolist() == [1, 2, 5, 6, 11]
    assert found.hits(1).tolist() == [1, 0, 0, 0, 0]
    assert found.hits(5).tolist() == [1, 1, 1, 0, 0]


def test_the_summary_is_in_percent_and_counts_from_1() -> None:
    found = Ranks(np.array([0, 0, 3, 7, 30]), np.zeros(5, int), np.ones(5, int))
    expected = {"R@1": 40, "R@5": 60, "R@10": 80, "median_rank": 4, "mean_rank": 9}
    assert summary(found) == pytest.approx(expected)


@pytest.mark.parametrize("captions", [1, 5])
def test_a_constant_embedding_scores_chance(captions: int) -> None:
    n = 40
    images, texts = torch.ones(n, 8), torch.ones(n * captions, 8)
    found = retrieval(images, texts, torch.arange(n).repeat_interleave(captions))
    for k in (1, 5, 10):
        assert found["text_to_image"][f"R@{k}"] == pytest.approx(100 * k / n)
        # Of all sets of k texts, those with at least one of the image's own.
        missed = comb(n * captions - captions, k) / comb(n * captions, k)
        assert found["image_to_text"][f"R@{k}"] == pytest.approx(100 * (1 - missed))
    assert found["text_to_image"]["mean_rank"] == pytest.approx((n + 1) / 2)
    assert found["image_to_text"]["mean_rank"] == pytest.approx((n * captions + 1) / (captions + 1))


def test_embeddings_that_are_not_numbers_come_last() -> None:
    images = torch.eye(12)
    broken = images.clone()
    broken[3:] = float("nan")
    found = retrieval(images, broken, torch.arange(12))
    assert found["text_to_image"]["R@10"] == pytest.approx(100 * 3 / 12)
    found = retrieval(torch.full((12, 4), float("nan")), torch.ones(12, 4), torch.arange(12))
    assert found["text_to_image"]["R@10"] == found["image_to_text"]["R@10"] == 0
    assert found["text_to_image"]["mean_rank"] >= 12


@pytest.mark.parametrize("seed", range(3))
def test_any_positive_counts(seed: int) -> None:
    """R@K by sorting, as the papers on Flickr30K and COCO count it."""
    generator = torch.Generator().manual_seed(seed)
    images, texts = (torch.randn(n, 8, generator=generator) for n in (30, 150))
    of_text = owners(30, 150, seed)
    texts += images[of_text]
    found = retrieval(images, texts, of_text)
    scores = images @ texts.T
    for k in (1, 5, 10):
        hits = [i in of_text[scores[i].argsort(descending=True)[:k]] for i in range(30)]
        assert found["image_to_text"][f"R@{k}"] == pytest.approx(100 * np.mean(hits))
        best = scores.T.argsort(dim=1, descending=True)[:, :k]
        hits = [int(of_text[j]) in best[j].tolist() for j in range(150)]
        assert found["text_to_image"][f"R@{k}"] == pytest.approx(100 * np.mean(hits))


@pytest.mark.parametrize("rows", [1, 7, 64])
def test_chunks_do_not_change_ranks(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    images, texts = whole_numbers(20, 5, 0), whole_numbers(64, 5, 1)
    of_text, ids = owners(20, 64, 2), torch.arange(20)
    nodes = {"a": np.arange(0, 20, 2), "b": np.arange(9)}
    whole = ranks(texts, images, of_text, ids)
    parts = within(images, texts, of_text, nodes)
    monkeypatch.setattr(module, "CHUNK_BYTES", rows * 4 * 20)
    assert triples(ranks(texts, images, of_text, ids)) == triples(whole)
    again = within(images, texts, of_text, nodes)
    assert [[triples(r) for r in again[n]] for n in nodes] == [
        [triples(r) for r in parts[n]] for n in nodes
    ]


class Largest(TorchDispatchMode):
    """Notes the size of the largest tensor that any operation yields."""

    elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor):
            self.elements = max(self.elements, result.numel())
        return result


def test_chunks_bound_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK_BYTES", 4 * 20 * 8)
    queries, gallery = whole_numbers(500, 3, 0), whole_numbers(20, 3, 1)
    with Largest() as largest:
        ranks(queries, gallery, torch.arange(500) % 20, torch.arange(20))
    assert largest.elements <= 500, "far less than 500 x 20"


def test_inside_nodes_is_retrieval_on_what_they_hold() -> None:
    images, texts = whole_numbers(30, 4, 3), whole_numbers(90, 4, 4)
    of_text = owners(30, 90, 5)
    nodes = {"even": np.arange(0, 30, 2), "late": np.arange(20, 30), "lone": np.array([7])}
    found = within(images, texts, of_text, nodes)
    assert list(found) == list(nodes)
    for node, members in nodes.items():
        place = {int(row): i for i, row in enumerate(members)}
        own = [j for j in range(90) if int(of_text[j]) in place]
        inside = torch.tensor([place[int(of_text[j])] for j in own])
        ids = torch.arange(len(members))
        alone = (
            ranks(texts[own], images[members], inside, ids),
            ranks(images[members], texts[own], ids, inside),
        )
        assert [triples(r) for r in found[node]] == [triples(r) for r in alone]


@pytest.mark.parametrize("size", [1, 2, 4, 7])
@pytest.mark.parametrize("above", range(7))
def test_batch_accuracy_is_the_mean_over_all_batches(above: int, size: int) -> None:
    for tied in range(7 - above):
        items = ["above"] * above + ["tied"] * tied + ["below"] * (6 - above - tied)
        wins = []
        for others in itertools.combinations(items, size - 1):
            wins.append(0 if "above" in others else 1 / (1 + others.count("tied")))
        found = batch_accuracy(one(above, tied, 1), gallery=7, size=size)
        assert found == pytest.approx(np.mean(wins), abs=1e-12)


def test_batch_accuracy_is_the_mean_over_queries_and_bounded_by_the_gallery() -> None:
    found = Ranks(np.array([0, 5]), np.array([0, 0]), np.array([1, 1]))
    assert batch_accuracy(found, gallery=6, size=3) == pytest.approx(0.5)
    assert batch_accuracy(found, gallery=6, size=99) == batch_accuracy(found, gallery=6, size=6)


@pytest.mark.parametrize("gallery", [16, 50, 5000])
def test_batch_accuracy_of_a_constant_embedding_is_chance(gallery: int) -> None:
    found = ranks(torch.ones(4, 2), torch.ones(gallery, 2), torch.arange(4), torch.arange(gallery))
    assert batch_accuracy(found, gallery, 16) == pytest.approx(1 / 16)
