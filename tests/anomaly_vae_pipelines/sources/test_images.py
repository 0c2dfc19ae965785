"""Image files as rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from anomaly_vae_pipelines.images.frame import Frame
from anomaly_vae_pipelines.images.layouts import list_images
from anomaly_vae_pipelines.sources import SourcePosition
from anomaly_vae_pipelines.sources.images import ImageSource, images_per_block
from tests.anomaly_vae_pipelines.image_files import SIZE, plates_of, write_images

FRAME = Frame(SIZE, 1)


@pytest.fixture
def folder(tmp_path) -> str:
    """Seven plates, the fourth of which is text."""
    write_images(tmp_path / "in", plates_of(7, seed=0))
    (tmp_path / "in" / "003.png").write_text("no image")
    return str(tmp_path / "in")


def read(folder: str, start: SourcePosition | None = None, per_block: int = 3):
    with ImageSource(folder, list_images(folder), FRAME, block_values=per_block * FRAME.n_values) as source:
        return [source.read(block, source.columns) for block in source.blocks(start)]


def test_each_image_is_a_row_that_knows_its_name(folder):
    """And its number; in blocks of a few."""
    pieces = read(folder)
    assert [len(piece.rows) for piece in pieces] == [3, 2, 1]
    assert [name for piece in pieces for name in piece.rows.cells("file")] == [
        f"{number:03}.png" for number in (0, 1, 2, 4, 5, 6)
    ]
    assert [int(number) for piece in pieces for number in piece.rows.numbers] == [1, 2, 3, 5, 6, 7]
    plates = plates_of(7, seed=0)
    assert (np.concatenate([piece.rows.images for piece in pieces]) == plates[[0, 1, 2, 4, 5, 6]]).all()


def test_a_file_that_is_not_an_image_is_a_rejected_row(folder):
    """By its own path, with what is wrong."""
    (rejected,) = [row for piece in read(folder) for row in piece.rejected]
    assert (rejected.source, rejected.number, rejected.kind) == (f"{folder}/003.png", 4, "damaged")
    assert (rejected.raw, rejected.line) == (b"003.png", None)


@pytest.mark.parametrize("offset", range(8))
def test_reading_can_start_at_any_position(folder, offset):
    """Nothing twice, nothing left out."""
    found = [
        name for piece in read(folder, SourcePosition(offset, offset)) for name in piece.rows.cells("file")
    ]
    assert found == [f"{number:03}.png" for number in range(offset, 7) if number != 3]


def test_a_block_of_bad_images_has_no_rows_but_their_shape(folder):
    """So that later stages need not check."""
    (piece,) = [piece for piece in read(folder, per_block=1) if piece.rejected]
    assert piece.rows.images.shape == (0, *SIZE)
    assert len(piece.rows) == 0


def test_rows_and_images_are_taken_together(folder):
    """By one mask."""
    rows = read(folder)[0].rows
    taken = rows.take(np.array([True, False, True]))
    assert taken.cells("file") == ["000.png", "002.png"]
    assert [Path(taken.source_of(k)).name for k in range(2)] == ["000.png", "002.png"]
    assert taken.contents(1) == rows.contents(2) != rows.contents(0)
    assert (taken.images == rows.images[[0, 2]]).all()


def test_blocks_are_as_large_as_images_allow():
    """One image at least, and so that memory stays bounded."""
    assert images_per_block(Frame((128, 128), 1)) == 64
    assert images_per_block(Frame((5000, 5000), 3)) == 1


def test_bytes_are_counted(folder):
    """For the display of progress."""
    files = list_images(folder)
    with ImageSource(folder, files, FRAME, block_values=1) as source:
        counts = [block.n_bytes for block in source.blocks()]
    assert counts[-1] == sum(file.n_bytes for file in files)
    assert counts == sorted(counts)


def test_images_of_a_larger_kind_are_floats_of_the_same_scale(tmp_path):
    """16 bits among images of 8."""
    write_images(tmp_path, [np.full(SIZE, 9, np.uint8), np.full(SIZE, 9 * 257, np.uint16)])
    rows = read(str(tmp_path))[0].rows
    assert rows.images == pytest.approx(9.0)
    Image.new("L", (5, 5)).save(tmp_path / "small.png")
    assert read(str(tmp_path))[0].rejected[0].kind == "size"
