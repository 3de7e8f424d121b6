"""ObjectIndex: which images show an object, as flat arrays that are memory-mapped from disk.

Every node has three slices of one long array of row numbers, one a split, so asking for the images
of a node copies nothing and reads only those pages of the file.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from ontology import OntologyError

SPLITS = ("train", "dev", "test")


def merge_sorted(parts: Sequence[np.ndarray], n: int) -> np.ndarray:
    """The distinct numbers of several arrays, ascending.

    Args:
        parts: integer arrays of numbers below ``n``.
        n: the exclusive upper bound.

    Returns:
        int32, sorted, without duplicates.
    """
    parts = [part for part in parts if len(part)]
    if not parts:
        return np.empty(0, np.int32)
    if sum(map(len, parts)) * 32 < n:
        return np.unique(np.concatenate(parts)).astype(np.int32, copy=False)
    # Above that size marking beats sorting: linear, and one byte a row of scratch.
    marked = np.zeros(n, bool)
    for part in parts:
        marked[part] = True
    return np.flatnonzero(marked).astype(np.int32)


def roll_up(
    own: Mapping[int, np.ndarray],
    children: Mapping[int, Iterable[int]],
    order: Iterable[int],
    n: int,
) -> dict[int, np.ndarray]:
    """The images of every node and of everything below it, each image once.

    Args:
        own: node to the images that name the node itself.
        children: node to its direct hyponyms.
        order: every node, children before their parents.
        n: the number of images.

    Returns:
        Node to its int32 image numbers, ascending.
    """
    rolled: dict[int, np.ndarray] = {}
    nothing = np.empty(0, np.int32)
    for node in order:
        below = [rolled[child] for child in children.get(node, ())]
        rolled[node] = merge_sorted([own.get(node, nothing), *below], n)
    return rolled


class ObjectIndex:
    """Nodes and their images, by split.

    Attributes:
        nodes: the names of the nodes, in the order of the arrays.
    """

    def __init__(self, nodes: Sequence[str], starts: np.ndarray, rows: np.ndarray) -> None:
        """Wrap the arrays of an index.

        Args:
            nodes: names, N of them.
            starts: int64 ``[3 N + 1]``; slice ``3 i + s`` of ``rows`` is node i in split s.
            rows: int32 row numbers, ascending inside each slice.

        Raises:
            OntologyError: the arrays do not fit each other.
        """
        if len(starts) != 3 * len(nodes) + 1 or starts[0] != 0 or starts[-1] != len(rows):
            raise OntologyError("the index of images is corrupt: build the ontology again")
        self.nodes = tuple(nodes)
        self._number = {node: i for i, node in enumerate(self.nodes)}
        self._starts = starts
        self._rows = rows

    @classmethod
    def build(cls, images: Mapping[str, np.ndarray], splits: np.ndarray) -> "ObjectIndex":
        """Order the images of every node by split, then by row.

        Args:
            images: node to its row numbers, each once, in any order.
            splits: int8 ``[n]``, the code of each row's split in `SPLITS`.
        """
        # Rows renumbered so that the splits follow each other: one sort a node then groups them.
        by_split = np.argsort(splits, kind="stable").astype(np.int32)
        position = np.empty_like(by_split)
        position[by_split] = np.arange(len(by_split), dtype=np.int32)
        bounds = np.cumsum(np.bincount(splits, minlength=3))
        starts = np.zeros(3 * len(images) + 1, np.int64)
        rows = np.empty(sum(map(len, images.values())), np.int32)
        end = 0
        for i, mine in enumerate(images.values()):
            places = np.sort(position[mine])
            starts[3 * i + 1 : 3 * i + 4] = end + np.searchsorted(places, bounds)
            rows[end : end + len(places)] = by_split[places]
            end += len(places)
        return cls(list(images), starts, rows)

    @classmethod
    def load(cls, folder: Path) -> "ObjectIndex":
        """Open a saved index; the row numbers stay on disk until they are used.

        Raises:
            OntologyError: a file is missing or corrupt.
        """
        try:
            nodes = (folder / "nodes.txt").read_text().splitlines()
            starts = np.load(folder / "starts.npy", allow_pickle=False)
            rows = np.load(folder / "rows.npy", mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise OntologyError(
                f"{folder} holds no readable index of images: run `tonics ontology build` again"
            ) from error
        return cls(nodes, starts, rows)

    def save(self, folder: Path) -> None:
        """Write ``nodes.txt``, ``starts.npy`` and ``rows.npy`` into an existing folder."""
        (folder / "nodes.txt").write_text("".join(f"{node}\n" for node in self.nodes))
        np.save(folder / "starts.npy", self._starts, allow_pickle=False)
        np.save(folder / "rows.npy", self._rows, allow_pickle=False)

    def __contains__(self, node: str) -> bool:
        return node in self._number

    def images(self, node: str, split: str) -> np.ndarray:
        """The images of a split that show a node or anything below it.

        Args:
            node: a synset name, such as ``dog.n.01``.
            split: one of `SPLITS`.

        Returns:
            int32 row numbers of the table of pairs, ascending: a view, read from disk when used.

        Raises:
            OntologyError: the ontology has no such node, or there is no such split.
        """
        if node not in self._number:
            raise OntologyError(
                f"no node {node!r} in this ontology: it has {len(self.nodes)} others"
            )
        if split not in SPLITS:
            raise OntologyError(f"no split {split!r}: the splits are {', '.join(SPLITS)}")
        i = 3 * self._number[node] + SPLITS.index(split)
        return self._rows[self._starts[i] : self._starts[i + 1]]

    def counts(self, node: str) -> dict[str, int]:
        """How many images of each split show a node."""
        return {split: len(self.images(node, split)) for split in SPLITS}
