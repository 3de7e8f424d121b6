"""Ontology: the graph and the images of its nodes, built from linked captions, saved as a folder.

The folder holds ``graph.json`` (nodes, edges, provenance), ``nodes.txt``, ``starts.npy`` and
``rows.npy``. It remembers the data it was built from and refuses others.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np

from ontology import OntologyError
from ontology.graph import grow
from ontology.index import SPLITS, ObjectIndex
from ontology.wordnet import ROOT, Taxonomy

FORMAT = 1


class Ontology:
    """The graph of a collection's objects, and who shows them.

    Attributes:
        graph: networkx DiGraph from ``entity.n.01`` down, with ``support`` (distinct train images,
            hyponyms' included) and ``depth`` (fewest steps from the root) on every node.
        index: the images of every node, by split.
        provenance: where it comes from: ``fingerprint`` of the data, ``splits`` sizes, ``wordnet``
            version, ``min_support``, what was ``dropped``, and whatever its builder added.
        root: ``entity.n.01``, which holds every image.
    """

    root = ROOT

    def __init__(self, graph: nx.DiGraph, index: ObjectIndex, provenance: dict[str, Any]) -> None:
        self.graph = graph
        self.index = index
        self.provenance = provenance

    @classmethod
    def build(
        cls,
        rows: np.ndarray,
        synsets: np.ndarray,
        splits: np.ndarray,
        *,
        taxonomy: Taxonomy,
        fingerprint: str,
        min_support: int = 64,
        notes: dict[str, Any] | None = None,
    ) -> "Ontology":
        """Build from pairs (image, object), as `ontology.building.link_images` finds them.

        Args:
            rows: int ``[p]``, image row numbers.
            synsets: int ``[p]``, synset numbers of ``taxonomy``.
            splits: int8 ``[n]``, the split of each image as a code in `ontology.index.SPLITS`.
            taxonomy: the WordNet of the numbers.
            fingerprint: of the data.
            min_support: the least train images of a node.
            notes: more to keep as provenance, such as the command and the linker's version.

        Raises:
            OntologyError: the arrays do not fit each other.
        """
        pruned = grow(rows, synsets, splits, taxonomy, min_support)
        sizes = np.bincount(splits, minlength=len(SPLITS)).tolist()
        provenance = {
            **(notes or {}),
            "fingerprint": fingerprint,
            "splits": dict(zip(SPLITS, sizes, strict=True)),
            "wordnet": taxonomy.version,
            "min_support": min_support,
            "dropped": pruned.dropped,
        }
        return cls(pruned.graph, ObjectIndex.build(pruned.images, splits), provenance)

    @property
    def fingerprint(self) -> str:
        """Of the data that the ontology was built from."""
        return str(self.provenance["fingerprint"])

    def require(self, fingerprint: str) -> "Ontology":
        """The ontology itself, if it was built from the data with this fingerprint.

        Raises:
            OntologyError: it was built from other data, so its row numbers would mean nothing.
        """
        if fingerprint != self.fingerprint:
            raise OntologyError(
                f"this ontology was built from other data ({self.fingerprint[:12]}, not "
                f"{fingerprint[:12]}): run `tonics ontology build` on this data"
            )
        return self

    def children(self, node: str) -> list[str]:
        """The direct hyponyms of a node, best supported first.

        Raises:
            OntologyError: there is no such node.
        """
        if node not in self.graph:
            raise OntologyError(f"no node {node!r} in this ontology: names look like 'dog.n.01'")
        support = self.graph.nodes
        return sorted(self.graph.successors(node), key=lambda c: (-support[c]["support"], c))

    def leaves(self) -> list[str]:
        """The nodes without children, in the graph's order."""
        return [node for node in self.graph if self.graph.out_degree(node) == 0]

    def summary(self) -> dict[str, Any]:
        """The counts that describe the ontology: nodes, edges, leaves, nodes by depth, splits."""
        depths = np.bincount([depth for _, depth in self.graph.nodes(data="depth")])
        return {
            "nodes": len(self.graph),
            "edges": self.graph.number_of_edges(),
            "leaves": len(self.leaves()),
            "nodes_by_depth": depths.tolist(),
            "splits": self.provenance["splits"],
            "min_support": self.provenance["min_support"],
            "dropped": self.provenance["dropped"],
        }

    def save(self, folder: Path) -> None:
        """Write the folder, replacing an ontology that is there already.

        The files are written beside it and moved into place when all are there, so that a run cut
        short leaves no half-written ontology.

        Raises:
            OntologyError: the folder holds something else, or cannot be written.
        """
        if folder.exists() and not (folder / "graph.json").is_file():
            raise OntologyError(f"{folder} exists and holds no ontology: choose another folder")
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(
                dir=folder.parent, prefix=f".{folder.name}-"
            ) as scratch:
                fresh = Path(scratch) / "new"
                fresh.mkdir()
                (fresh / "graph.json").write_text(json.dumps(self._as_json(), indent=1))
                self.index.save(fresh)
                if folder.exists():
                    folder.rename(Path(scratch) / "old")
                fresh.rename(folder)
        except OSError as error:
            raise OntologyError(f"cannot write {folder}: {error.strerror}") from error

    def _as_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "summary": self.summary(),
            "provenance": self.provenance,
            "nodes": [
                [node, data["support"], data["depth"]] for node, data in self.graph.nodes.items()
            ],
            "edges": [list(edge) for edge in self.graph.edges],
        }

    @classmethod
    def load(cls, folder: Path) -> "Ontology":
        """Read a saved ontology; the images of its nodes stay on disk until they are used.

        Raises:
            OntologyError: there is no ontology, or it is corrupt.
        """
        path = Path(folder) / "graph.json"
        if not path.is_file():
            raise OntologyError(f"no ontology in {folder}: `tonics ontology build` makes one")
        graph = nx.DiGraph()
        try:
            saved = json.loads(path.read_text())
            known = saved["format"] == FORMAT
            for node, support, depth in saved["nodes"]:
                graph.add_node(node, support=support, depth=depth)
            graph.add_edges_from(saved["edges"])
            provenance = dict(saved["provenance"])
            known = known and len(graph) == len(saved["nodes"])
            known = known and {"fingerprint", "splits", "min_support", "dropped"} <= set(provenance)
        except (OSError, ValueError, KeyError, TypeError, nx.NetworkXError) as error:
            raise OntologyError(f"{path} is corrupt: run `tonics ontology build` again") from error
        index = ObjectIndex.load(Path(folder))
        if not known or list(graph) != list(index.nodes):
            raise OntologyError(
                f"{folder} is corrupt or too old: run `tonics ontology build` again"
            )
        return cls(graph, index, provenance)
