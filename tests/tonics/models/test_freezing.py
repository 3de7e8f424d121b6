import pytest
import torch
from torch import Tensor, nn

from tonics.errors import UserError
from tonics.models.freezing import fix_batch_norm, freeze, frozen_part


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(3, 3)


class Body(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.before = nn.LayerNorm(3)
        self.layer = nn.ModuleList(Layer() for _ in range(4))
        self.after = nn.LayerNorm(3)


class Tower(nn.Module):
    """Embeddings, a body with four layers among other modules, and something at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.embeddings = nn.Sequential(nn.Embedding(5, 3), nn.LayerNorm(3))
        self.encoder = Body()
        self.final = nn.Linear(3, 3)


def test_a_frozen_module_has_no_gradients_and_evaluates() -> None:
    module = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Dropout())
    freeze(module)
    assert not any(p.requires_grad for p in module.parameters())
    assert not any(m.training for m in module.modules())


@pytest.mark.parametrize("last", [1, 2, 4])
def test_all_before_the_last_layers_is_frozen(last: int) -> None:
    tower = Tower()
    for part in frozen_part(tower.encoder.layer, tower, last):
        freeze(part)
    learning = {name for name, p in tower.named_parameters() if p.requires_grad}
    expected = {"encoder.after.weight", "encoder.after.bias", "final.weight", "final.bias"}
    for number in range(4 - last, 4):
        expected |= {f"encoder.layer.{number}.inner.{kind}" for kind in ("weight", "bias")}
    assert learning == expected


@pytest.mark.parametrize("last", [-1, 0, 5])
def test_layers_that_are_not_there_are_refused(last: int) -> None:
    tower = Tower()
    with pytest.raises(UserError, match="text_layers"):
        frozen_part(tower.encoder.layer, tower, last)


@pytest.mark.parametrize("kind", [nn.BatchNorm1d, nn.SyncBatchNorm])
def test_batch_norm_keeps_its_statistics_but_learns(kind: type[nn.Module]) -> None:
    module = nn.Sequential(nn.Linear(3, 3), kind(3), nn.Dropout(0.5)).train()
    fix_batch_norm(module)
    assert [m.training for m in module] == [True, False, True]
    assert all(p.requires_grad for p in module.parameters())


def test_fixed_batch_norm_makes_a_batch_the_sum_of_its_chunks() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)).train()
    data = torch.randn(8, 3)

    def gradients(parts: tuple[Tensor, ...]) -> Tensor:
        module.zero_grad()
        for part in parts:
            module(part).pow(2).sum().backward()
        return torch.cat([p.grad.flatten() for p in module.parameters() if p.grad is not None])

    fix_batch_norm(module)
    torch.testing.assert_close(gradients((data,)), gradients(data.split(2)))
    module.train()
    assert not torch.allclose(gradients((data,)), gradients(data.split(2)))
