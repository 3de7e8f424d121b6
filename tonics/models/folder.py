"""A model on disk: everything that `tonics.load` needs, and nothing that could run code.

``model.json`` (towers, transform, heads), ``model.safetensors`` (all weights) and ``text/`` (the
text tower's config and tokenizer, in Hugging Face's files).
"""

import json
import shutil
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from tonics.errors import UserError
from tonics.models.dual_encoder import DualEncoder
from tonics.models.heads import HeadConfig
from tonics.models.pretrained import load_strictly, read_state
from tonics.models.text import TextConfig, TextTower
from tonics.models.vision import VisionTower

LAYOUT = 1


def save(model: DualEncoder, folder: str | Path) -> None:
    """Write a model so that `load` brings it back from that folder alone."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    facts = {
        "layout": LAYOUT,
        "vision": model.vision.describe(),
        "text": model.text.describe(),
        "head": vars(model.head_config),
    }
    model.text.save_parts(folder / "text")
    # Written aside and renamed: a run cut off here keeps its last good model.
    draft = folder / "model.safetensors.part"
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, draft)
    # safetensors writes for the owner alone; a run's folder is shared like its other files.
    shutil.copymode(folder / "text" / "config.json", draft)
    draft.replace(folder / "model.safetensors")
    (folder / "model.json").write_text(json.dumps(facts, indent=2) + "\n")


def load(folder: str | Path) -> DualEncoder:
    """The model in a run's folder, on CPU, ready to embed.

    Raises:
        UserError: there is no model in the folder, or its weights do not fit its description.
    """
    folder = Path(folder)
    if not (folder / "model.json").is_file():
        raise UserError(f"{folder} holds no model: give the folder of a finished run")
    if not (folder / "text").is_dir():  # transformers would ask the hub for what is no folder
        raise UserError(f"{folder}/text is missing: the model there is not complete")
    try:
        facts: dict[str, Any] = json.loads((folder / "model.json").read_text())
        if facts["layout"] != LAYOUT:
            raise ValueError(f"it is of layout {facts['layout']}, not {LAYOUT}")
        vision = VisionTower.restore(facts["vision"])
        text = TextTower(TextConfig(**facts["text"]["config"]), folder / "text")
        model = DualEncoder(vision, text, HeadConfig(**facts["head"]))
    except (KeyError, TypeError, ValueError, OSError) as error:
        reason = " ".join(str(error).split())[:160]
        raise UserError(f"{folder}/model.json cannot be read as a model: {reason}") from error
    weights = folder / "model.safetensors"
    load_strictly(model, read_state(weights), str(weights))
    return model.eval()
