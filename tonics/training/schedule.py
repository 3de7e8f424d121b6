"""The freeze schedule: which parts learn when, and how fast. Pure functions of the step."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tonics.errors import UserError


@dataclass
class Phase:
    """A stretch of training. A tower without a learning rate is frozen.

    Attributes:
        steps: how many optimiser steps it lasts.
        heads: peak learning rate of heads and temperature.
        text: peak learning rate of the text tower.
        vision: peak learning rate of the vision tower.
        text_layers: only so many last layers of the text tower learn; all when not given.
        warmup: share of the steps in which the rates rise from zero; then they fall as a cosine.
    """

    steps: int
    heads: float = 1e-3
    text: float | None = None
    vision: float | None = None
    text_layers: int | None = None
    warmup: float = 0.1


class Schedule:
    """Phases in a row.

    Attributes:
        phases: in order.
        ends: the step after the last one of each phase.
    """

    def __init__(self, phases: Sequence[Phase]) -> None:
        """Line the phases up.

        Raises:
            UserError: there is none, or one without steps or with a rate that cannot be.
        """
        if not phases or any(phase.steps < 1 for phase in phases):
            raise UserError("phases: give at least one, each with steps of at least 1")
        for phase in phases:
            rates = (phase.heads, phase.text or 0, phase.vision or 0)
            if min(rates) < 0 or not 0 <= phase.warmup <= 1:
                raise UserError("phases: no learning rate below 0, and warmup in [0, 1]")
            if phase.text_layers is not None and phase.text is None:
                raise UserError("phases: text_layers needs a learning rate for text")
        self.phases = phases
        self.ends: list[int] = []
        for phase in phases:
            self.ends.append(phase.steps + (self.ends[-1] if self.ends else 0))

    @property
    def steps(self) -> int:
        """How many steps there are in all."""
        return self.ends[-1]

    def index(self, step: int) -> int:
        """Which phase a step belongs to; the last one for any step beyond the end."""
        return next((i for i, end in enumerate(self.ends) if step < end), len(self.ends) - 1)

    def at(self, step: int) -> Phase:
        """The phase that a step belongs to."""
        return self.phases[self.index(step)]

    def round_steps(self, step: int, round_steps: int) -> int:
        """How long the round from ``step`` on is: no round reaches into the next phase."""
        return min(round_steps, self.ends[self.index(step)] - step)

    def factor(self, step: int) -> float:
        """What the peak rates are multiplied by at a step: a linear rise, then half a cosine."""
        i = self.index(step)
        phase = self.phases[i]
        done = step - (self.ends[i] - phase.steps)
        rise = max(1, round(phase.warmup * phase.steps))
        if done < rise:
            return (done + 1) / rise
        return 0.5 * (1 + math.cos(math.pi * (done - rise) / max(1, phase.steps - rise)))

    def rate(self, part: str, step: int) -> float:
        """The learning rate of ``heads``, ``text`` or ``vision`` at a step; 0 where frozen."""
        return (getattr(self.at(step), part) or 0.0) * self.factor(step)
