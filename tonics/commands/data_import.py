"""``tonics data import``: pictures and captions of a known format into a table of pairs."""

from pathlib import Path

from tonics.commands.data_show import print_summary, write_json
from tonics.commands.parser import Parser
from tonics.data.importing import import_pairs
from tonics.data.progress import status
from tonics.data.sources import FORMATS, open_source


def main(argv: list[str]) -> None:
    """Run the command.

    Raises:
        UserError: the source is not there or holds nothing usable, or ``--out`` holds other things.
    """
    parser = Parser(
        prog="tonics data import",
        description="Read pictures and captions into a table of pairs, leaving the pictures where "
        "they are. What cannot be used is counted, and listed in quarantine.csv.",
    )
    parser.add_argument("--format", required=True, choices=list(FORMATS))
    parser.add_argument(
        "--root",
        type=Path,
        metavar="PATH",
        help="the dataset's folder, or the CSV file; stamps are fetched where it is left out",
    )
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="the table's folder")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers there")
    arguments = parser.parse_args(argv)
    with status("opening the source (stamps are fetched once: 161 MB)"):
        source = open_source(arguments.format, arguments.root)
    info = import_pairs(source, arguments.out, arguments.format)
    print_summary(arguments.out, info)
    if arguments.json:
        write_json(arguments.json, info)
