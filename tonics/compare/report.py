"""A comparison for people: the table side by side, and the learning curves."""

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from rich.table import Table

from tonics.compare.statistics import interval

METRICS = {
    "text→image R@1": ("text_to_image", "R@1"),
    "text→image R@5": ("text_to_image", "R@5"),
    "text→image R@10": ("text_to_image", "R@10"),
    "text→image median rank": ("text_to_image", "median_rank"),
    "image→text R@1": ("image_to_text", "R@1"),
    "image→text R@5": ("image_to_text", "R@5"),
    "image→text R@10": ("image_to_text", "R@10"),
    "image→text median rank": ("image_to_text", "median_rank"),
    "same-object R@1": ("same_object", "R@1"),
}
COLOURS = ("#4c72b0", "#dd8452", "#55a868", "#c44e52", "#8172b3", "#937860", "#da8bc3")


def statistics(results: dict[str, list[dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """Mean, half-width of the 95% interval and the values of each metric and curriculum.

    Beside each curriculum but the first, ``difference`` holds the same for the paired differences
    to the first, seed by seed.
    """
    table: dict[str, dict[str, Any]] = {}
    for name, (part, key) in METRICS.items():
        found = {c: [e[part] and e[part][key] for e in r] for c, r in results.items()}
        values = {c: [v for v in own if v is not None] for c, own in found.items()}
        if values != found:  # no same-object figures without an ontology or large enough nodes
            continue
        first = next(iter(values.values()))
        table[name] = {}
        for curriculum, own in values.items():
            mean, half = interval(own)
            entry: dict[str, Any] = {"mean": mean, "half_width": half, "values": own}
            if own is not first:
                gap, gap_half = interval([a - b for a, b in zip(own, first, strict=True)])
                entry["difference"] = {"mean": gap, "half_width": gap_half}
            table[name][curriculum] = entry
    return table


def side_by_side(table: dict[str, dict[str, Any]], title: str) -> Table:
    """The statistics as a table: a row a metric, a column a curriculum, and the differences."""
    names = list(next(iter(table.values())))
    columns = [f"{name} − {names[0]}" for name in names[1:]]
    drawn = Table("", *names, *columns, title=title)
    for metric, entries in table.items():
        cells = [_figure(entries[name]) for name in names]
        cells += [_figure(entries[name]["difference"], "+") for name in names[1:]]
        drawn.add_row(metric, *cells)
    return drawn


def _figure(entry: dict[str, Any], sign: str = "") -> str:
    half = "" if entry["half_width"] is None else f" ± {entry['half_width']:.1f}"
    return f"{entry['mean']:{sign}.1f}{half}"


def curves(logs: dict[str, list[list[dict[str, Any]]]], metrics: dict[str, Any], out: Path) -> None:
    """Draw the learning curves, and below them when nodes opened.

    Args:
        logs: for each curriculum and seed, the records of ``curriculum.jsonl``.
        metrics: likewise, those of ``metrics.jsonl``.
        out: the picture to write.
    """
    figure, (top, bottom) = plt.subplots(
        2, 1, figsize=(9, 6.4), sharex=True, layout="constrained", height_ratios=(2.2, 1), dpi=110
    )
    for colour, (name, runs) in zip(COLOURS, metrics.items(), strict=False):
        _learning(top, name, runs, colour)
    for colour, (name, runs) in zip(COLOURS, logs.items(), strict=False):
        for seed, records in enumerate(runs):
            _openings(bottom, name, records, colour, label=seed == 0)
    top.set_title(
        "Retrieval on dev after each round, and the nodes that opened by then", loc="left"
    )
    top.set_ylabel("R@1, mean of both directions (%)")
    top.legend(frameon=False, loc="lower right")
    bottom.set_ylabel("nodes opened")
    bottom.set_xlabel("optimiser step")
    bottom.margins(y=0.15)
    bottom.set_ylim(bottom=0)
    bottom.yaxis.get_major_locator().set_params(integer=True)
    for axis in (top, bottom):
        axis.grid(alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(out)
    plt.close(figure)


def _learning(axis: Axes, name: str, runs: list[list[dict[str, Any]]], colour: str) -> None:
    """One curriculum's curve: the mean of its seeds, and a band from the worst to the best."""
    measured = [[r for r in records if "dev/R@1" in r] for records in runs]
    steps = [r["step"] + 1 for r in measured[0]]
    values = np.array([[r["dev/R@1"] for r in records] for records in measured])
    axis.plot(steps, values.mean(axis=0), marker="o", ms=4, color=colour, label=name)
    if len(values) > 1:
        axis.fill_between(steps, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.2)


def _openings(
    axis: Axes, name: str, records: list[dict[str, Any]], colour: str, label: bool
) -> None:
    """One run's count of opened nodes; the first seed's openings are named."""
    opened = [(r["step"] + 1, r["opened"]) for r in records if "opened" in r]
    if not any(nodes for _, nodes in opened):
        return
    steps = [0] + [step for step, _ in opened]
    counts = np.cumsum([0] + [len(nodes) for _, nodes in opened])
    axis.step(steps, counts, where="post", color=colour, alpha=1 if label else 0.35)
    if not label:
        return
    for (step, nodes), count in zip(opened, counts[1:], strict=True):
        if nodes:
            words = [node.split(".")[0].replace("_", " ") for node in nodes[:2]]
            text = ", ".join(words) + ("…" if len(nodes) > 2 else "")
            axis.plot(step, count, "o", ms=4, color=colour)
            # The curve only rises: to the left and above there is room.
            axis.annotate(
                text,
                (step, count),
                (-5, 3),
                textcoords="offset points",
                ha="right",
                fontsize=7,
                color="0.3",
            )
