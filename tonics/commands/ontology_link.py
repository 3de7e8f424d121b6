"""``tonics ontology link``: the objects that a caption names."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tonics.commands.parser import Parser
from tonics.errors import UserError

if TYPE_CHECKING:
    from ontology.linking import Linker


def main(argv: list[str]) -> None:
    """Run the command."""
    parser = Parser(prog="tonics ontology link", description=__doc__)
    parser.add_argument("text", metavar="TEXT", nargs="?", help="a caption")
    parser.add_argument("--input", type=Path, help="a file of captions, one a line")
    parser.add_argument("--json", type=Path, help="write one JSON record a caption to this file")
    args = parser.parse_args(argv)
    if (args.text is None) == (args.input is None):
        parser.error("give either TEXT or --input FILE")
    if args.input and not args.json:
        parser.error("--input needs --json OUT")

    from ontology.linking import Linker
    from ontology.wordnet import Taxonomy

    linker = Linker(Taxonomy.load())
    if args.text is not None:
        for link in linker.link(args.text):
            print(f"{link.synset}\t{args.text[link.start : link.end]}")
        if args.json:
            write_records([args.text], linker, args.json)
        return
    try:
        captions = args.input.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read {args.input} as UTF-8 text: check the path") from error
    if captions[-1] == "":
        captions.pop()
    write_records([caption.removesuffix("\r") for caption in captions], linker, args.json)
    print(f"{len(captions):,} captions linked: {args.json}")


def write_records(captions: list[str], linker: "Linker", out: Path) -> None:
    """Write one JSON record a line, in the captions' order.

    Raises:
        UserError: the file cannot be written.
    """
    try:
        with out.open("w", encoding="utf-8") as file:
            for caption in captions:
                file.write(json.dumps(record(caption, linker), ensure_ascii=False) + "\n")
    except OSError as error:
        raise UserError(f"cannot write {out}: {error.strerror}") from error


def record(caption: str, linker: "Linker") -> dict[str, Any]:
    """A caption, the objects it names in order, and the characters that name each."""
    links = linker.link(caption)
    return {
        "caption": caption,
        "objects": [link.synset for link in links],
        "spans": [[link.start, link.end] for link in links],
    }
