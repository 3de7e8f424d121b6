"""``tonics data show``: what a table of pairs holds."""

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Column, Table

from tonics.commands.parser import Parser
from tonics.data.pairs import SPLITS, Pairs
from tonics.data.writing import QUARANTINE
from tonics.errors import UserError


def main(argv: list[str]) -> None:
    """Run the command.

    Raises:
        UserError: there is no table, or it is damaged.
    """
    parser = Parser(prog="tonics data show", description="Summarise a table of pairs.")
    parser.add_argument("dir", type=Path, metavar="DIR", help="the table's folder")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers there")
    arguments = parser.parse_args(argv)
    info = Pairs.open(arguments.dir).info
    print_summary(arguments.dir, info)
    if arguments.json:
        write_json(arguments.json, info)


def print_summary(path: Path, info: dict[str, Any]) -> None:
    """Print the counts of a table of pairs, and where to find the rest.

    Args:
        path: the table's folder.
        info: its ``pairs.json``.
    """
    table = Table("", *(Column(name, justify="right") for name in ("images", "captions")))
    for split in SPLITS:
        table.add_row(split, f"{info['images'][split]:,}", f"{info['captions'][split]:,}")
    totals = (sum(info[what].values()) for what in ("images", "captions"))
    table.add_row("all", *(f"{total:,}" for total in totals), end_section=True)
    for reason, count in info["skipped"].items():
        table.add_row(f"left out: {reason}", f"{count:,}", "")
    notes = [
        f"table        {path}",
        f"pictures     {info['root']}",
        f"format       {info['format']}, split by {info['split_by']}",
        f"fingerprint  {info['fingerprint']}",
    ]
    if info["straddling_captions"]:
        notes.append(
            f"straddling   {info['straddling_captions']:,} captions, each in several splits"
        )
    if info["skipped"]:
        notes.append(f"left out     listed in {path / QUARANTINE}")
    console = Console()
    console.print(table)
    console.print("\n".join(notes), markup=False, highlight=False, soft_wrap=True)


def write_json(path: Path, info: dict[str, Any]) -> None:
    """Write the numbers to a file.

    Raises:
        UserError: it cannot be written.
    """
    try:
        path.write_text(json.dumps(info, indent=2) + "\n", "utf-8")
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from error
