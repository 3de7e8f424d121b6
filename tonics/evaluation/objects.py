"""Same-object retrieval: telling images of one node apart."""

from typing import Any

import numpy as np
from torch import Tensor

from ontology.saved import Ontology
from tonics.evaluation.retrieval import Ranks, summary, within

MIN_IMAGES = 20
"""A node with fewer images in the split is not measured: its R@1 would be mostly noise."""


def measured_nodes(
    ontology: Ontology, split: str, rows: np.ndarray, least: int = MIN_IMAGES
) -> dict[str, np.ndarray]:
    """The nodes below the root with enough images in a split.

    Args:
        ontology: the graph and its images.
        split: train, dev or test.
        rows: int64 [N], all rows of the split, ascending.
        least: how many images are enough.

    Returns:
        For each node the positions of its images in ``rows``. The root is left out: it holds all
        images, and so is plain retrieval.
    """
    found = {}
    for node in ontology.graph:
        members = ontology.index.images(node, split)
        if node != ontology.root and len(members) >= least:
            found[node] = np.searchsorted(rows, members)
    return found


def same_object(
    images: Tensor, texts: Tensor, image_of_text: Tensor, nodes: dict[str, np.ndarray]
) -> dict[str, Any]:
    """Same-object retrieval: the mean over nodes, each node weighing the same.

    Args:
        images: unit embeddings [N, D].
        texts: unit embeddings [M, D].
        image_of_text: int [M], which image each text describes.
        nodes: positions of each node's images (see `measured_nodes`).

    Returns:
        ``R@1`` (text→image) and ``R@1_image_to_text`` in percent, averaged over nodes (None if
        there are no nodes), how many ``nodes`` there are, and ``by_node``: for each its two R@1 and
        its number of images.
    """
    return averaged(within(images, texts, image_of_text, nodes), nodes)


def averaged(found: dict[str, tuple[Ranks, Ranks]], nodes: dict[str, np.ndarray]) -> dict[str, Any]:
    """The figures of `same_object`, from the ranks inside each node."""
    by_node = {
        node: {
            "R@1": summary(to_image)["R@1"],
            "R@1_image_to_text": summary(to_text)["R@1"],
            "images": len(nodes[node]),
        }
        for node, (to_image, to_text) in found.items()
    }
    means = {
        key: float(np.mean([node[key] for node in by_node.values()])) if by_node else None
        for key in ("R@1", "R@1_image_to_text")
    }
    return {**means, "nodes": len(by_node), "by_node": by_node}
