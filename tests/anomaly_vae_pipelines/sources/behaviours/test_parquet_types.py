"""Columns of every Arrow type that Parquet holds, read by the model or passed through to every format."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anomaly_vae_pipelines.records import RESULT_COLUMNS
from anomaly_vae_pipelines.scoring import model_files
from tests.anomaly_vae_pipelines.conftest import COLUMNS, orders

FAR = 9_000_000_000_000
"""Seconds since 1970, in the year 287168."""

MORE = 300_000 * 31_556_952
"""Seconds since 1970, in a year that not even microseconds of 64 bits reach."""

PAIR = pa.struct({"a": pa.int8(), "b": pa.string()})

KINDS = {
    "int8": ([1, -5, None], pa.int8()),
    "int64": ([2**62, -5, None], pa.int64()),
    "uint64": ([2**64 - 1, 0, None], pa.uint64()),
    "float16": (np.array([1.5, np.inf, np.nan], np.float16), pa.float16()),
    "float32": ([0.1, float("inf"), None], pa.float32()),
    "float64": ([0.1, float("nan"), None], pa.float64()),
    "decimal128": ([Decimal("1.50"), Decimal("9" * 20), None], pa.decimal128(38, 2)),
    "decimal256": ([Decimal("1.50"), Decimal("9" * 60), None], pa.decimal256(76, 2)),
    "bool": ([True, False, None], pa.bool_()),
    "string": (["NA", "", None], pa.string()),
    "words": (["None", "null", "nan"], pa.string()),
    "digits": (["1", "02", "3e5"], pa.string()),
    "large_string": (["NA", "", None], pa.large_string()),
    "large_digits": (["1", "02", None], pa.large_string()),
    "string_view": (["NA", "a longer text than twelve", None], pa.string_view()),
    "binary": ([b"\xff\0", b"", None], pa.binary()),
    "large_binary": ([b"\xff\0", b"", None], pa.large_binary()),
    "binary_view": ([b"\xff\0", b"a longer value than twelve", None], pa.binary_view()),
    "fixed_size_binary": ([b"ab", b"\xff\0", None], pa.binary(2)),
    "dictionary": (["NA", "", None], pa.dictionary(pa.int8(), pa.string())),
    "dictionary of digits": (["1", "2", None], pa.dictionary(pa.int32(), pa.large_string())),
    "dictionary of ints": ([1, 2, None], pa.dictionary(pa.int32(), pa.int64())),
    "date32": ([0, 19000, None], pa.date32()),
    "date32 far": ([100_000_000, -100_000_000, None], pa.date32()),
    "date64": ([0, 86_400_000, None], pa.date64()),
    "timestamp[s]": ([0, FAR, -FAR], pa.timestamp("s")),
    "timestamp[s] further": ([0, MORE, -MORE], pa.timestamp("s")),
    "timestamp[ms]": ([0, FAR * 1000, None], pa.timestamp("ms")),
    "timestamp[us]": ([0, 400_000_000_000_000_000, None], pa.timestamp("us")),
    "timestamp[ns]": ([1, -1, None], pa.timestamp("ns")),
    "timestamp[ms, tz]": ([0, 1, None], pa.timestamp("ms", "Europe/Berlin")),
    "timestamp[ms, tz] far": ([0, FAR * 1000, -FAR * 1000], pa.timestamp("ms", "Europe/Berlin")),
    "time32[s]": ([0, 86_399, None], pa.time32("s")),
    "time64[ns]": ([1, 86_399_999_999_999, None], pa.time64("ns")),
    "duration[s]": ([0, FAR, None], pa.duration("s")),
    "duration[ns]": ([1, -(10**18) - 1, None], pa.duration("ns")),
    "list": ([[1, None], [], None], pa.list_(pa.int32())),
    "large_list": ([["NA"], [], None], pa.large_list(pa.string())),
    "fixed_size_list": ([[1.5, 2.5], [0.0, -1.0], [1.0, 1.0]], pa.list_(pa.float32(), 2)),
    "struct": ([{"a": 1, "b": "NA"}, {"a": None, "b": ""}, None], PAIR),
    "map": ([[("k", FAR)], [], None], pa.map_(pa.string(), pa.timestamp("ms"))),
    "null": ([None, None, None], pa.null()),
    "uuid": ([bytes(range(16)), bytes(16), None], pa.uuid()),
    "bool8": ([1, 0, None], pa.bool8()),
}  # fmt: skip

PYARROW = int(pa.__version__.split(".")[0])

if PYARROW >= 19:
    KINDS["json"] = (['{"a": 1}', "null", None], pa.json_())

needs_views = pytest.mark.skipif(PYARROW < 21, reason="pyarrow before 21 writes no view types to Parquet")


def with_views_marked(*kinds: str) -> list[object]:
    """Parameters of a test, one per kind; view types are skipped if this pyarrow cannot write them."""
    return [pytest.param(kind, marks=needs_views) if "view" in kind else kind for kind in kinds]


SOME_KINDS = (
    "int64", "decimal128", "bool", "string", "binary", "dictionary", "date32", "timestamp[ns]", "list",
)  # fmt: skip
"""One of each group of types."""


def each_kind(*others: str, all_of: str) -> list[object]:
    """Parameters of a test: all kinds with one of the others, some with each of them; the rest is slow."""
    return [
        pytest.param(
            kind,
            other,
            marks=[needs_views] * ("view" in kind)
            + [pytest.mark.slow] * (other != all_of and kind not in SOME_KINDS),
        )
        for kind in KINDS
        for other in (all_of, *others)
    ]


def column_of(kind: str, n_rows: int = 12) -> pa.Array:
    values, arrow = KINDS[kind]
    storage = arrow.storage_type if isinstance(arrow, pa.BaseExtensionType) else arrow
    cells = (list(values) * n_rows)[:n_rows]
    if pa.types.is_float16(storage):
        cells = np.array(cells, np.float16)
    if pa.types.is_date64(storage):
        return pa.array(cells, pa.int64()).cast(pa.timestamp("ms")).cast(pa.date64())
    if pa.types.is_dictionary(storage):
        return pa.array(cells, storage.value_type).dictionary_encode().cast(storage)
    array = pa.array(cells, storage)
    return pa.ExtensionArray.from_storage(arrow, array) if storage != arrow else array


def plain_columns(n_rows: int = 12) -> dict[str, pa.Array]:
    """The columns of the model, typed."""
    rows = pd.DataFrame(orders(n_rows), columns=COLUMNS)
    numbers = {name: pa.array(pd.to_numeric(rows[name]), from_pandas=True) for name in ("amount", "count")}
    moments = pa.array(pd.to_datetime(rows["day"]))
    texts = {name: pa.array(rows[name].tolist()) for name in ("code", "color", "label")}
    return texts | numbers | {"open": pa.array(rows["open"] == "true"), "day": moments}


def same(one: pa.Table, other: pa.Table) -> bool:
    """Whether two tables have the same types and, bit for bit, the same values."""
    return one.schema.equals(other.schema, check_metadata=True) and all(
        bits_of(a) == bits_of(b) for a, b in zip(one.columns, other.columns, strict=True)
    )


def bits_of(column: pa.ChunkedArray) -> list[object]:
    """The cells of a column, numbers by their bits and dates by their steps."""
    return [cell for chunk in column.chunks for cell in _bits(chunk)]


def _bits(array: pa.Array) -> list[object]:
    if isinstance(array.type, pa.BaseExtensionType):
        return _bits(array.storage)
    if pa.types.is_dictionary(array.type):
        return _bits(array.dictionary_decode())
    if pa.types.is_floating(array.type):
        whole = {16: np.uint16, 32: np.uint32, 64: np.uint64}[array.type.bit_width]
        numbers = np.frombuffer(array.buffers()[1], whole)[array.offset : array.offset + len(array)]
        there = array.is_valid().to_pylist()
        return [int(bits) if valid else None for bits, valid in zip(numbers, there, strict=True)]
    if pa.types.is_temporal(array.type) and not pa.types.is_interval(array.type):
        return array.cast(pa.int32() if array.type.bit_width == 32 else pa.int64()).to_pylist()
    if pa.types.is_struct(array.type):
        fields = [_bits(array.field(i)) for i in range(array.type.num_fields)]
        return [(*row, there) for *row, there in zip(*fields, array.is_valid().to_pylist(), strict=True)]
    if pa.types.is_map(array.type):
        return [str(cell) for cell in array]
    if pa.types.is_nested(array.type):
        lengths = pa.compute.list_value_length(array).to_pylist()
        return [*lengths, *_bits(array.flatten())]
    return array.to_pylist()


@pytest.fixture(autouse=True, scope="module")
def loaded_once() -> Iterator[None]:
    """The model is loaded by the first of hundreds of runs: they try columns, and loading takes longest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model_files, "load_with_dialect", cache(model_files.load_with_dialect))
        yield


