"""When two captions say the same: normalisation, and a 64-bit key for the normalised text."""

import sys
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b


@lru_cache(maxsize=1)
def _punctuation() -> dict[int, str]:
    """Every Unicode punctuation mark -> a blank, for `str.translate`."""
    # \W of a regular expression would not do: it also takes the vowel signs of Indic scripts.
    marks = (c for c in range(sys.maxunicode + 1) if unicodedata.category(chr(c))[0] == "P")
    return dict.fromkeys(marks, " ")


def normalise(caption: str) -> str:
    """The caption casefolded, without punctuation, whitespace squeezed to single blanks.

    Captions that differ only in these respects are the same caption: they are never negatives of
    each other, and never straddle two splits. The result is empty when the caption says nothing.
    """
    return " ".join(caption.translate(_punctuation()).casefold().split())


def key(text: str) -> int:
    """A signed 64-bit hash of any text, the same in every process and on every machine."""
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


def caption_key(caption: str) -> int:
    """The key of the normalised caption.

    Equal captions have equal keys; different ones collide with a chance of 2^-64 a pair.
    """
    return key(normalise(caption))


def clean(captions: Iterable[str]) -> tuple[list[str], int]:
    """The captions that say something, stripped of outer whitespace, and how many said nothing.

    Half a surrogate pair, which JSON can smuggle in and no file can hold, becomes a question mark.
    """
    stripped = [caption.encode("utf-8", "replace").decode().strip() for caption in captions]
    kept = [caption for caption in stripped if normalise(caption)]
    return kept, len(stripped) - len(kept)
