"""Curricula: what decides the next batches. One file each, on the protocol of `base`."""

import re

from tonics.curricula.base import Curriculum, Lesson
from tonics.curricula.random import Random
from tonics.curricula.same_object import SameObject
from tonics.curricula.tonics import Tonics
from tonics.errors import UserError

NAMES = {"random": Random, "same_object": SameObject, "tonics": Tonics}
"""The short names that the command line takes beside a ``class_path``."""

__all__ = ["NAMES", "Curriculum", "Lesson", "Random", "SameObject", "Tonics", "class_path"]


def class_path(name: str) -> str:
    """The class path of a curriculum's short name; a dotted path is one already.

    Raises:
        UserError: there is no curriculum of that name.
    """
    if name in NAMES:
        return f"{NAMES[name].__module__}.{NAMES[name].__name__}"
    if not re.fullmatch(r"\w+(\.\w+)+", name):
        raise UserError(f"no curriculum {name!r}: choose {', '.join(NAMES)}, or give a class path")
    return name