@pytest.mark.parametrize(("kind", "name"), each_kind("out.jsonl", "out.csv", all_of="out.parquet"))
def test_an_unused_column_of_any_type_passes_through(run, model, tmp_path, kind, name):
    """To Parquet as it is, type and bits; to text without an error, null where it is null."""
    table = pa.table({"extra": column_of(kind), **plain_columns()})
    pq.write_table(table, tmp_path / "in.parquet")
    ended = run("score", model, str(tmp_path / "in.parquet"), "-o", str(tmp_path / name), "--quiet")
    assert (ended.code, ended.err) == (0, "")
    nulls = table.column("extra").is_null().to_pylist()
    if name == "out.parquet":
        before = pq.read_table(tmp_path / "in.parquet")
        after = pq.read_table(tmp_path / name)
        assert after.column_names == [*before.column_names, *RESULT_COLUMNS]
        assert same(after.select(before.column_names), before)
    elif name == "out.jsonl":
        lines = (tmp_path / name).read_text(encoding="utf-8").splitlines()
        cells = [json.loads(line, parse_constant=pytest.fail)["extra"] for line in lines]
        assert [cell is None for cell in cells] == nulls
    else:
        with (tmp_path / name).open(encoding="utf-8", newline="") as stream:
            cells = [row["extra"] for row in csv.DictReader(stream)]
        written = {cell for cell, is_null in zip(cells, nulls, strict=True) if not is_null}
        assert all(cell == "" for cell, is_null in zip(cells, nulls, strict=True) if is_null)
        assert "" not in written or any(value in ("", b"") for value in KINDS[kind][0] if value is not None)


