"""One seed, one run: whatever the workers, the process, or the stops on the way."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

FILES = ("metrics.jsonl", "curriculum.jsonl", "model.safetensors")
RESUME = ("--ckpt_path", "last")


def assert_same(run: Path, other: Path, *names: str) -> None:
    for name in names or FILES:
        assert (run / name).read_bytes() == (other / name).read_bytes(), name


@pytest.fixture
def interrupt(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """Makes the next run see Ctrl-C in the midst of a step."""
    from tonics.training.module import AlignmentModule

    step = AlignmentModule.training_step
    handler = signal.getsignal(signal.SIGINT)

    def at(number: int) -> None:
        def interrupted(self: AlignmentModule, batch: Any, batch_idx: int) -> Any:
            if self.global_step == number:
                monkeypatch.setattr(AlignmentModule, "training_step", step)
                raise KeyboardInterrupt
            return step(self, batch, batch_idx)

        monkeypatch.setattr(AlignmentModule, "training_step", interrupted)

    yield at
    signal.signal(signal.SIGINT, handler)  # Lightning leaves it ignored


@pytest.mark.parametrize("workers", [0, 2])
def test_one_seed_is_one_run(
    fit: Callable[..., Path], finished: Path, tmp_path: Path, workers: int
) -> None:
    assert_same(fit(tmp_path / "run", "--data.num_workers", str(workers)), finished)


def test_another_seed_is_another_run(
    fit: Callable[..., Path], finished: Path, tmp_path: Path
) -> None:
    run = fit(tmp_path / "run", "--seed_everything", "1")
    for name in FILES:
        assert (run / name).read_bytes() != (finished / name).read_bytes(), name


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param(4, id="between two rounds of a phase"),
        pytest.param(6, id="where text unfreezes, after a short round"),
        pytest.param(10, id="where vision unfreezes"),
    ],
)
@pytest.mark.parametrize("workers", [0, 2])
def test_a_run_stopped_between_rounds_goes_on_as_if_it_had_not(
    fit: Callable[..., Path], finished: Path, tmp_path: Path, steps: int, workers: int
) -> None:
    more = ("--data.num_workers", str(workers))
    run = fit(tmp_path / "run", "--trainer.max_steps", str(steps), *more)
    assert len((run / "metrics.jsonl").read_text().splitlines()) == {4: 1, 6: 2, 10: 3}[steps]
    assert_same(fit(run, *more, *RESUME), finished)


def test_a_run_stopped_elsewhere_logs_and_plans_no_more_than_it_did(
    fit: Callable[..., Path], tmp_path: Path
) -> None:
    """It measures there, which an uninterrupted run does not; but no batch is lost or repeated."""
    run = fit(tmp_path / "run", "--trainer.max_steps", "5")
    for steps in (5, 14):
        records = [json.loads(x) for x in (run / "curriculum.jsonl").read_text().splitlines()]
        assert [r["step"] for r in records if "node" in r] == list(range(steps))
        fit(run, *RESUME)
    metrics = [json.loads(x)["step"] for x in (run / "metrics.jsonl").read_text().splitlines()]
    assert metrics == [3, 4, 5, 9, 13]
    whole = fit(tmp_path / "whole", "--curriculum", "random")
    stopped = fit(tmp_path / "stopped", "--curriculum", "random", "--trainer.max_steps", "5")
    assert_same(fit(stopped, "--curriculum", "random", *RESUME), whole, "model.safetensors")


def test_a_run_may_stop_several_times(
    fit: Callable[..., Path], finished: Path, tmp_path: Path
) -> None:
    run = fit(tmp_path / "run", "--trainer.max_steps", "4")
    for steps in ("6", "10", "14"):
        fit(run, "--trainer.max_steps", steps, *RESUME)
    assert_same(run, finished)
    assert_same(fit(run, *RESUME), finished)  # and there is nothing left to do


@pytest.mark.parametrize("step", [5, 8, 13])
def test_a_run_interrupted_inside_a_round_repeats_that_round(
    fit: Callable[..., Path],
    finished: Path,
    world: Any,
    tmp_path: Path,
    interrupt: Callable[[int], None],
    capfd: pytest.CaptureFixture[str],
    step: int,
) -> None:
    from tonics.cli import main

    interrupt(step)
    assert main(["fit", *world.arguments(tmp_path / "run")]) == 130
    assert capfd.readouterr().err.endswith("tonics: interrupted\n")
    assert not (tmp_path / "run" / "model.json").exists()  # an unfinished model is none
    assert_same(fit(tmp_path / "run", *RESUME), finished)


def test_a_run_interrupted_before_its_first_checkpoint_starts_again(
    fit: Callable[..., Path],
    finished: Path,
    world: Any,
    tmp_path: Path,
    interrupt: Callable[[int], None],
) -> None:
    from tonics.cli import main

    interrupt(2)
    assert main(["fit", *world.arguments(tmp_path / "run")]) == 130
    assert_same(fit(tmp_path / "run"), finished)


def test_what_was_logged_after_the_last_checkpoint_is_written_once(
    fit: Callable[..., Path], finished: Path, tmp_path: Path
) -> None:
    """As a run leaves it that was killed between its log and its checkpoint."""
    run = fit(tmp_path / "run", "--trainer.max_steps", "6")
    for name, extra in (("metrics.jsonl", '{"dev/R@1": 1.0, '), ("curriculum.jsonl", "{")):
        with (run / name).open("a") as file:
            file.write(f'{extra}"step": 7}}\n{{"step": 8, "cut')
    assert_same(fit(run, *RESUME), finished)


TERMINATED = """
import os, signal, sys
from tonics.cli import main
from tonics.training.module import AlignmentModule

