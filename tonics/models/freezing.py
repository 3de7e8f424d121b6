"""Freezing that really freezes: no gradients, no dropout, no moving BatchNorm statistics."""

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from tonics.errors import UserError


def freeze(module: nn.Module) -> None:
    """Stop a module: its parameters get no gradients and it computes as in evaluation."""
    module.requires_grad_(False)
    module.eval()


def fix_batch_norm(module: nn.Module) -> None:
    """Leave every BatchNorm with its pretrained statistics while the rest of the module learns.

    A batch of one object is no sample of the data: statistics that followed the curriculum would
    describe its last batches. (Fixed statistics also make a batch's gradients those of its chunks.)
    """
    for layer in module.modules():
        if isinstance(layer, _BatchNorm):
            layer.eval()


def frozen_part(layers: nn.ModuleList, tower: nn.Module, last: int) -> list[nn.Module]:
    """What stays frozen of a transformer when only its last layers learn.

    Args:
        layers: the transformer's layers, first to last.
        tower: the whole model that holds them.
        last: how many of them learn.

    Returns:
        The layers before those, and whatever else of the tower comes before its layers
        (embeddings); modules after the layers learn with them.

    Raises:
        UserError: the tower has not so many layers.
    """
    if not 1 <= last <= len(layers):
        raise UserError(f"text_layers: {last} of a tower with {len(layers)} layers")
    inside = {id(module) for module in layers.modules()}
    parts: list[nn.Module] = list(layers)[: len(layers) - last]
    for module in tower.modules():
        if module is layers:
            break
        if id(module) not in inside and not _holds(module, layers):
            parts.append(module)
    return parts


def _holds(module: nn.Module, part: nn.Module) -> bool:
    """Whether ``part`` lies somewhere inside ``module``."""
    return any(inner is part for inner in module.modules())
