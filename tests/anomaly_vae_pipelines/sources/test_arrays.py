"""Arrays of images as rows."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly_vae_pipelines.images.frame import Frame
from anomaly_vae_pipelines.sources import SourcePosition
from anomaly_vae_pipelines.sources.arrays import ArraySource
from tests.anomaly_vae_pipelines.image_files import SIZE, plates_of

FRAME = Frame(SIZE, 1)
PLATES = plates_of(5, seed=0)
HUGE = b"\x93NUMPY\x01\x00v\x00{'descr': '|u1', 'fortran_order': False, 'shape': (9, 9, 999999999999)}"
"""The head of an array that is not there."""


def read(path, frame=FRAME, start=None, per_block=2):
    with ArraySource(str(path), frame, block_values=per_block * frame.n_values) as source:
        return [source.read(block, source.columns) for block in source.blocks(start)]


def save(tmp_path, array, name="a.npy"):
    np.save(tmp_path / name, array)
    return tmp_path / name


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int64", "float32", "float64", ">f4", "bool"])
def test_each_image_is_a_row_with_file_and_index(tmp_path, dtype):
    """Of any type of number."""
    array = (PLATES > 120 if dtype == "bool" else PLATES).astype(dtype)
    pieces = read(save(tmp_path, array))
    assert [len(piece.rows) for piece in pieces] == [2, 2, 1]
    assert [index for piece in pieces for index in piece.rows.cells("index")] == ["0", "1", "2", "3", "4"]
    assert (np.concatenate([piece.rows.images for piece in pieces]) == array).all()


def test_channels_may_be_named_or_not(tmp_path):
    """(n, height, width, 1) is grey; grey becomes colour where the model has colour."""
    (piece,) = read(save(tmp_path, PLATES[..., None]), per_block=9)
    assert piece.rows.images.shape == PLATES.shape
    (piece,) = read(tmp_path / "a.npy", Frame(SIZE, 3), per_block=9)
    assert piece.rows.images.shape == (*PLATES.shape, 3)


def test_an_npz_of_one_array_is_read(tmp_path):
    """Compressed or not."""
    for write in (np.savez, np.savez_compressed):
        write(tmp_path / "a.npz", PLATES)
        assert sum(len(piece.rows) for piece in read(tmp_path / "a.npz")) == 5


def test_reading_can_start_at_any_position(tmp_path):
    """As it does with files."""
    path = save(tmp_path, PLATES)
    pieces = read(path, start=SourcePosition(3, 3))
    assert [index for piece in pieces for index in piece.rows.cells("index")] == ["3", "4"]


def test_only_an_image_with_values_that_are_not_finite_is_rejected(tmp_path):
    """By its index."""
    array = PLATES.astype(float)
    array[1, 0, 0], array[4, 1, 1] = np.nan, np.inf
    pieces = read(save(tmp_path, array))
    rejected = [row for piece in pieces for row in piece.rejected]
    assert [(row.number, row.kind, row.reason.split(" contains")[0]) for row in rejected] == [
        (2, "values", "image 1"),
        (5, "values", "image 4"),
    ]
    assert sum(len(piece.rows) for piece in pieces) == 3


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (np.zeros((3, 4)), "has shape (3, 4); wanted images of shape (n, height, width)"),
        (np.zeros((2, 3, 4, 5)), "has shape (2, 3, 4, 5)"),
        (np.zeros((2, 0, 4)), "has shape (2, 0, 4)"),
        (np.array([["a"]]), "has dtype <U1; wanted integers or floats"),
        (np.zeros((2, 3, 4), complex), "has dtype complex128"),
        (np.zeros(3, dtype=[("a", int)]), "has dtype"),
        (b"", "is not a NumPy array, or is damaged"),
        (b"no array", "is not a NumPy array, or is damaged"),
        (
            b"\x93NUMPY\x01\x00v\x00{'descr': '|u1', 'fortran_order': False, 'shape': (9, 9, 999999999999)}",
            "is no",
        ),
    ],
)
def test_a_file_that_is_not_an_array_of_images_is_one_rejected_row(tmp_path, content, problem):
    """With what is wrong."""
    path = tmp_path / "a.npy"
    path.write_bytes(content) if isinstance(content, bytes) else np.save(path, content)
    assert problem in refusal(path)


def test_a_pickle_is_not_loaded(tmp_path):
    """Neither alone nor in an archive."""
    array = np.empty(1, dtype=object)
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    np.savez(tmp_path / "a.npz", array)
    for name in ("a.npy", "a.npz"):
        assert refusal(tmp_path / name).startswith("contains Python objects (a pickle), which are not loaded")


def test_an_archive_of_several_arrays_is_rejected(tmp_path):
    """It is not clear which one is meant."""
    np.savez(tmp_path / "a.npz", train=PLATES, test=PLATES)
    assert refusal(tmp_path / "a.npz").startswith("contains 2 arrays (train, test); wanted one")


def test_a_damaged_archive_is_rejected(tmp_path):
    """Cut, or no archive."""
    np.savez_compressed(tmp_path / "a.npz", PLATES)
    content = (tmp_path / "a.npz").read_bytes()
    damaged = content[:200] + b"\0\0\0\0" + content[204:]
    for broken in (content[: len(content) // 2], b"", b"PK", damaged):
        (tmp_path / "a.npz").write_bytes(broken)
        assert refusal(tmp_path / "a.npz").startswith("is not a NumPy array, or is damaged")


def refusal(path) -> str:
    (piece,) = read(path)
    (row,) = piece.rejected
    assert len(piece.rows) == 0
    assert (row.source, row.line) == (str(path), None)
    return row.reason
