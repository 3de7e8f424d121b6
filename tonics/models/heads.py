"""Projection heads: tower features into the space that both towers share."""

from dataclasses import dataclass

from torch import Tensor, nn

from tonics.errors import UserError


@dataclass
class HeadConfig:
    """The shape of both heads.

    Attributes:
        dim: width of the shared space.
        hidden: width inside the residual MLP; 0 leaves the linear projection alone.
        dropout: on the features that enter and inside the MLP, in training.
    """

    dim: int = 512
    hidden: int = 1024
    dropout: float = 0.2

    def __post_init__(self) -> None:
        """Refuse shapes that cannot be.

        Raises:
            UserError: a width or the dropout is out of range.
        """
        if self.dim < 1 or self.hidden < 0 or not 0 <= self.dropout < 1:
            raise UserError("head: dim must be at least 1, hidden 0, and dropout in [0, 1)")


class ProjectionHead(nn.Module):
    """A linear projection, and on top of it a residual MLP that corrects it.

    ``y = LN(Wx)``, then ``LN(y + MLP(y))``. With ``hidden = 0`` only ``Wx`` is left.
    """

    def __init__(self, width: int, config: HeadConfig) -> None:
        """A head for features of the given width."""
        super().__init__()
        self.linear = nn.Linear(width, config.dim, bias=config.hidden > 0)
        self.mlp: nn.Module | None = None
        if config.hidden:
            self.input = nn.LayerNorm(width)
            self.dropout = nn.Dropout(config.dropout)
            self.mlp = nn.Sequential(
                nn.Linear(config.dim, config.hidden),
                nn.GELU(),
                nn.Dropout(config.dropout),
                nn.Linear(config.hidden, config.dim),
            )
            self.norm = nn.LayerNorm(config.dim)

    def forward(self, features: Tensor) -> Tensor:
        """Features [B, width] to embeddings [B, dim], not normalised."""
        if self.mlp is None:
            return self.linear(features)
        projected = self.linear(self.dropout(self.input(features)))
        return self.norm(projected + self.mlp(projected))
