"""The page that scores a CSV file with an exported model; skipped without Chromium or onnxruntime-web.

The environment variable ONNXRUNTIME_WEB is the folder ``dist`` of that package: ``npm install
onnxruntime-web`` writes it to ``node_modules/onnxruntime-web/dist``.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anomaly_vae import save
from anomaly_vae.persistence import load_with_dialect
from anomaly_vae_pipelines.runs.export import export_file
from anomaly_vae_pipelines.runs.score import ScoreRun
from anomaly_vae_pipelines.scoring.options import ScoreOptions
from tests.anomaly_vae_pipelines.browsers import chromium, opened_page
from tests.anomaly_vae_pipelines.conftest import COLUMNS, orders, read_rows, read_table, write_table

PAGE = Path(__file__).parents[4] / "docs" / "browser"
RUNTIME = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")


class _Files(SimpleHTTPRequestHandler):
    """Files of a folder, without a log."""

    def log_message(self, format: str, *arguments: Any) -> None:
        """Print nothing."""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The folder of the page with a copy of the runtime, behind a server of static files."""
    dist = os.environ.get("ONNXRUNTIME_WEB")
    if dist is None:
        pytest.skip(
            "ONNXRUNTIME_WEB is not set to the folder onnxruntime-web/dist (npm install onnxruntime-web)"
        )
    folder = tmp_path_factory.mktemp("site") / "browser"
    shutil.copytree(PAGE, folder)
    (folder / "ort").mkdir()
    for name in RUNTIME:
        shutil.copy(Path(dist) / name, folder / "ort")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def browser(url: str) -> Iterator[Any]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def exported(model: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = str(tmp_path_factory.mktemp("exported") / "orders.onnx")
    export_file(model, path)
    return path


@pytest.fixture
def page(browser: Any, url: str, exported: str) -> Iterator[Any]:
    """The page with the model."""
    with opened_page(browser, url) as page:
        page.set_input_files("#model", exported)
        page.wait_for_selector("#choose-rows:not([disabled])")
        yield page


def score(page: Any, path: str) -> None:
    """Choose a file of rows and wait for the result."""
    page.set_input_files("#files", path)
    page.wait_for_selector("#result:not([hidden]), #problem:not([hidden])")


def check_scores(page: Any, model: str, unseen: str, folder: Path) -> None:
    """The download has every row with the scores, decisions and reasons of ``anomaly-vae score``."""
    score(page, unseen)
    with page.expect_download() as download:
        page.click("#download")
    download.value.save_as(folder / "page.csv")
    ScoreRun(model, [unseen], str(folder / "run.csv"), ScoreOptions(explain="all"))()
    found, wanted = read_rows(folder / "page.csv"), read_rows(folder / "run.csv")
    assert [list(row) for row in found] == [list(row) for row in wanted]
    for name, tolerance in (("score", 1e-4), ("p_value", 1e-5), ("severity", 2e-3)):
        numbers = [[float(row[name]) for row in rows] for rows in (found, wanted)]
        np.testing.assert_allclose(*numbers, rtol=1e-5, atol=tolerance)
    for name in (*COLUMNS, "is_anomaly"):
        assert [row[name] for row in found] == [row[name] for row in wanted]
    first = [[row["top_columns"].split(":")[0] for row in rows] for rows in (found, wanted)]
    assert first[0] == first[1]


def test_the_page_scores_a_file_as_the_command_line_does(
    page: Any, model: str, unseen: str, tmp_path: Path
) -> None:
    assert "reads 5 columns" in page.inner_text("#about")
    check_scores(page, model, unseen, tmp_path)


def test_the_page_scores_with_a_model_that_learned_from_verdicts(
    browser: Any, url: str, model: str, unseen: str, tmp_path: Path
) -> None:
    detector, dialect = load_with_dialect(model)
    rows = read_table(write_table(tmp_path / "judged.csv", COLUMNS, orders(12, seed=5)))
    learned = detector.learn(rows[list(detector.feature_names_in_)], [1, -1, -1] * 4)
    path, exported = str(tmp_path / "learned.avae"), str(tmp_path / "learned.onnx")
    save(learned.detector(), path, dialect=dialect)
    export_file(path, exported)
    with opened_page(browser, url) as page:
        page.set_input_files("#model", exported)
        page.wait_for_selector("#choose-rows:not([disabled])")
        check_scores(page, path, unseen, tmp_path)


def test_rows_are_listed_by_severity_with_their_reasons(page: Any, unseen: str) -> None:
    """Each reason shows the cell of its column."""
    score(page, unseen)
    severities = [float(text) for text in page.locator("#rows td:nth-child(4)").all_inner_texts()]
    assert len(severities) == 40
    assert severities == sorted(severities, reverse=True)
    first = page.locator("#rows tr").first
    row = read_rows(unseen)[int(first.locator("td").first.inner_text()) - 2]
    assert "amount −" in first.inner_text()
    assert f": {row['amount']}" in first.inner_text()
    n_anomalies = page.locator("#rows tr.odd").count()
    assert page.inner_text("#summary").startswith(f"{n_anomalies} of 40 rows of {Path(unseen).name}")


def test_missing_cells_and_unknown_words_are_scored(page: Any, tmp_path: Path) -> None:
    """As the command line reads them: NA is missing, and infinity is a number."""
    rows = [["1", "NA", "inf", "purple", "TRUE", "2026-01-05", ""], ["2", *[""] * 6]]
    score(page, write_table(tmp_path / "rows.csv", COLUMNS, rows))
    assert page.locator("#rows tr").count() == 2
    assert "NaN" not in page.inner_text("#rows")


@pytest.mark.parametrize(
    ("column", "cell", "words"),
    [
        ("amount", "many", 'Line 3, column amount: wanted a number, got "many"'),
        ("open", "yes", 'Line 3, column open: wanted true or false, got "yes"'),
        ("day", "2026-02-30", "Line 3, column day: wanted a date and time such as 2026-01-31T12:00:00"),
    ],
)
def test_a_cell_that_cannot_be_read_is_named(
    page: Any, tmp_path: Path, column: str, cell: str, words: str
) -> None:
    """With its line, and nothing is scored."""
    rows = orders(3)
    rows[1][COLUMNS.index(column)] = cell
    score(page, write_table(tmp_path / "rows.csv", COLUMNS, rows))
    assert words in page.inner_text("#problem")
    assert page.is_hidden("#result")


def test_a_missing_column_is_named(page: Any, tmp_path: Path) -> None:
    score(page, write_table(tmp_path / "rows.csv", ["amount"], [["1"]]))
    assert "no column count, color, open, day, which the model reads" in page.inner_text("#problem")


def test_another_file_is_not_taken_for_a_model(page: Any, tmp_path: Path) -> None:
    """The message says which file to choose."""
    (tmp_path / "other.onnx").write_bytes(b"not a model")
    page.set_input_files("#model", str(tmp_path / "other.onnx"))
    page.wait_for_selector("#problem:not([hidden])")
    assert "Choose a file that anomaly-vae export wrote" in page.inner_text("#problem")
    assert page.is_disabled("#choose-rows")


def test_a_runtime_that_is_not_there_is_named(browser: Any, url: str, exported: str) -> None:
    """Nothing else is tried."""
    with opened_page(browser, url) as page:
        page.fill("#runtime", "elsewhere")
        page.set_input_files("#model", exported)
        page.wait_for_selector("#problem:not([hidden])")
        problem = page.inner_text("#problem")
    assert f"ONNX Runtime cannot be loaded from {url}elsewhere/. Copy" in problem
