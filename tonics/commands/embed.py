"""``tonics embed``: pictures and texts to vectors in one .npz file."""

from pathlib import Path

from tonics.commands.parser import Parser
from tonics.errors import UserError


def main(argv: list[str]) -> None:
    """Pictures and texts to unit vectors in one .npz file."""
    parser = Parser(
        prog="tonics embed",
        description=main.__doc__,
        epilog="The file holds image_embeddings float32 [n, D], image_files [n] and "
        "text_embeddings float32 [m, D]; it loads with allow_pickle=False.",
    )
    parser.add_argument("--model", required=True, help="a run's folder")
    parser.add_argument("--images", help="a folder, or a text file with one path a line")
    parser.add_argument("--texts", type=Path, help="a text file with one text a line")
    parser.add_argument("--out", required=True, type=Path, help="the .npz file to write")
    args = parser.parse_args(argv)
    if not (args.images or args.texts):
        raise UserError("embed: give --images, --texts or both")

    import numpy as np

    from tonics import load
    from tonics.data.cache import cache_dir
    from tonics.models.embedding import embed_texts
    from tonics.search.pictures import embed_pictures, picture_files

    files = picture_files(args.images) if args.images else []
    texts = read_texts(args.texts) if args.texts else []
    model = load(args.model)
    arrays: dict[str, np.ndarray] = {}
    if files:
        embeddings, kept, errors = embed_pictures(model, files, cache_dir())
        arrays["image_embeddings"] = embeddings
        arrays["image_files"] = np.array([str(file) for file in kept])
        if errors:
            report(args.out.with_suffix(".skipped.txt"), [str(error) for error in errors])
    if texts:
        arrays["text_embeddings"] = embed_texts(model, texts)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with args.out.open("wb") as file:  # a name without .npz stays as it was given
        np.savez(file, **arrays)  # type: ignore[arg-type]
    sizes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
    print(f"{args.out}: {sizes}")


def read_texts(path: Path) -> list[str]:
    """The lines of a text file.

    Raises:
        UserError: there is no such file, it is empty, or a line of it is.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read texts from {path}: {error}") from error
    if not lines:
        raise UserError(f"{path} holds no text: give one a line")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            raise UserError(f"{path}: line {number} is empty: every line is one text")
    return lines


def report(path: Path, lines: list[str]) -> None:
    """List what was left out, and say so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", "utf-8")
    print(f"{len(lines)} pictures left out: listed with their reasons in {path}")
