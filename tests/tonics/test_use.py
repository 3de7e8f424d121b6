"""Using a finished run: embed, search and eval, against the model itself."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import tonics
from tonics.cli import main

TEXTS = ["a red dog on the grass", "the kite is blue", "a bench"]


@pytest.fixture
def pictures(world: Any, tmp_path: Path) -> Path:
    """A folder, a folder in it, a few pictures, and files that are none."""
    folder = tmp_path / "pictures"
    (folder / "below").mkdir(parents=True)
    for number, name in ((0, "b.png"), (1, "a.png"), (2, "below/c.png")):
        (folder / name).write_bytes((world.pictures / f"{number:03}.png").read_bytes())
    with Image.open(folder / "a.png") as picture:
        picture.save(folder / "d.JPG", "JPEG")
    (folder / "notes.txt").write_text("no picture\n")
    return folder


def embed(run: Path, images: Path | None, out: Path, texts: Path | None = None) -> dict[str, Any]:
    """What ``tonics embed`` writes."""
    command = ["embed", "--model", str(run), "--out", str(out)]
    command += ["--images", str(images)] if images else []
    command += ["--texts", str(texts)] if texts else []
    assert main(command) == 0
    with np.load(out, allow_pickle=False) as arrays:
        return dict(arrays)


def test_embeddings_are_the_models_own(finished: Path, pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS) + "\n")
    arrays = embed(finished, pictures, tmp_path / "new" / "out.npz", tmp_path / "texts.txt")
    assert set(arrays) == {"image_embeddings", "image_files", "text_embeddings"}
    names = ["a.png", "b.png", "below/c.png", "d.JPG"]
    assert arrays["image_files"].tolist() == [str(pictures / name) for name in names]
    model = tonics.load(finished)
    images = model.embed_images(arrays["image_files"].tolist()).numpy()
    np.testing.assert_allclose(arrays["image_embeddings"], images, atol=1e-5)
    texts = model.embed_texts(TEXTS).numpy()
    np.testing.assert_allclose(arrays["text_embeddings"], texts, atol=1e-5)
    for kind in ("image_embeddings", "text_embeddings"):
        assert arrays[kind].dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(arrays[kind], axis=1), 1, atol=1e-5)


def test_pictures_or_texts_alone(finished: Path, pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text("a dog")
    assert set(embed(finished, pictures, tmp_path / "i.npz")) == {"image_embeddings", "image_files"}
    alone = embed(finished, None, tmp_path / "t.npz", tmp_path / "texts.txt")
    assert set(alone) == {"text_embeddings"} and alone["text_embeddings"].shape == (1, 16)


def test_pictures_that_cannot_be_read_are_counted_and_listed(
    finished: Path,
    pictures: Path,
    tmp_path: Path,
    huge_png: bytes,
    capsys: pytest.CaptureFixture[str],
) -> None:
    whole = embed(finished, pictures, tmp_path / "whole.npz")
    (pictures / "zero.png").touch()
    (pictures / "cut.png").write_bytes((pictures / "a.png").read_bytes()[:70])
    (pictures / "huge.png").write_bytes(huge_png)
    capsys.readouterr()
    for _ in range(2):  # what was embedded before is cached; what was left out is said again
        arrays = embed(finished, pictures, tmp_path / "out.npz")
        assert arrays["image_files"].tolist() == whole["image_files"].tolist()
        np.testing.assert_allclose(arrays["image_embeddings"], whole["image_embeddings"], atol=1e-6)
        assert "3 pictures left out" in capsys.readouterr().out
        listed = (tmp_path / "out.skipped.txt").read_text().splitlines()
        assert len(listed) == 3
        assert all(f"{name}.png" in "".join(listed) for name in ("zero", "cut", "huge"))


def test_a_list_of_files(
    finished: Path, pictures: Path, tmp_path: Path, refused: Callable[..., str]
) -> None:
    """Relative to the list's own folder, in its order; what is missing is left out."""
    names = ["b.png", "nowhere.png", "below/c.png", "", "nul\0l.png", "x" * 300]
    (pictures / "list.txt").write_text("\n".join([*names, str(pictures / "a.png")]))
    arrays = embed(finished, pictures / "list.txt", tmp_path / "out.npz")
    kept = ["b.png", "below/c.png", "a.png"]
    assert arrays["image_files"].tolist() == [str(pictures / name) for name in kept]
    assert len((tmp_path / "out.skipped.txt").read_text().splitlines()) == 3
    (pictures / "list.txt").write_text("nowhere.png\n")
    command = ["embed", "--model", finished, "--images", pictures / "list.txt"]
    complaint = refused(*command, "--out", tmp_path / "none.npz")
    assert "none of the 1 pictures can be read" in complaint and "nowhere.png" in complaint


