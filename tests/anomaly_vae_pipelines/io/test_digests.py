"""Digests of files."""

from __future__ import annotations

import hashlib

import pytest

from anomaly_vae_pipelines.io.digests import file_digest


def test_a_digest_depends_on_the_content_alone(tmp_path):
    """Equal content has one digest under any name; one changed bit has another."""
    contents = {"a": b"rows", "b": b"rows", "c": b"rowr", "empty": b""}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    digests = {name: file_digest(str(tmp_path / name)) for name in contents}
    assert digests["a"] == digests["b"] != digests["c"]
    assert all(
        digests[name] == hashlib.sha256(content).hexdigest()[:16] for name, content in contents.items()
    )


def test_a_missing_file_has_no_digest(tmp_path):
    """An OSError names it."""
    with pytest.raises(FileNotFoundError, match="gone"):
        file_digest(str(tmp_path / "gone"))
