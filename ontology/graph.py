"""The graph of objects: from linked captions to a pruned networkx DiGraph and its images.

Edges run from the broader to the narrower object, ``animal.n.01`` to ``dog.n.01``. An object with
two hypernyms has two parents, and counts each of its images once in every ancestor.
"""

from dataclasses import dataclass

import networkx as nx
import numpy as np

from ontology import OntologyError
from ontology.index import SPLITS, roll_up
from ontology.wordnet import ROOT, Taxonomy


@dataclass(frozen=True)
class PrunedGraph:
    """What `grow` yields.

    Attributes:
        graph: the DiGraph, with ``support`` and ``depth`` on every node.
        images: node to its int32 row numbers (all splits), ascending.
        dropped: how many objects were dropped for want of ``support``, and how many nodes were
            ``skipped`` because their only child has the same images.
    """

    graph: nx.DiGraph
    images: dict[str, np.ndarray]
    dropped: dict[str, int]


def hierarchy(taxonomy: Taxonomy, objects: np.ndarray) -> nx.DiGraph:
    """The objects and everything above them, by synset number, as edges parent to child."""
    graph = nx.DiGraph()
    graph.add_node(taxonomy.number(ROOT))
    seen: set[int] = set()
    frontier = [int(synset) for synset in objects]
    while frontier:
        if (synset := frontier.pop()) in seen:
            continue
        seen.add(synset)
        above = taxonomy.hypernym_numbers(synset)
        graph.add_edges_from((up, synset) for up in above)
        frontier.extend(above)
    return graph


def grow(
    rows: np.ndarray,
    synsets: np.ndarray,
    splits: np.ndarray,
    taxonomy: Taxonomy,
    min_support: int,
) -> PrunedGraph:
    """Build the graph of the objects that a collection shows.

    Args:
        rows: int ``[p]``, image row numbers.
        synsets: int ``[p]``, the number of a synset that a caption of that image names.
        splits: int8 ``[n]``, the code of each image's split in `ontology.index.SPLITS`.
        taxonomy: the WordNet that the numbers belong to.
        min_support: the least distinct train images a node needs; the root is exempt.

    Raises:
        OntologyError: rows outside the table, unknown splits, or a synset not below the root.
    """
    _check(rows, splits)
    n = len(splits)
    named = np.unique(synsets)
    graph = hierarchy(taxonomy, named)
    root = taxonomy.number(ROOT)
    if stray := [v for v in graph if v != root and graph.in_degree(v) == 0]:
        raise OntologyError(f"{taxonomy.name(stray[0])} is not below {ROOT}: link nouns only")
    own = _group(rows, synsets, named)
    own[root] = np.arange(n, dtype=np.int32)
    order = list(reversed(list(nx.topological_sort(graph))))
    images = roll_up(own, {v: list(graph.successors(v)) for v in order}, order, n)

    train = splits == SPLITS.index("train")
    support = {v: int(np.count_nonzero(train[images[v]])) for v in order}
    scarce = [v for v in order if support[v] < min_support and v != root]
    graph.remove_nodes_from(scarce)
    skipped = collapse_chains(graph, {v: len(images[v]) for v in graph}, root)
    names = {v: taxonomy.name(v) for v in graph}
    pruned = nx.relabel_nodes(graph, names)
    nx.set_node_attributes(pruned, {names[v]: support[v] for v in names}, "support")
    depth = nx.single_source_shortest_path_length(pruned, ROOT)
    nx.set_node_attributes(pruned, dict(depth), "depth")
    return PrunedGraph(
        pruned,
        {name: images[v] for v, name in names.items()},
        {"support": len(scarce), "skipped": skipped},
    )


def _check(rows: np.ndarray, splits: np.ndarray) -> None:
    n = len(splits)
    if len(rows) and (rows.min() < 0 or rows.max() >= n):
        raise OntologyError(
            f"links name images outside the {n} of the table: link the captions again"
        )
    if n and (splits.min() < 0 or splits.max() >= len(SPLITS)):
        raise OntologyError(f"split codes must lie in 0..2, for {', '.join(SPLITS)}")


def _group(rows: np.ndarray, synsets: np.ndarray, named: np.ndarray) -> dict[int, np.ndarray]:
    """The rows of each synset in ``named``, which holds every synset once, ascending."""
    order = np.argsort(synsets, kind="stable")
    bounds = np.searchsorted(synsets[order], named, side="right")[:-1]
    parts = np.split(rows[order].astype(np.int32), bounds)
    return dict(zip(named.tolist(), parts, strict=False))


def collapse_chains(graph: nx.DiGraph, sizes: dict[int, int], root: int) -> int:
    """Skip, in place, every node whose images are those of its only child; count them.

    A child's images are among its parent's, so equal sizes mean equal images. The parents of a
    skipped node take over its child, unless they reach it by another way already.

    Args:
        graph: parents to children, acyclic.
        sizes: how many images each node has.
        root: the node that always stays.
    """
    skipped = 0
    for node in reversed(list(nx.topological_sort(graph))):
        children = list(graph.successors(node))
        if node == root or len(children) != 1 or sizes[node] != sizes[children[0]]:
            continue
        parents = list(graph.predecessors(node))
        graph.remove_node(node)
        skipped += 1
        for parent in parents:
            if not nx.has_path(graph, parent, children[0]):
                graph.add_edge(parent, children[0])
    return skipped


def paths_to_root(graph: nx.DiGraph, node: str) -> list[list[str]]:
    """Every way from a node up to the root, both ends included, shortest first."""
    paths = nx.all_simple_paths(graph.reverse(copy=False), node, ROOT) if node != ROOT else [[ROOT]]
    return sorted(paths, key=lambda path: (len(path), path))
