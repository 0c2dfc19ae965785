"""Folders, files, arrays and patterns of images."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.images.frame import Frame
from anomaly_vae_pipelines.sources import ImageInputs
from tests.anomaly_vae_pipelines.image_files import SIZE, plates_of, write_images

FRAME = Frame(SIZE, 1)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Two folders and an array, where a user is."""
    monkeypatch.chdir(tmp_path)
    write_images(tmp_path / "a", plates_of(3, seed=0))
    write_images(tmp_path / "b", plates_of(2, seed=1))
    np.save(tmp_path / "c.npy", plates_of(4, seed=2))
    return tmp_path


def names(*paths: str) -> list[list[str]]:
    inputs = ImageInputs(paths, FRAME)
    found = []
    for number in range(len(inputs.names)):
        with inputs.open(number) as source:
            read = [source.read(block, source.columns).rows for block in source.blocks()]
            found.append([name for rows in read for name in rows.cells("file")])
    return found


def test_a_folder_alone_is_not_part_of_the_names(place):
    """Of several it is, or images would be mistaken for others."""
    assert names("a") == [["000.png", "001.png", "002.png"]]
    assert names("a", "b/") == [["a/000.png", "a/001.png", "a/002.png"], ["b/000.png", "b/001.png"]]


def test_files_one_after_the_other_are_one_source(place):
    """Called as they were given, or as a pattern finds them."""
    assert names("a/00[01].png", "b/000.png") == [["a/000.png", "a/001.png", "b/000.png"]]
    assert names("b/000.png", "c.npy", "a/000.png") == [["b/000.png"], ["c.npy"] * 4, ["a/000.png"]]


def test_of_mvtec_the_test_images_are_scored(plates):
    """By their way from the root."""
    (found,) = names(str(plates))
    assert len(found) == 17
    assert found[0] == "test/good/000.png"


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("-", "standard input: images must be local files"),
        ("s3://bucket/a.png", "s3://bucket/a.png: images must be local files"),
        ("table.csv", "table.csv: is not an image, and the model was fitted on images"),
        ("gone", "gone: file not found; wanted a folder of images"),
        ("gone.png", "gone.png: file not found"),
        ("gone.npy", "gone.npy: file not found"),
        ("*.jpg", r"\*.jpg: matches no file"),
        ("empty", "empty: is a folder without images"),
    ],
)
def test_paths_without_images_are_rejected(place, path, problem):
    """By name, with what was wanted."""
    (place / "table.csv").write_text("a,b\n")
    (place / "empty").mkdir()
    with pytest.raises(InputError, match=problem):
        ImageInputs([path], FRAME)


def test_a_run_knows_whether_the_files_are_the_same(place):
    """By their names and sizes."""
    before = ImageInputs(["a"], FRAME).identity()
    assert ImageInputs(["a"], FRAME).identity() == before
    (place / "a" / "002.png").write_bytes(b"x")
    assert ImageInputs(["a"], FRAME).identity() != before
    assert ImageInputs(["a"], FRAME).sizes == (sum(path.stat().st_size for path in (place / "a").iterdir()),)


def test_a_folder_may_be_called_as_an_image_is(place):
    """It is a folder all the same."""
    write_images(place / "odd.png", plates_of(1, seed=0))
    assert names("odd.png") == [["000.png"]]
    with pytest.raises(SourceError):
        ImageInputs(["a", "odd.png/gone.png"], FRAME)