def test_search_ranks_by_similarity(
    finished: Path, world: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    query, found, sheet = "a red dog", tmp_path / "found.json", tmp_path / "sheet.png"
    command = ["search", query, "--model", str(finished), "--images", str(world.pictures)]
    assert main([*command, "--k", "5", "--json", str(found), "--sheet", str(sheet)]) == 0
    files = sorted(world.pictures.glob("*.png"))
    model = tonics.load(finished)
    scores = (model.embed_images(files) @ model.embed_texts([query])[0]).numpy()
    best = json.loads(found.read_text())
    assert best["query"] == query and len(best["found"]) == 5
    values = [entry["score"] for entry in best["found"]]
    np.testing.assert_allclose(values, np.sort(scores)[::-1][:5], atol=1e-5)
    for entry in best["found"]:
        assert entry["score"] == pytest.approx(scores[files.index(Path(entry["file"]))], abs=1e-5)
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in printed] == [entry["file"] for entry in best["found"]]
    with Image.open(sheet) as picture:
        assert picture.width > picture.height  # one row of five


def test_search_in_fewer_pictures_than_asked_for(
    finished: Path, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (pictures / "zero.png").touch()
    assert main(["search", "a dog", "--model", str(finished), "--images", str(pictures)]) == 0
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 4
    assert "zero.png: empty file" in printed.err


def test_evaluation_holds_the_figures_that_it_promises(
    finished: Path, world: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["eval", "retrieval", "--model", str(finished), "--data", str(world.pairs)]
    assert main([*command, "--split", "test", "--json", str(tmp_path / "new" / "test.json")]) == 0
    figures = json.loads((tmp_path / "new" / "test.json").read_text())
    ways = ("text_to_image", "image_to_text")
    assert set(figures) == {*ways, "same_object", "images", "captions", "split"}
    assert (figures["images"], figures["captions"], figures["split"]) == (48, 84, "test")
    for way in ways:
        values = figures[way]
        assert set(values) == {"R@1", "R@5", "R@10", "median_rank", "mean_rank"}
        assert 0 <= values["R@1"] <= values["R@5"] <= values["R@10"] <= 100
        assert 1 <= values["median_rank"] <= 84
    same = figures["same_object"]
    assert set(same) == {"R@1", "R@1_image_to_text", "nodes", "by_node"}
    assert same["nodes"] == len(same["by_node"]) > 1
    assert all(node["images"] >= 20 for node in same["by_node"].values())
    mean = np.mean([node["R@1"] for node in same["by_node"].values()])
    assert same["R@1"] == pytest.approx(mean)
    assert "same-object R@1" in capsys.readouterr().out


def test_evaluation_of_the_dev_split_is_what_training_measured(
    finished: Path, world: Any, tmp_path: Path
) -> None:
    """The same figures by two ways: from the finished model, and while it was trained."""
    command = ["eval", "retrieval", "--model", str(finished), "--data", str(world.pairs)]
    assert main([*command, "--split", "dev", "--json", str(tmp_path / "dev.json")]) == 0
    figures = json.loads((tmp_path / "dev.json").read_text())
    last = json.loads((finished / "metrics.jsonl").read_text().splitlines()[-1])
    for way in ("text_to_image", "image_to_text"):
        assert last[f"dev/{way}/R@10"] == pytest.approx(figures[way]["R@10"], abs=2.1)  # fp16 ties
        assert last[f"dev/{way}/mean_rank"] == pytest.approx(figures[way]["mean_rank"], abs=0.3)


def test_evaluation_without_a_fitting_ontology(
    finished: Path, world: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Other data than the run's: R@K all the same, and why there is no same-object R@1."""
    table = (world.pictures / "metadata.csv").read_text().replace("a red ball", "a red globe")
    (world.pictures / "globe.csv").write_text(table)
    source = ["--format", "csv", "--root", str(world.pictures / "globe.csv")]
    assert main(["data", "import", *source, "--out", str(tmp_path / "other")]) == 0
    command = ["eval", "retrieval", "--model", str(finished), "--data", str(tmp_path / "other")]
    assert main([*command, "--json", str(tmp_path / "figures.json")]) == 0
    assert json.loads((tmp_path / "figures.json").read_text())["same_object"] is None
    assert "give --ontology" in capsys.readouterr().out
