"""An ontology of three levels over a made-up collection, and tables of captions for it."""

from collections.abc import Callable

import networkx as nx
import numpy as np
import pytest

from ontology.index import SPLITS, ObjectIndex
from ontology.saved import Ontology

ROOT = Ontology.root


def grow(children: dict[str, list[str]], images: dict[str, list[int]], n: int) -> Ontology:
    """An ontology by hand; every fifth image, from the fourth on, is held out as dev.

    Args:
        children: nodes below each node.
        images: rows of each node below the root.
        n: how many images there are; the root has them all.
    """
    splits = np.where(np.arange(n) % 5 == 4, SPLITS.index("dev"), SPLITS.index("train"))
    graph = nx.DiGraph()
    graph.add_node(ROOT)
    graph.add_edges_from((up, down) for up, below in children.items() for down in below)
    depth = nx.single_source_shortest_path_length(graph, ROOT)
    rows = {node: np.array(images.get(node, range(n)), dtype=np.int32) for node in graph}
    for node in graph:
        support = int((splits[rows[node]] == SPLITS.index("train")).sum())
        graph.nodes[node].update(depth=depth[node], support=support)
    return Ontology(graph, ObjectIndex.build(rows, splits.astype(np.int8)), {"fingerprint": "x"})


@pytest.fixture(scope="session")
def animals() -> Ontology:
    """200 images, 160 of them for training: animals and things, three leaves of animals."""
    return grow(
        {ROOT: ["animal", "thing"], "animal": ["cat", "dog"], "dog": ["puppy"]},
        {
            "animal": list(range(100)),
            "thing": list(range(90, 200)),
            "cat": list(range(40)),
            "dog": list(range(40, 100)),
            "puppy": list(range(40, 50)),
        },
        200,
    )


@pytest.fixture(scope="session")
def diamond() -> Ontology:
    """Two nodes that share one child."""
    half = {"pet": range(60), "wild": range(40, 100), "cat": range(40, 60)}
    below = {ROOT: ["pet", "wild"], "pet": ["cat"], "wild": ["cat"]}
    return grow(below, {node: list(rows) for node, rows in half.items()}, 100)


@pytest.fixture(scope="session")
def flat() -> Callable[[int], Ontology]:
    """An ontology of so many training images and nothing but the root."""

    def make(trained: int) -> Ontology:
        n = trained * 5 // 4
        assert n * 4 == trained * 5, "choose a multiple of 4"
        return grow({}, {}, n)

    return make


Captions = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="session")
def captions() -> Callable[..., Captions]:
    """Caption offsets and keys for n images: one to five each, a share of them common ones."""

    def make(n: int, common: float = 0.2, kinds: int = 5, seed: int = 0) -> Captions:
        rng = np.random.default_rng(seed)
        offsets = np.concatenate([[0], np.cumsum(rng.integers(1, 6, n))]).astype(np.int64)
        keys = np.arange(offsets[-1], dtype=np.int64) + 1000
        shared = rng.random(len(keys)) < common
        keys[shared] = rng.integers(0, kinds, shared.sum())
        return offsets, keys

    return make
