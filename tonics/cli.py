"""The ``tonics`` command: finds the command's module, and turns a user's error into one line."""

import importlib
import os
import sys

from ontology import OntologyError
from tonics.errors import UserError

COMMANDS = {
    "data import": ("data_import", "read pictures and captions into a table of pairs"),
    "data show": ("data_show", "summarise a table of pairs"),
    "ontology build": ("ontology_build", "link captions to WordNet and build the graph"),
    "ontology show": ("ontology_show", "a node: path to the root, children, example captions"),
    "ontology link": ("ontology_link", "the objects that a caption names"),
    "fit": ("fit", "train a dual encoder with a curriculum"),
    "eval retrieval": ("eval_retrieval", "R@K both ways, and inside each object's images"),
    "compare": ("compare", "train with several curricula and set them side by side"),
    "embed": ("embed", "pictures and texts to vectors in one .npz file"),
    "search": ("search", "find pictures by a text"),
}


def usage() -> str:
    """The list of commands, as ``tonics --help`` prints it."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {text}" for name, (_, text) in COMMANDS.items()]
    note = "Every command has --help; those that yield numbers have --json FILE."
    return "\n".join(["usage: tonics COMMAND [options]", "", "commands:", *lines, "", note])


def split_command(argv: list[str]) -> tuple[str, list[str]]:
    """The longest command name at the start of ``argv``, and what follows it.

    Raises:
        UserError: no command begins so.
    """
    for words in (2, 1):
        if (name := " ".join(argv[:words])) in COMMANDS and len(argv) >= words:
            return name, argv[words:]
    raise UserError(f"no command {' '.join(argv[:2])!r}: `tonics --help` lists them")


def main(argv: list[str] | None = None) -> int:
    """Run one command; the exit status is 0, or 2 for a user's error, or 130 for Ctrl-C."""
    argv = sys.argv[1:] if argv is None else argv
    if not argv or argv[0] in ("-h", "--help"):
        print(usage())
        return 0
    # Threads that wait for work by spinning slow a machine that is shared by others by ten times
    # and more. OpenMP reads this when torch is imported, which is after.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        name, rest = split_command(argv)
        importlib.import_module(f"tonics.commands.{COMMANDS[name][0]}").main(rest)
    except (UserError, OntologyError) as error:
        return complain(str(error))
    except OSError as error:  # a path that cannot be written, a full disk
        place = f"{error.filename}: " if error.filename else ""
        return complain(f"{place}{error.strerror or error}")
    except KeyboardInterrupt:
        print("tonics: interrupted", file=sys.stderr)
        return 130
    return 0


def complain(message: str) -> int:
    """Print a user's error as one line, whatever its message holds; returns its exit status."""
    print(f"tonics: {' '.join(message.split())}", file=sys.stderr)
    return 2
