"""The main job in one command: ``make demo``, or ``python -m tonics.demo``.

Fetches pictures with captions, builds their ontology, trains with random batches and with the
TOnICS curriculum on the same budget, sets both side by side, and searches. Everything goes to
``runs/demo``; what is there already is not done again. ``DEMO_STEPS`` shortens the training.
"""

import os
import sys
from pathlib import Path

from tonics.cli import main as tonics

OUT = Path("runs/demo")
SEEDS = 3
QUERIES = ("a bird with colorful feathers", "something sweet to eat", "an old vehicle")


def main() -> int:
    """Run the demo; the exit status is the first failing command's."""
    data, graph = OUT / "pairs", OUT / "ontology"
    steps = os.environ.get("DEMO_STEPS")
    out = OUT / f"compare-{steps}-steps" if steps else OUT / "compare"
    commands = [
        ["data", "import", "--format", "stamps", "--out", str(data)],
        ["ontology", "build", "--data", str(data), "--out", str(graph), "--min-support", "32"],
        ["compare", "--config", "configs/demo.yaml", "--curricula", "random,tonics"]
        + ["--seeds", str(1 if steps else SEEDS), "--out", str(out)]
        + ["--data.pairs", str(data), "--data.ontology", str(graph)]
        + ["--json", str(OUT / "results.json")]
        + (["--model.phases", f"[{{steps: {steps}}}]"] if steps else []),
    ]
    done = {"data": data / "pairs.json", "ontology": graph / "graph.json"}
    for command in commands:
        if command[0] in done and done[command[0]].is_file():
            continue
        print(f"\n$ tonics {' '.join(command)}", flush=True)
        if status := tonics(command):
            return status
    sheet = search(out / "tonics" / "seed0", data)
    curves = out / "curves.png"
    print(f"\nfigures {OUT / 'results.json'}\ncurves  {curves}\nsearch  {sheet}")
    return 0


def search(run: Path, data: Path) -> Path:
    """Three searches among pictures that the model has never seen; returns the contact sheet."""
    from tonics import load
    from tonics.data.cache import cache_dir
    from tonics.data.pairs import Pairs
    from tonics.search.contact_sheet import contact_sheet
    from tonics.search.pictures import embed_pictures

    pairs = Pairs.open(data)
    unseen = [pairs.image_path(row) for split in ("dev", "test") for row in pairs.rows(split)]
    model = load(run)
    embeddings, kept, _ = embed_pictures(model, unseen, cache_dir())
    scores = model.embed_texts(QUERIES).numpy() @ embeddings.T
    found = {}
    for query, own in zip(QUERIES, scores, strict=True):
        best = own.argsort(kind="stable")[::-1][:6]
        found[query] = [(kept[i], f"{own[i]:.2f}  {kept[i].stem}") for i in best]
        print(f"\n“{query}”: " + ", ".join(kept[i].stem for i in best))
    sheet = OUT / "search.png"
    contact_sheet(found, sheet)
    return sheet


if __name__ == "__main__":
    sys.exit(main())
