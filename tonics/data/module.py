"""The LightningDataModule: rounds of planned batches, and the held-out split to measure on."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from ontology.saved import Ontology
from tonics.curricula import Curriculum
from tonics.curricula.sampler import PlannedBatch, RoundSampler, plan_round
from tonics.data.cache import cache_dir
from tonics.data.features import ImageFeatures, TextFeatures
from tonics.data.loading import (
    Batch,
    Features,
    ItemBatches,
    PairBatches,
    Pictures,
    Source,
    Texts,
)
from tonics.data.pairs import Pairs
from tonics.errors import UserError

if TYPE_CHECKING:
    from tonics.training.module import AlignmentModule

EVAL_BATCH = 256


class PairsModule(pl.LightningDataModule):
    """Serves a table of pairs in the order that a curriculum decides.

    A round is one Lightning epoch with a loader of its own: its plan is made when the round begins,
    after the curriculum has heard how the last one went. While a tower is frozen the loader serves
    its cached features in place of pictures or texts. The module being trained says how its inputs
    are made and which towers are live.

    Attributes:
        table: the pairs.
        graph: the ontology.
        curriculum: what decides the batches.
    """

    def __init__(
        self,
        pairs: str,
        ontology: str,
        curriculum: Curriculum,
        batch_size: int = 128,
        round_steps: int = 100,
        num_workers: int = 0,
        cache: str | None = None,
        seed: int = 0,
    ) -> None:
        """Name the data; it is opened when training begins.

        Args:
            pairs: folder of a table of pairs.
            ontology: folder of the ontology built from it.
            curriculum: what decides the batches.
            batch_size: pairs a batch.
            round_steps: steps between two looks at the held-out split.
            num_workers: processes that decode and tokenise while a tower is live.
            cache: folder of the feature cache; tonics' own when not given.
            seed: of the batches.
        """
        super().__init__()
        self.pairs_path = pairs
        self.ontology_path = ontology
        self.curriculum = curriculum
        self.batch_size = batch_size
        self.round_steps = round_steps
        self.num_workers = num_workers
        self.cache = Path(cache) if cache else cache_dir()
        self.seed = seed
        self._features: dict[str, np.ndarray] = {}
        self._plan: list[PlannedBatch] = []
        self._restored: dict[str, Any] | None = None

    def setup(self, stage: str) -> None:
        """Open pairs and ontology, and bind the curriculum to them.

        Raises:
            UserError: they do not belong together, or are too small for a batch.
            OntologyError: there is no ontology.
        """
        if self.batch_size < 2 or self.round_steps < 1 or self.num_workers < 0:
            raise UserError("data: batch_size must be at least 2, round_steps 1, num_workers 0")
        self.table = Pairs.open(self.pairs_path)
        self.graph = Ontology.load(Path(self.ontology_path)).require(self.table.fingerprint)
        self.curriculum.bind(self.graph, self.batch_size)
        if self._restored is not None:
            self.curriculum.load_state_dict(self._restored)
        if not len(self.table.rows("dev")):
            raise UserError(f"{self.pairs_path} has no images in its dev split to measure on")

    @property
    def module(self) -> "AlignmentModule":
        """The module being trained."""
        assert self.trainer is not None
        return self.trainer.lightning_module  # type: ignore[return-value]

    def train_dataloader(self) -> DataLoader[Batch]:
        """The batches of the next round."""
        step = self.module.global_step
        # Lightning may ask twice; planning twice would advance the curriculum twice.
        if not self._plan or self._plan[0].step != step:
            self._plan = plan_round(
                self.curriculum,
                self.table.caption_offsets,
                self.table.caption_keys,
                seed=self.seed,
                first_step=step,
                steps=self._steps(step),
            )
        images, texts = self._images(step), self._texts(step)
        dataset = PairBatches(self.table, images, texts, self.seed)
        return self._loader(dataset, RoundSampler(self._plan), images, texts)

    def _steps(self, step: int) -> int:
        """How long the round from ``step`` on is: it ends where its phase or the training ends."""
        steps = self.module.schedule.round_steps(step, self.round_steps)
        assert self.trainer is not None
        limit = self.trainer.max_steps
        return steps if limit == -1 else max(1, min(steps, limit - step))

    def val_dataloader(self) -> list[DataLoader[Batch]]:
        """The dev split: its images, then its captions."""
        # The round's own step: Lightning may ask before it, when the step before is of a phase in
        # which a tower was frozen that is about to change.
        step = self._plan[0].step
        images, texts = self._images(step), self._texts(step)
        rows = self.table.rows("dev")
        return [
            self._loader(ItemBatches(images), _chunks(rows), images),
            self._loader(ItemBatches(texts), _chunks(self.table.caption_ids(rows)), texts),
        ]

    def transfer_batch_to_device(
        self, batch: Batch, device: torch.device, dataloader_idx: int
    ) -> Batch:
        """Move the batch's tensors; its plan is for the log and stays."""
        return {k: v.to(device) if isinstance(v, Tensor) else v for k, v in batch.items()}

    def _images(self, step: int) -> Source:
        """Where images come from at a step."""
        tower = self.module.model.vision
        if self.module.schedule.at(step).vision is not None:
            self._features.pop("images", None)  # of a tower that is changing now
            return Pictures(self.table, tower.transform)
        if "images" not in self._features:
            self._features["images"] = ImageFeatures(tower, self.table, self.cache).all()
        return Features("image_features", self._features["images"])

    def _texts(self, step: int) -> Source:
        """Where captions come from at a step."""
        tower = self.module.model.text
        if self.module.schedule.at(step).text is not None:
            self._features.pop("texts", None)
            return Texts(self.table, tower)
        if "texts" not in self._features:
            self._features["texts"] = TextFeatures(tower, self.table, self.cache).all()
        return Features("text_features", self._features["texts"])

    def _loader(self, dataset: Any, batches: Any, *sources: Source) -> DataLoader[Batch]:
        """A loader of whole batches; workers only where there is something to decode."""
        live = any(not isinstance(source, Features) for source in sources)
        workers = self.num_workers if live else 0
        return DataLoader(dataset, batch_sampler=batches, num_workers=workers, collate_fn=_as_it_is)

    def state_dict(self) -> dict[str, Any]:
        """The curriculum's state, for Lightning's checkpoint, and what it is a state of."""
        return {"curriculum": self.curriculum.state_dict(), "settings": self.settings()}

    def settings(self) -> dict[str, Any]:
        """What must be the same when a run goes on; plain values."""
        kind = type(self.curriculum)
        return {
            "curriculum": f"{kind.__module__}.{kind.__qualname__}",
            "table_of_pairs": self.table.fingerprint,
            "batch_size": self.batch_size,
            "ontology": self.graph.summary(),
            "seed": self.seed,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self._restored = state_dict["curriculum"]
        if hasattr(self, "graph"):
            self.curriculum.load_state_dict(self._restored)


def _chunks(ids: np.ndarray) -> list[np.ndarray]:
    """Ids in batches to embed."""
    return [ids[start : start + EVAL_BATCH] for start in range(0, len(ids), EVAL_BATCH)]


def _as_it_is(batch: Any) -> Any:
    """The collate function of batches that come whole."""
    return batch
