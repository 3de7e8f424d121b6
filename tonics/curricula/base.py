"""What a curriculum is: it decides what each batch has in common.

A curriculum knows nodes and images, never captions, tensors or processes. The sampler asks it for
one lesson a step; after each round it is told how well the model tells the held-out images of each
node apart. Its state is small and plain, so that a run can stop and go on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ontology.saved import Ontology
from tonics.errors import UserError


@dataclass(frozen=True)
class Lesson:
    """The images of one batch before their captions are chosen.

    Attributes:
        node: the synset that they share; the root for a random batch.
        rows: int [n], different images, in the order of preference: the first ``batch_size``
            that do not collide make the batch.
        own: how many of them, from the first, belong to the node; the rest fill up a small node.
    """

    node: str
    rows: np.ndarray
    own: int


class Curriculum:
    """Base of all curricula. A new one overrides `choose`, and `measured` if it adapts.

    Attributes:
        ontology: the graph and the images of its nodes.
        batch_size: pairs a batch.
    """

    ontology: Ontology
    batch_size: int

    def bind(self, ontology: Ontology, batch_size: int) -> None:
        """Get to know the data; called once, before any lesson.

        Raises:
            UserError: there are fewer training images than a batch needs.
        """
        self.ontology = ontology
        self.batch_size = batch_size
        self._seen = 0
        self._lap: tuple[int, int] | None = None
        if (n := len(self.images(ontology.root))) < batch_size:
            raise UserError(f"batch size {batch_size}, but only {n} training images: choose less")

    def images(self, node: str) -> np.ndarray:
        """The node's training images: rows, ascending, a view."""
        return self.ontology.index.images(node, "train")

    def choose(self, rng: np.random.Generator) -> str:
        """The node that the next batch shares; the root makes a random batch."""
        return self.ontology.root

    def measured(self, accuracy: Mapping[str, float]) -> list[str]:
        """Take note of held-out same-node accuracy (in [0, 1], by node) after a round.

        Returns:
            The nodes that opened because of it.
        """
        return []

    def watched(self) -> list[str]:
        """The nodes whose accuracy `measured` wants to know."""
        return []

    def lesson(self, rng: np.random.Generator, seed: int) -> Lesson:
        """The next batch's images, with a quarter more to replace collisions.

        Args:
            rng: the step's own generator.
            seed: the run's seed, by which random batches walk through all images in turn.
        """
        node = self.choose(rng)
        spare = self.batch_size + self.batch_size // 4
        if node == self.ontology.root:
            walked = self._walk(spare, seed)
            return Lesson(node, walked, len(walked))
        own = self.images(node)
        rows = own[rng.choice(len(own), min(spare, len(own)), replace=False)]
        if len(rows) == spare:
            return Lesson(node, rows, spare)
        everything = self.images(self.ontology.root)
        n = min(2 * spare, len(everything))
        others = everything[rng.choice(len(everything), n, replace=False)]
        fill = others[~np.isin(others, rows)]
        return Lesson(node, np.concatenate([rows, fill]), len(rows))

    def _walk(self, n: int, seed: int) -> np.ndarray:
        """The next images of a walk that sees each one once before it sees any twice.

        The walk advances by a batch; what is returned beyond that are spares.
        """
        everything = self.images(self.ontology.root)
        n = min(n, len(everything))
        lap, place = divmod(self._seen, len(everything))
        rows = everything[self._order(seed, lap)[place : place + n]]
        if len(rows) < n:
            rest = everything[self._order(seed, lap + 1)[:n]]
            rows = np.concatenate([rows, rest[~np.isin(rest, rows)][: n - len(rows)]])
        self._seen += self.batch_size
        return rows

    def _order(self, seed: int, lap: int) -> np.ndarray:
        """The order of one lap through all images; the last one asked for is kept."""
        if self._lap != (seed, lap):
            n = len(self.images(self.ontology.root))
            self._lap = (seed, lap)
            self._lap_order = np.random.default_rng([seed, 0, lap]).permutation(n)
        return self._lap_order

    def state_dict(self) -> dict[str, Any]:
        """What must survive a stop; plain JSON values."""
        return {"seen": self._seen}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`."""
        self._seen = state["seen"]
