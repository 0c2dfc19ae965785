"""A folder of heat maps."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.errors import OutputExistsError, SinkError
from anomaly_vae_pipelines.records import ImageRows
from anomaly_vae_pipelines.sinks.pictures import Pictures


def rows(*names: str, **columns) -> ImageRows:
    table = pa.table({"file": list(names), **columns})
    numbers = np.arange(1, len(names) + 1)
    images = np.zeros((len(names), 16, 16), dtype=np.uint8)
    return ImageRows("in", tuple(table.column_names), table, numbers, images=images, paths=names)


def drawn(folder, chosen: ImageRows) -> list[str]:
    Pictures(str(folder), 1.0).draw(chosen, np.zeros(chosen.images.shape))
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_each_picture_is_where_its_image_is_among_the_others(tmp_path):
    """Its suffix tells that it is another."""
    assert drawn(tmp_path / "out", rows("a.png", "b/c.jpg", "b/c.PNG")) == ["a.png", "b/c.PNG", "b/c.jpg.png"]


def test_images_of_an_array_have_a_folder_of_their_own(tmp_path):
    """By their index."""
    assert drawn(tmp_path, rows("x.npy", "x.npy", index=[3, 1000])) == [
        "x.npy/000003.png",
        "x.npy/001000.png",
    ]


def test_no_name_leads_out_of_the_folder(tmp_path):
    """Neither upwards nor to the root."""
    folder = tmp_path / "out"
    assert drawn(folder, rows("../../up.png", "/abs/olute.png")) == ["abs/olute.png", "up.png"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    """Unless that is said."""
    (tmp_path / "old.png").write_bytes(b"old")
    with pytest.raises(OutputExistsError):
        Pictures(str(tmp_path), 1.0)
    Pictures(str(tmp_path), 1.0, force=True)
    with pytest.raises(InputError, match="is not a folder"):
        Pictures(str(tmp_path / "old.png"), 1.0, force=True)


def test_what_cannot_be_written_is_a_failure_that_leaves_nothing(tmp_path):
    """By the name of the picture."""
    pictures = Pictures(str(tmp_path), 1.0)
    (tmp_path / "a").write_bytes(b"in the way")
    with pytest.raises(SinkError, match=r"a/b\.png: cannot be written"):
        pictures.draw(rows("a/b.png"), np.zeros((1, 16, 16)))
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
