"""From a curriculum's lessons to batches of pairs: the round's plan, and the rank's slice of it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tonics.curricula.base import Curriculum, Lesson


@dataclass(frozen=True)
class PlannedBatch:
    """One batch, known before anything is decoded.

    Attributes:
        step: the optimiser step it belongs to, from 0.
        node: what its images share.
        depth: the node's depth in the ontology; 0 for random batches.
        rows: int [B], different images.
        captions: int64 [B], one caption id an image.
        filled: how many images come from outside the node.
        collisions: how many candidates were passed over because their captions were taken.
    """

    step: int
    node: str
    depth: int
    rows: np.ndarray
    captions: np.ndarray
    filled: int
    collisions: int


def choose_captions(
    lesson: Lesson,
    batch_size: int,
    caption_offsets: np.ndarray,
    caption_keys: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, int]:
    """One caption an image, no two of them equal.

    An image whose drawn caption is taken gets another of its own; an image without any left is
    passed over for the next candidate. Only when the candidates are used up do equal captions
    enter, and the loss masks those.

    Args:
        lesson: the candidates, in order of preference.
        batch_size: how many pairs to choose.
        caption_offsets: int64 [images + 1], as in `tonics.data.pairs.Pairs`.
        caption_keys: int64 [captions], likewise.
        rng: the step's own generator.

    Returns:
        places in ``lesson.rows`` [B], caption ids [B], and how many candidates were passed over.
    """
    starts, stops = caption_offsets[lesson.rows], caption_offsets[lesson.rows + 1]
    drawn = starts + (rng.random(len(starts)) * (stops - starts)).astype(np.int64)
    keys = caption_keys[drawn].tolist()
    taken: set[int] = set()
    chosen: list[int] = []
    passed: list[int] = []
    for i, key in enumerate(keys):
        if len(chosen) == batch_size:
            break
        if key in taken:
            own = range(int(starts[i]), int(stops[i]))
            free = [c for c in own if int(caption_keys[c]) not in taken]
            if not free:
                passed.append(i)
                continue
            drawn[i] = free[0]
            key = int(caption_keys[free[0]])
        taken.add(key)
        chosen.append(i)
    places = np.array((chosen + passed)[:batch_size], dtype=np.int64)
    return places, drawn[places], len(passed)


def plan_round(
    curriculum: Curriculum,
    caption_offsets: np.ndarray,
    caption_keys: np.ndarray,
    *,
    seed: int,
    first_step: int,
    steps: int,
) -> list[PlannedBatch]:
    """The batches of one round: a pure function of seed, step and the curriculum's state.

    Args:
        curriculum: bound to its data; its walk through the images advances.
        caption_offsets: int64 [images + 1].
        caption_keys: int64 [captions].
        seed: the run's seed.
        first_step: the optimiser step of the first batch.
        steps: how many batches.
    """
    depths = curriculum.ontology.graph.nodes
    plan = []
    for step in range(first_step, first_step + steps):
        rng = np.random.default_rng([seed, 1, step])
        lesson = curriculum.lesson(rng, seed)
        places, captions, collisions = choose_captions(
            lesson, curriculum.batch_size, caption_offsets, caption_keys, rng
        )
        plan.append(
            PlannedBatch(
                step=step,
                node=lesson.node,
                depth=depths[lesson.node]["depth"],
                rows=lesson.rows[places],
                captions=captions,
                filled=int((places >= lesson.own).sum()),
                collisions=collisions,
            )
        )
    return plan


class RoundSampler:
    """The batch sampler of one round: yields its planned batches in order."""

    def __init__(self, plan: list[PlannedBatch]) -> None:
        """Sample exactly ``plan``."""
        self.plan = plan

    def __len__(self) -> int:
        return len(self.plan)

    def __iter__(self) -> Iterator[PlannedBatch]:
        return iter(self.plan)
