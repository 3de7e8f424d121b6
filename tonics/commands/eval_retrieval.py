"""``tonics eval retrieval``: R@K both ways, and inside each object's images."""

import json
from pathlib import Path
from typing import Any

from tonics.commands.parser import Parser
from tonics.data.splits import SPLITS


def main(argv: list[str]) -> None:
    """R@K both ways, and inside each object's images."""
    parser = Parser(prog="tonics eval retrieval", description=main.__doc__)
    parser.add_argument("--model", required=True, help="a run's folder")
    parser.add_argument("--data", required=True, help="a table of pairs")
    parser.add_argument("--split", default="test", choices=SPLITS)
    parser.add_argument(
        "--ontology", type=Path, help="for same-object R@1; by default the run's own"
    )
    parser.add_argument("--json", type=Path, help="write the figures here")
    args = parser.parse_args(argv)

    from tonics.evaluation.evaluate import evaluate_run

    figures = evaluate_run(Path(args.model), Path(args.data), args.split, args.ontology)
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(figures, indent=2) + "\n")
    show(figures)


def show(figures: dict[str, Any]) -> None:
    """Print the figures as a table."""
    from rich.console import Console
    from rich.table import Table

    names = ("R@1", "R@5", "R@10", "median_rank", "mean_rank")
    title = f"{figures['split']}: {figures['images']:,} images, {figures['captions']:,} captions"
    table = Table("", *names, title=title)
    for direction in ("text_to_image", "image_to_text"):
        cells = [f"{figures[direction][name]:.1f}" for name in names]
        table.add_row(direction.replace("_", " "), *cells)
    console = Console()
    console.print(table)
    same = figures["same_object"]
    if same is None:
        console.print("no same-object figures: give --ontology of this data")
    elif same["R@1"] is None:
        console.print("no same-object figures: no node has 20 images in this split")
    else:
        console.print(
            f"same-object R@1 {same['R@1']:.1f} (text to image), "
            f"{same['R@1_image_to_text']:.1f} (image to text), mean over {same['nodes']} nodes"
        )
