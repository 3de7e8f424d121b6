from collections import Counter

import numpy as np
import pytest

from ontology.saved import Ontology
from tonics.curricula import SameObject


def test_leaves_come_in_proportion_to_their_training_images(animals: Ontology) -> None:
    curriculum = SameObject()
    curriculum.bind(animals, 8)
    rng = np.random.default_rng(0)
    counts = Counter(curriculum.lesson(rng, 0).node for _ in range(3000))
    sizes = {leaf: len(animals.index.images(leaf, "train")) for leaf in ("cat", "puppy", "thing")}
    assert set(counts) == set(sizes)
    for leaf, size in sizes.items():
        share = size / sum(sizes.values())
        error = 4 * (share * (1 - share) / 3000) ** 0.5
        assert counts[leaf] / 3000 == pytest.approx(share, abs=error)


def test_it_never_asks_for_measures(animals: Ontology) -> None:
    curriculum = SameObject()
    curriculum.bind(animals, 8)
    assert curriculum.watched() == []
    assert curriculum.measured({"cat": 1.0}) == []
