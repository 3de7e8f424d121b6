"""``tonics ontology build``: link the captions of a table of pairs, save the graph."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tonics.commands.parser import Parser
from tonics.errors import UserError

if TYPE_CHECKING:
    from ontology.building import LinkedImages
    from ontology.linking import Linker
    from ontology.saved import Ontology
    from tonics.data.pairs import Pairs


def main(argv: list[str]) -> None:
    """Run the command."""
    parser = Parser(prog="tonics ontology build", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a table of pairs")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write")
    parser.add_argument(
        "--min-support", type=int, default=64, help="least train images of a node (default 64)"
    )
    parser.add_argument("--json", type=Path, help="write the counts to this file")
    args = parser.parse_args(argv)
    if args.min_support < 1:
        parser.error("--min-support must be at least 1")

    command = " ".join(["tonics ontology build", *argv])
    ontology = build(args.data, args.min_support, command)
    ontology.save(args.out)
    print_summary(ontology)
    if args.json:
        numbers = ontology.provenance["counts"] | ontology.summary()
        try:
            args.json.write_text(json.dumps(numbers, indent=1) + "\n")
        except OSError as error:
            raise UserError(f"cannot write {args.json}: {error.strerror}") from error


def build(data: Path, min_support: int, command: str) -> "Ontology":
    """Link the captions of a table of pairs and build the ontology; ``command`` is for the record.

    Raises:
        UserError: there is no table of pairs.
    """
    from ontology.linking import VERSION, Linker
    from ontology.saved import Ontology
    from ontology.wordnet import Taxonomy
    from tonics.data.pairs import Pairs

    pairs = Pairs.open(data)
    linker = Linker(Taxonomy.load())
    linked = link_with_progress(pairs, linker)
    counts = {
        "images": len(pairs),
        "images_linked": linked.images_linked,
        "captions": linked.captions,
        "captions_linked": linked.captions_linked,
        "objects": len(linked.mentions),
    }
    return Ontology.build(
        linked.rows,
        linked.synsets,
        pairs.splits,
        taxonomy=linker.taxonomy,
        fingerprint=pairs.fingerprint,
        min_support=min_support,
        notes={
            "linker": VERSION,
            "command": command,
            "data": str(data.resolve()),
            "counts": counts,
        },
    )


def link_with_progress(pairs: "Pairs", linker: "Linker") -> "LinkedImages":
    """Link every caption of a table, with a progress bar on stderr."""
    from ontology.building import link_images
    from tonics.data.progress import track

    with track("Linking captions", pairs.n_captions) as advance:
        return link_images(pairs.iter_captions(), linker, advance)


def print_summary(ontology: "Ontology") -> None:
    """Print what was linked, the nodes by depth, the largest leaves, and what was dropped."""
    from rich.console import Console
    from rich.table import Table

    summary: dict[str, Any] = ontology.summary()
    counts = ontology.provenance["counts"]
    dropped = summary["dropped"]
    table = Table(title="ontology", show_header=False)
    lines = {
        "images": f"{counts['images']:,}",
        "images with an object": _share(counts["images_linked"], counts["images"]),
        "captions": f"{counts['captions']:,}",
        "captions with an object": _share(counts["captions_linked"], counts["captions"]),
        "splits": ", ".join(f"{name} {size:,}" for name, size in summary["splits"].items()),
        "objects named": f"{counts['objects']:,}",
        "nodes": f"{summary['nodes']:,} ({summary['leaves']:,} leaves, {summary['edges']:,} edges)",
        "nodes by depth": " ".join(map(str, summary["nodes_by_depth"])),
        "largest leaves": ", ".join(_largest_leaves(ontology)),
        "dropped": f"{dropped['support']:,} with fewer than {summary['min_support']} train images, "
        f"{dropped['skipped']:,} with the images of their only child",
    }
    for name, text in lines.items():
        table.add_row(name, text)
    Console().print(table)


def _share(part: int, whole: int) -> str:
    return f"{part:,} ({part / whole:.1%})" if whole else "0"


def _largest_leaves(ontology: "Ontology") -> list[str]:
    support = ontology.graph.nodes
    leaves = sorted(ontology.leaves(), key=lambda leaf: -support[leaf]["support"])
    return [f"{leaf} {support[leaf]['support']:,}" for leaf in leaves[:8]]
