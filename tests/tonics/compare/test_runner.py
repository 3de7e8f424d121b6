"""Two curricula, two seeds: what a comparison makes, keeps, repeats and refuses."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tonics.cli import main

CURRICULA = ("random", "same_object")
RUNS = [f"{curriculum}/seed{seed}" for curriculum in CURRICULA for seed in (0, 1)]


@pytest.fixture(scope="module")
def arguments(world: Any) -> Callable[..., list[str]]:
    """The command that compares two curricula on the world, heads only, into a folder."""

    def make(out: Path, *more: str) -> list[str]:
        data = ["--data.pairs", str(world.pairs), "--data.ontology", str(world.ontology)]
        plan = ["--curricula", ",".join(CURRICULA), "--seeds", "2", "--out", str(out)]
        phases = ["--model.phases", "[{steps: 6, heads: 0.01}]"]
        return ["compare", "--config", str(world.recipe), *plan, *data, *phases, *more]

    return make


@pytest.fixture(scope="module")
def compared(arguments: Callable[..., list[str]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished comparison. Not to be changed."""
    out = tmp_path_factory.mktemp("compared") / "out"
    assert main(arguments(out)) == 0
    return out


def stamps(folder: Path) -> dict[Path, tuple[int, int]]:
    """Which files the runs hold, and which writing of them it is."""
    files = (f for run in RUNS for f in (folder / run).rglob("*") if f.is_file())
    return {f: (f.stat().st_ino, f.stat().st_mtime_ns) for f in files}


def leaves(tree: Any) -> list[float]:
    if isinstance(tree, dict):
        return [leaf for key in sorted(tree) for leaf in leaves(tree[key])]
    return [tree]


def test_results_are_the_means_of_the_runs_own_evaluations(
    compared: Path, world: Any, tmp_path: Path
) -> None:
    results = json.loads((compared / "results.json").read_text())
    assert list(results) == list(CURRICULA)
    for curriculum in CURRICULA:
        own = []
        for seed in (0, 1):
            run, figures = compared / curriculum / f"seed{seed}", tmp_path / "figures.json"
            evaluate = ["eval", "retrieval", "--model", str(run), "--data", str(world.pairs)]
            assert main([*evaluate, "--json", str(figures)]) == 0
            own.append(json.loads(figures.read_text()))
            assert json.loads((run / "test.json").read_text()) == own[-1]
        assert own[0].pop("split") == own[1].pop("split") == results[curriculum].pop("split")
        means = np.mean([leaves(own[0]), leaves(own[1])], axis=0)
        np.testing.assert_allclose(leaves(results[curriculum]), means)


def test_every_run_has_its_seed_its_curriculum_and_the_same_budget(compared: Path) -> None:
    import yaml

    for run in RUNS:
        config = yaml.safe_load((compared / run / "config.yaml").read_text())
        kind = config["curriculum"]["class_path"].rsplit(".", 1)[-1]
        assert kind == {"random": "Random", "same_object": "SameObject"}[run.split("/")[0]]
        assert config["seed_everything"] == int(run[-1])
        assert [phase["steps"] for phase in config["model"]["phases"]] == [6]


def test_statistics_give_means_intervals_and_paired_differences(compared: Path) -> None:
    table = json.loads((compared / "statistics.json").read_text())
    runs = {run: json.loads((compared / run / "test.json").read_text()) for run in RUNS}
    parts = {
        "text→image R@1": ("text_to_image", "R@1"),
        "image→text R@10": ("image_to_text", "R@10"),
        "same-object R@1": ("same_object", "R@1"),
    }
    for name, (part, key) in parts.items():
        first, second = ([runs[f"{c}/seed{seed}"][part][key] for seed in (0, 1)] for c in CURRICULA)
        assert table[name]["random"]["values"] == first
        assert table[name]["random"]["mean"] == pytest.approx(np.mean(first))
        gaps = np.subtract(second, first)
        difference = table[name]["same_object"]["difference"]
        assert difference["mean"] == pytest.approx(gaps.mean())
        # Student's t of one degree of freedom: 12.706 standard errors to either side.
        half = 12.7062 * gaps.std(ddof=1) / np.sqrt(2)
        assert difference["half_width"] == pytest.approx(half, rel=1e-3)
        assert "difference" not in table[name]["random"]


