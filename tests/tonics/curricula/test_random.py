import numpy as np

from ontology.saved import Ontology
from tonics.curricula import NAMES, Curriculum, Random


def test_every_lesson_is_of_the_root(animals: Ontology) -> None:
    curriculum = Random()
    curriculum.bind(animals, 16)
    rng = np.random.default_rng(0)
    assert {curriculum.lesson(rng, 0).node for _ in range(30)} == {Ontology.root}
    assert curriculum.watched() == []
    assert curriculum.measured({Ontology.root: 1.0, "animal": 1.0}) == []
    assert {curriculum.lesson(rng, 0).node for _ in range(30)} == {Ontology.root}


def test_every_name_is_a_curriculum(animals: Ontology) -> None:
    for made in NAMES.values():
        curriculum = made()
        assert isinstance(curriculum, Curriculum)
        curriculum.bind(animals, 16)
        lesson = curriculum.lesson(np.random.default_rng(0), 0)
        assert len(lesson.rows) >= 16 and lesson.node in animals.graph
