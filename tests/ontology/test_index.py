from pathlib import Path

import networkx as nx
import numpy as np
import pytest

from ontology import OntologyError
from ontology.index import SPLITS, ObjectIndex, merge_sorted, roll_up


def random_collection(seed: int) -> tuple[nx.DiGraph, dict[int, np.ndarray], np.ndarray]:
    """A random DAG below node 0, the images that name each node, and the images' splits."""
    rng = np.random.default_rng(seed)
    nodes, images = int(rng.integers(2, 30)), int(rng.integers(1, 400))
    graph = nx.DiGraph()
    graph.add_node(0)
    for node in range(1, nodes):
        parents = rng.integers(0, node, int(rng.integers(1, 4)))
        graph.add_edges_from((int(parent), node) for parent in parents)
    own = {
        node: np.unique(rng.integers(0, images, int(rng.integers(0, 12)))).astype(np.int32)
        for node in graph
    }
    return graph, own, rng.integers(0, 3, images).astype(np.int8)


@pytest.mark.parametrize("seed", range(20))
def test_every_slice_equals_a_brute_force_roll_up(seed: int, tmp_path: Path) -> None:
    graph, own, splits = random_collection(seed)
    order = list(reversed(list(nx.topological_sort(graph))))
    children = {node: list(graph.successors(node)) for node in graph}
    rolled = roll_up(own, children, order, len(splits))
    ObjectIndex.build({str(node): rolled[node] for node in graph}, splits).save(tmp_path)
    index = ObjectIndex.load(tmp_path)
    for node in graph:
        everyone = set(own[node].tolist())
        for below in nx.descendants(graph, node):
            everyone |= set(own[below].tolist())
        for code, split in enumerate(SPLITS):
            expected = sorted(row for row in everyone if splits[row] == code)
            assert index.images(str(node), split).tolist() == expected
            assert index.counts(str(node))[split] == len(expected)


@pytest.mark.parametrize("n", [40, 100_000])  # by marking, and by sorting
def test_merging_sorts_and_removes_duplicates(n: int) -> None:
    parts = [np.array([5, 30, 31], np.int32), np.array([], np.int32), np.array([0, 30], np.int32)]
    merged = merge_sorted(parts, n)
    assert merged.tolist() == [0, 5, 30, 31]
    assert merged.dtype == np.int32
    assert merge_sorted([], n).tolist() == []


def test_images_are_views_of_the_file(tmp_path: Path) -> None:
    splits = np.array([0, 1, 0, 2, 0], np.int8)
    ObjectIndex.build({"a": np.array([4, 0, 1]), "b": np.array([3, 2])}, splits).save(tmp_path)
    index = ObjectIndex.load(tmp_path)
    images = index.images("a", "train")
    assert images.tolist() == [0, 4]
    assert isinstance(images, np.memmap)
    assert np.shares_memory(images, index.images("a", "train"))
    assert "a" in index and "c" not in index


def test_unknown_nodes_and_splits_are_named() -> None:
    index = ObjectIndex.build({"a": np.array([0])}, np.zeros(1, np.int8))
    with pytest.raises(OntologyError, match="no node 'b'"):
        index.images("b", "train")
    with pytest.raises(OntologyError, match="no split 'val'"):
        index.images("a", "val")


@pytest.mark.parametrize("name", ["nodes.txt", "starts.npy", "rows.npy"])
@pytest.mark.parametrize("damage", ["remove", "truncate", "empty"])
def test_a_damaged_folder_is_one_line(tmp_path: Path, name: str, damage: str) -> None:
    splits = np.zeros(2000, np.int8)
    ObjectIndex.build({"a": np.arange(2000), "b": np.arange(5)}, splits).save(tmp_path)
    path = tmp_path / name
    if damage == "remove":
        path.unlink()
    else:
        path.write_bytes(
            path.read_bytes()[: len(path.read_bytes()) // 2 if damage == "truncate" else 0]
        )
    with pytest.raises(OntologyError, match=r"again$"):
        ObjectIndex.load(tmp_path)
