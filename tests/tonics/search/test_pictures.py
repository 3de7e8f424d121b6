from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tonics.errors import UserError
from tonics.models.dual_encoder import DualEncoder
from tonics.search import pictures
from tonics.search.pictures import embed_pictures, picture_files


@pytest.fixture
def model(make_model: Callable[..., DualEncoder]) -> DualEncoder:
    return make_model().eval()


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Five pictures of noise."""
    rng = np.random.default_rng(0)
    found = [tmp_path / "album" / f"{i}.png" for i in range(5)]
    found[0].parent.mkdir()
    for file in found:
        Image.fromarray(rng.integers(0, 256, (40, 30, 3), dtype=np.uint8)).save(file)
    return found


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many files each call of the encoder was given."""
    seen: list[int] = []
    embed = pictures.embed_files

    def watched(model: DualEncoder, files: list[Path]) -> object:
        seen.append(len(files))
        return embed(model, files)

    monkeypatch.setattr(pictures, "embed_files", watched)
    return seen


def test_a_folder_is_searched_to_the_bottom(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.png", "deep/er/c.webp", "notes.txt", "d.jpg.part", ".png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    names = ["a.png", "b.JPG", "deep/er/c.webp"]
    assert picture_files(tmp_path) == [tmp_path / name for name in names]


def test_a_list_names_files_beside_it_or_anywhere(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("a.png\n\n  sub/b c.jpg \n/else/where.png\nü.png")
    assert picture_files(str(tmp_path / "list.txt")) == [
        tmp_path / "a.png",
        tmp_path / "sub/b c.jpg",
        Path("/else/where.png"),
        tmp_path / "ü.png",
    ]


def test_nothing_to_search_is_an_error(tmp_path: Path, files: list[Path]) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.txt").write_text("\n \n")
    for name, words in (
        ("gone", "no folder or list"),
        ("empty", "holds no pictures"),
        ("empty.txt", "holds no pictures"),
        ("album/0.png", "no list of files"),
    ):
        with pytest.raises(UserError, match=words) as caught:
            picture_files(tmp_path / name)
        assert name in str(caught.value) and "\n" not in str(caught.value)


def test_embeddings_are_the_models_and_are_kept(
    model: DualEncoder, files: list[Path], calls: list[int], tmp_path: Path
) -> None:
    embeddings, kept, errors = embed_pictures(model, files, tmp_path)
    assert (kept, errors, embeddings.dtype) == (files, [], np.float32)
    torch.testing.assert_close(
        torch.from_numpy(embeddings), model.embed_images(files), atol=1e-5, rtol=1e-4
    )
    again, kept, errors = embed_pictures(model, files, tmp_path)
    assert np.array_equal(again, embeddings) and (kept, errors) == (files, [])
    assert calls == [5], "the second time nothing is encoded"


def test_a_changed_picture_is_embedded_again(
    model: DualEncoder, files: list[Path], calls: list[int], tmp_path: Path
) -> None:
    before, _, _ = embed_pictures(model, files, tmp_path)
    Image.new("RGB", (40, 31), "red").save(files[2])
    after, _, _ = embed_pictures(model, files, tmp_path)
    assert calls == [5, 5]
    assert np.flatnonzero((before != after).any(axis=1)).tolist() == [2]


def test_other_files_or_another_model_share_nothing(
    make_model: Callable[..., DualEncoder],
    model: DualEncoder,
    files: list[Path],
    calls: list[int],
    tmp_path: Path,
) -> None:
    embed_pictures(model, files, tmp_path)
    assert embed_pictures(model, files[::-1], tmp_path)[1] == files[::-1]
    embed_pictures(model, files[:4], tmp_path)
    head = make_model().eval()
    with torch.no_grad():
        head.image_head.linear.bias[0] += 1
    embed_pictures(head, files, tmp_path)
    assert calls == [5, 5, 4, 5]


def test_pictures_that_cannot_be_read_are_reported_every_time(
    model: DualEncoder, files: list[Path], tmp_path: Path
) -> None:
    files[1].write_bytes(files[1].read_bytes()[:60])
    gone = tmp_path / "gone.png"
    for _ in range(2):
        embeddings, kept, errors = embed_pictures(model, [*files, gone], tmp_path)
        assert kept == [files[0], *files[2:]] and len(embeddings) == 4
        named = [str(path) in str(e) for path, e in zip((files[1], gone), errors, strict=True)]
        assert named == [True, True]
    torch.testing.assert_close(
        torch.from_numpy(embeddings), model.embed_images(kept), atol=1e-5, rtol=1e-4
    )


def test_no_picture_at_all_is_an_error(model: DualEncoder, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none of the 2 pictures can be read .*no such file"):
        embed_pictures(model, [tmp_path / "a.png", tmp_path / "b.png"], tmp_path)


def test_a_kill_while_writing_leaves_nothing_to_stumble_over(
    model: DualEncoder, files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(file: Path, **arrays: np.ndarray) -> None:
        Path(file).write_bytes(b"PK\x03\x04 half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(np, "savez", killed)
        embed_pictures(model, files, tmp_path)
    assert len(embed_pictures(model, files, tmp_path)[0]) == 5
