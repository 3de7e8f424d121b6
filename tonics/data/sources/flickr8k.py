"""Flickr8k in its two usual layouts (Hodosh, Young and Hockenmaier, JAIR 2013).

The original: ``Flickr8k.token.txt`` (``name.jpg#0<TAB>caption``) with the published split lists
``Flickr_8k.{train,dev,test}Images.txt``. Kaggle's: ``captions.txt`` (header ``image,caption``),
without splits. Pictures lie in ``Images/`` or ``Flicker8k_Dataset/``. Where both layouts are there,
the original is read.

The published splits stay as they are; the 91 pictures that no list names are left out, as is usual.
Without the lists the split is by hash.
"""

from collections.abc import Iterator
from pathlib import Path

from tonics.data.sources.base import Source, lines, require_folder
from tonics.data.splits import SPLITS
from tonics.data.writing import Row, Skip
from tonics.errors import UserError

_FOLDERS = ("Images", "Flicker8k_Dataset", "Flickr8k_Dataset")


def source(root: Path | None) -> Source:
    """Flickr8k in the folder ``root``.

    Raises:
        UserError: the folder lacks the pictures, or captions in either layout.
    """
    root = require_folder(root, "Flickr8k")
    images = next((name for name in _FOLDERS if (root / name).is_dir()), None)
    if images is None:
        raise UserError(f"{root} has no folder Images/: unpack Flickr8k's pictures there")
    if (root / "Flickr8k.token.txt").is_file():
        captions = _token_captions(root / "Flickr8k.token.txt")
    elif (root / "captions.txt").is_file():
        captions = _kaggle_captions(root / "captions.txt")
    else:
        raise UserError(f"{root} has neither Flickr8k.token.txt nor captions.txt")
    return Source(root, _rows(captions, images, _published_splits(root)))


def _rows(
    captions: Iterator[tuple[str, str]], folder: str, splits: dict[str, str] | None
) -> Iterator[Row | Skip]:
    """One row an image. The dataset is small and fixed, so a dict may hold it."""
    by_image: dict[str, list[str]] = {}
    for image, caption in captions:
        by_image.setdefault(image, []).append(caption)
    for image, texts in by_image.items():
        file = f"{folder}/{image}"
        if splits is not None and image not in splits:
            yield Skip(file, "in no published split")
        else:
            yield Row(image, file, texts, splits[image] if splits is not None else None)


def _token_captions(path: Path) -> Iterator[tuple[str, str]]:
    """(image, caption) from ``name.jpg#0<TAB>caption``."""
    for number, line in enumerate(lines(path), 1):
        name, tab, caption = line.rstrip("\r\n").partition("\t")
        if tab:
            yield name.rpartition("#")[0] or name, caption
        elif line.strip():
            raise UserError(f"{path}, line {number}: no tab between the image and its caption")


def _kaggle_captions(path: Path) -> Iterator[tuple[str, str]]:
    """(image, caption) from ``name.jpg,caption``, the caption perhaps quoted, perhaps with commas.

    Read line by line and not by the csv module: there, one caption that begins with a stray quote
    would swallow the lines that follow.
    """
    for number, line in enumerate(lines(path), 1):
        image, comma, caption = line.rstrip("\r\n").partition(",")
        if number == 1 and image.strip().casefold() == "image":
            continue
        if len(caption) > 1 and caption[0] == caption[-1] == '"':
            caption = caption[1:-1].replace('""', '"')
        if comma:
            yield image.strip(), caption
        elif line.strip():
            raise UserError(f"{path}, line {number}: no comma between the image and its caption")


def _published_splits(root: Path) -> dict[str, str] | None:
    """Image -> split from the published lists; None where there are no lists.

    Raises:
        UserError: only some of the lists are there.
    """
    paths = {split: root / f"Flickr_8k.{split}Images.txt" for split in SPLITS}
    missing = [path.name for path in paths.values() if not path.is_file()]
    if len(missing) == len(paths):
        return None
    if missing:
        raise UserError(f"{root} lacks the split list {missing[0]}: give all three or none")
    return {
        name.strip(): split for split, path in paths.items() for name in lines(path) if name.strip()
    }
