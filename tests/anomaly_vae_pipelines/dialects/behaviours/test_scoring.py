"""A model keeps the dialect of its training table: the same rows in any dialect get the same scores."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anomaly_vae.errors import InputError
from anomaly_vae.persistence import load_with_dialect, read_metadata, save_threshold
from anomaly_vae_pipelines.dialects.dialect import Given
from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.records import Label
from anomaly_vae_pipelines.runs.evaluate import evaluate_file
from anomaly_vae_pipelines.runs.fit import fit_file
from anomaly_vae_pipelines.runs.score import ScoreRun
from anomaly_vae_pipelines.scoring.model_files import open_model
from anomaly_vae_pipelines.scoring.options import ScoreOptions

NAMES = ["Tag", "Preis", "Menge", "Größe", "Version", "Art"]
GERMAN = {"separator": ";", "decimal": ",", "thousands": ".", "encoding": "cp1252"}
SHORT = {"max_steps": 5, "validation_fraction": 0.5, "novelty": True, "random_state": 0}


def rows() -> list[tuple]:
    random_ = random.Random(0)
    return [
        (
            1 + i % 28, 1000 + round(random_.gauss(500, 100), 2), round(random_.gauss(5, 1), 3),
            round(random_.gauss(1.7, 0.1), 2), random_.choice(["1.9", "1.10"]),
            random_.choice(["gut", "süß"]),
        )
        for i in range(60)
    ]  # fmt: skip


def number(value: float, decimals: int, marks: str) -> str:
    return f"{value:,.{decimals}f}".replace(",", "T").replace(".", marks[0]).replace("T", marks[1:])


def text(separator: str, marks: str, date: str, unit: str, *, header: bool = True) -> str:
    """The rows as a text file."""
    lines = [
        [
            date.format(day=day),
            number(price, 2, marks) + unit,
            number(amount, 3, marks),
            number(size, 2, marks),
            *rest,
        ]
        for day, price, amount, size, *rest in rows()
    ]
    cells = [NAMES, *lines] if header else lines
    return "".join(separator.join(f'"{c}"' if separator in c else c for c in row) + "\r\n" for row in cells)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A model that was fitted on a German file, and the same rows in other dialects."""
    folder = tmp_path_factory.mktemp("dialects")
    german = text(";", ",.", "{day:02d}.03.2025", " €")
    (folder / "german.csv").write_bytes(german.encode("cp1252"))
    (folder / "utf16.csv").write_bytes(german.encode("utf-16"))
    (folder / "excel.csv").write_bytes(("sep=;\r\n" + german).encode("utf-8-sig"))
    (folder / "us.csv").write_text(text(",", ".,", "{day:02d}.03.2025", " €"), encoding="utf-8")
    (folder / "tabs.txt").write_text(text("\t", ", ", "{day:02d}.03.2025", " €"), encoding="utf-8")
    fit_file(str(folder / "german.csv"), str(folder / "m.avae"), parameters=SHORT)
    return folder


def scores(folder: Path, name: str, output: str = "out.jsonl", **options) -> list[float]:
    model = open_model(str(folder / "m.avae"), options.pop("given", None))
    ScoreRun(model, [str(folder / name)], str(folder / output), ScoreOptions(force=True, **options))()
    return [json.loads(line)["score"] for line in (folder / "out.jsonl").read_text().splitlines()]


def test_the_model_file_says_how_its_table_was_read(folder):
    stored = load_with_dialect(folder / "m.avae")[1]
    assert stored is not None
    columns = stored.pop("columns")
    assert stored == GERMAN
    assert columns["Tag"] == {"form": "date", "order": "dmy"}
    assert columns["Version"] == {"form": "text"}
    assert columns["Preis"] == {"form": "number", "decimal": ",", "thousands": ".", "suffix": "€"}


@pytest.mark.parametrize("name", ["utf16.csv", "excel.csv", "us.csv", "tabs.txt"])
def test_the_same_rows_in_another_dialect_have_the_same_scores(folder, name):
    assert scores(folder, name) == scores(folder, "german.csv")


