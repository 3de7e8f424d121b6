"""Small towers with random weights, models made of them, and a small table of pairs."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:  # tests of the command line need no torch
    from tonics.data.pairs import Pairs
    from tonics.models.dual_encoder import DualEncoder

WORDS = "a red blue dog cat ball on the grass runs sits and very small near water with hat"


def write_bert(folder: Path) -> Path:
    """A BERT of three layers, dropout 0.1, and a WordPiece tokenizer, as Hugging Face's files."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = [f"{mark}{chr(code)}" for code in range(97, 123) for mark in ("", "##")]
    words = {word: i for i, word in enumerate(dict.fromkeys([*special, *WORDS.split(), *letters]))}
    tokenizer = Tokenizer(models.WordPiece(words, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = dict(zip(("pad", "unk", "cls", "sep", "mask"), special, strict=True))
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, **{f"{name}_token": token for name, token in names.items()}
    ).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small text tower. Not to be changed."""
    return write_bert(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="session")
def make_model(bert: Path) -> Callable[..., "DualEncoder"]:
    """Makes a small dual encoder: a vision tower of random weights, the BERT, new heads."""
    import torch

    from tonics.models.dual_encoder import DualEncoder
    from tonics.models.heads import HeadConfig
    from tonics.models.text import TextConfig, TextTower
    from tonics.models.transforms import ImageTransform
    from tonics.models.vision import VisionConfig, VisionTower

    torch.set_num_threads(1)

    def make(
        seed: int = 0, vision: str = "test_efficientnet", size: int = 32, **options: Any
    ) -> DualEncoder:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            tower = VisionTower(VisionConfig(vision, "random"), ImageTransform(size, fit="squash"))
            text = TextTower(TextConfig(str(bert), str(bert), max_length=16))
            head = {"dim": 16, "hidden": 24, "dropout": 0.2, **options}
            return DualEncoder(tower, text, HeadConfig(**head))

    return make


@pytest.fixture
def sentences() -> list[str]:
    """Forty texts of one to twelve words."""
    rng = np.random.default_rng(0)
    words = WORDS.split()
    return [" ".join(rng.choice(words, rng.integers(1, 13))) for _ in range(40)]


@pytest.fixture
def table(tmp_path: Path, sentences: list[str]) -> "Pairs":
    """Eleven pictures of noise, of different shapes, with one to three captions each."""
    from tonics.data.pairs import Pairs, Row, write_pairs

    rng = np.random.default_rng(1)
    root = tmp_path / "pictures"
    root.mkdir()
    rows = []
    texts = iter(sentences)
    for i in range(11):
        noise = rng.integers(0, 256, (24 + i, 40 - i, 3), dtype=np.uint8)
        Image.fromarray(noise).save(root / f"{i}.png")
        captions = [next(texts) for _ in range(1 + i % 3)]
        split = ("train", "train", "dev", "test")[i % 4]
        digest = str(i).encode()
        rows.append(Row(str(i), f"{i}.png", captions, split, digest=digest))
    write_pairs(rows, tmp_path / "pairs", root, "folder")
    return Pairs.open(tmp_path / "pairs")
