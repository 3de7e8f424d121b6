"""``tonics ontology show``: a node's way to the root, its children, and captions that name it."""

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from tonics.commands.parser import Parser

if TYPE_CHECKING:
    from ontology.saved import Ontology

EXAMPLES = 5


def main(argv: list[str]) -> None:
    """Run the command."""
    parser = Parser(prog="tonics ontology show", description=__doc__)
    parser.add_argument("node", metavar="NODE", help="a synset, such as dog.n.01")
    parser.add_argument("--ontology", type=Path, required=True, help="a saved ontology")
    parser.add_argument(
        "--data", type=Path, help="its table of pairs, for example captions (default: where it was)"
    )
    args = parser.parse_args(argv)

    from rich.console import Console

    from ontology.graph import paths_to_root
    from ontology.saved import Ontology

    ontology = Ontology.load(args.ontology)
    children = ontology.children(args.node)
    console = Console(highlight=False, soft_wrap=True, markup=False)
    counts = ontology.index.counts(args.node)
    images = ", ".join(f"{split} {count:,}" for split, count in counts.items())
    console.print(f"{args.node}: depth {ontology.graph.nodes[args.node]['depth']}, images {images}")
    console.print("paths to the root:")
    for path in paths_to_root(ontology.graph, args.node):
        console.print("  " + " < ".join(path))
    console.print(f"children ({len(children)}), train images:")
    for child in children:
        console.print(f"  {child} {ontology.graph.nodes[child]['support']:,}")
    data = args.data or Path(ontology.provenance.get("data", ""))
    if args.data or (data != Path() and data.is_dir()):
        console.print("captions:")
        for caption in example_captions(ontology, args.node, data):
            console.print(f"  {caption}")


def example_captions(ontology: "Ontology", node: str, data: Path) -> list[str]:
    """The first train captions that name a node or something below it.

    Raises:
        OntologyError: the table of pairs is not the one that the ontology was built from.
    """
    from ontology.linking import Linker
    from ontology.wordnet import Taxonomy
    from tonics.data.pairs import Pairs

    pairs = Pairs.open(data)
    ontology.require(pairs.fingerprint)
    taxonomy = Taxonomy.load()
    linker = Linker(taxonomy)

    def names_node(caption: str) -> bool:
        return any(node in taxonomy.ancestors(link.synset) for link in linker.link(caption))

    shown = (
        caption
        for row in ontology.index.images(node, "train")
        if (caption := next(filter(names_node, pairs.captions(int(row))), None)) is not None
    )
    return list(islice(shown, EXAMPLES))
