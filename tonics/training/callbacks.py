"""What happens around the steps: measuring, opening nodes, and keeping the run's folder."""

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, ModelCheckpoint

from tonics.data.module import PairsModule
from tonics.evaluation.objects import MIN_IMAGES, averaged, measured_nodes
from tonics.evaluation.retrieval import batch_accuracy, ranks, retrieval, within
from tonics.models.folder import save
from tonics.training.logs import JsonLines
from tonics.training.module import AlignmentModule

PROBE_BATCH = 16
"""Accuracy at a node is that in random batches of so many of its held-out images, so that all nodes
are judged by the same task; a node with fewer is not judged."""


def data_of(trainer: pl.Trainer) -> PairsModule:
    """The trainer's data module."""
    return trainer.datamodule  # type: ignore[attr-defined]


class HeldOut(Callback):
    """Measures retrieval on the dev split after each round, and tells the curriculum."""

    def __init__(self, folder: Path) -> None:
        """Log the nodes that open into ``curriculum.jsonl`` in ``folder``."""
        self.lines = JsonLines(folder / "curriculum.jsonl")

    def on_validation_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Log R@K and same-object R@1, then let the curriculum open nodes."""
        assert isinstance(module, AlignmentModule)
        data = data_of(trainer)
        rows = data.table.rows("dev")
        images, texts = (part.cpu() for part in module.take_held_out())
        owners = torch.from_numpy(data.table.owners(rows))
        nodes = measured_nodes(data.graph, "dev", rows, least=PROBE_BATCH)
        found = within(images, texts, owners, nodes)
        metrics = retrieval(images, texts, owners)
        for direction, values in metrics.items():
            module.log_dict({f"dev/{direction}/{key}": value for key, value in values.items()})
        large = {node: own for node, own in found.items() if len(nodes[node]) >= MIN_IMAGES}
        same = averaged(large, nodes)["R@1"]
        if same is not None:
            module.log("dev/same_object/R@1", same)
        both = sum(values["R@1"] for values in metrics.values()) / 2
        module.log("dev/R@1", both, prog_bar=True)

        accuracy = {
            node: batch_accuracy(to_image, len(nodes[node]), PROBE_BATCH)
            for node, (to_image, _) in found.items()
        }
        everything = ranks(texts, images, owners, torch.arange(len(images)))
        accuracy[data.graph.root] = batch_accuracy(everything, len(images), PROBE_BATCH)
        watched = {n: accuracy[n] for n in data.curriculum.watched() if n in accuracy}
        opened = data.curriculum.measured(accuracy)
        # The step is the last one done: a run resumed after it keeps the record.
        self.lines.write({"step": module.global_step - 1, "opened": opened, "accuracy": watched})


class BatchLog(Callback):
    """Writes down what every batch was and how the model did on it."""

    def __init__(self, folder: Path) -> None:
        """Log into ``curriculum.jsonl`` in ``folder``."""
        self.lines = JsonLines(folder / "curriculum.jsonl")
        self._round: list[dict[str, Any]] = []

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Drop what an interrupted run logged after its last checkpoint."""
        self.lines.cut(pl_module.global_step)
        JsonLines(self.lines.path.with_name("metrics.jsonl")).cut(pl_module.global_step)

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Note the batch's step, node, depth, accuracy, collisions and fill."""
        planned = batch["planned"]
        self._round.append(
            {
                "step": planned.step,
                "round": trainer.current_epoch,
                "node": planned.node,
                "depth": planned.depth,
                "accuracy": round(outputs["accuracy"].item(), 4),
                "collisions": planned.collisions,
                "filled": planned.filled,
            }
        )

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the round's batches, before what was measured after it."""
        self.lines.write(*self._round)
        self._round = []


class RunFolder(ModelCheckpoint):
    """Checkpoints every round, and leaves the finished model in the run's folder."""

    def __init__(self, folder: Path) -> None:
        """Keep ``checkpoints/last.ckpt`` and, at the end, what `tonics.load` needs."""
        self.folder = folder
        super().__init__(
            dirpath=folder / "checkpoints",
            filename="last",
            every_n_epochs=1,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        )

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the model, if training came to its end."""
        assert isinstance(pl_module, AlignmentModule)
        if not trainer.interrupted:
            save(pl_module.model, self.folder)
