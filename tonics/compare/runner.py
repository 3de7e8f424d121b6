"""Runs each curriculum with each seed, evaluates it once, and skips what is done already."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tonics.curricula import class_path
from tonics.errors import UserError

OWN = ("--run", "--seed_everything", "--curriculum", "--ckpt_path")
"""Arguments of ``tonics fit`` that each run gets from the plan."""


@dataclass(frozen=True)
class Plan:
    """What is compared.

    Attributes:
        config: the recipe, a LightningCLI config.
        curricula: short names or class paths.
        seeds: how many seeds, from 0.
        out: the folder of all runs.
        arguments: further arguments of ``tonics fit``, the same for all runs.
    """

    config: Path
    curricula: list[str]
    seeds: int
    out: Path
    arguments: list[str]

    def run(self, curriculum: str, seed: int) -> Path:
        """The folder of one run."""
        return self.out / curriculum / f"seed{seed}"


def compare(plan: Plan, split: str) -> dict[str, list[dict[str, Any]]]:
    """Train and evaluate whatever is missing.

    Args:
        plan: what is compared.
        split: the split to evaluate on, once a run.

    Returns:
        For each curriculum the evaluation of every seed (see `tonics.evaluation.evaluate`).

    Raises:
        UserError: the folder holds a comparison of other settings, or a run fails on them.
    """
    _check(plan)
    _claim(plan)
    results: dict[str, list[dict[str, Any]]] = {}
    for seed in range(plan.seeds):
        for curriculum in plan.curricula:
            print(f"{curriculum}, seed {seed}", flush=True)
            results.setdefault(curriculum, []).append(_one(plan, curriculum, seed, split))
    return results


def _one(plan: Plan, curriculum: str, seed: int, split: str) -> dict[str, Any]:
    """One run's evaluation: read, or made by training and evaluating."""
    run = plan.run(curriculum, seed)
    evaluation = run / f"{split}.json"
    if not evaluation.is_file():
        if not (run / "model.json").is_file():
            _fit(plan, curriculum, seed, run)
        # Imported when there is something to run: reading a finished comparison needs no torch.
        from tonics.evaluation.evaluate import evaluate_run

        data = yaml.safe_load((run / "config.yaml").read_text())["data"]
        figures = evaluate_run(run, Path(data["pairs"]), split, Path(data["ontology"]))
        evaluation.write_text(json.dumps(figures, indent=2) + "\n")
    return json.loads(evaluation.read_text())


def _fit(plan: Plan, curriculum: str, seed: int, run: Path) -> None:
    """Train one run; one that was cut off goes on from its last checkpoint."""
    from tonics.training.cli import fit

    arguments = ["--config", str(plan.config), *plan.arguments, "--curriculum", curriculum]
    arguments += ["--run", str(run), "--seed_everything", str(seed)]
    if (run / "checkpoints" / "last.ckpt").is_file():
        arguments += ["--ckpt_path", "last"]
    fit(arguments)


def _check(plan: Plan) -> None:
    """Refuse before the first run what would fail, or mislead, after it."""
    for curriculum in plan.curricula:
        class_path(curriculum)
    if len(set(plan.curricula)) < len(plan.curricula):
        raise UserError("compare: a curriculum is named twice")
    for argument in plan.arguments:
        if (key := argument.partition("=")[0]) in OWN:
            raise UserError(f"compare: leave {key} out: it is chosen for each run")


def _claim(plan: Plan) -> None:
    """Make the folder this comparison's own, or see that it is."""
    try:
        recipe = plan.config.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"no config {plan.config}: --config names a recipe in YAML") from error
    spec = json.dumps({"config": recipe, "arguments": plan.arguments}, indent=2)
    place = plan.out / "spec.json"
    # One whose first run was refused holds nothing yet: the mistake may be corrected.
    begun = any(plan.out.glob("*/seed*"))
    if begun and place.is_file() and place.read_text() != spec:
        raise UserError(
            f"{plan.out} holds a comparison with other settings: remove it or give another --out"
        )
    plan.out.mkdir(parents=True, exist_ok=True)
    place.write_text(spec)
