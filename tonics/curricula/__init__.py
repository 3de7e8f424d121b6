"""Curricula: what decides the next batches. One file each, on the protocol of `base`."""

from tonics.curricula.base import Curriculum, Lesson
from tonics.curricula.random import Random
from tonics.curricula.same_object import SameObject
from tonics.curricula.tonics import Tonics

NAMES = {"random": Random, "same_object": SameObject, "tonics": Tonics}
"""The short names that the command line takes beside a ``class_path``."""

__all__ = ["NAMES", "Curriculum", "Lesson", "Random", "SameObject", "Tonics"]
