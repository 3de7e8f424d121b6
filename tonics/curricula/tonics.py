"""The TOnICS curriculum: from random batches to same-object batches, as the model masters nodes."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ontology.saved import Ontology
from tonics.curricula.base import Curriculum
from tonics.errors import UserError


class Tonics(Curriculum):
    """Opens a node's children when the model tells the node's held-out images apart.

    Training starts at the root, with random batches. After each round the model's held-out
    same-node accuracy is measured at every open node; where it reaches the threshold, the node's
    children open too. A share of the batches stays random throughout, so that what told objects
    apart is not forgotten; the others come from the open nodes below the root.

    After Srinivasan, Ren and Thomason 2022 (arXiv 2207.14525), section 3. Here accuracy is
    measured on held-out images and not on the training minibatches, which are fitted already.
    """

    def __init__(self, threshold: float = 0.4, random_share: float = 0.5) -> None:
        """Choose when nodes open and how many batches stay random.

        Args:
            threshold: held-out accuracy in [0, 1] at which a node's children open.
            random_share: share of random batches once any node below the root is open, in [0, 1].

        Raises:
            UserError: a value is outside [0, 1].
        """
        if not (0 <= threshold <= 1 and 0 <= random_share <= 1):
            raise UserError("tonics: threshold and random_share must lie between 0 and 1")
        self.threshold = threshold
        self.random_share = random_share

    def bind(self, ontology: Ontology, batch_size: int) -> None:
        """As in `Curriculum`; only the root is open."""
        super().bind(ontology, batch_size)
        self._open = {ontology.root}
        self._mastered: set[str] = set()
        self._weigh()

    def choose(self, rng: np.random.Generator) -> str:
        """The root, or an open node in proportion to the root of its number of images."""
        if not self._below or rng.random() < self.random_share:
            return self.ontology.root
        return self._below[rng.choice(len(self._below), p=self._weights)]

    def watched(self) -> list[str]:
        """The open nodes that are not mastered and have children to open."""
        return sorted(n for n in self._open - self._mastered if self.ontology.children(n))

    def measured(self, accuracy: Mapping[str, float]) -> list[str]:
        """Open the children of the nodes that reached the threshold."""
        opened: set[str] = set()
        for node in self.watched():
            if node in accuracy and accuracy[node] >= self.threshold:
                self._mastered.add(node)
                opened.update(self.ontology.children(node))
        opened -= self._open
        self._open |= opened
        self._weigh()
        return sorted(opened)

    def _weigh(self) -> None:
        """Weigh the open nodes: small ones often enough, large ones not all the time."""
        self._below = sorted(self._open - {self.ontology.root})
        sizes = np.sqrt([len(self.images(node)) for node in self._below])
        self._weights = sizes / sizes.sum() if self._below else sizes

    def state_dict(self) -> dict[str, Any]:
        """Which nodes are open and mastered, and how far the random walk is."""
        nodes = {"open": sorted(self._open), "mastered": sorted(self._mastered)}
        return {**super().state_dict(), **nodes}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`."""
        super().load_state_dict(state)
        self._open, self._mastered = set(state["open"]), set(state["mastered"])
        self._weigh()