@pytest.mark.parametrize(("kind", "used"), each_kind("color", "day", "open", all_of="amount"))
def test_a_used_column_of_any_type_is_read_or_rejected(run, model, tmp_path, kind, used):
    """In one line that names the column and its type, or row by row with every row accounted for."""
    columns = plain_columns() | {used: column_of(kind)}
    pq.write_table(pa.table(columns), tmp_path / "in.parquet")
    out = tmp_path / "out.parquet"
    options = ["-o", str(out), "--on-bad-row", "quarantine", "--explain", "all", "--quiet"]
    ended = run("score", model, str(tmp_path / "in.parquet"), *options)
    if ended.code:
        assert ended.code == 2, ended.err
        assert ended.err.count("\n") == 1
        assert f"column {used!r} has type " in ended.err
        assert not out.exists()
        return
    summary = json.loads(Path(f"{out}.summary.json").read_text())
    assert summary["n_rows"] == 12
    assert summary["n_scored"] + summary["n_rejected"] == 12
    written = pq.read_table(out)
    assert np.isfinite(written.column("score").to_numpy()).all()
    assert written.schema.field(used).type == pq.read_table(tmp_path / "in.parquet").schema.field(used).type
    if not summary["n_rejected"]:
        assert same(written.select(list(columns)), pq.read_table(tmp_path / "in.parquet"))


@pytest.mark.parametrize(
    "kind",
    with_views_marked(
        "list", "struct", "map", "binary", "binary_view", "time32[s]", "uuid", "fixed_size_list"
    ),
)
@pytest.mark.parametrize("used", ["amount", "color"])
def test_a_type_without_cells_is_rejected_with_a_remedy(run, model, tmp_path, kind, used):
    """At scoring and at fitting, by column and type."""
    pq.write_table(pa.table(plain_columns() | {used: column_of(kind)}), tmp_path / "in.parquet")
    for arguments in (["score", model, str(tmp_path / "in.parquet")], ["fit", str(tmp_path / "in.parquet")]):
        ended = run(*arguments, "-o", str(tmp_path / "out"))
        assert (ended.code, ended.err.count("\n")) == (2, 1), ended.err
        assert f"column {used!r} has type " in ended.err
        assert "exclude it" in ended.err


@pytest.mark.parametrize("kind", with_views_marked("string_view", "large_string", "dictionary"))
def test_text_means_the_same_in_every_layout(run, model, tmp_path, kind):
    """Words of nothing are missing, and digits are numbers, whatever the layout of the column."""
    scores = []
    for layout in (pa.string(), KINDS[kind][1]):
        columns = plain_columns()
        columns["color"] = pa.array(["NA", "red", "", None] * 3).cast(layout)
        columns["amount"] = pa.array(["NA", "20.5", " 3", None] * 3).cast(layout)
        pq.write_table(pa.table(columns), tmp_path / "in.parquet")
        out = tmp_path / "out.parquet"
        assert (
            run("score", model, str(tmp_path / "in.parquet"), "-o", str(out), "--force", "--quiet").code == 0
        )
        scores.append(pq.read_table(out).column("score").to_pylist())
    assert scores[0] == scores[1]


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)