step = AlignmentModule.training_step

def terminated(self, batch, batch_idx):
    if self.global_step == 8:
        os.kill(os.getpid(), signal.SIGTERM)
    return step(self, batch, batch_idx)

AlignmentModule.training_step = terminated
sys.exit(main(sys.argv[1:]))
"""


def test_a_terminated_run_says_so_and_goes_on(
    fit: Callable[..., Path], finished: Path, world: Any, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", TERMINATED, "fit", *world.arguments(tmp_path / "run")]
    ended = subprocess.run(command, capture_output=True, text=True, env=os.environ)
    assert ended.returncode == 130 and ended.stderr.endswith("tonics: interrupted\n"), ended.stderr
    assert_same(fit(tmp_path / "run", *RESUME), finished)


def test_every_step_has_random_numbers_of_its_own(
    fit: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or dropout would leave out the same features in every step."""
    import torch

    from tonics.training.module import AlignmentModule

    seeds: list[int] = []
    step = AlignmentModule.training_step

    def spy(self: AlignmentModule, batch: Any, batch_idx: int) -> Any:
        seeds.append(torch.initial_seed())
        return step(self, batch, batch_idx)

    monkeypatch.setattr(AlignmentModule, "training_step", spy)
    for seed in ("0", "1"):
        fit(tmp_path / seed, "--seed_everything", seed, "--trainer.max_steps", "6")
    assert len(set(seeds)) == len(seeds) == 12


def test_the_order_of_batches_is_the_seeds_and_the_towers_the_recipes(
    fit: Callable[..., Path], finished: Path, tmp_path: Path
) -> None:
    """A wider head changes the model, but not which pairs the first batches hold."""
    run = fit(tmp_path / "run", "--model.head.dim", "8", "--trainer.max_steps", "4")
    for mine, theirs in zip(*(_first_round(folder) for folder in (run, finished)), strict=True):
        for name in ("step", "node", "collisions", "filled"):
            assert mine[name] == theirs[name]


def _first_round(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "curriculum.jsonl").read_text().splitlines()[:4]]
