"""Feather and Arrow IPC files."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.feather as feather
import pytest

from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.sources.arrow import ArrowSource
from anomaly_vae_pipelines.sources.opening import open_source

TABLE = pa.table({"a": [1.5, 2.5], "b": ["x", "y"]})


def write_stream(path):
    with pa.OSFile(path, "wb") as file, pa.ipc.new_stream(file, TABLE.schema) as writer:
        writer.write_table(TABLE)


@pytest.mark.parametrize("write", [lambda path: feather.write_feather(TABLE, path), write_stream])
def test_rows_are_those_of_the_table(write, tmp_path):
    path = str(tmp_path / "a.arrow")
    write(path)
    with open_source(path) as source:
        assert isinstance(source, ArrowSource)
        (block,) = source.blocks()
        assert source.read(block, ["a", "b"]).rows.table.to_pydict() == TABLE.to_pydict()


def test_another_file_is_refused(tmp_path):
    (tmp_path / "a.feather").write_text("a,b")
    with pytest.raises(SourceError, match=r"a.feather: is not an Arrow file"):
        open_source(str(tmp_path / "a.feather"))
