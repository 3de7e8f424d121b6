import math

import numpy as np
import pytest

from tonics.compare.statistics import interval, mean_tree, t_quantile

# Two-sided 95% and 99% points as printed in textbooks' tables of Student's t.
TABLE = {
    0.975: {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 9: 2.262, 29: 2.045, 120: 1.980},
    0.995: {1: 63.657, 2: 9.925, 4: 4.604, 10: 3.169, 30: 2.750},
}


@pytest.mark.parametrize(
    ("freedom", "probability", "printed"),
    [(n, p, value) for p, rows in TABLE.items() for n, value in rows.items()],
)
def test_quantiles_equal_the_printed_table(
    freedom: int, probability: float, printed: float
) -> None:
    assert t_quantile(freedom, probability) == pytest.approx(printed, abs=6e-4)


@pytest.mark.parametrize("probability", [0.9, 0.975, 0.999])
def test_quantiles_in_closed_form(probability: float) -> None:
    # One degree of freedom is Cauchy's distribution; two have an inverse too.
    cauchy = math.tan(math.pi * (probability - 0.5))
    assert t_quantile(1, probability) == pytest.approx(cauchy, rel=1e-5)
    middle = 2 * probability - 1
    two = middle * math.sqrt(2 / (1 - middle**2))
    assert t_quantile(2, probability) == pytest.approx(two, rel=1e-5)


def test_an_interval_by_hand() -> None:
    # Standard deviation 1, so the error of the mean is 1 / sqrt(3).
    mean, half = interval([1.0, 2.0, 3.0])
    assert mean == 2.0
    assert half == pytest.approx(4.3027 / math.sqrt(3), abs=1e-3)
    assert interval([5.0, 5.0]) == (5.0, 0.0)
    assert interval([7.5]) == (7.5, None)


def test_95_of_100_intervals_hold_the_mean() -> None:
    rng = np.random.default_rng(0)
    samples = rng.normal(3.0, 2.0, (4000, 3))
    half = t_quantile(2) * samples.std(axis=1, ddof=1) / math.sqrt(3)
    assert interval(samples[0].tolist())[1] == pytest.approx(half[0])
    held = np.abs(samples.mean(axis=1) - 3.0) <= half
    assert held.mean() == pytest.approx(0.95, abs=4 * math.sqrt(0.95 * 0.05 / 4000))


def test_trees_are_averaged_leaf_by_leaf() -> None:
    trees = [
        {"a": {"x": 1.0, "y": 10}, "n": 4, "name": "dog", "none": None},
        {"a": {"x": 2.0, "y": 10}, "n": 4, "name": "dog", "none": None},
        {"a": {"x": 6.0, "y": 13}, "n": 4, "name": "dog", "none": None},
    ]
    expected = {"a": {"x": 3.0, "y": 11.0}, "n": 4, "name": "dog", "none": None}
    assert mean_tree(trees) == expected
    assert mean_tree(trees[:1]) == trees[0]
    assert isinstance(mean_tree(trees)["n"], int)
