import pickle
from collections.abc import Callable

import numpy as np
import pytest
import torch

from tonics.curricula.sampler import PlannedBatch
from tonics.data.images import decode
from tonics.data.loading import Features, ItemBatches, PairBatches, Pictures, Texts
from tonics.data.pairs import Pairs
from tonics.models.dual_encoder import DualEncoder
from tonics.models.transforms import ImageTransform

TRANSFORM = ImageTransform(16)


def planned(step: int, rows: list[int], captions: list[int]) -> PlannedBatch:
    return PlannedBatch(step, "x", 0, np.array(rows), np.array(captions), 0, 0)


@pytest.fixture
def texts(make_model: Callable[..., DualEncoder], table: Pairs) -> Texts:
    return Texts(table, make_model().text)


def test_features_are_rows_under_a_name() -> None:
    array = np.arange(12, dtype=np.float16).reshape(4, 3)
    batch = Features("image_features", array)(np.array([2, 0]), [1, 2, 3])
    assert list(batch) == ["image_features"] and batch["image_features"].dtype == torch.float32
    assert batch["image_features"].tolist() == [[6, 7, 8], [0, 1, 2]]
    batch["image_features"].zero_()
    assert array.sum() == 66, "the cache is not written to"


def test_without_a_seed_pictures_are_whole(table: Pairs) -> None:
    pixels = Pictures(table, TRANSFORM)(np.array([4, 2]))["pixels"]
    expected = [TRANSFORM(decode(table.image_path(row))) for row in (4, 2)]
    assert torch.equal(pixels, torch.stack(expected))


def test_a_crop_depends_on_seed_step_and_row_alone(table: Pairs) -> None:
    pictures = Pictures(table, TRANSFORM)

    def crop(row: int, seed: list[int], others: list[int]) -> torch.Tensor:
        return pictures(np.array([*others, row]), seed)["pixels"][-1]

    first = crop(5, [0, 2, 7], [1, 2])
    assert torch.equal(crop(5, [0, 2, 7], [9, 8, 3, 4]), first)
    assert not torch.equal(crop(5, [0, 2, 8], [1, 2]), first)
    assert not torch.equal(crop(5, [1, 2, 7], [1, 2]), first)
    assert not torch.equal(first, pictures(np.array([5]))["pixels"][0])


def test_every_picture_of_a_batch_has_random_numbers_of_its_own(table: Pairs) -> None:
    class Draw(ImageTransform):
        def __call__(self, image: object, rng: np.random.Generator | None = None) -> torch.Tensor:
            assert rng is not None
            return torch.tensor(rng.random())

    drawn = Pictures(table, Draw(16))(np.arange(11), [0, 2, 7])["pixels"].tolist()
    assert len(set(drawn)) == 11


def test_texts_are_tokens_of_the_captions(texts: Texts, table: Pairs) -> None:
    ids = np.array([3, 11, 0])
    batch = texts(ids)
    for number, tokens, mask in zip(ids, batch["input_ids"], batch["attention_mask"], strict=True):
        alone = texts.tokenizer(table.caption(number), truncation=True, max_length=16)["input_ids"]
        assert tokens[mask.bool()].tolist() == alone
    assert batch["attention_mask"].any(dim=0).all(), "no column of padding alone"


def test_a_worker_gets_no_tower(texts: Texts, make_model: Callable[..., DualEncoder]) -> None:
    tower = make_model().text
    carried = len(pickle.dumps(texts)) - len(pickle.dumps(tower.tokenizer))
    assert carried < 2000 < sum(p.numel() for p in tower.parameters())
    again = pickle.loads(pickle.dumps(texts))
    assert torch.equal(again(np.arange(5))["input_ids"], texts(np.arange(5))["input_ids"])


def test_a_training_batch_holds_both_sides_and_the_ids(table: Pairs, texts: Texts) -> None:
    pictures = Pictures(table, TRANSFORM)
    plan = planned(7, [4, 1, 8], [int(table.caption_offsets[row]) for row in (4, 1, 8)])
    batch = PairBatches(table, pictures, texts, seed=3).__getitems__(plan)
    assert batch["planned"] is plan
    assert batch["image_ids"].tolist() == [4, 1, 8]
    assert batch["caption_keys"].tolist() == [int(table.caption_keys[i]) for i in plan.captions]
    assert torch.equal(batch["pixels"], pictures(plan.rows, [3, 2, 7])["pixels"])
    assert not torch.equal(batch["pixels"], pictures(plan.rows)["pixels"])
    assert torch.equal(batch["input_ids"], texts(plan.captions)["input_ids"])


def test_batches_are_the_same_with_workers(table: Pairs, texts: Texts) -> None:
    plans = [planned(step, [step, step + 1, 10], [step, step + 3, 9]) for step in range(4)]
    data = PairBatches(table, Pictures(table, TRANSFORM), texts, seed=3)

    def loaded(workers: int) -> list[dict[str, torch.Tensor]]:
        return list(
            torch.utils.data.DataLoader(
                data,
                batch_sampler=plans,  # type: ignore[arg-type]
                num_workers=workers,
                collate_fn=lambda batch: batch,
            )
        )

    for alone, worker in zip(loaded(0), loaded(2), strict=True):
        assert list(alone) == list(worker)
        for name in ("pixels", "input_ids", "attention_mask", "image_ids", "caption_keys"):
            assert torch.equal(alone[name], worker[name])


def test_items_alone_are_whole(table: Pairs) -> None:
    pictures = Pictures(table, TRANSFORM)
    batch = ItemBatches(pictures).__getitems__(np.array([2, 3]))
    assert torch.equal(batch["pixels"], pictures(np.array([2, 3]))["pixels"])
