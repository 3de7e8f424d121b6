import json
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor

from tonics.errors import UserError
from tonics.models.transforms import ImageTransform
from tonics.models.vision import VisionConfig, VisionTower


def noise(count: int, size: int) -> Tensor:
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("name", "size"), [("test_efficientnet", 64), ("test_resnet", 64), ("test_vit", 160)]
)
@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
def test_features_are_timms_without_the_classifier(
    tmp_path: Path, name: str, size: int, suffix: str
) -> None:
    torch.manual_seed(0)
    plain = timm.create_model(name).eval()
    file = tmp_path / f"weights.{suffix}"
    save_file(plain.state_dict(), file) if suffix == "safetensors" else torch.save(
        {"state_dict": plain.state_dict()}, file
    )
    tower = VisionTower(VisionConfig(name, str(file)), ImageTransform(size)).eval()
    pixels = noise(3, size)
    with torch.inference_mode():
        expected = plain.forward_head(plain.forward_features(pixels), pre_logits=True)
        features = tower(pixels)
        classifier = plain.get_classifier()
        torch.testing.assert_close(classifier(features), plain(pixels), atol=1e-5, rtol=1e-4)
    assert features.shape == (3, tower.width)
    torch.testing.assert_close(features, expected, atol=1e-5, rtol=1e-4)
    assert sum(p.numel() for p in tower.parameters()) == sum(
        p.numel() for p in plain.parameters()
    ) - sum(p.numel() for p in classifier.parameters())


def test_the_width_is_probed() -> None:
    # timm's num_features of this one is the width before its last layer.
    tower = VisionTower(VisionConfig("mobilenetv4_conv_small", "random"), ImageTransform(32))
    assert (tower.model.num_features, tower.width) == (960, 1280)


def test_probing_leaves_the_tower_as_it_was() -> None:
    tower = VisionTower(VisionConfig("test_efficientnet", "random"), ImageTransform(32))
    assert tower.training and all(module.training for module in tower.modules())
    statistics = {k: v for k, v in tower.state_dict().items() if "running_mean" in k}
    assert statistics and all((value == 0).all() for value in statistics.values())


def test_the_transform_is_timms_for_the_model() -> None:
    tower = VisionTower(VisionConfig("test_efficientnet", "random", fit="pad"))
    config = timm.create_model("test_efficientnet").pretrained_cfg
    assert tower.transform == ImageTransform(
        config["input_size"][1], config["mean"], config["std"], config["interpolation"], "pad"
    )


@pytest.mark.parametrize("pooling", [None, "avg", "max"])
def test_pooling_is_chosen(tmp_path: Path, pooling: str | None) -> None:
    torch.manual_seed(0)
    plain = timm.create_model("test_resnet").eval()
    file = tmp_path / "weights.safetensors"
    save_file(plain.state_dict(), file)
    tower = VisionTower(VisionConfig("test_resnet", str(file), pooling=pooling), ImageTransform(64))
    with torch.inference_mode():
        maps = plain.forward_features(noise(2, 64))
        features = tower.eval()(noise(2, 64))
    expected = maps.amax(dim=(2, 3)) if pooling == "max" else maps.mean(dim=(2, 3))
    torch.testing.assert_close(features, expected, atol=1e-5, rtol=1e-4)


def test_a_pooling_of_two_kinds_is_twice_as_wide() -> None:
    single, double = (
        VisionTower(VisionConfig("test_resnet", "random", pooling=pooling), ImageTransform(64))
        for pooling in ("avg", "catavgmax")
    )
    assert double.width == 2 * single.width
    assert double(noise(2, 64)).shape == (2, double.width)


@pytest.mark.parametrize("pooling", ["", "no such"])
def test_a_pooling_that_cannot_be_is_an_error(pooling: str) -> None:
    with pytest.raises(UserError) as caught:
        VisionTower(VisionConfig("test_resnet", "random", pooling=pooling), ImageTransform(64))
    assert "\n" not in str(caught.value)


def test_an_unknown_name_is_an_error_with_a_guess() -> None:
    with pytest.raises(UserError, match=r"did you mean .*resnet50"):
        VisionTower(VisionConfig("resnet50x", "random"))
    with pytest.raises(UserError, match="timm knows no model"):
        VisionTower(VisionConfig("qqqqqqqq", "random"))


def test_a_tower_is_rebuilt_from_its_description() -> None:
    transform = ImageTransform(48, (0.1, 0.2, 0.3), (0.4, 0.5, 0.6), "bilinear", "pad")
    config = VisionConfig("test_resnet", "random", "pad", "max")
    tower = VisionTower(config, transform).eval()
    again = VisionTower.restore(json.loads(json.dumps(tower.describe()))).eval()
    assert again.transform == transform and again.config == config
    again.load_state_dict(tower.state_dict())
    assert torch.equal(again(noise(2, 48)), tower(noise(2, 48)))


def test_a_rebuilt_tower_fetches_nothing(tmp_path: Path) -> None:
    for weights in ("hub", "package:not-there", str(tmp_path / "gone.pth")):
        facts = VisionTower(VisionConfig("test_resnet", "random"), ImageTransform(32)).describe()
        facts["config"]["weights"] = weights
        assert VisionTower.restore(facts).config.weights == "random"
