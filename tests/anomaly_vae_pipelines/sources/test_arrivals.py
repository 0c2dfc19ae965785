"""What comes into a watched place."""

from __future__ import annotations

import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.images.frame import Frame
from anomaly_vae_pipelines.sources import ImageArrivals, TableArrivals
from tests.anomaly_vae_pipelines.image_files import SIZE, plates_of, write_images

FRAME = Frame(SIZE, 1)


def test_tables_grow_unless_they_are_compressed(tmp_path):
    """Other files are skipped, and an empty folder is valid."""
    arrivals = TableArrivals(tmp_path)
    assert arrivals.files_in(tmp_path) == []
    for name in ("a.csv", "b.parquet", "c.csv.gz", "d.png"):
        (tmp_path / name).write_bytes(b"")
    found = {path.name: arrivals.needs_complete_file(path) for path in arrivals.files_in(tmp_path)}
    assert found == {"a.csv": False, "b.parquet": True, "c.csv.gz": True}


def test_a_renamed_table_has_the_format_of_the_watched_name(tmp_path):
    """A log that was rotated."""
    (tmp_path / "log.jsonl.1").write_text('{"a": 1}\n')
    with TableArrivals(tmp_path / "log.jsonl").open(tmp_path / "log.jsonl.1") as source:
        assert source.columns == ("a",)


def test_images_are_complete_and_named_by_their_relative_path(tmp_path):
    """Anywhere below it; an empty folder is valid."""
    arrivals = ImageArrivals(tmp_path, FRAME)
    assert arrivals.files_in(tmp_path) == []
    write_images(tmp_path / "line" / "one", plates_of(1, seed=0))
    (path,) = arrivals.files_in(tmp_path)
    assert arrivals.needs_complete_file(path)
    with arrivals.open(path) as source:
        (block,) = source.blocks()
        rows = source.read(block, source.columns).rows
    assert (rows.cells("file"), rows.source) == (["line/one/000.png"], str(path))


def test_one_image_that_is_replaced_can_be_watched(tmp_path):
    """As a camera does with its last shot."""
    write_images(tmp_path, plates_of(1, seed=0))
    path = tmp_path / "000.png"
    with ImageArrivals(path, FRAME).open(path) as source:
        (block,) = source.blocks()
        assert source.read(block, source.columns).rows.cells("file") == [str(path)]
    with pytest.raises(InputError, match="neither a folder nor an image"):
        ImageArrivals(tmp_path / "a.csv", FRAME)
