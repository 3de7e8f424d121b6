"""The whole retrieval evaluation of a model on a split: what ``tonics eval retrieval`` reports."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from ontology import OntologyError
from ontology.saved import Ontology
from tonics.data.cache import cache_dir
from tonics.data.features import ImageFeatures, TextFeatures
from tonics.data.pairs import Pairs
from tonics.errors import UserError
from tonics.evaluation.objects import measured_nodes, same_object
from tonics.evaluation.retrieval import retrieval
from tonics.models.dual_encoder import DualEncoder
from tonics.models.folder import load


def embed_split(
    model: DualEncoder, pairs: Pairs, split: str, cache: Path
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Embed a split's images and captions.

    Args:
        model: the dual encoder.
        pairs: the table.
        split: train, dev or test.
        cache: where features of the same towers may lie already.

    Returns:
        Image embeddings [N, D], caption embeddings [M, D], and for each caption the position of its
        image: int64 [M].

    Raises:
        UserError: the split is empty.
    """
    rows = pairs.rows(split)
    if not len(rows):
        raise UserError(f"{pairs.path} has no images in its {split} split")
    images = ImageFeatures(model.vision, pairs, cache).some(rows)
    texts = TextFeatures(model.text, pairs, cache).some(pairs.caption_ids(rows))
    with torch.inference_mode():
        image = model.project_image(_tensor(images, model))
        text = model.project_text(_tensor(texts, model))
    return image, text, torch.from_numpy(pairs.owners(rows)).to(model.device)


def evaluate(
    model: DualEncoder, pairs: Pairs, split: str, ontology: Ontology | None, cache: Path
) -> dict[str, Any]:
    """R@K and ranks both ways, and same-object R@1 where there is an ontology.

    Returns:
        ``text_to_image`` and ``image_to_text`` (see `tonics.evaluation.retrieval.summary`),
        ``same_object`` (see `tonics.evaluation.objects.same_object`; None without an ontology),
        ``images`` and ``captions`` (how many), and ``split``. Figures are in percent.

    Raises:
        UserError: the split is empty.
        OntologyError: the ontology was built from other data.
    """
    images, texts, owners = embed_split(model.eval(), pairs, split, cache)
    same = None
    if ontology is not None:
        nodes = measured_nodes(ontology.require(pairs.fingerprint), split, pairs.rows(split))
        same = same_object(images, texts, owners, nodes)
    return {
        **retrieval(images, texts, owners),
        "same_object": same,
        "images": len(images),
        "captions": len(texts),
        "split": split,
    }


def evaluate_run(run: Path, data: Path, split: str, ontology: Path | None) -> dict[str, Any]:
    """Evaluate a run's model on a split of a table of pairs.

    Args:
        run: the run's folder.
        data: the table's folder.
        split: train, dev or test.
        ontology: for same-object R@1; when not given, the one that the run was trained with, if it
            is still there and was built from this data.

    Returns:
        As `evaluate`.

    Raises:
        UserError: no model, no table, or an empty split.
        OntologyError: no ontology in the folder given, or one of other data.
    """
    pairs = Pairs.open(data)
    graph = Ontology.load(ontology) if ontology else _own_ontology(run, pairs.fingerprint)
    return evaluate(load(run), pairs, split, graph, cache_dir())


def _own_ontology(run: Path, fingerprint: str) -> Ontology | None:
    """The ontology that a run was trained with, if it is still there and fits this data."""
    try:
        folder = yaml.safe_load((run / "config.yaml").read_text())["data"]["ontology"]
        return Ontology.load(Path(folder)).require(fingerprint)
    except (OSError, KeyError, TypeError, yaml.YAMLError, OntologyError):
        return None


def _tensor(features: np.ndarray, model: DualEncoder) -> torch.Tensor:
    """Cached features as the heads take them."""
    return torch.from_numpy(features.astype(np.float32)).to(model.device)
