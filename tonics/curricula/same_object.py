"""Only same-object batches, from the first step."""

import numpy as np

from ontology.saved import Ontology
from tonics.curricula.base import Curriculum


class SameObject(Curriculum):
    """Every batch shows one leaf of the ontology, leaves in proportion to their images.

    The hard end of TOnICS (Srinivasan, Ren and Thomason 2022) without the way there: the control
    that tells what the gradual start is worth.
    """

    def bind(self, ontology: Ontology, batch_size: int) -> None:
        """As in `Curriculum`, and weigh the leaves."""
        super().bind(ontology, batch_size)
        self._leaves = sorted(ontology.leaves())
        sizes = np.array([len(self.images(leaf)) for leaf in self._leaves], dtype=float)
        self._weights = sizes / sizes.sum()

    def choose(self, rng: np.random.Generator) -> str:
        """A leaf."""
        return self._leaves[rng.choice(len(self._leaves), p=self._weights)]
