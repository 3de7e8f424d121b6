import random

import numpy as np
import pytest

from tonics.data.captions import caption_key
from tonics.data.splits import components, hash_splits, split_name, straddling


def packed(rows: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    offsets = np.cumsum([0, *map(len, rows)], dtype=np.int64)
    return offsets, np.array([key for row in rows for key in row], np.int64)


def slow_components(rows: list[list[int]]) -> list[int]:
    """Flood fill."""
    labels = [-1] * len(rows)
    for start in range(len(rows)):
        if labels[start] >= 0:
            continue
        todo = [start]
        while todo:
            row = todo.pop()
            if labels[row] < 0:
                labels[row] = start
                todo += [r for r, keys in enumerate(rows) if set(keys) & set(rows[row])]
    return labels


@pytest.mark.parametrize("seed", range(20))
def test_components_equal_a_flood_fill(seed: int) -> None:
    rng = random.Random(seed)
    rows = [[rng.randrange(60) for _ in range(rng.randint(1, 3))] for _ in range(40)]
    assert components(*packed(rows)).tolist() == slow_components(rows)


def test_a_long_chain_in_random_order_is_one_component() -> None:
    n = 20_000
    order = np.random.default_rng(0).permutation(n)
    offsets, keys = packed([[int(i), int(i) + 1] for i in order])
    assert not components(offsets, keys).any()


@pytest.mark.parametrize("seed", range(5))
def test_equal_captions_never_straddle(seed: int) -> None:
    rng = random.Random(seed)
    words = ["dog", "cat", "ball", "red", "big", "runs", "sits", "hat"]
    captions = [
        [" ".join(rng.sample(words, 4)) for _ in range(rng.randint(1, 5))] for _ in range(300)
    ]
    offsets, keys = packed([[caption_key(text) for text in row] for row in captions])
    splits = hash_splits(offsets, keys)
    seen: dict[str, set[int]] = {}
    for row, split in zip(captions, splits, strict=True):
        for text in row:
            seen.setdefault(text, set()).add(int(split))
    assert all(len(found) == 1 for found in seen.values())
    assert straddling(offsets, keys, splits) == 0


def test_the_shares_are_as_documented() -> None:
    offsets, keys = packed([[caption_key(f"caption {i}")] for i in range(20_000)])
    shares = np.bincount(hash_splits(offsets, keys), minlength=3) / 20_000
    assert shares == pytest.approx([0.75, 0.10, 0.15], abs=0.012)


def test_the_order_of_the_rows_does_not_matter() -> None:
    rows = [[caption_key(f"a {i}"), caption_key(f"b {i // 3}")] for i in range(200)]
    order = random.Random(1).sample(range(200), 200)
    splits = hash_splits(*packed(rows))
    shuffled = hash_splits(*packed([rows[i][::-1] for i in order]))
    assert shuffled.tolist() == splits[order].tolist()


def test_straddling_counts_captions() -> None:
    offsets, keys = packed([[1, 2], [2, 3], [3, 3], [4]])
    assert straddling(offsets, keys, np.array([0, 1, 1, 2], np.int8)) == 1
    assert straddling(offsets, keys, np.array([0, 1, 2, 2], np.int8)) == 2


@pytest.mark.parametrize(
    ("word", "split"),
    [("val", "dev"), (" Train ", "train"), ("validation", "dev"), ("restval", None)],
)
def test_split_names(word: str, split: str | None) -> None:
    assert split_name(word) == split
