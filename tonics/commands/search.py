"""``tonics search``: find pictures by a text."""

import json
import sys
from pathlib import Path

from tonics.commands.parser import Parser
from tonics.errors import UserError

SHEETS = (".png", ".jpg", ".pdf", ".svg")


def main(argv: list[str]) -> None:
    """Find the pictures that fit a text best."""
    parser = Parser(prog="tonics search", description=main.__doc__)
    parser.add_argument("query", help="what to look for")
    parser.add_argument("--model", required=True, help="a run's folder")
    parser.add_argument("--images", required=True, help="a folder, or a list of one path a line")
    parser.add_argument("--k", type=int, default=8, help="how many pictures (default 8)")
    parser.add_argument("--sheet", type=Path, help="draw the pictures found into this file")
    parser.add_argument("--json", type=Path, help="write the pictures and scores here")
    args = parser.parse_args(argv)
    if not args.query.strip():
        raise UserError("search: the query is empty: say what to look for")
    if args.sheet and args.sheet.suffix.lower() not in SHEETS:
        raise UserError(f"search: --sheet must end in {', '.join(SHEETS)}")
    if args.k < 1:
        raise UserError("search: --k must be at least 1")

    from tonics import load
    from tonics.data.cache import cache_dir
    from tonics.search.pictures import embed_pictures, picture_files

    files = picture_files(args.images)
    model = load(args.model)
    embeddings, kept, errors = embed_pictures(model, files, cache_dir())
    scores = embeddings @ model.embed_texts([args.query])[0].cpu().numpy()
    best = [int(i) for i in scores.argsort(kind="stable")[::-1][: args.k]]
    for place in best:
        print(f"{scores[place]:.3f}  {kept[place]}")
    for error in errors:
        print(f"left out: {error}", file=sys.stderr)
    if args.sheet:
        from tonics.search.contact_sheet import contact_sheet

        labelled = [(kept[i], f"{scores[i]:.2f}") for i in best]
        contact_sheet({args.query: labelled}, args.sheet)
    if args.json:
        found = [{"file": str(kept[i]), "score": float(scores[i])} for i in best]
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps({"query": args.query, "found": found}, indent=2) + "\n")
