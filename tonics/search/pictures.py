"""Which pictures are meant, and their embeddings, kept so that the next search is quick."""

from hashlib import blake2b
from pathlib import Path

import numpy as np

from tonics.data.features import weights_digest
from tonics.data.images import SUFFIXES, ImageError
from tonics.errors import UserError
from tonics.models.dual_encoder import DualEncoder
from tonics.models.embedding import embed_files


def picture_files(source: str | Path) -> list[Path]:
    """The pictures of a folder (all below it), or of a text file with one path a line.

    Relative paths in a list are relative to the list's own folder.

    Raises:
        UserError: there is no such folder or list, or it names no pictures.
    """
    source = Path(source)
    if source.is_dir():
        files = sorted(p for p in source.rglob("*") if p.suffix.lower() in SUFFIXES)
    elif source.is_file():
        try:
            lines = [line.strip() for line in source.read_text("utf-8").splitlines()]
        except UnicodeDecodeError as error:
            raise UserError(f"{source} is no list of files: give one path a line") from error
        files = [source.parent / line for line in lines if line]
    else:
        raise UserError(f"no folder or list {source}")
    if not files:
        raise UserError(f"{source} holds no pictures ({', '.join(sorted(SUFFIXES))})")
    return files


def embed_pictures(
    model: DualEncoder, files: list[Path], cache: Path
) -> tuple[np.ndarray, list[Path], list[ImageError]]:
    """Embed pictures, or take what the same model made of the same files before.

    Args:
        model: the dual encoder.
        files: picture files.
        cache: a folder for embeddings.

    Returns:
        Unit embeddings float32 [n, D], the n files, and an error for each file left out.

    Raises:
        UserError: none of the files can be read.
    """
    key = blake2b(weights_digest(model).encode(), digest_size=16)
    for file in files:
        key.update(f"{file.absolute()} {_stamp(file)}\n".encode(errors="surrogateescape"))
    place = cache / "embeddings" / f"{key.hexdigest()}.npz"
    if place.is_file():
        with np.load(place, allow_pickle=False) as saved:
            return saved["embeddings"], [files[i] for i in saved["kept"]], []
    embeddings, kept, errors = embed_files(model, files)
    if not kept:
        raise UserError(f"none of the {len(files)} pictures can be read (first: {errors[0]})")
    if not errors:  # with errors, the next search must report them again
        place.parent.mkdir(parents=True, exist_ok=True)
        draft = place.with_suffix(".part.npz")  # one that was cut off must not be found later
        np.savez(draft, embeddings=embeddings, kept=np.array(kept))
        draft.replace(place)
    return embeddings, [files[i] for i in kept], errors


def _stamp(file: Path) -> tuple[int, int] | None:
    """What tells whether a file has changed: its size and time; None if it cannot be asked."""
    try:
        facts = file.stat()
    except (OSError, ValueError):  # not there, or no possible name: decoding it says which
        return None
    return facts.st_size, facts.st_mtime_ns
