import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from tonics.errors import UserError
from tonics.losses.infonce import info_nce
from tonics.models.dual_encoder import DualEncoder
from tonics.training.optim import make_optimizer

Make = Callable[..., DualEncoder]


def batch(model: DualEncoder, seed: int = 0) -> tuple[Tensor, dict[str, Tensor]]:
    """Eight pictures of noise and eight texts."""
    size = model.vision.transform.size
    pixels = torch.randn(8, 3, size, size, generator=torch.Generator().manual_seed(seed))
    words = ["dog", "cat", "hat", "ball"] * 2
    texts = [f"a {'very ' * (i % 3)}{word} runs" for i, word in enumerate(words)]
    return pixels, model.text.tokenize(texts)


def train(model: DualEncoder, steps: int = 4, lr: float = 0.01) -> None:
    """Steps with all that training does: train mode, InfoNCE, AdamW with decay, the clamp."""
    torch.manual_seed(1)
    model.train()
    optimizer = make_optimizer(model, weight_decay=0.5)
    for group in optimizer.param_groups:
        group["lr"] = lr
    for step in range(steps):
        pixels, tokens = batch(model, step)
        logits = model.encode_image(pixels) @ model.encode_text(**tokens).T
        optimizer.zero_grad()
        info_nce(model.logit_scale.exp() * logits, torch.zeros(8, 8, dtype=torch.bool)).backward()
        optimizer.step()
        model.clamp_logit_scale()
    model.eval()


@torch.inference_mode()
def outputs(model: DualEncoder) -> dict[str, Tensor]:
    """What the towers make of a batch of their own, in evaluation."""
    pixels, tokens = batch(model.eval(), 99)
    image, text = model.vision(pixels), model.text(**tokens)
    return {"vision": image, "text": text, "joint": model.project_image(image)}


