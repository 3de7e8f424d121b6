import math

import pytest

from tonics.errors import UserError
from tonics.training.schedule import Phase, Schedule


@pytest.fixture
def three() -> Schedule:
    return Schedule(
        [
            Phase(10, heads=1e-3, warmup=0.2),
            Phase(20, heads=5e-4, text=1e-5, text_layers=2),
            Phase(5, heads=1e-4, text=2e-5, vision=3e-5),
        ]
    )


def test_every_step_belongs_to_its_phase(three: Schedule) -> None:
    assert three.steps == 35
    expected = [0] * 10 + [1] * 20 + [2] * 5
    assert [three.index(step) for step in range(35)] == expected
    assert [three.at(step) for step in range(35)] == [three.phases[i] for i in expected]
    assert three.index(35) == three.index(1000) == 2


@pytest.mark.parametrize("length", [1, 3, 4, 7, 100])
def test_rounds_cover_all_steps_and_cross_no_phase(three: Schedule, length: int) -> None:
    step, boundaries = 0, []
    while step < three.steps:
        steps = three.round_steps(step, length)
        assert 1 <= steps <= length
        assert three.index(step) == three.index(step + steps - 1)
        step += steps
        boundaries.append(step)
    assert step == 35 and {10, 30, 35} <= set(boundaries)


def test_the_rate_rises_from_zero_and_falls_as_half_a_cosine() -> None:
    schedule = Schedule([Phase(100, heads=2.0, warmup=0.1)])
    rise = [2.0 * (step + 1) / 10 for step in range(10)]
    fall = [1 + math.cos(math.pi * (step - 10) / 90) for step in range(10, 100)]
    rates = [schedule.rate("heads", step) for step in range(100)]
    assert rates == pytest.approx(rise + fall)
    assert rates[9] == rates[10] == max(rates) == 2.0
    assert 0 < rates[-1] < 0.002


def test_every_phase_warms_up_anew(three: Schedule) -> None:
    assert three.factor(0) == pytest.approx(1 / 2)
    assert three.factor(10) == pytest.approx(1 / 2)
    assert three.factor(9) < 0.1
    # Five steps with a share of 0.1 still warm up for one.
    assert three.factor(30) == 1.0


def test_no_warmup_and_nothing_but_warmup() -> None:
    assert Schedule([Phase(4, warmup=0.0)]).factor(0) == 1.0
    assert Schedule([Phase(1)]).factor(0) == 1.0
    rising = Schedule([Phase(4, warmup=1.0)])
    assert [rising.factor(step) for step in range(4)] == [0.25, 0.5, 0.75, 1.0]


def test_frozen_parts_have_no_rate(three: Schedule) -> None:
    for step in range(35):
        factor = three.factor(step)
        peaks = vars(three.at(step))
        for part in ("heads", "text", "vision"):
            assert three.rate(part, step) == (peaks[part] or 0.0) * factor
    assert all(three.rate("text", step) == 0 for step in range(10))
    assert all(three.rate("vision", step) == 0 for step in range(30))
    assert all(three.rate("text", step) > 0 for step in range(10, 35))


@pytest.mark.parametrize("phases", [[], [Phase(0)], [Phase(5), Phase(-1)]])
def test_phases_without_steps_are_refused(phases: list[Phase]) -> None:
    with pytest.raises(UserError, match="at least one"):
        Schedule(phases)
