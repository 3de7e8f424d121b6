"""A contact sheet: rows of thumbnails under the queries that found them."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from tonics.data.images import decode

THUMBNAIL = 256


def contact_sheet(found: dict[str, list[tuple[Path, str]]], out: Path) -> None:
    """Draw what was found.

    Args:
        found: for each query the pictures, best first, each with a label of its own.
        out: the PNG or SVG to write.
    """
    columns = max(len(pictures) for pictures in found.values())
    size = (2.1 * columns, 2.75 * len(found))
    figure = plt.figure(figsize=size, layout="constrained", dpi=110)
    # One strip a query, so that each has a title over all of its pictures.
    strips = figure.subfigures(len(found), 1, squeeze=False)
    for strip, (query, pictures) in zip(strips.flat, found.items(), strict=True):
        strip.suptitle(f"“{query}”", fontsize=13, fontweight="bold", x=0.01, ha="left")
        axes = strip.subplots(1, columns, squeeze=False)[0]
        for axis in axes:
            axis.axis("off")
        for axis, (file, label) in zip(axes, pictures, strict=False):
            image = decode(file, THUMBNAIL)
            image.thumbnail((THUMBNAIL, THUMBNAIL))
            axis.imshow(image)
            axis.set_title(label, fontsize=8, color="0.35")
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out)
    plt.close(figure)
