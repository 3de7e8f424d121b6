import json
from collections.abc import Callable

import numpy as np
import pytest

from ontology.saved import Ontology
from tonics.curricula.base import Curriculum, Lesson
from tonics.errors import UserError


class Fixed(Curriculum):
    """Always the same node."""

    def __init__(self, node: str) -> None:
        self.node = node

    def choose(self, rng: np.random.Generator) -> str:
        return self.node


def lessons(curriculum: Curriculum, count: int, seed: int = 3) -> list[Lesson]:
    return [curriculum.lesson(np.random.default_rng([seed, 1, i]), seed) for i in range(count)]


def test_a_walk_sees_every_image_once_a_lap(flat: Callable[[int], Ontology]) -> None:
    curriculum = Curriculum()
    curriculum.bind(flat(48), 8)
    everything = set(curriculum.images(Ontology.root).tolist())
    orders = []
    for _ in range(4):
        rows = np.concatenate([lesson.rows[:8] for lesson in lessons(curriculum, 6)])
        assert len(rows) == 48 and set(rows.tolist()) == everything
        orders.append(rows.tolist())
    assert len({tuple(order) for order in orders}) == 4, "every lap has an order of its own"


def test_a_lap_that_ends_inside_a_batch_is_still_complete(
    flat: Callable[[int], Ontology],
) -> None:
    curriculum = Curriculum()
    curriculum.bind(flat(44), 8)  # five batches and a half
    batches = [lesson.rows[:8] for lesson in lessons(curriculum, 6)]
    rows = np.concatenate(batches).tolist()
    assert len(set(rows[:44])) == 44
    assert all(len(set(batch.tolist())) == 8 for batch in batches)


def test_all_images_are_seen_about_equally_often(flat: Callable[[int], Ontology]) -> None:
    curriculum = Curriculum()
    curriculum.bind(flat(100), 8)
    rows = np.concatenate([lesson.rows[:8] for lesson in lessons(curriculum, 250)])
    counts = np.bincount(rows, minlength=125)[curriculum.images(Ontology.root)]
    assert counts.sum() == 2000
    # Twenty laps; only at the ends of laps may an image gain or lose a turn.
    assert counts.min() >= 16 and counts.max() <= 24


def test_a_walk_whose_batch_is_all_images(flat: Callable[[int], Ontology]) -> None:
    curriculum = Curriculum()
    curriculum.bind(flat(8), 8)
    for lesson in lessons(curriculum, 5):
        assert sorted(lesson.rows) == sorted(curriculum.images(Ontology.root))


def test_the_walk_depends_on_the_seed(flat: Callable[[int], Ontology]) -> None:
    def walk(seed: int) -> list[int]:
        curriculum = Curriculum()
        curriculum.bind(flat(48), 8)
        return np.concatenate([lesson.rows for lesson in lessons(curriculum, 6, seed)]).tolist()

    assert walk(1) == walk(1) != walk(2)


def test_binding_to_other_data_starts_another_walk(flat: Callable[[int], Ontology]) -> None:
    curriculum = Curriculum()
    curriculum.bind(flat(80), 8)
    lessons(curriculum, 3)
    curriculum.bind(flat(24), 8)
    rows = np.concatenate([lesson.rows[:8] for lesson in lessons(curriculum, 3)])
    assert sorted(rows) == sorted(curriculum.images(Ontology.root))


def test_a_large_node_gives_its_own_images_and_spares(animals: Ontology) -> None:
    curriculum = Fixed("animal")
    curriculum.bind(animals, 16)
    own = set(animals.index.images("animal", "train").tolist())
    seen: set[int] = set()
    for lesson in lessons(curriculum, 40):
        assert (lesson.node, len(lesson.rows), lesson.own) == ("animal", 20, 20)
        assert len(set(lesson.rows.tolist())) == 20
        assert set(lesson.rows.tolist()) <= own
        seen |= set(lesson.rows.tolist())
    assert seen == own


@pytest.mark.parametrize(("node", "own"), [("puppy", 8), ("cat", 32), ("dog", 48)])
def test_a_small_node_is_filled_up_with_others(animals: Ontology, node: str, own: int) -> None:
    curriculum = Fixed(node)
    curriculum.bind(animals, 40)
    members = set(animals.index.images(node, "train").tolist())
    assert len(members) == own
    for lesson in lessons(curriculum, 20):
        rows = lesson.rows.tolist()
        assert len(set(rows)) == len(rows) >= 50, "different images, and a quarter of spares"
        assert lesson.own == own
        assert set(rows[:own]) == members
        assert not set(rows[own:]) & members


def test_only_training_images_come_into_lessons(animals: Ontology) -> None:
    train = set(animals.index.images(Ontology.root, "train").tolist())
    for node in (Ontology.root, "animal", "puppy"):
        curriculum = Fixed(node)
        curriculum.bind(animals, 40)
        assert all(set(lesson.rows.tolist()) <= train for lesson in lessons(curriculum, 20))


def test_the_state_is_plain_and_carries_the_walk(flat: Callable[[int], Ontology]) -> None:
    whole, first, second = Curriculum(), Curriculum(), Curriculum()
    for curriculum in (whole, first, second):
        curriculum.bind(flat(44), 8)
    expected = [lesson.rows.tolist() for lesson in lessons(whole, 14)]
    lessons(first, 8)
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    assert [lesson.rows.tolist() for lesson in lessons(second, 6)] == expected[8:]


def test_too_few_images_for_a_batch_are_refused(flat: Callable[[int], Ontology]) -> None:
    with pytest.raises(UserError, match="batch size 49, but only 48 training images"):
        Curriculum().bind(flat(48), 49)
