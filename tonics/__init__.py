"""Align a text tower and a vision tower into one dual encoder, with batches that teach.

>>> import tonics
>>> model = tonics.load("runs/demo/tonics")  # doctest: +SKIP
>>> model.embed_texts(["a red apple"]) @ model.embed_images(["apple.png"]).T  # doctest: +SKIP
"""

from pathlib import Path
from typing import TYPE_CHECKING

from tonics.errors import UserError

if TYPE_CHECKING:
    from tonics.models.dual_encoder import DualEncoder

__all__ = ["UserError", "load"]


def load(run: str | Path) -> "DualEncoder":
    """The model of a run, on CPU, in evaluation mode; the run's folder alone suffices.

    Raises:
        UserError: the folder holds no model, or a damaged one.
    """
    # Here, not above: `tonics --help` must not wait for torch.
    from tonics.models.folder import load as load_folder

    return load_folder(run)
