import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import tonics
from tonics.errors import UserError
from tonics.models.dual_encoder import DualEncoder
from tonics.models.folder import load, save
from tonics.models.heads import HeadConfig
from tonics.models.text import TextConfig, TextTower
from tonics.models.transforms import ImageTransform
from tonics.models.vision import VisionConfig, VisionTower

Make = Callable[..., DualEncoder]


def pictures() -> list[Image.Image]:
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)) for _ in range(3)]


@pytest.fixture(scope="module")
def saved(make_model: Make, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved model; not to be changed."""
    folder = tmp_path_factory.mktemp("saved") / "run"
    save(make_model(), folder)
    return folder


@pytest.fixture
def copy(saved: Path, tmp_path: Path) -> Path:
    """A copy of it, to be damaged."""
    return Path(shutil.copytree(saved, tmp_path / "run"))


@pytest.mark.parametrize(
    ("vision", "size", "hidden"),
    [("test_efficientnet", 32, 24), ("test_resnet", 40, 0), ("test_vit", 160, 8)],
)
def test_a_loaded_model_embeds_bit_for_bit_the_same(
    bert: Path, tmp_path: Path, sentences: list[str], vision: str, size: int, hidden: int
) -> None:
    source = Path(shutil.copytree(bert, tmp_path / "bert"))
    torch.manual_seed(3)
    tower = VisionTower(
        VisionConfig(vision, "random", "pad"),
        ImageTransform(size, (0.1, 0.2, 0.3), (0.9, 0.8, 0.7), "bilinear", "pad"),
    )
    text = TextTower(TextConfig(str(source), str(source), "cls", max_length=9))
    model = DualEncoder(tower, text, HeadConfig(12, hidden, 0.3))
    with torch.no_grad():  # nothing as it was made: neither statistics nor temperature
        for tensor in model.state_dict().values():
            tensor.add_(
                torch.rand_like(tensor) / 50
            ) if tensor.is_floating_point() else tensor.add_(3)
    model.eval()
    images, texts = model.embed_images(pictures()), model.embed_texts(sentences)
    save(model, tmp_path / "run")
    shutil.rmtree(source)  # the folder alone suffices
    again = tonics.load(tmp_path / "run")
    assert not again.training
    assert torch.equal(again.embed_images(pictures()), images)
    assert torch.equal(again.embed_texts(sentences), texts)
    assert torch.equal(again.logit_scale, model.logit_scale)
    assert (again.head_config, again.vision.transform) == (model.head_config, tower.transform)
    assert again.text.config.max_length == 9


def test_saving_over_an_older_model_replaces_it(
    make_model: Make, copy: Path, sentences: list[str]
) -> None:
    newer = make_model(seed=5, dim=8).eval()
    save(newer, copy)
    assert torch.equal(load(copy).embed_texts(sentences), newer.embed_texts(sentences))
    assert sorted(path.name for path in copy.iterdir()) == [
        "model.json",
        "model.safetensors",
        "text",
    ]


def test_saving_does_not_change_the_model(make_model: Make, tmp_path: Path) -> None:
    model = make_model().train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    save(model, tmp_path / "run")
    assert model.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_nothing_in_the_folder_can_run_code(saved: Path) -> None:
    suffixes = {path.suffix for path in saved.rglob("*") if path.is_file()}
    assert suffixes <= {".json", ".safetensors", ".txt"}


def refused(folder: Path) -> str:
    with pytest.raises(UserError) as caught:
        load(folder)
    text = str(caught.value)
    assert "\n" not in text and str(folder) in text
    return text


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    assert "holds no model" in refused(tmp_path)
    assert "holds no model" in refused(tmp_path / "gone")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("name", ["model.json", "model.safetensors", "text/config.json"])
def test_a_file_cut_short(copy: Path, name: str, share: float) -> None:
    content = (copy / name).read_bytes()
    (copy / name).write_bytes(content[: int(share * len(content))])
    refused(copy)


@pytest.mark.parametrize("name", ["model.safetensors", "text/config.json", "text"])
def test_a_file_gone(copy: Path, name: str) -> None:
    path = copy / name
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    refused(copy)


@pytest.mark.parametrize(
    "facts",
    ["[]", "{}", "null", '{"vision": {}, "text": {}, "head": {}}', '{"vision": null}'],
)
def test_a_description_of_something_else(copy: Path, facts: str) -> None:
    (copy / "model.json").write_text(facts)
    assert "cannot be read as a model" in refused(copy)


def test_a_layout_of_another_version(copy: Path) -> None:
    facts = json.loads((copy / "model.json").read_text())
    (copy / "model.json").write_text(json.dumps({**facts, "layout": 99}))
    assert "layout 99" in refused(copy)


def test_a_missing_folder_is_not_looked_up_on_the_hub(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # From its parent folder, run/text has the form of a name on the hub.
    shutil.rmtree(copy / "text")
    monkeypatch.chdir(copy.parent)
    assert "run/text is missing" in refused(Path("run"))


def test_a_description_with_unknown_options(copy: Path) -> None:
    facts = json.loads((copy / "model.json").read_text())
    facts["head"]["colour"] = "red"
    (copy / "model.json").write_text(json.dumps(facts))
    assert "colour" in refused(copy)


@pytest.mark.parametrize("options", [{"vision": "test_resnet"}, {"hidden": 0}, {"dim": 8}])
def test_weights_of_another_architecture(
    make_model: Make, copy: Path, tmp_path: Path, options: dict[str, object]
) -> None:
    save(make_model(**options), tmp_path / "other")
    shutil.copy(tmp_path / "other" / "model.safetensors", copy)
    assert "another architecture" in refused(copy)