def test_typed_rows_have_the_same_scores(folder):
    """In Parquet a number is a number, whatever the dialect of the model."""
    columns = list(zip(*rows(), strict=True))
    table = pa.table({name: pa.array(column) for name, column in zip(NAMES, columns, strict=True)})
    table = table.set_column(0, "Tag", pa.array([f"{day:02d}.03.2025" for day in columns[0]]))
    table = table.set_column(1, "Preis", pa.array([f"{price} €" for price in columns[1]]))
    pq.write_table(table, folder / "typed.parquet")
    with pytest.raises(InputError, match="column 'Preis': wanted a number such as 1.234,5€"):
        scores(folder, "typed.parquet")
    table = table.set_column(1, "Preis", pa.array([number(price, 2, ",.") + " €" for price in columns[1]]))
    pq.write_table(table, folder / "typed.parquet")
    assert scores(folder, "typed.parquet") == scores(folder, "german.csv")


def test_results_have_the_separator_and_the_decimal_mark_of_the_rows(folder):
    """The output is a file that the same program reads, with all input rows as they were."""
    wanted = scores(folder, "german.csv")
    scores(folder, "german.csv", "out.csv")
    lines = (folder / "out.csv").read_text(encoding="utf-8").splitlines()
    original = (folder / "german.csv").read_bytes().decode("cp1252").splitlines()
    assert all(line.startswith(f"{row};") for line, row in zip(lines, original, strict=True))
    found = [float(row["score"].replace(",", ".")) for row in csv.DictReader(lines, delimiter=";")]
    assert found == wanted


def test_one_output_has_one_separator(folder):
    model = open_model(str(folder / "m.avae"))
    run = ScoreRun(model, [str(folder / "german.csv"), str(folder / "us.csv")], str(folder / "both.csv"))
    with pytest.raises(SourceError, match=r"us.csv: has another separator or decimal mark"):
        run()


def test_what_the_user_says_comes_before_what_the_model_says(folder):
    with pytest.raises(InputError, match="there is no column 'Tag'"):
        scores(folder, "german.csv", given=Given(separator="|"))


def test_an_impossible_date_is_refused_by_its_line(folder):
    lines = (folder / "german.csv").read_bytes().decode("cp1252").splitlines()
    (folder / "bad.csv").write_text(
        "\n".join([*lines[:3], lines[3].replace(".03.", ".02.").replace(lines[3][:2], "31")]),
        encoding="utf-8",
    )
    with pytest.raises(InputError, match="31.02.2025"):
        scores(folder, "bad.csv")


def test_evaluate_reads_the_dialect(folder):
    found = evaluate_file(open_model(str(folder / "m.avae")), str(folder / "german.csv"), Label("Art", "süß"))
    assert found.n_normal + found.n_anomalous == 60


def test_another_threshold_keeps_the_dialect(folder):
    save_threshold(folder / "m.avae", folder / "t.avae", lambda detector: detector.set_threshold(offset=-5.0))
    assert read_metadata(folder / "t.avae")["dialect"] == read_metadata(folder / "m.avae")["dialect"]


def test_a_plain_table_leaves_no_trace_in_the_model_file(tmp_path):
    """Models of plain CSV are as they were."""
    lines = [f"{i % 7}.5,{i % 5}" for i in range(40)]
    (tmp_path / "a.csv").write_text("\n".join(["a,b", *lines]))
    fit_file(str(tmp_path / "a.csv"), str(tmp_path / "m.avae"), parameters=SHORT)
    assert "dialect" not in read_metadata(tmp_path / "m.avae")


def test_a_table_without_names_is_scored_without_names(tmp_path):
    """UCI's form: spaces, question marks, no header; the output has names."""
    lines = [f"{i % 7}.5 {'?' if i % 9 == 0 else i % 5} {'ab'[i % 2]} " for i in range(40)]
    (tmp_path / "a.data").write_text("\n".join(lines) + "\n")
    fit_file(str(tmp_path / "a.data"), str(tmp_path / "m.avae"), parameters=SHORT)
    model = open_model(str(tmp_path / "m.avae"))
    ScoreRun(model, [str(tmp_path / "a.data")], str(tmp_path / "out.csv"), ScoreOptions())()
    header, first = (tmp_path / "out.csv").read_text().splitlines()[:2]
    assert header.startswith("column_1,column_2,column_3,score,")
    assert first.startswith("0.5,?,a,-")
