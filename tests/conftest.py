"""A tiny world for the end-to-end tests: pictures, captions, towers, a recipe, a finished run.

Nothing here touches the network or the user's own cache; torch is imported only by fixtures that
need it.
"""

import json
import os
import socket
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image, ImageDraw

# Before torch is imported anywhere, and inherited by subprocesses: the cores are shared.
os.environ["OMP_NUM_THREADS"] = "1"

NOUNS = {"dog": "ellipse", "cat": "pieslice", "horse": "rectangle"} | {
    "ball": "ellipse",
    "kite": "polygon",
    "bench": "rectangle",
}
COLOURS = ("red", "green", "blue", "white", "black", "yellow", "purple", "brown")
PLACES = {"grass": "seagreen", "sand": "khaki", "snow": "ghostwhite", "street": "dimgray"}
SPLITS = {"train": 84, "dev": 48, "test": 48}


@dataclass(frozen=True)
class World:
    """Where everything is.

    Attributes:
        pictures: a folder of pictures with ``metadata.csv``.
        pairs: its table of pairs.
        ontology: the ontology of that table.
        text: a folder with a BERT of two layers, its tokenizer, and random weights.
        vision: random weights of timm's smallest convolutional model.
        recipe: a config that trains both in three phases.
    """

    pictures: Path
    pairs: Path
    ontology: Path
    text: Path
    vision: Path
    recipe: Path

    def arguments(self, run: Path, *more: str) -> list[str]:
        """The arguments of ``tonics fit`` for this world."""
        data = ["--data.pairs", str(self.pairs), "--data.ontology", str(self.ontology)]
        return ["--config", str(self.recipe), *data, "--run", str(run), *more]


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TONICS_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("HF_HOME", str(tmp_path_factory.mktemp("hub")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_network() -> Iterator[None]:
    """As on a machine without a network: no name can be resolved."""

    def refuse(host: Any, *_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, f"no network in tests: {host}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", refuse)
        yield


def facts(number: int) -> tuple[str, str, str]:
    """What a picture shows: noun, colour, place; all nouns in turn, so in every split alike."""
    nouns, places = list(NOUNS), list(PLACES)
    return nouns[number % 6], COLOURS[number // 6 % 8], places[(number // 6 + number // 48) % 4]


def draw(number: int) -> Image.Image:
    """A shape on a background, with its own position and size."""
    noun, colour, place = facts(number)
    image = Image.new("RGB", (48, 40 + number % 3 * 8), PLACES[place])
    left, top = 3 + number % 7, 4 + number % 5
    box = (left, top, left + 20 + number % 9, top + 22)
    pen = ImageDraw.Draw(image)
    if NOUNS[noun] == "polygon":
        pen.polygon([(left, top), (left + 24, top + 12), (left, top + 24)], fill=colour)
    elif NOUNS[noun] == "pieslice":
        pen.pieslice(box, 30, 330, fill=colour)
    else:
        getattr(pen, NOUNS[noun])(box, fill=colour)
    return image


@pytest.fixture(scope="session")
def make_pictures() -> Callable[[Path], Path]:
    """Writes the pictures and their ``metadata.csv`` into a folder."""

    def make(folder: Path) -> Path:
        folder.mkdir(parents=True)
        splits = [split for split, count in SPLITS.items() for _ in range(count)]
        lines = ["file_name,captions,split"]
        for number, split in enumerate(splits):
            noun, colour, place = facts(number)
            draw(number).save(folder / f"{number:03}.png")
            captions = [f"a {colour} {noun} on the {place}", f"the {noun} is {colour}"]
            if number % 4 == 0:  # a caption of many pictures: batches and losses must deal with it
                captions = [f"a {noun}"]
            quoted = json.dumps(captions).replace('"', '""')
            lines.append(f'{number:03}.png,"{quoted}",{split}')
        (folder / "metadata.csv").write_text("\n".join(lines) + "\n")
        return folder

    return make


def write_text_tower(folder: Path) -> Path:
    """A BERT of two layers and its WordPiece tokenizer, as Hugging Face's files."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    torch.manual_seed(0)
    words = ["a", "the", "is", "on", *NOUNS, *COLOURS, *PLACES]
    letters = [mark + chr(code) for code in range(ord("a"), ord("z") + 1) for mark in ("", "##")]
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = {word: i for i, word in enumerate(dict.fromkeys([*specials, *words, *letters]))}
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(folder)
    BertTokenizerFast(vocab=vocabulary).save_pretrained(folder)
    return folder


def write_vision_tower(file: Path) -> Path:
    """Random weights of a small convolutional model (with BatchNorm, which freezing must stop)."""
    import timm
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    save_file(timm.create_model("test_efficientnet").state_dict(), file)
    return file


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory, make_pictures: Callable[[Path], Path]) -> World:
    """Pictures, pairs, ontology, towers and a recipe."""
    import torch

    from tonics.cli import main

    torch.set_num_threads(1)
    root = tmp_path_factory.mktemp("world")
    pictures = make_pictures(root / "pictures")
    pairs, ontology = str(root / "pairs"), str(root / "ontology")
    source = ["--format", "folder", "--root", str(pictures)]
    assert main(["data", "import", *source, "--out", pairs]) == 0
    build = ["--data", pairs, "--out", ontology, "--min-support", "12"]
    assert main(["ontology", "build", *build]) == 0
    text = write_text_tower(root / "text")
    vision = write_vision_tower(root / "vision.safetensors")
    recipe = root / "recipe.yaml"
    recipe.write_text(
        yaml.safe_dump(
            {
                # Any model opens nodes at once: the curriculum has something to do.
                "curriculum": {
                    "class_path": "tonics.curricula.Tonics",
                    "init_args": {"threshold": 0.01},
                },
                "model": {
                    "vision": {"name": "test_efficientnet", "weights": str(vision)},
                    "text": {"name": str(text), "weights": "hub", "max_length": 12},
                    "head": {"dim": 16, "hidden": 24, "dropout": 0.1},
                    "phases": [
                        {"steps": 6, "heads": 0.01},
                        {"steps": 4, "heads": 0.005, "text": 0.001, "text_layers": 1},
                        {"steps": 4, "heads": 0.005, "text": 0.001, "vision": 0.0001},
                    ],
                },
                "data": {"batch_size": 16, "round_steps": 4},
            }
        )
    )
    return World(pictures, root / "pairs", root / "ontology", text, vision, recipe)


@pytest.fixture(scope="session")
def fit(world: World) -> Callable[..., Path]:
    """Runs ``tonics fit`` on the world; returns the run's folder."""
    from tonics.cli import main

    def run(folder: Path, *more: str) -> Path:
        assert main(["fit", *world.arguments(folder, *more)]) == 0
        return folder

    return run


@pytest.fixture
def huge_png() -> bytes:
    """A PNG of a few bytes whose header claims 30,000 x 30,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.fixture
def refused(capfd: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a command that must end with status 2 and one line on stderr; returns that line."""
    from tonics.cli import main

    def run(*argv: Any) -> str:
        capfd.readouterr()
        status = main([str(word) for word in argv])
        error = capfd.readouterr().err
        assert status == 2, error
        assert error.startswith("tonics: ") and error.count("\n") == 1, error
        return error

    return run


@pytest.fixture(scope="session")
def finished(fit: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the recipe, all three phases, seed 0. Not to be changed."""
    return fit(tmp_path_factory.mktemp("finished") / "run")