def copied(module: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def changed(module: nn.Module, before: dict[str, Tensor]) -> set[str]:
    return {k for k, v in module.state_dict().items() if not torch.equal(v, before[k])}


@pytest.mark.parametrize("vision", [False, True])
@pytest.mark.parametrize("text", [False, True])
def test_frozen_towers_are_bit_equal_after_training(
    make_model: Make, vision: bool, text: bool
) -> None:
    model = make_model()
    model.unfreeze(vision=vision, text=text)
    before, states = outputs(model), {n: copied(getattr(model, n)) for n in ("vision", "text")}
    train(model)
    after = outputs(model)
    for name, learns in (("vision", vision), ("text", text)):
        assert torch.equal(after[name], before[name]) != learns
        assert bool(changed(getattr(model, name), states[name])) == learns
    assert not torch.equal(after["joint"], before["joint"]), "the heads always learn"


def test_without_freezing_batch_norm_would_move_and_dropout_would_act(make_model: Make) -> None:
    # What the tests above rest on: these towers do show it when they are not stopped.
    model = make_model()
    before = copied(model.vision)
    nn.Module.train(model, True)
    pixels, tokens = batch(model)
    model.vision(pixels)
    assert any("running_mean" in name for name in changed(model.vision, before))
    assert not torch.equal(model.text(**tokens), model.text(**tokens))


def test_an_unfrozen_vision_tower_keeps_its_batch_statistics(make_model: Make) -> None:
    model = make_model()
    model.unfreeze(vision=True, text=False)
    before = copied(model.vision)
    train(model)
    moved = changed(model.vision, before)
    assert any(name.endswith("bn1.weight") for name in moved)
    assert not any("running" in name or "num_batches" in name for name in moved)


@pytest.mark.parametrize("layers", [1, 2])
def test_only_the_last_text_layers_learn(make_model: Make, layers: int) -> None:
    model = make_model()
    model.unfreeze(vision=False, text=True, text_layers=layers)
    before = copied(model.text.model)
    train(model)
    moved = changed(model.text.model, before)
    upper = tuple(f"encoder.layer.{i}." for i in range(3 - layers, 3))
    assert moved and all(name.startswith(upper) for name in moved)
    # A key's bias adds the same to all of a query's scores: softmax gives it no gradient.
    still = {n for n in before if n.startswith(upper)} - moved
    assert all(name.endswith("key.bias") for name in still)


@pytest.mark.parametrize("layers", [-1, 0, 4])
def test_a_number_of_layers_that_the_tower_has_not_is_refused(
    make_model: Make, layers: int
) -> None:
    with pytest.raises(UserError, match="text_layers"):
        make_model().unfreeze(vision=False, text=True, text_layers=layers)


def test_train_mode_leaves_what_is_frozen_in_evaluation(make_model: Make) -> None:
    model = make_model()
    model.unfreeze(vision=False, text=True, text_layers=1)
    for _ in range(2):
        assert model.train() is model and model.training and model.text_head.training
        assert not any(m.training for m in model.vision.modules())
        layers = model.text.layers()
        assert [any(m.training for m in layer.modules()) for layer in layers] == [
            False,
            False,
            True,
        ]
        assert not any(m.training for m in model.text.model.embeddings.modules())
        model.eval()
        assert not any(m.training for m in model.modules())


def test_phases_may_freeze_and_unfreeze_in_any_order(make_model: Make) -> None:
    model = make_model().train()
    every = {n for n, _ in model.named_parameters()}

    def learning() -> set[str]:
        return {name for name, p in model.named_parameters() if p.requires_grad}

    heads = {n for n in every if not n.startswith(("vision.", "text."))}
    assert learning() == heads and "logit_scale" in heads
    model.unfreeze(vision=True, text=True)
    assert learning() == every and model.text.training and model.vision.training
    model.unfreeze(vision=True, text=False)
    assert learning() == {n for n in every if not n.startswith("text.")}
    assert not any(m.training for m in model.text.modules())
    model.unfreeze(vision=False, text=False)
    assert learning() == heads and not model.vision.training


def test_the_temperature_starts_at_007_and_stays_between_1_and_100(make_model: Make) -> None:
    model = make_model()
    assert model.logit_scale.exp().item() == pytest.approx(1 / 0.07)
    for value, kept in ((9.0, 100.0), (-0.5, 1.0), (3.0, math.exp(3.0))):
        model.logit_scale.data.fill_(value)
        model.clamp_logit_scale()
        assert model.logit_scale.exp().item() == pytest.approx(kept)
    assert model.logit_scale.requires_grad


@pytest.mark.parametrize("vision", ["test_efficientnet", "test_vit"])
def test_embeddings_are_unit_vectors_in_one_space(make_model: Make, vision: str) -> None:
    model = make_model(vision=vision, size=160 if vision == "test_vit" else 32).eval()
    pixels, tokens = batch(model)
    image, text = model.encode_image(pixels), model.encode_text(**tokens)
    assert image.shape == text.shape == (8, 16)
    torch.testing.assert_close(image.norm(dim=1), torch.ones(8))
    torch.testing.assert_close(text.norm(dim=1), torch.ones(8))
    by_hand = model.image_head(model.vision(pixels))
    torch.testing.assert_close(image, by_hand / by_hand.norm(dim=1, keepdim=True))


def test_files_and_pictures_in_memory_embed_alike(make_model: Make, tmp_path: Path) -> None:
    model = make_model().eval()
    rng = np.random.default_rng(0)
    images = [Image.fromarray(rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)) for _ in range(3)]
    files: list[Any] = [tmp_path / f"{i}.png" for i in range(3)]
    for image, file in zip(images, files, strict=True):
        image.save(file)
    embedded = model.embed_images(images)
    assert torch.equal(model.embed_images([files[0], str(files[1]), images[2]]), embedded)
    pixels = torch.stack([model.vision.transform(image) for image in images])
    assert torch.equal(embedded, model.encode_image(pixels))
    assert len({tuple(row.tolist()) for row in embedded}) == 3


def test_texts_embed_as_their_tokens(make_model: Make, sentences: list[str]) -> None:
    model = make_model().eval()
    embedded = model.embed_texts(sentences)
    alone = torch.cat([model.encode_text(**model.text.tokenize([text])) for text in sentences])
    torch.testing.assert_close(embedded, alone, atol=1e-5, rtol=1e-4)
