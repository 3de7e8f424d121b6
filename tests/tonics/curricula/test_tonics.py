import json
from collections import Counter

import numpy as np
import pytest

from ontology.saved import Ontology
from tonics.curricula import Tonics
from tonics.errors import UserError

ROOT = Ontology.root


def bound(ontology: Ontology, **options: float) -> Tonics:
    curriculum = Tonics(**options)
    curriculum.bind(ontology, 8)
    return curriculum


def drawn(curriculum: Tonics, count: int = 3000) -> Counter[str]:
    rng = np.random.default_rng(0)
    return Counter(curriculum.choose(rng) for _ in range(count))


def test_it_begins_with_random_batches_only(animals: Ontology) -> None:
    curriculum = bound(animals)
    assert set(drawn(curriculum)) == {ROOT}
    assert curriculum.watched() == [ROOT]


def test_children_open_exactly_at_the_threshold(animals: Ontology) -> None:
    curriculum = bound(animals, threshold=0.7)
    assert curriculum.measured({ROOT: np.nextafter(0.7, 0)}) == []
    assert curriculum.watched() == [ROOT]
    assert curriculum.measured({ROOT: 0.7}) == ["animal", "thing"]
    # The root is mastered and things have no children.
    assert curriculum.watched() == ["animal"]
    assert curriculum.measured({ROOT: 1.0, "animal": 0.69}) == []
    assert curriculum.measured({"animal": 0.9}) == ["cat", "dog"]
    assert curriculum.watched() == ["dog"]
    assert curriculum.measured({"dog": 0.7}) == ["puppy"]
    assert curriculum.watched() == []
    assert curriculum.measured(dict.fromkeys(animals.graph, 1.0)) == []


@pytest.mark.parametrize("threshold", [0.0, 0.5])
def test_nothing_opens_without_a_measure(animals: Ontology, threshold: float) -> None:
    curriculum = bound(animals, threshold=threshold)
    assert curriculum.measured({}) == []
    assert curriculum.measured({"animal": 1.0, "dog": 1.0}) == []
    assert curriculum.measured({ROOT: float("nan")}) == []
    assert curriculum.watched() == [ROOT]


def test_one_measure_opens_one_level(animals: Ontology) -> None:
    curriculum = bound(animals)
    assert curriculum.measured(dict.fromkeys(animals.graph, 1.0)) == ["animal", "thing"]


def test_a_child_of_two_nodes_opens_once(diamond: Ontology) -> None:
    curriculum = bound(diamond)
    curriculum.measured({ROOT: 1.0})
    assert curriculum.measured({"pet": 1.0, "wild": 0.1}) == ["cat"]
    assert curriculum.measured({"wild": 1.0}) == []
    assert curriculum.state_dict()["mastered"] == [ROOT, "pet", "wild"]


def test_what_is_open_stays_open(animals: Ontology) -> None:
    curriculum = bound(animals)
    curriculum.measured({ROOT: 1.0})
    curriculum.measured({ROOT: 0.0})
    assert set(drawn(curriculum)) == {ROOT, "animal", "thing"}


def test_open_nodes_come_by_the_root_of_their_size(animals: Ontology) -> None:
    curriculum = bound(animals, random_share=0.25)
    curriculum.measured({ROOT: 1.0})
    curriculum.measured({"animal": 1.0})
    counts = drawn(curriculum)
    below = ("animal", "thing", "cat", "dog")
    roots = {node: len(animals.index.images(node, "train")) ** 0.5 for node in below}
    shares = {node: 0.75 * root / sum(roots.values()) for node, root in roots.items()}
    shares[ROOT] = 0.25
    assert set(counts) == set(shares)
    for node, share in shares.items():
        error = 4 * (share * (1 - share) / 3000) ** 0.5
        assert counts[node] / 3000 == pytest.approx(share, abs=error)


def test_without_a_random_share_the_root_is_left(animals: Ontology) -> None:
    curriculum = bound(animals, random_share=0.0)
    curriculum.measured({ROOT: 1.0})
    assert set(drawn(curriculum)) == {"animal", "thing"}


def test_the_state_goes_through_json(animals: Ontology) -> None:
    first, second = bound(animals), bound(animals)
    first.measured({ROOT: 1.0})
    first.measured({"animal": 0.8})
    for step in range(7):
        first.lesson(np.random.default_rng(step), 0)
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    assert second.state_dict() == first.state_dict()
    assert drawn(second) == drawn(first)
    assert second.watched() == first.watched() == ["dog"]
    assert second.measured({"dog": 1.0}) == ["puppy"]


@pytest.mark.parametrize("options", [{"threshold": 1.1}, {"random_share": -0.1}])
def test_shares_outside_of_0_to_1_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(UserError, match="between 0 and 1"):
        Tonics(**options)
