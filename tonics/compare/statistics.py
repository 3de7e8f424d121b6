"""Means over seeds with their intervals: pure functions of numbers."""

import math
from typing import Any

import numpy as np


def t_quantile(freedom: int, probability: float = 0.975) -> float:
    """The quantile of Student's t distribution, by bisection on its integrated density.

    >>> round(t_quantile(2), 3)
    4.303
    """
    scale = math.gamma((freedom + 1) / 2) / (math.sqrt(freedom * math.pi) * math.gamma(freedom / 2))

    def above(t: float) -> float:
        # With x = sqrt(freedom) tan(angle) the density turns into a power of a cosine, and the
        # infinite tail into a finite stretch.
        angles = np.linspace(math.atan(t / math.sqrt(freedom)), math.pi / 2, 4001)
        density = np.cos(angles) ** (freedom - 1)
        return scale * math.sqrt(freedom) * float(np.trapezoid(density, angles))

    low, high = 0.0, 1000.0
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if above(middle) > 1 - probability else (low, middle)
    return high


def interval(values: list[float]) -> tuple[float, float | None]:
    """The mean and the half-width of its 95% interval (Student's t); None for a single value."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, None
    error = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    return mean, t_quantile(len(values) - 1) * error


def mean_tree(trees: list[Any]) -> Any:
    """The mean of equally shaped nested dicts of numbers, leaf by leaf.

    Leaves that are equal in all (counts, names, None) stay as they are.

    >>> mean_tree([{"a": 1.0, "n": 3}, {"a": 2.0, "n": 3}])
    {'a': 1.5, 'n': 3}
    """
    first = trees[0]
    if isinstance(first, dict):
        return {key: mean_tree([tree[key] for tree in trees]) for key in first}
    if all(tree == first for tree in trees):
        return first
    return float(np.mean(trees))
