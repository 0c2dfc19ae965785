"""Files that became shorter."""

from __future__ import annotations

import io
import os

import pytest

from anomaly_vae_pipelines.errors import LostInputError
from anomaly_vae_pipelines.sources.truncation import check_not_truncated, stream_size


def test_the_size_of_an_open_file_follows_the_file(tmp_path):
    """It is the size on disk now, whatever has been read."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"a\n1\n")
    with path.open("rb") as stream:
        assert stream_size(stream) == 4
        stream.read()
        os.truncate(path, 1)
        assert stream_size(stream) == 1


def test_pipes_and_bytes_have_no_size():
    """They cannot be truncated."""
    assert stream_size(io.BytesIO(b"abc")) is None
    reading, writing = os.pipe()
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        assert stream_size(stream) is None


@pytest.mark.parametrize(("expected", "found"), [(5, 5), (5, 6), (None, 3), (5, None), (0, 0)])
def test_a_file_that_is_as_long_as_before_passes(expected, found):
    """And one that grew, or whose size is not known."""
    check_not_truncated("a.csv", expected, found)


def test_a_shorter_file_is_an_error_with_both_sizes():
    """The message names the file."""
    with pytest.raises(LostInputError, match=r"^a\.csv: was truncated .* had 5,000 bytes .* 4,999 could"):
        check_not_truncated("a.csv", 5000, 4999)