def test_the_curves_are_a_picture(compared: Path) -> None:
    with Image.open(compared / "curves.png") as picture:
        picture.load()
        assert picture.width > 400 and picture.height > 300
        colours = {colour for _, colour in picture.convert("RGB").getcolors(10**6)}
    assert {(0x4C, 0x72, 0xB0), (0xDD, 0x84, 0x52)} <= colours  # a curve for either curriculum


def test_a_second_call_trains_nothing(
    compared: Path,
    arguments: Callable[..., list[str]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before, results = stamps(compared), (compared / "results.json").read_bytes()
    assert main(arguments(compared, "--json", str(tmp_path / "copy.json"))) == 0
    assert stamps(compared) == before
    assert (compared / "results.json").read_bytes() == results
    assert (tmp_path / "copy.json").read_bytes() == results
    table = capsys.readouterr().out
    assert "random" in table and "same_object" in table and "±" in table


def test_a_run_that_is_gone_is_made_again_alone_and_alike(
    compared: Path, arguments: Callable[..., list[str]], tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(compared, copy)
    shutil.rmtree(copy / "same_object" / "seed1")
    before = stamps(copy)
    assert main(arguments(copy)) == 0
    after = stamps(copy)
    assert {file: after[file] for file in before} == before
    for name in ("metrics.jsonl", "curriculum.jsonl", "model.safetensors", "test.json"):
        again, first = (out / "same_object" / "seed1" / name for out in (copy, compared))
        assert again.read_bytes() == first.read_bytes()
    assert (copy / "results.json").read_bytes() == (compared / "results.json").read_bytes()


def test_a_run_that_was_cut_off_goes_on(
    compared: Path, world: Any, arguments: Callable[..., list[str]], tmp_path: Path
) -> None:
    """As after a crash: a checkpoint of the first round, and no model."""
    copy = tmp_path / "copy"
    shutil.copytree(compared, copy)
    run = copy / "random" / "seed1"
    shutil.rmtree(run)
    begun = ["--curriculum", "random", "--seed_everything", "1", "--trainer.max_steps", "4"]
    phases = ["--model.phases", "[{steps: 6, heads: 0.01}]"]
    assert main(["fit", *world.arguments(run, *begun, *phases)]) == 0
    for name in ("model.json", "model.safetensors"):
        (run / name).unlink()
    assert main(arguments(copy)) == 0
    assert (copy / "results.json").read_bytes() == (compared / "results.json").read_bytes()


def test_other_settings_are_refused(
    compared: Path,
    arguments: Callable[..., list[str]],
    refused: Callable[..., str],
    tmp_path: Path,
    world: Any,
) -> None:
    before = stamps(compared)
    assert "other settings" in refused(*arguments(compared, "--model.head.dim", "8"))
    (tmp_path / "other.yaml").write_text(world.recipe.read_text() + "# another recipe\n")
    other = arguments(compared)
    other[other.index("--config") + 1] = str(tmp_path / "other.yaml")
    assert "other settings" in refused(*other)
    assert stamps(compared) == before


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        (["--curricula", "random,nope"], "no curriculum 'nope'"),
        (["--curricula", "random,"], "no curriculum ''"),
        (["--curricula", "../random.x"], "no curriculum '../random.x'"),
        (["--curricula", "random,random"], "named twice"),
        (["--seeds", "0"], "--seeds must be at least 1"),
        (["--run", "elsewhere"], "leave --run out"),
        (["--seed_everything=3"], "leave --seed_everything out"),
        (["--data.nonsense", "1"], "--data.nonsense"),
        (["--config", "nowhere.yaml"], "no config nowhere.yaml"),
        (["--data.pairs", "nowhere"], "nowhere holds no table"),
    ],
)
def test_mistakes_show_before_anything_is_trained(
    more: list[str],
    complaint: str,
    arguments: Callable[..., list[str]],
    refused: Callable[..., str],
    tmp_path: Path,
) -> None:
    assert complaint in refused(*arguments(tmp_path / "out", *more))
    assert not list(tmp_path.rglob("config.yaml"))


def test_a_mistake_may_be_corrected(
    arguments: Callable[..., list[str]], refused: Callable[..., str], tmp_path: Path
) -> None:
    """What was refused does not lay claim to the folder."""
    refused(*arguments(tmp_path / "out", "--model.head.dim", "0"))
    assert main(arguments(tmp_path / "out", "--seeds", "1", "--curricula", "random")) == 0
    table = json.loads((tmp_path / "out" / "statistics.json").read_text())
    assert table["text→image R@1"]["random"]["half_width"] is None  # one seed: no interval
