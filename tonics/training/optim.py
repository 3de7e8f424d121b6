"""The optimiser: every parameter in a group from the start, frozen or not."""

from torch import nn
from torch.optim import AdamW

from tonics.models.dual_encoder import DualEncoder


def make_optimizer(model: DualEncoder, weight_decay: float) -> AdamW:
    """AdamW with one group a part (``heads``, ``text``, ``vision``), with and without decay.

    Biases, norms and the temperature are kept out of weight decay. A frozen parameter has no
    gradient, which AdamW passes over; so nothing needs to be added at an unfreeze, and a checkpoint
    of any phase fits the optimiser of any other. The rates are set before every step from the
    schedule.
    """
    parts: dict[str, list[nn.Parameter]] = {"heads": [], "text": [], "vision": []}
    for name, parameter in model.named_parameters():
        part = name.split(".", 1)[0]
        parts[part if part in parts else "heads"].append(parameter)
    groups = []
    for part, parameters in parts.items():
        decayed = [p for p in parameters if p.ndim > 1]
        plain = [p for p in parameters if p.ndim <= 1]
        groups.append({"params": decayed, "part": part, "weight_decay": weight_decay})
        groups.append({"params": plain, "part": part, "weight_decay": 0.0})
    return AdamW([g for g in groups if g["params"]], lr=0.0, betas=(0.9, 0.98))