CELLS = {
    pa.string(): st.one_of(st.none(), st.sampled_from(["", "NA", "null", "None", " ", "1"]), TEXT),
    pa.large_string(): st.one_of(st.none(), st.sampled_from(["", "nan", "01"])),
    pa.dictionary(pa.int16(), pa.string()): st.one_of(st.none(), st.sampled_from(["", "NA", "x"])),
    pa.int64(): st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
    pa.float64(): st.one_of(st.none(), st.floats()),
    pa.float32(): st.one_of(st.none(), st.floats(width=32)),
    pa.binary(): st.one_of(st.none(), st.binary(max_size=3)),
    pa.bool_(): st.one_of(st.none(), st.booleans()),
    pa.timestamp("us", "UTC"): st.one_of(st.none(), st.integers(-(2**60), 2**60)),
    pa.date32(): st.one_of(st.none(), st.integers(-(2**31), 2**31 - 1)),
    pa.duration("ms"): st.one_of(st.none(), st.integers(-(2**60), 2**60)),
    pa.list_(pa.string()): st.one_of(st.none(), st.lists(st.sampled_from(["", "NA", None]), max_size=3)),
    pa.null(): st.none(),
}  # fmt: skip

if PYARROW >= 21:
    CELLS[pa.string_view()] = st.one_of(st.none(), st.sampled_from(["", "N/A", "longer than twelve bytes"]))

TABLES = st.lists(st.sampled_from(sorted(CELLS, key=str)), min_size=1, max_size=5).flatmap(
    lambda kinds: st.tuples(
        st.just(kinds),
        st.integers(1, 8).flatmap(
            lambda n: st.tuples(*(st.lists(CELLS[kind], min_size=n, max_size=n) for kind in kinds))
        ),
        st.integers(1, 8),
        st.booleans(),
    )
)


@given(TABLES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@pytest.mark.slow
def test_any_table_of_parquet_is_its_own_part_of_the_output(run, model, tmp_path, drawn):
    """Bit for bit, in its types, with its metadata, however many row groups it has."""
    kinds, columns, size, is_text = drawn
    n_rows = len(columns[0])
    table = pa.table(
        {
            f"extra {i}": pa.array(column, kind)
            for i, (kind, column) in enumerate(zip(kinds, columns, strict=True))
        }
    )
    for name, column in plain_columns(n_rows).items():
        if is_text and name == "amount":
            column = pa.array([["NA", " 20.5", "", None][i % 4] for i in range(n_rows)])
        table = table.append_column(pa.field(name, column.type, metadata={"unit": "none"}), column)
    table = table.replace_schema_metadata({"made by": "a test"})
    pq.write_table(table, tmp_path / "in.parquet", row_group_size=size)
    before = pq.read_table(tmp_path / "in.parquet")
    out = tmp_path / "out.parquet"
    ended = run("score", model, str(tmp_path / "in.parquet"), "-o", str(out), "--force", "--quiet")
    assert ended.code == 0, ended.err
    assert same(pq.read_table(out).select(before.column_names), before)


def test_a_table_without_rows_keeps_its_types(run, model, tmp_path):
    """And so do those that come after one without rows."""
    table = pa.table({"extra": column_of("dictionary"), **plain_columns()})
    for number, name in ((0, "a.parquet"), (12, "b.parquet")):
        pq.write_table(table.slice(0, number), tmp_path / name)
    for names in (["a.parquet"], ["a.parquet", "b.parquet"]):
        out = tmp_path / "out.parquet"
        paths = [str(tmp_path / name) for name in names]
        assert run("score", model, *paths, "-o", str(out), "--force", "--quiet").code == 0
        expected = pq.read_table(paths[-1])
        assert same(pq.read_table(out).select(expected.column_names), expected)


def test_two_columns_of_one_name_are_rejected(run, model, tmp_path):
    """As in CSV: it is not clear which one is meant."""
    columns = plain_columns()
    table = pa.table([*columns.values(), columns["code"]], names=[*columns, "code"])
    pq.write_table(table, tmp_path / "in.parquet")
    ended = run("score", model, str(tmp_path / "in.parquet"), "-o", str(tmp_path / "out.csv"))
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "2 columns are named 'code'" in ended.err


def test_a_column_of_another_kind_is_rejected_at_once(run, model, tmp_path):
    """Not row by row: a date is never a number, nor a number a date."""
    moments, numbers = pa.array(range(5000), pa.timestamp("s")), pa.array(range(5000), pa.float64())
    for used, column in (("amount", moments), ("day", numbers), ("open", moments)):
        rows = {name: [cells[0].as_py()] * 5000 for name, cells in plain_columns().items()}
        pq.write_table(pa.table(rows | {used: column}), tmp_path / "in.parquet")
        options = ["--on-bad-row", "quarantine", "-o", str(tmp_path / "out.csv")]
        ended = run("score", model, str(tmp_path / "in.parquet"), *options)
        assert (ended.code, ended.err.count("\n")) == (2, 1), ended.err
        assert f"column {used!r} has type " in ended.err
        assert "but the model was fitted on" in ended.err
