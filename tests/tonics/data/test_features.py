import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tonics.data.features import ImageFeatures, TextFeatures, TowerFeatures, weights_digest
from tonics.data.images import decode
from tonics.data.pairs import Pairs
from tonics.errors import UserError
from tonics.models.dual_encoder import DualEncoder
from tonics.models.text import TextConfig, TextTower
from tonics.models.transforms import ImageTransform
from tonics.models.vision import VisionConfig, VisionTower

Make = Callable[..., TowerFeatures]


@pytest.fixture
def model(make_model: Callable[..., DualEncoder]) -> DualEncoder:
    return make_model()


@pytest.fixture(params=["images", "captions"])
def make(
    request: pytest.FixtureRequest, model: DualEncoder, table: Pairs, tmp_path: Path
) -> Iterator[Make]:
    """Describes the images' or the captions' features anew; four items a chunk."""
    kind: type[TowerFeatures] = ImageFeatures if request.param == "images" else TextFeatures
    tower = model.vision if request.param == "images" else model.text

    def features(cache: str = "cache") -> TowerFeatures:
        return kind(tower, table, tmp_path / cache)  # type: ignore[call-arg, arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kind, "chunk", 4)
        yield features


def cut_off(features: TowerFeatures, calls: int) -> list[list[int]]:
    """Let the n-th call of `encode` be the last before a kill; notes what was asked for."""
    asked: list[list[int]] = []
    encode = features.encode

    def watched(ids: np.ndarray) -> np.ndarray:
        if len(asked) == calls:
            raise KeyboardInterrupt
        asked.append(ids.tolist())
        return encode(ids)

    features.encode = watched  # type: ignore[method-assign]
    return asked


@torch.inference_mode()
def expected(model: DualEncoder, table: Pairs, kind: str) -> np.ndarray:
    """The tower's features, one item at a time."""
    model.eval()
    if kind == "images":
        pictures = (decode(table.image_path(row)) for row in range(len(table)))
        parts = [model.vision(model.vision.transform(image)[None]) for image in pictures]
    else:
        texts = (table.caption(number) for number in range(table.n_captions))
        parts = [model.text(**model.text.tokenize([text])) for text in texts]
    return torch.cat(parts).numpy()


def test_they_are_what_the_tower_makes_of_each_item(
    make: Make, model: DualEncoder, table: Pairs
) -> None:
    features = make()
    found = features.all()
    assert found.dtype == np.float16 and isinstance(found, np.memmap)
    np.testing.assert_allclose(found, expected(model, table, features.kind), rtol=2e-3, atol=2e-3)
    assert len(np.unique(found, axis=0)) > 8, "items differ"


@pytest.mark.parametrize("calls", [0, 1, 2])
def test_what_was_cut_off_goes_on_and_equals_the_uninterrupted(make: Make, calls: int) -> None:
    whole = np.array(make("other").all())
    broken = make()
    cut_off(broken, calls)
    with pytest.raises(KeyboardInterrupt):
        broken.all()
    again = make()
    asked = cut_off(again, 99)
    assert np.array_equal(again.all(), whole)
    assert asked[0][0] == 4 * calls, "not from the start again"
    assert [i for ids in asked for i in ids] == list(range(4 * calls, len(again)))


def test_a_finished_cache_computes_nothing(make: Make) -> None:
    found = np.array(make().all())
    again = make()
    cut_off(again, 0)
    assert np.array_equal(again.all(), found)
    ids = np.array([5, 0, 5, 9])
    assert np.array_equal(again.some(ids), found[ids])


def test_some_equal_all(make: Make) -> None:
    ids = np.array([9, 3, 0, 7, 1, 10])
    some = make().some(ids)
    assert not make().folder.exists()
    assert some.dtype == np.float16
    # In batches of other items: equal up to the last bit of fp16.
    np.testing.assert_allclose(some, make().all()[ids], rtol=2e-3, atol=1e-3)


@pytest.mark.parametrize("damage", ["features", "shape", "progress", "gone", "no progress"])
def test_what_is_damaged_is_made_again(make: Make, damage: str) -> None:
    features = make()
    found = np.array(features.all())
    data, progress = features.folder / "features.npy", features.folder / "progress.json"
    if damage == "features":
        data.write_bytes(data.read_bytes()[:300])
    elif damage == "shape":
        np.save(data, found[:3])
    elif damage == "progress":
        progress.write_text('{"do')
    elif damage == "gone":
        data.unlink()
    else:
        progress.unlink()
    assert np.array_equal(make().all(), found)


def test_progress_does_not_outlive_its_file(make: Make) -> None:
    # The features are lost, and the run that makes them again is cut off at once.
    found = np.array(make().all())
    (make().folder / "features.npy").unlink()
    broken = make()
    cut_off(broken, 0)
    with pytest.raises(KeyboardInterrupt):
        broken.all()
    assert np.array_equal(make().all(), found)


def test_another_weight_is_another_cache(make: Make, model: DualEncoder) -> None:
    before, found = make(), np.array(make().all())
    with torch.no_grad():
        tower = model.vision if before.kind == "images" else model.text
        next(tower.parameters()).add_(0.5)
    after = make()
    assert after.folder != before.folder
    assert not np.array_equal(after.all(), found)


def test_a_moved_batch_statistic_is_another_cache(model: DualEncoder) -> None:
    before = weights_digest(model.vision)
    assert weights_digest(model.vision) == before
    model.vision.model.bn1.running_mean[0] += 1
    assert weights_digest(model.vision) != before


def test_all_that_counts_names_the_cache(
    model: DualEncoder, table: Pairs, bert: Path, tmp_path: Path
) -> None:
    def vision(pooling: str | None = None, **transform: object) -> Path:
        prepared = replace(ImageTransform(32), **transform)  # type: ignore[arg-type]
        tower = VisionTower(VisionConfig("test_resnet", "random", pooling=pooling), prepared)
        for tensor in tower.state_dict().values():
            tensor.zero_()
        return ImageFeatures(tower, table, tmp_path).folder

    def text(pooling: str = "mean", length: int = 16) -> Path:
        config = TextConfig(str(bert), str(bert), pooling, length)  # type: ignore[arg-type]
        return TextFeatures(TextTower(config), table, tmp_path).folder

    names = [vision(), vision("max"), vision(fit="pad"), vision(size=48), vision(mean=(0.1,) * 3)]
    names += [text(), text("cls"), text(length=60), text(length=61)]
    table.fingerprint += "x"
    names += [vision(), text()]
    assert len(set(names)) == len(names)
    assert (names[-2], names[-1]) == (vision(), text()), "and nothing else does"


def test_dropout_is_off_whatever_the_mode(make: Make, model: DualEncoder) -> None:
    found = np.array(make().all())
    model.unfreeze(vision=True, text=True)
    model.train()
    again = make("other")
    assert np.array_equal(again.all(), found)


@pytest.mark.parametrize("factor", [1e9, float("nan")])
def test_what_fp16_cannot_hold_is_an_error(make: Make, factor: float) -> None:
    features = make()
    encode = features.encode
    features.encode = lambda ids: encode(ids) * factor  # type: ignore[method-assign]
    with pytest.raises(UserError, match="fp16"):
        features.all()
    with pytest.raises(UserError, match="fp16"):
        features.some(np.arange(3))


def test_progress_is_what_has_been_written(make: Make) -> None:
    features = make()
    cut_off(features, 2)
    with pytest.raises(KeyboardInterrupt):
        features.all()
    assert json.loads((features.folder / "progress.json").read_text()) == {"done": 8}
