"""Files that are written whole; ``test_persistence`` has the tests of failing writes, links and modes."""

from __future__ import annotations

from pathlib import Path

import pytest

from anomaly_vae import InputError
from anomaly_vae.whole_files import write_whole


def test_a_file_is_replaced_by_the_new_bytes_alone(tmp_path: Path) -> None:
    """No draft stays beside it."""
    path = tmp_path / "file"
    for data in (b"long content", b"short"):
        write_whole(path, data, overwrite=True)
        assert path.read_bytes() == data
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_must_not_be_replaced_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_whole(path, b"old", overwrite=False)
    with pytest.raises(InputError, match=r"exists already; pass overwrite=True"):
        write_whole(path, b"new", overwrite=False)
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize(
    ("name", "reason"), [("missing/file", "does not exist; create it first"), (".", "not a regular file")]
)
def test_a_place_where_no_file_can_be_is_named(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        write_whole(tmp_path / name, b"new", overwrite=True)
