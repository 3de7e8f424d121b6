"""The LightningModule: one step of alignment, and what is held out embedded."""

from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.optim import AdamW

from tonics.errors import UserError
from tonics.losses.infonce import further_positives, in_batch_accuracy, info_nce
from tonics.models.dual_encoder import DualEncoder
from tonics.models.heads import HeadConfig
from tonics.models.text import TextConfig, TextTower
from tonics.models.vision import VisionConfig, VisionTower
from tonics.training.optim import make_optimizer
from tonics.training.schedule import Phase, Schedule

Batch = dict[str, Any]


class AlignmentModule(pl.LightningModule):
    """Aligns two pretrained towers with InfoNCE, phase by phase.

    Attributes:
        model: the dual encoder.
        schedule: which parts learn at which step, and how fast.
    """

    def __init__(
        self,
        vision: VisionConfig,
        text: TextConfig,
        head: HeadConfig,
        phases: tuple[Phase, ...],
        weight_decay: float = 0.1,
    ) -> None:
        """Build the model; its heads are drawn from PyTorch's global seed.

        Args:
            vision: the vision tower.
            text: the text tower.
            head: the shape of both heads.
            phases: the freeze schedule. (A tuple: of a list, jsonargparse would fill up the items
                given later with what an earlier config says in the same place.)
            weight_decay: of the weight matrices.

        Raises:
            UserError: a tower cannot be had, or a phase cannot be.
        """
        super().__init__()
        self.schedule = Schedule(phases)
        self.model = DualEncoder(VisionTower(vision), TextTower(text), head)
        self.weight_decay = weight_decay
        for phase in phases:  # a phase that cannot be is better refused now than in an hour
            self._enter(phase)
        self._enter(phases[0])
        self._held_out: list[list[Tensor]] = [[], []]

    def on_fit_start(self) -> None:
        """Refuse what would train on wrong negatives without a word.

        Raises:
            UserError: more than one process.
        """
        if self.trainer.world_size > 1:
            raise UserError("one process only: set trainer.devices to 1")

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on with the next round, from its first batch.

        Lightning would count the saved round's batches as done of the next one, which may be of
        another length.
        """
        loop = checkpoint["loops"]["fit_loop"]
        rounds = checkpoint["epoch"] + 1
        for counts in loop["epoch_progress"].values():
            counts.update(dict.fromkeys(counts, rounds))
        batches = loop["epoch_loop.batch_progress"]
        batches["is_last_batch"] = False
        batches["current"] = dict.fromkeys(batches["current"], 0)

    def _enter(self, phase: Phase) -> None:
        """Freeze and unfreeze as the phase says."""
        vision, text = phase.vision is not None, phase.text is not None
        self.model.unfreeze(vision=vision, text=text, text_layers=phase.text_layers)

    def on_train_epoch_start(self) -> None:
        """Begin a round, in its phase."""
        self._enter(self.schedule.at(self.global_step))

    def _seed(self) -> int:
        return self.trainer.datamodule.seed  # type: ignore[attr-defined]

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Set this step's learning rates, and its own random numbers for dropout.

        Numbers that depend on seed and step alone make a resumed run equal to an uninterrupted one
        (by rounds would not do: a loader draws from the same generator when it is opened).
        """
        torch.manual_seed(self._seed() * 1_000_003 + self.global_step)
        # What Lightning logs a step by; after a resume it would be one too high.
        self.trainer.fit_loop.epoch_loop._batches_that_stepped = self.global_step
        for group in self.optimizers().optimizer.param_groups:  # type: ignore[union-attr]
            group["lr"] = self.schedule.rate(group["part"], self.global_step)

    def embed_image(self, batch: Batch) -> Tensor:
        """The batch's images as unit embeddings [B, dim], from pixels or cached features."""
        if "pixels" in batch:
            return self.model.encode_image(batch["pixels"])
        return self.model.project_image(batch["image_features"])

    def embed_text(self, batch: Batch) -> Tensor:
        """The batch's captions as unit embeddings [B, dim], from tokens or cached features."""
        if "input_ids" in batch:
            return self.model.encode_text(batch["input_ids"], batch["attention_mask"])
        return self.model.project_text(batch["text_features"])

    def training_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """InfoNCE of one batch; returns the loss (nats) and the in-batch accuracy in [0, 1]."""
        image, text = self.embed_image(batch), self.embed_text(batch)
        # Similarities in full precision: bf16 cannot tell apart what a hard batch asks for.
        with torch.autocast(self.device.type, enabled=False):
            logits = self.model.logit_scale.exp() * image.float() @ text.float().T
        masked = further_positives(batch["image_ids"], batch["caption_keys"])
        loss = info_nce(logits, masked)
        accuracy = in_batch_accuracy(logits.detach(), masked)
        self.log("loss", loss, prog_bar=True, batch_size=len(image))
        self.log("accuracy", accuracy, prog_bar=True, batch_size=len(image))
        return {"loss": loss, "accuracy": accuracy}

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Step, then keep the temperature within its bounds."""
        super().optimizer_step(*args, **kwargs)
        self.model.clamp_logit_scale()

    def validation_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Embed a batch of held-out images (loader 0) or captions (loader 1)."""
        embed = self.embed_text if dataloader_idx else self.embed_image
        self._held_out[dataloader_idx].append(embed(batch).float())

    def take_held_out(self) -> tuple[Tensor, Tensor]:
        """Embeddings of all held-out images and captions since this was last called."""
        images, texts = (torch.cat(parts) for parts in self._held_out)
        self._held_out = [[], []]
        return images, texts

    def configure_optimizers(self) -> AdamW:
        """One optimiser for all phases."""
        return make_optimizer(self.model, self.weight_decay)
