import json
from collections.abc import Callable

import numpy as np
import pytest

from ontology.saved import Ontology
from tonics.curricula import Curriculum, Lesson, Random, SameObject, Tonics
from tonics.curricula.sampler import PlannedBatch, RoundSampler, choose_captions, plan_round

Captions = tuple[np.ndarray, np.ndarray]
MakeCaptions = Callable[..., Captions]


def chosen(
    rows: list[int], batch_size: int, offsets: list[int], keys: list[int], seed: int = 0
) -> tuple[list[int], list[int], int]:
    lesson = Lesson("x", np.array(rows), len(rows))
    places, captions, passed = choose_captions(
        lesson, batch_size, np.array(offsets), np.array(keys), np.random.default_rng(seed)
    )
    return places.tolist(), captions.tolist(), passed


def plan(
    curriculum: Curriculum, captions: Captions, first: int = 0, steps: int = 6, seed: int = 5
) -> list[PlannedBatch]:
    return plan_round(curriculum, *captions, seed=seed, first_step=first, steps=steps)


def same(one: list[PlannedBatch], other: list[PlannedBatch]) -> bool:
    def plain(batch: PlannedBatch) -> dict[str, object]:
        return {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in vars(batch).items()}

    return [plain(batch) for batch in one] == [plain(batch) for batch in other]


@pytest.mark.parametrize("seed", range(30))
def test_captions_are_their_images_own_and_differ(seed: int, captions: MakeCaptions) -> None:
    offsets, keys = captions(60, common=0.5, seed=seed)
    rows = np.random.default_rng(seed).permutation(60)[:40].tolist()
    places, ids, passed = chosen(rows, 32, offsets.tolist(), keys.tolist(), seed)
    assert len(set(places)) == 32
    for place, caption in zip(places, ids, strict=True):
        assert offsets[rows[place]] <= caption < offsets[rows[place] + 1]
    taken = [int(keys[caption]) for caption in ids]
    # Equal captions only where all candidates were used up.
    assert len(set(taken)) == 32 or passed > 40 - 32
    # Candidates in order of preference: whoever was passed over had only captions taken before.
    if passed <= 40 - 32:
        assert places == sorted(places)
        for place in set(range(places[-1])) - set(places):
            own = keys[offsets[rows[place]] : offsets[rows[place] + 1]].tolist()
            assert set(own) <= {k for p, k in zip(places, taken, strict=True) if p < place}


def test_a_taken_caption_gives_way_to_another_of_the_same_image() -> None:
    # Image 1 has captions 1 and 2; caption 1 says what image 0 says.
    for seed in range(20):
        places, ids, passed = chosen([0, 1], 2, [0, 1, 3], [7, 7, 8], seed)
        assert (places, ids, passed) == ([0, 1], [0, 2], 0)


def test_an_image_without_a_free_caption_is_passed_over() -> None:
    places, ids, passed = chosen([0, 1, 2], 2, [0, 1, 2, 3], [7, 7, 8])
    assert (places, ids, passed) == ([0, 2], [0, 2], 1)


def test_used_up_candidates_still_fill_the_batch() -> None:
    places, ids, passed = chosen([0, 1, 2, 3], 4, [0, 1, 2, 3, 4], [7, 7, 7, 8])
    assert (places, ids, passed) == ([0, 3, 1, 2], [0, 3, 1, 2], 2)


def test_every_caption_of_an_image_is_drawn_alike() -> None:
    counts = np.bincount(
        [chosen([0], 1, [0, 4], [1, 2, 3, 4], seed)[1][0] for seed in range(2000)], minlength=4
    )
    assert counts == pytest.approx([500] * 4, abs=4 * (2000 * 0.25 * 0.75) ** 0.5)


@pytest.mark.parametrize("curriculum", [Random(), SameObject(), Tonics(random_share=0.3)])
def test_batches_hold_no_image_and_no_caption_twice(
    curriculum: Curriculum, animals: Ontology, captions: MakeCaptions
) -> None:
    table = captions(200, common=0.3)
    curriculum.bind(animals, 24)
    curriculum.measured({Ontology.root: 1.0})
    curriculum.measured({"animal": 1.0})
    batches = plan(curriculum, table, steps=60)
    assert sum(batch.collisions for batch in batches) > 0, "the table must make it hard"
    for batch in batches:
        assert len(batch.rows) == len(batch.captions) == 24
        assert len(set(batch.rows.tolist())) == 24
        assert len(set(table[1][batch.captions].tolist())) == 24
        owners = np.searchsorted(table[0], batch.captions, side="right") - 1
        assert owners.tolist() == batch.rows.tolist()
        assert batch.depth == animals.graph.nodes[batch.node]["depth"]


def test_images_from_outside_a_small_node_are_counted(
    animals: Ontology, captions: MakeCaptions
) -> None:
    curriculum = SameObject()
    curriculum.bind(animals, 24)
    filled = {}
    for batch in plan(curriculum, captions(200), steps=60):
        members = set(animals.index.images(batch.node, "train").tolist())
        assert batch.filled == len(set(batch.rows.tolist()) - members)
        filled[batch.node] = batch.filled
    assert filled["puppy"] >= 24 - 8 and filled["thing"] == 0


def test_one_caption_for_all_images_still_gives_whole_batches(animals: Ontology) -> None:
    curriculum = Random()
    curriculum.bind(animals, 24)
    table = np.arange(201), np.zeros(200, dtype=np.int64)
    for batch in plan(curriculum, table):
        assert len(set(batch.rows.tolist())) == 24
        assert batch.collisions == 24 + 6 - 1


@pytest.mark.parametrize("make", [Random, SameObject, Tonics])
def test_a_plan_is_a_function_of_seed_step_and_state(
    make: type[Curriculum], animals: Ontology, captions: MakeCaptions
) -> None:
    table = captions(200)

    def ready() -> Curriculum:
        curriculum = make()
        curriculum.bind(animals, 24)
        return curriculum

    whole = ready()
    rounds = [plan(whole, table, 6 * i) for i in range(3)]
    whole.measured({Ontology.root: 1.0})
    rounds.append(plan(whole, table, 18))

    again = ready()
    state = again.state_dict()
    assert same(plan(again, table), rounds[0])
    again.load_state_dict(state)
    assert same(plan(again, table), rounds[0]), "planning anew from the old state"
    # In rounds of another length, and stopped and resumed on the way.
    assert same(plan(again, table, 6, 9), (rounds[1] + rounds[2])[:9])
    resumed = ready()
    resumed.load_state_dict(json.loads(json.dumps(again.state_dict())))
    assert same(plan(resumed, table, 15, 3), rounds[2][3:])
    resumed.measured({Ontology.root: 1.0})
    assert same(plan(resumed, table, 18), rounds[3])
    assert not same(plan(ready(), table, seed=6), rounds[0])


def test_the_sampler_yields_the_plan_every_time(animals: Ontology, captions: MakeCaptions) -> None:
    curriculum = Random()
    curriculum.bind(animals, 24)
    batches = plan(curriculum, captions(200))
    sampler = RoundSampler(batches)
    assert len(sampler) == 6
    assert list(sampler) == batches == list(sampler)
