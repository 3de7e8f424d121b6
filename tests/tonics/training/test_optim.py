from collections.abc import Callable

import pytest
import torch
from torch import nn

from tonics.models.dual_encoder import DualEncoder
from tonics.training.optim import make_optimizer

Make = Callable[..., DualEncoder]


def test_every_parameter_is_in_the_group_of_its_part(make_model: Make) -> None:
    model = make_model()
    optimizer = make_optimizer(model, 0.1)
    found = {id(p): g for g in optimizer.param_groups for p in g["params"]}
    assert sum(len(g["params"]) for g in optimizer.param_groups) == len(found)
    assert len(found) == len(list(model.parameters()))
    for name, parameter in model.named_parameters():
        part = "heads"
        if name.startswith(("vision.", "text.")):
            part = name.split(".")[0]
        assert found[id(parameter)]["part"] == part, name


def test_biases_norms_and_temperature_do_not_decay(make_model: Make) -> None:
    # With gradients of zero AdamW does nothing but decay: by the factor 1 - rate * decay.
    model = make_model()
    model.unfreeze(vision=True, text=True)
    norms = tuple(
        f"{name}."
        for name, module in model.named_modules()
        if isinstance(module, nn.LayerNorm | nn.BatchNorm2d)
    )
    optimizer = make_optimizer(model, weight_decay=0.5)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    for group in optimizer.param_groups:
        group["lr"] = 0.1
        for parameter in group["params"]:
            parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    for name, parameter in model.named_parameters():
        if name == "logit_scale" or name.endswith(".bias") or name.startswith(norms):
            assert torch.equal(parameter, before[name]), name
        else:
            torch.testing.assert_close(parameter.detach(), before[name] * 0.95, msg=name)


def test_frozen_parameters_are_not_touched(make_model: Make) -> None:
    model = make_model()
    optimizer = make_optimizer(model, weight_decay=0.5)
    for group in optimizer.param_groups:
        group["lr"] = 0.1
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    tokens = model.text.tokenize(["a dog", "a cat"])
    for _ in range(3):
        optimizer.zero_grad()
        (model.encode_text(**tokens)[0, 0] * model.logit_scale).backward()
        optimizer.step()
    moved = {n for n, p in model.named_parameters() if not torch.equal(p, before[n])}
    assert "logit_scale" in moved
    assert {name.split(".")[0] for name in moved} == {"logit_scale", "text_head"}
    assert all(parameter in optimizer.state for parameter in model.text_head.parameters())
    assert not any(parameter in optimizer.state for parameter in model.vision.parameters())


def test_the_state_of_one_phase_fits_another(make_model: Make) -> None:
    first, second = make_model(), make_model()
    second.unfreeze(vision=True, text=True)
    one, other = make_optimizer(first, 0.1), make_optimizer(second, 0.1)
    (first.encode_text(**first.text.tokenize(["a dog"])).sum()).backward()
    one.step()
    other.load_state_dict(one.state_dict())
    names = {id(p): name for name, p in second.named_parameters()}
    assert {names[id(p)].split(".")[0] for p in other.state} == {"text_head"}


@pytest.mark.parametrize("beta", [0, 1])
def test_rates_start_at_zero_and_betas_are_clips(make_model: Make, beta: int) -> None:
    for group in make_optimizer(make_model(), 0.1).param_groups:
        assert group["lr"] == 0.0
        assert group["betas"][beta] == (0.9, 0.98)[beta]
