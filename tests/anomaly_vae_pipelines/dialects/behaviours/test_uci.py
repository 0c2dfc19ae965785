"""Files of the UCI repository go from their original form to scores, with at most one option each."""

from __future__ import annotations

import csv
import warnings

import pandas as pd
import pytest

from anomaly_vae_pipelines.dialects.dialect import Given
from anomaly_vae_pipelines.errors import AmbiguousError, SourceError
from anomaly_vae_pipelines.runs.table_training import TableTraining
from tests.anomaly_vae_pipelines.dialects.behaviours.uci import FILES, File

SCORED = ("horse-colic.data", "german.data", "adult.test", "oil-spill.csv", "AirQualityUCI.csv")
"""Those that are fitted and scored: a fit takes a second."""


@pytest.mark.parametrize("file", FILES, ids=[file.name for file in FILES])
def test_a_file_is_read_in_its_original_form(file: File, tmp_path):
    path = tmp_path / file.name
    path.write_text(file.text)
    given = Given()
    if file.option:
        with pytest.raises(AmbiguousError, match=file.option):
            TableTraining(str(path), None, [], {}, "tabular", given).data()
        given = Given(missing=(file.option.removeprefix("--na="),))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = TableTraining(str(path), None, [], {}, "tabular", given).data()
    kinds = ["n" if pd.api.types.is_numeric_dtype(table[name]) else "t" for name in table]
    assert ("".join(kinds), len(table)) == (file.kinds, file.n_rows)


@pytest.mark.parametrize("file", [f for f in FILES if f.name in SCORED], ids=lambda file: file.name)
@pytest.mark.slow
def test_a_file_goes_to_scores(file: File, tmp_path, run, tiny):
    """Through the command line, with the same option at both commands; every row gets a finite score."""
    path, model, out = (str(tmp_path / name) for name in (file.name, "m.avae", "out.csv"))
    (tmp_path / file.name).write_text(file.text)
    options = [file.option] if file.option else []
    fitted = run("fit", path, "-o", model, "--config", tiny, *options)
    assert (fitted.code, "rror" in fitted.err) == (0, False), fitted.err
    scored = run("score", model, path, "-o", out, "--quiet")
    assert (scored.code, scored.err) == (0, "")
    text = (tmp_path / "out.csv").read_text()
    rows = csv.DictReader(text.splitlines(), delimiter=";" if ";score;" in text else ",")
    found = [float(row["score"].replace(",", ".")) for row in rows]
    assert len(found) >= file.n_rows
    assert all(map(pd.notna, found))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("% 1. Title: Iris\n%\n@RELATION iris\n\n@ATTRIBUTE a REAL\n@DATA\n5.1\n", "ARFF"),
        ("1 1:15596.162100 2:1.868245 3:2.371604\n2 1:26402.074300 2:5.532401 3:2.1\n" * 9, "LIBSVM"),
    ],
)
def test_other_formats_of_the_repository_are_refused_by_name(text, wanted, tmp_path):
    path = tmp_path / "a.dat"
    path.write_text(text)
    with pytest.raises(SourceError, match=f"{wanted}.*CSV"):
        TableTraining(str(path), None, [], {}, "tabular").data()
