"""TOML files."""

from __future__ import annotations

import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.io.toml import load_toml


def test_a_file_is_read_as_values(tmp_path):
    """Tables, arrays and numbers keep their types."""
    path = tmp_path / "a.toml"
    path.write_text('a = 1\n[[b]]\nc = "é"\n', encoding="utf-8")
    assert load_toml(path) == {"a": 1, "b": [{"c": "é"}]}


@pytest.mark.parametrize("content", [b"a = ", b"a = 'x'\xff"])
def test_a_file_that_is_not_toml_is_refused_by_name(tmp_path, content):
    """With the reason of the parser."""
    path = tmp_path / "a.toml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.toml: is not"):
        load_toml(path)


def test_a_file_that_cannot_be_opened_is_refused_by_name(tmp_path):
    """Missing, or a directory."""
    for path in (tmp_path / "missing.toml", tmp_path):
        with pytest.raises(InputError, match=str(path)):
            load_toml(path)
