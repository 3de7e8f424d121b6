"""Train, dev and test: a fixed split by hash, and what straddles a given one."""

import numpy as np

from tonics.data.captions import key

SPLITS = ("train", "dev", "test")
"""The names of the splits; a table stores a row's split as its index in this tuple."""

FRACTIONS = (0.75, 0.10, 0.15)
"""The expected shares of train, dev and test in a split by hash."""

_OTHER_NAMES = {"val": "dev", "valid": "dev", "validation": "dev", "training": "train"}


def split_name(text: str) -> str | None:
    """The split that a dataset's own word means (``val`` is dev); None when it means none."""
    name = text.strip().casefold()
    name = _OTHER_NAMES.get(name, name)
    return name if name in SPLITS else None


def components(offsets: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """The rows that hang together by equal captions, directly or through other rows.

    Args:
        offsets: int64 [n + 1]; row r has the keys ``keys[offsets[r]:offsets[r + 1]]``.
        keys: int64 [captions].

    Returns:
        int64 [n]: for each row the smallest row of its connected component.

    Minimum labels are passed along shared captions and then followed to their own labels, so the
    rounds grow with the logarithm of a component's diameter (FastSV: Zhang, Azad and Hu 2020).
    """
    n = len(offsets) - 1
    rows = np.repeat(np.arange(n), np.diff(offsets))
    _, captions, counts = np.unique(keys, return_inverse=True, return_counts=True)
    shared = counts[captions] > 1
    rows, captions = rows[shared], captions[shared]
    labels = np.arange(n)
    while True:
        smallest = np.full(len(counts), n)
        np.minimum.at(smallest, captions, labels[rows])
        new = labels.copy()
        np.minimum.at(new, labels[rows], smallest[captions])
        np.minimum.at(new, rows, smallest[captions])
        new = new[new]
        if np.array_equal(new, labels):
            return labels
        labels = new


def _uniform(values: np.ndarray) -> np.ndarray:
    """int64 -> float64 in [0, 1), well mixed (the finaliser of SplitMix64, Steele et al. 2014)."""
    x = values.view(np.uint64) ^ np.uint64(key("tonics split") % 2**64)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((x ^ (x >> np.uint64(31))) >> np.uint64(11)) * 2.0**-53


def hash_splits(offsets: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """A fixed split for a source that has none: train 0.75, dev 0.10, test 0.15 in expectation.

    Rows that share a caption, after normalisation and through any chain of rows, land in the same
    split. The choice depends on the captions alone: not on the order of the rows, the machine or a
    seed.

    Args:
        offsets: int64 [n + 1], as for `components`; every row has at least one caption.
        keys: int64 [captions].

    Returns:
        int8 [n]: indices into `SPLITS`.
    """
    if len(offsets) == 1:
        return np.zeros(0, np.int8)
    labels = components(offsets, keys)
    smallest = np.full(len(labels), np.iinfo(np.int64).max)
    np.minimum.at(smallest, labels, np.minimum.reduceat(keys, offsets[:-1]))
    bounds = np.cumsum(FRACTIONS)[:-1]
    return np.searchsorted(bounds, _uniform(smallest[labels]), side="right").astype(np.int8)


def straddling(offsets: np.ndarray, keys: np.ndarray, splits: np.ndarray) -> int:
    """How many different captions, after normalisation, occur in more than one split.

    Args:
        offsets: int64 [n + 1], as for `components`.
        keys: int64 [captions].
        splits: int8 [n].
    """
    unique, captions = np.unique(keys, return_inverse=True)
    of_caption = np.repeat(splits, np.diff(offsets))
    seen = np.zeros((len(unique), len(SPLITS)), bool)
    seen[captions, of_caption] = True
    return int((seen.sum(axis=1) > 1).sum())
