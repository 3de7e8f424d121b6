import json
import time
from pathlib import Path

import numpy as np
import pytest

from ontology import OntologyError
from ontology.building import link_images
from ontology.index import SPLITS
from ontology.linking import Linker
from ontology.saved import Ontology
from ontology.wordnet import ROOT

CAPTIONS = [
    ["A dog runs on the beach.", "Two dogs."],
    ["A cat sleeps."],
    ["A man with a dog and a hat."],
    ["Nothing to see."],
    ["A woman wearing a hat."],
]


@pytest.fixture
def ontology(linker: Linker) -> Ontology:
    linked = link_images([(0, CAPTIONS[:2]), (2, CAPTIONS[2:])], linker)
    splits = np.array([0, 0, 1, 0, 0], np.int8)
    return Ontology.build(
        linked.rows,
        linked.synsets,
        splits,
        taxonomy=linker.taxonomy,
        fingerprint="abc",
        min_support=1,
        notes={"command": "test"},
    )


def test_linking_counts_each_object_of_an_image_once(linker: Linker) -> None:
    seen: list[int] = []
    linked = link_images([(0, CAPTIONS[:2]), (2, CAPTIONS[2:])], linker, seen.append)
    dog = linker.taxonomy.number("dog.n.01")
    assert linked.rows[linked.synsets == dog].tolist() == [0, 2]
    assert linked.mentions[dog] == 3
    assert (linked.captions, linked.captions_linked, linked.images_linked) == (6, 5, 4)
    assert seen == [3, 3]


def test_the_graph_knows_its_images(ontology: Ontology) -> None:
    assert ontology.index.images("dog.n.01", "train").tolist() == [0]
    assert ontology.index.images("dog.n.01", "dev").tolist() == [2]
    assert ontology.index.images(ROOT, "train").tolist() == [0, 1, 3, 4]
    assert ontology.graph.nodes[ROOT]["support"] == 4
    assert {"dog.n.01", "cat.n.01"} <= set(ontology.leaves())
    supports = [ontology.graph.nodes[child]["support"] for child in ontology.children(ROOT)]
    assert supports == sorted(supports, reverse=True) != []
    assert ontology.summary()["nodes"] == len(ontology.graph)
    assert sum(ontology.summary()["nodes_by_depth"]) == len(ontology.graph)


def test_a_round_trip_keeps_everything(ontology: Ontology, tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "ontology"
    for _ in range(2):  # the second replaces the first
        ontology.save(folder)
    again = Ontology.load(folder)
    assert dict(again.graph.nodes.items()) == dict(ontology.graph.nodes.items())
    assert set(again.graph.edges) == set(ontology.graph.edges)
    assert again.provenance == ontology.provenance
    assert again.provenance["splits"] == {"train": 4, "dev": 1, "test": 0}
    for node in ontology.graph:
        for split in SPLITS:
            ours, theirs = (o.index.images(node, split).tolist() for o in (ontology, again))
            assert ours == theirs
    assert [path.name for path in folder.parent.iterdir()] == ["ontology"]


def test_other_data_are_refused(ontology: Ontology) -> None:
    assert ontology.require("abc") is ontology
    with pytest.raises(OntologyError, match=r"built from other data.*tonics ontology build"):
        ontology.require("abd")


def test_saving_over_something_else_is_refused(ontology: Ontology, tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(OntologyError, match="holds no ontology"):
        ontology.save(tmp_path)
    assert (tmp_path / "precious.txt").read_text() == "mine"


def test_a_missing_folder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(OntologyError, match=r"no ontology in.*`tonics ontology build` makes one"):
        Ontology.load(tmp_path / "absent")


@pytest.mark.parametrize("damage", ["{", "[]", "{}", '{"format": 1, "nodes": 3}', '{"format": 2}'])
def test_a_corrupt_graph_is_one_line(ontology: Ontology, tmp_path: Path, damage: str) -> None:
    ontology.save(tmp_path / "o")
    (tmp_path / "o" / "graph.json").write_text(damage)
    with pytest.raises(OntologyError, match=r"again$"):
        Ontology.load(tmp_path / "o")


def test_a_graph_beside_another_index_is_refused(ontology: Ontology, tmp_path: Path) -> None:
    ontology.save(tmp_path / "o")
    path = tmp_path / "o" / "graph.json"
    saved = json.loads(path.read_text())
    saved["nodes"].pop()
    path.write_text(json.dumps(saved))
    with pytest.raises(OntologyError, match="corrupt"):
        Ontology.load(tmp_path / "o")


def test_loading_is_fast(ontology: Ontology, tmp_path: Path) -> None:
    ontology.save(tmp_path / "o")
    start = time.process_time()
    Ontology.load(tmp_path / "o")
    assert time.process_time() - start < 0.2


def test_an_unknown_node_has_no_children(ontology: Ontology) -> None:
    with pytest.raises(OntologyError, match="no node 'unicorn"):
        ontology.children("unicorn.n.01")
