import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tonics.models.heads import HeadConfig, ProjectionHead


def made(config: HeadConfig, width: int = 12) -> ProjectionHead:
    torch.manual_seed(0)
    head = ProjectionHead(width, config)
    for parameter in head.parameters():  # so that no weight or bias is 0 or 1 by chance
        nn.init.normal_(parameter)
    return head.eval()


def normalised(x: Tensor, layer: nn.LayerNorm) -> Tensor:
    centred = x - x.mean(dim=-1, keepdim=True)
    scale = centred.pow(2).mean(dim=-1, keepdim=True).add(layer.eps).sqrt()
    return centred / scale * layer.weight + layer.bias


def test_without_a_hidden_layer_it_is_one_matrix() -> None:
    head = made(HeadConfig(dim=5, hidden=0, dropout=0.5))
    assert [p.shape for p in head.parameters()] == [(5, 12)]
    features = torch.randn(4, 12)
    assert torch.equal(head(features), features @ head.linear.weight.T)
    assert torch.equal(head.train()(features), head.eval()(features)), "nothing to drop"


def test_the_residual_head_written_out() -> None:
    head = made(HeadConfig(dim=5, hidden=7))
    assert isinstance(head.mlp, nn.Sequential)
    features = torch.randn(4, 12)
    first, last = head.mlp[0], head.mlp[3]
    entered = normalised(features, head.input)
    projected = entered @ head.linear.weight.T + head.linear.bias
    inner = projected @ first.weight.T + first.bias
    inner = inner * (1 + torch.erf(inner / math.sqrt(2))) / 2
    corrected = normalised(projected + inner @ last.weight.T + last.bias, head.norm)
    torch.testing.assert_close(head(features), corrected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_dropout_is_for_training_only(dropout: float) -> None:
    head = made(HeadConfig(dim=5, hidden=7, dropout=dropout))
    features = torch.randn(64, 12)
    assert torch.equal(head(features), head(features))
    head.train()
    assert torch.equal(head(features), head(features)) == (dropout == 0)


def test_dropout_acts_on_features_and_inside_the_mlp() -> None:
    head = made(HeadConfig(dim=5, hidden=64, dropout=0.25)).train()
    zeros: dict[str, float] = {}

    def note(name: str, layer: nn.Module) -> None:
        def share(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            zeros[name] = (output[inputs[0] != 0] == 0).float().mean().item()

        layer.register_forward_hook(share)

    assert isinstance(head.mlp, nn.Sequential)
    note("features", head.dropout)
    note("inside", head.mlp[2])
    head(torch.randn(2000, 12))
    assert zeros == {
        "features": pytest.approx(0.25, abs=0.02),
        "inside": pytest.approx(0.25, abs=0.02),
    }


def test_rows_do_not_mix() -> None:
    head = made(HeadConfig(dim=5, hidden=7))
    features = torch.randn(6, 12)
    alone = torch.cat([head(row[None]) for row in features])
    torch.testing.assert_close(head(features), alone)
    assert F.normalize(alone, dim=-1).shape == (6, 5)
