"""Link the captions of a whole collection: which image shows which objects."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from ontology.linking import Linker

Chunk = tuple[int, list[list[str]]]
"""The row of its first image, and the captions of that image and those that follow."""


@dataclass
class LinkedImages:
    """What `link_images` finds.

    Attributes:
        rows: int32 ``[p]``, images, in order.
        synsets: int32 ``[p]``, the number of an object that the image's captions name; each object
            of an image once.
        captions: how many captions were read.
        captions_linked: how many of them name an object.
        images_linked: how many images have an object.
        mentions: how often each synset number was named.
    """

    rows: np.ndarray = field(default_factory=lambda: np.empty(0, np.int32))
    synsets: np.ndarray = field(default_factory=lambda: np.empty(0, np.int32))
    captions: int = 0
    captions_linked: int = 0
    images_linked: int = 0
    mentions: Counter[int] = field(default_factory=Counter)


def link_images(
    chunks: Iterable[Chunk], linker: Linker, advance: Callable[[int], object] | None = None
) -> LinkedImages:
    """Link every caption of a collection.

    Args:
        chunks: images with their captions, some at a time, in row order.
        linker: what reads a caption.
        advance: told, after every chunk, how many captions it had.
    """
    found = LinkedImages()
    rows, synsets = [], []
    number: dict[str, int] = {}
    for first, images in chunks:
        before = found.captions
        chunk_rows: list[int] = []
        chunk_synsets: list[int] = []
        for row, captions in enumerate(images, start=first):
            objects: set[int] = set()
            for caption in captions:
                named = [link.synset for link in linker.link(caption)]
                for name in named:
                    if name not in number:
                        number[name] = linker.taxonomy.number(name)
                numbers = [number[name] for name in named]
                objects.update(numbers)
                found.mentions.update(numbers)
                found.captions_linked += bool(numbers)
            found.captions += len(captions)
            found.images_linked += bool(objects)
            chunk_rows += [row] * len(objects)
            chunk_synsets += sorted(objects)
        # Arrays a chunk, since lists of Python numbers for millions of images would not fit.
        rows.append(np.array(chunk_rows, np.int32))
        synsets.append(np.array(chunk_synsets, np.int32))
        if advance is not None:
            advance(found.captions - before)
    if rows:
        found.rows, found.synsets = np.concatenate(rows), np.concatenate(synsets)
    return found
