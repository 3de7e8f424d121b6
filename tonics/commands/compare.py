"""``tonics compare``: train with several curricula and set them side by side."""

import json
from pathlib import Path

from tonics.commands.parser import Parser
from tonics.data.splits import SPLITS
from tonics.errors import UserError


def main(argv: list[str]) -> None:
    """Train with several curricula on the same budget and set them side by side."""
    parser = Parser(
        prog="tonics compare",
        description=main.__doc__,
        epilog="Further arguments (--data.pairs DIR --data.ontology DIR …) go to `tonics fit`, the "
        "same for all runs. What is done already is not done again.",
    )
    parser.add_argument("--config", required=True, type=Path, help="the recipe")
    parser.add_argument("--curricula", default="random,tonics", help="names, with commas between")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds, from 0 (default 1)")
    parser.add_argument("--out", required=True, type=Path, help="the folder of all runs")
    parser.add_argument("--split", default="test", choices=SPLITS)
    parser.add_argument("--json", type=Path, help="write the evaluations (means over seeds) here")
    args, rest = parser.parse_known_args(argv)
    if args.seeds < 1:
        raise UserError("compare: --seeds must be at least 1")

    from rich.console import Console

    from tonics.compare.report import curves, side_by_side, statistics
    from tonics.compare.runner import Plan, compare
    from tonics.compare.statistics import mean_tree
    from tonics.training.logs import JsonLines

    plan = Plan(args.config, args.curricula.split(","), args.seeds, args.out, rest)
    results = compare(plan, args.split)
    evaluations = json.dumps({c: mean_tree(e) for c, e in results.items()}, indent=2) + "\n"
    for place in filter(None, (args.out / "results.json", args.json)):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(evaluations)
    table = statistics(results)
    (args.out / "statistics.json").write_text(json.dumps(table, indent=2) + "\n")

    logs, metrics = (
        {c: [JsonLines(plan.run(c, s) / f"{name}.jsonl").read() for s in range(args.seeds)]
         for c in plan.curricula}
        for name in ("curriculum", "metrics")
    )  # fmt: skip
    curves(logs, metrics, args.out / "curves.png")
    one = next(iter(results.values()))[0]
    title = f"{args.split}: {one['images']:,} images, {one['captions']:,} captions"
    seeds = f"mean of {args.seeds} seeds ± 95%" if args.seeds > 1 else "one seed, so no interval"
    console = Console()
    console.print(side_by_side(table, f"{title} ({seeds})"))
    console.print(f"evaluations {args.out / 'results.json'}, curves {args.out / 'curves.png'}")
