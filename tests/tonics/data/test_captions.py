import subprocess
import sys

import pytest

from tonics.data.captions import caption_key, clean, normalise


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("A dog .", "a dog"),
        ("  A\tDOG!\n", "a dog"),
        ("Straße", "strasse"),
        ("a well-known “dog”…", "a well known dog"),
        ("एक खूबानी।", "एक खूबानी"),  # vowel signs are no punctuation
        ("costs $5", "costs $5"),
        (" . , ! ", ""),
    ],
)
def test_normalise(caption: str, expected: str) -> None:
    assert normalise(caption) == expected


def test_keys_are_equal_just_where_the_normalised_texts_are() -> None:
    captions = ["A dog.", "a DOG", "a dog !", "two dogs", "a dogs", "", "é", "e"]
    for one in captions:
        for other in captions:
            equal = caption_key(one) == caption_key(other)
            assert equal == (normalise(one) == normalise(other))


def test_keys_are_the_same_in_another_process_and_fit_64_bits() -> None:
    program = "from tonics.data.captions import caption_key; print(caption_key('A dog.'))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert int(done.stdout) == caption_key("a dog")
    assert -(2**63) <= caption_key("a dog") < 2**63


def test_clean_counts_what_says_nothing() -> None:
    assert clean([" A dog. ", "", " ... ", "a cat"]) == (["A dog.", "a cat"], 2)


def test_a_lone_surrogate_does_not_crash() -> None:
    assert isinstance(caption_key("a \ud800 dog"), int)
