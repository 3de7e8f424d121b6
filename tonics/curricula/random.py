"""Random minibatches: the baseline that every curriculum is compared with."""

from tonics.curricula.base import Curriculum


class Random(Curriculum):
    """Every batch is drawn from all images, each image once before any twice.

    What CLIP (Radford et al. 2021) and nearly everyone else does.
    """
