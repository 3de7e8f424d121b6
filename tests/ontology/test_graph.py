import networkx as nx
import numpy as np
import pytest

from ontology import OntologyError
from ontology.graph import collapse_chains, grow, paths_to_root
from ontology.wordnet import ROOT, Taxonomy

LEAVES = [
    "dog.n.01",
    "cat.n.01",
    "puppy.n.01",
    "hat.n.01",
    "poodle.n.01",
    "person.n.01",
    "man.n.01",
]


def collection(taxonomy: Taxonomy, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    n = 300
    rows = rng.integers(0, n - 20, 500)  # the last twenty images name nothing
    numbers = np.array([taxonomy.number(leaf) for leaf in LEAVES])
    return rows, numbers[rng.integers(0, len(LEAVES), 500) ** 2 % 7], rng.integers(0, 3, n)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("min_support", [1, 15, 40])
def test_growing_equals_a_brute_force_count(
    taxonomy: Taxonomy, seed: int, min_support: int
) -> None:
    rows, synsets, splits = collection(taxonomy, seed)
    grown = grow(rows, synsets, splits.astype(np.int8), taxonomy, min_support)
    everyone: dict[str, set[int]] = {ROOT: set(range(300))}
    for row, synset in zip(rows.tolist(), synsets.tolist(), strict=True):
        for up in taxonomy.ancestors(taxonomy.name(synset)):
            everyone.setdefault(up, set()).add(row)
    graph = grown.graph
    for node, data in graph.nodes.items():
        assert set(grown.images[node].tolist()) == everyone[node]
        assert data["support"] == sum(splits[row] == 0 for row in everyone[node])
        assert data["support"] >= min_support or node == ROOT
        assert data["depth"] == nx.shortest_path_length(graph, ROOT, node)
        children = list(graph.successors(node))
        assert node == ROOT or len(children) != 1 or everyone[node] != everyone[children[0]]
    # What is left out lacks support, or has the images of a node below it.
    for node, images in everyone.items():
        if node not in graph and sum(splits[row] == 0 for row in images) >= min_support:
            assert any(
                node in taxonomy.ancestors(other) and everyone[other] == images for other in graph
            )
    # Whatever WordNet says is above still is, among the nodes that are left.
    for node in graph:
        assert nx.ancestors(graph, node) == (taxonomy.ancestors(node) & set(graph)) - {node}


def test_two_parents_stay_two(taxonomy: Taxonomy) -> None:
    names = ["dog.n.01", "cat.n.01", "canine.n.02", "domestic_animal.n.01"]
    rows = np.arange(4)
    synsets = np.array([taxonomy.number(name) for name in names])
    graph = grow(rows, synsets, np.zeros(4, np.int8), taxonomy, 1).graph
    assert set(graph.predecessors("dog.n.01")) == {"canine.n.02", "domestic_animal.n.01"}
    assert len(paths_to_root(graph, "dog.n.01")) == 2
    assert paths_to_root(graph, ROOT) == [[ROOT]]


def test_an_empty_collection_is_the_root_alone(taxonomy: Taxonomy) -> None:
    nothing = np.empty(0, np.int32)
    grown = grow(nothing, nothing, np.zeros(3, np.int8), taxonomy, 1)
    assert list(grown.graph) == [ROOT]
    assert grown.images[ROOT].tolist() == [0, 1, 2]
    assert grown.graph.nodes[ROOT] == {"support": 3, "depth": 0}


def test_collapsing_leaves_no_shortcut() -> None:
    graph = nx.DiGraph([(0, 1), (1, 3), (0, 2), (2, 3), (2, 4)])
    assert collapse_chains(graph, {0: 9, 1: 5, 2: 7, 3: 5, 4: 2}, root=0) == 1
    assert set(graph.edges) == {(0, 2), (2, 3), (2, 4)}


def test_bad_arrays_are_named(taxonomy: Taxonomy) -> None:
    dog = np.array([taxonomy.number("dog.n.01")])
    with pytest.raises(OntologyError, match="outside the 2"):
        grow(np.array([2]), dog, np.zeros(2, np.int8), taxonomy, 1)
    with pytest.raises(OntologyError, match="split codes"):
        grow(np.array([0]), dog, np.array([3], np.int8), taxonomy, 1)
