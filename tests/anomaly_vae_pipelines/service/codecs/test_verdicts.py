"""Rows of a request with verdicts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.runs.fit import fit_file
from anomaly_vae_pipelines.runs.learn import learn_file
from anomaly_vae_pipelines.scoring.model_files import open_model
from anomaly_vae_pipelines.service.codecs.verdicts import verdicts_of_body
from anomaly_vae_pipelines.service.errors import RefusedRowsError, TooLargeError, UnknownMediaError
from anomaly_vae_pipelines.service.models.inputs import inputs_of
from anomaly_vae_pipelines.service.models.verdicts import Verdict, VerdictLog

ROW = {"code": "001", "amount": 12.5, "count": 3, "color": "red", "open": True, "day": "2026-01-02T08:00:00"}


@pytest.fixture(scope="module")
def inputs(model):
    adapter = open_model(model).adapter
    return inputs_of(adapter.scorer(), adapter.reading)


def read(inputs, *rows, most=10):
    return verdicts_of_body(json.dumps({"rows": rows}).encode(), "application/json", inputs, most)


def test_the_same_rows_in_either_format_are_the_same_verdicts(inputs):
    """Other columns are left out; numbers are numbers, and missing cells null."""
    (first, second) = read(
        inputs,
        {**ROW, "verdict": "Anomalous", "verdict_id": "17", "note": "x"},
        {**ROW, "amount": None, "verdict": 1},
    )
    assert (first.id, first.verdict, second.id, second.verdict) == ("17", "anomalous", "", "normal")
    assert first.row["amount"] == 12.5
    assert second.row["amount"] is None
    assert set(first.row) == set(inputs.names)
    text = (
        f"verdict_id,{','.join(ROW)},verdict,note\n"
        "17,001,12.5,3,red,true,2026-01-02T08:00:00,anomalous,x\n"
        ",001,,3,red,true,2026-01-02T08:00:00,1,x\n"
    )
    assert verdicts_of_body(text.encode(), "text/csv", inputs, 10) == [first, second]


@pytest.mark.parametrize("word", ["", None, " "])
def test_an_empty_verdict_withdraws(inputs, word):
    """It has the id of the row."""
    (verdict,) = read(inputs, {**ROW, "verdict": word, "verdict_id": 5})
    assert verdict == Verdict("5", "", verdict.row)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"verdict": "maybe"}, RefusedRowsError, "row 0: verdict: wanted normal or anomalous .* got 'maybe'"),
        ({"verdict": True}, RefusedRowsError, "got 'true'"),
        ({"verdict": "1", "verdict_id": "x" * 300}, RefusedRowsError, "300 characters; wanted at most 256"),
        ({}, InputError, r"rows\[0\]: has no 'verdict'"),
        ({"verdict": 1, "amount": "plenty"}, RefusedRowsError, "wanted a number, got 'plenty'"),
    ],
)
def test_what_is_not_a_verdict_is_refused(inputs, changes, error, message):
    """The whole request, with the row and what was wanted."""
    with pytest.raises(error, match=message):
        read(inputs, {**ROW, **changes})


def test_other_bodies_are_refused(inputs, image_model):
    """Another media type, a column that is missing, too many rows, and a model of images."""
    with pytest.raises(UnknownMediaError, match="wanted JSON or text/csv"):
        verdicts_of_body(b"", "image/png", inputs, 10)
    with pytest.raises(InputError, match="no column 'verdict'"):
        verdicts_of_body(f"{','.join(ROW)}\n1,1,1,red,true,\n".encode(), "text/csv", inputs, 10)
    with pytest.raises(TooLargeError):
        read(inputs, *[{**ROW, "verdict": 1}] * 2, most=1)
    images = inputs_of(open_model(image_model).adapter.scorer())
    with pytest.raises(InputError, match="models of images do not learn"):
        read(images, {"verdict": 1})


def test_columns_with_a_form_are_stored_so_that_they_can_be_learned_from(tmp_path):
    """Money, dates and times of a dialect, from CSV and from JSON: the same as from the file itself."""
    names = ["price", "day", "level", "clock"]
    days = [f"{13 + i % 9}/0{1 + i % 9}/2026" for i in range(60)]
    rows = [[f"{i % 7},5 EUR", day, f"{i % 11},25", f"0{i % 9}:30"] for i, day in enumerate(days)]

    def table(name, columns, cells):
        path = tmp_path / name
        path.write_text("\n".join(";".join(row) for row in [columns, *cells]) + "\n")
        return str(path)

    model = str(tmp_path / "m.avae")
    tiny = {"max_steps": 2, "hidden_sizes": (4,), "validation_fraction": 0.5, "random_state": 0}
    fit_file(table("t.csv", names, rows), model, parameters=tiny)
    adapter = open_model(model).adapter
    inputs = inputs_of(adapter.scorer(), adapter.reading)
    judged = [[*row, word] for row, word in zip(rows, ["normal", "anomalous"] * 3, strict=False)]
    source = table("v.csv", [*names, "verdict"], judged)
    wanted = learn_file(model, source, str(tmp_path / "a.avae"))
    objects = [dict(zip([*names, "verdict"], row, strict=True)) for row in judged]
    objects = [{**row, "level": float(row["level"].replace(",", "."))} for row in objects]
    for number, (body, media) in enumerate(
        [
            (Path(source).read_bytes(), "text/csv"),
            (json.dumps({"rows": objects}).encode(), "application/json"),
        ]
    ):
        (tmp_path / str(number)).mkdir()
        log = VerdictLog(tmp_path / str(number))
        log.append("m", verdicts_of_body(body, media, inputs, 10), {})
        log.close()
        found = learn_file(model, str(tmp_path / str(number) / "m.jsonl"), str(tmp_path / f"{number}.avae"))
        assert (found.offset, found.n_verdicts) == (pytest.approx(wanted.offset), 6)
