"""Folders of images, plain and as MVTec lays them out."""

from __future__ import annotations

import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.images.layouts import (
    defects,
    holds_images,
    is_mvtec,
    mask_of,
    scoring_files,
    single_image,
    training_files,
)


def touch(root, *names: str) -> str:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return str(root)


def names(files) -> list[str]:
    return [file.name for file in files]


def test_images_anywhere_below_a_folder_are_in_order_of_their_names(tmp_path):
    """Other files, and what is hidden, are passed over."""
    root = touch(
        tmp_path, "b.PNG", "a/z.jpg", "a/b/c.webp", "notes.txt", "Thumbs.db", ".hid.png", ".git/x.png"
    )
    assert names(training_files(root)) == names(scoring_files(root)) == ["a/b/c.webp", "a/z.jpg", "b.PNG"]
    assert not is_mvtec(root)
    assert [file.n_bytes for file in scoring_files(root)] == [1, 1, 1]


def test_links_are_followed_and_circles_are_not(tmp_path):
    """Each folder is entered once."""
    root = touch(tmp_path / "root", "a/x.png")
    touch(tmp_path / "far", "y.png")
    (tmp_path / "root" / "far").symlink_to(tmp_path / "far")
    (tmp_path / "root" / "a" / "round").symlink_to(tmp_path / "root")
    assert names(scoring_files(root)) == ["a/x.png", "far/y.png"]


def test_a_folder_without_images_is_rejected(tmp_path):
    """With what was wanted."""
    touch(tmp_path, "table.csv")
    assert not holds_images(tmp_path)
    with pytest.raises(SourceError, match=r"is a folder without images; wanted \.bmp"):
        scoring_files(str(tmp_path))


def test_mvtec_is_learned_from_its_good_images_and_scored_by_its_test_images(tmp_path):
    """Masks are neither."""
    root = touch(
        tmp_path, "train/good/0.png", "train/odd/1.png", "test/good/0.png", "test/cut/1.png",
        "ground_truth/cut/1_mask.png",
    )  # fmt: skip
    assert names(training_files(root)) == ["train/good/0.png"]
    assert names(scoring_files(root)) == ["test/cut/1.png", "test/good/0.png"]


def test_defects_are_named_by_folder_and_good_ones_are_first(tmp_path):
    """Whatever their names."""
    root = touch(tmp_path, "test/bent/0.png", "test/good/0.png", "test/zig/0.png", "test/empty/notes.txt")
    assert list(defects(root)) == ["good", "bent", "zig"]


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        (["a.png"], "no folder 'test'"),
        (["test/good/a.png"], "images in test/good"),
        (["test/cut/a.png", "test/bent/b.png"], "images in test/bent, test/cut"),
        (["test/good/a.txt"], "no images in test"),
    ],
)
def test_without_good_and_other_images_there_is_nothing_to_compare(tmp_path, files, problem):
    """The message tells the layout, and what there was."""
    with pytest.raises(InputError, match="wanted a folder with the layout of MVTec") as caught:
        defects(touch(tmp_path, *files))
    assert str(caught.value).endswith(f"got {problem}")


def test_masks_have_the_name_of_their_image_or_with_mask_behind_it(tmp_path):
    """Or there is none."""
    root = touch(
        tmp_path,
        "test/good/g.png", "test/cut/0.jpg", "test/cut/1.png", "test/cut/2.png", "test/cut/deep/3.png",
        "ground_truth/cut/0.png", "ground_truth/cut/1_mask.png", "ground_truth/cut/deep/3.png",
    )  # fmt: skip
    found = [mask_of(root, image) for image in defects(root)["cut"]]
    assert [None if path is None else path.relative_to(root).as_posix() for path in found] == [
        "ground_truth/cut/0.png",
        "ground_truth/cut/1_mask.png",
        None,
        "ground_truth/cut/deep/3.png",
    ]


def test_a_single_image_is_called_as_it_was_given(tmp_path):
    """One that is not there is refused."""
    path = touch(tmp_path, "a.png") + "/a.png"
    assert single_image(path).name == path
    with pytest.raises(SourceError, match="file not found"):
        single_image(path + ".png")
