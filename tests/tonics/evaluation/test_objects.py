import networkx as nx
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ontology.index import SPLITS, ObjectIndex
from ontology.saved import Ontology
from tonics.evaluation.objects import MIN_IMAGES, measured_nodes, same_object
from tonics.evaluation.retrieval import retrieval

ROOT = Ontology.root


@pytest.fixture
def ontology() -> Ontology:
    """90 images, every third in test; nodes with 30, 20 and 19 of those."""
    images = {ROOT: 90, "large": 90, "enough": 60, "few": 57}
    splits = np.where(np.arange(90) % 3 == 2, SPLITS.index("test"), 0).astype(np.int8)
    graph = nx.DiGraph([(ROOT, node) for node in images if node != ROOT])
    rows = {node: np.arange(n, dtype=np.int32) for node, n in images.items()}
    return Ontology(graph, ObjectIndex.build(rows, splits), {})


def test_nodes_below_the_root_with_enough_images_of_the_split(ontology: Ontology) -> None:
    rows = np.arange(2, 90, 3)
    found = measured_nodes(ontology, "test", rows)
    assert set(found) == {"large", "enough"} and len(found["enough"]) == MIN_IMAGES
    for node, places in found.items():
        assert rows[places].tolist() == ontology.index.images(node, "test").tolist()
    assert set(measured_nodes(ontology, "test", rows, least=19)) == {"large", "enough", "few"}
    assert measured_nodes(ontology, "dev", rows) == {}


def test_every_node_weighs_the_same() -> None:
    generator = torch.Generator().manual_seed(0)
    images, texts = (F.normalize(torch.randn(n, 6, generator=generator)) for n in (60, 120))
    of_text = torch.arange(60).repeat_interleave(2)
    nodes = {"a": np.arange(40), "b": np.arange(30, 55)}
    found = same_object(images, texts, of_text, nodes)
    alone = {}
    for node, members in nodes.items():
        own = [j for j in range(120) if j // 2 in members]
        inside = torch.tensor([int(np.flatnonzero(members == j // 2)[0]) for j in own])
        alone[node] = retrieval(images[members], texts[own], inside)
    for key, direction in (("R@1", "text_to_image"), ("R@1_image_to_text", "image_to_text")):
        values = [alone[node][direction]["R@1"] for node in nodes]
        assert found[key] == pytest.approx(np.mean(values))
        assert [found["by_node"][node][key] for node in nodes] == pytest.approx(values)
    assert found["nodes"] == 2
    assert [found["by_node"][node]["images"] for node in nodes] == [40, 25]


def test_telling_objects_apart_is_not_enough_inside_a_node() -> None:
    # All images of a node look alike to this model: perfect across nodes, chance inside.
    kinds = torch.eye(3)[torch.arange(60) % 3]
    nodes = {str(kind): np.arange(kind, 60, 3) for kind in range(3)}
    found = same_object(kinds, kinds, torch.arange(60), nodes)
    assert found["R@1"] == found["R@1_image_to_text"] == pytest.approx(100 / 20)


def test_without_nodes_there_is_no_mean() -> None:
    found = same_object(torch.eye(3), torch.eye(3), torch.arange(3), {})
    assert found == {"R@1": None, "R@1_image_to_text": None, "nodes": 0, "by_node": {}}
