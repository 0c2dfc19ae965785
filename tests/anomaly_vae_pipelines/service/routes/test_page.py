"""The page as a person uses it, in a real browser; skipped where there is none."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest

from anomaly_vae_pipelines.service.http.keys import new_key
from tests.anomaly_vae_pipelines.browsers import opened_page
from tests.anomaly_vae_pipelines.conftest import COLUMNS, orders, read_rows, write_table
from tests.anomaly_vae_pipelines.service.live import serving_here, stored_verdicts


@pytest.fixture(scope="module")
def url(model: str, image_model: str) -> Iterator[str]:
    """A service that takes 500 rows at once."""
    with serving_here([f"orders={model}", f"plates={image_model}"], max_rows=500) as url:
        yield url


@pytest.fixture
def page(browser: Any, url: str) -> Iterator[Any]:
    """The page; fails where it writes an error or asks any other host."""
    with opened_page(browser, url) as page:
        page.wait_for_selector("#model option", state="attached")
        page.click("#tab-score")
        yield page


def choose(page: Any, model: str) -> None:
    """Score with another model."""
    page.select_option("#model", label=model)


def score(page: Any, text: str) -> None:
    """Paste rows and score them."""
    page.fill("#text", text)
    page.click("#score")
    page.wait_for_selector("#result:not([hidden])")


def test_an_example_shows_what_is_wrong_with_its_odd_row(page: Any) -> None:
    page.click("#example")
    page.wait_for_selector("#result:not([hidden])")
    said = page.inner_text("#status")
    assert "In row 3, amount was then multiplied by ten" in said
    first = page.inner_text("#rows tr:first-child")
    assert first.split()[0] == "3"
    assert "amount" in first
    assert page.locator("#chart rect.odd, #chart rect.normal").count() >= 12
    assert page.locator("#chart line.threshold").count() == 1


def test_a_file_scores_as_the_service_scores_it_and_is_given_back_whole(
    page: Any, url: str, unseen: str, tmp_path: Path
) -> None:
    """Rows are listed worst first, and the download has them in their own order."""
    page.set_input_files("#files", unseen)
    page.wait_for_selector("#result:not([hidden])")
    answer = httpx2.post(
        f"{url}/v1/score?model=orders&explain=true",
        content=Path(unseen).read_bytes(),
        headers={"content-type": "text/csv"},
    ).json()["rows"]
    order = np.argsort([row["score"] for row in answer], kind="stable")
    listed = page.locator("#rows td:first-child button").all_inner_texts()
    assert [int(text) for text in listed] == (order + 1).tolist()
    n_odd = sum(row["is_anomaly"] for row in answer)
    assert page.inner_text("#summary").startswith(f"{n_odd} of {len(answer)} rows ")
    worst = answer[order[0]]["top_columns"][0]
    first = page.inner_text("#rows tr:first-child")
    assert f"{worst['observed']}, expected {worst['expected']}" in first
    assert f"nats ({100 * worst['share']:.0f} %)" in first
    assert f"{answer[order[0]]['severity']:.1f}" in first.split()
    with page.expect_download() as download:
        page.click("#download")
    download.value.save_as(tmp_path / "scored.csv")
    given, back = read_rows(unseen), read_rows(tmp_path / "scored.csv")
    assert [{name: row[name] for name in given[0]} for row in back] == given
    for name in ("score", "severity"):
        assert [float(row[name]) for row in back] == [row[name] for row in answer]


def test_a_row_opens_at_its_number(page: Any, unseen: str) -> None:
    page.set_input_files("#files", unseen)
    page.click("#rows tr:first-child button")
    opened = page.inner_text("#rows tr:nth-child(2)")
    assert all(name in opened for name in COLUMNS)


def test_anomalies_alone_are_listed_when_asked_for(page: Any, unseen: str) -> None:
    page.set_input_files("#files", unseen)
    page.wait_for_selector("#result:not([hidden])")
    n_odd = int(page.inner_text("#summary").split()[0])
    page.check("#only")
    assert page.locator("#rows button").count() == n_odd > 0


def test_cells_of_a_spreadsheet_are_rows(page: Any, unseen: str) -> None:
    """They are parted by tabs; other columns and quoted line breaks do no harm."""
    score(page, Path(unseen).read_text())
    wanted = page.inner_text("#rows")
    rows = list(csv.reader(io.StringIO(Path(unseen).read_text())))
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter="\t")
    writer.writerows(
        [row[0], *row[1:], note] for row, note in zip(rows, ["note", *['a\n"b"\tc,;'] * 40], strict=True)
    )
    score(page, stream.getvalue())
    assert page.inner_text("#rows") == wanted


def test_what_a_person_says_about_a_row_is_stored(judged: Any, unseen: str, tmp_path: Path) -> None:
    """The button that is pressed shows it; pressed again it withdraws."""
    judged.click("#tab-score")
    judged.set_input_files("#files", unseen)
    first = judged.locator("#rows tr:first-child")
    first.get_by_role("button", name="anomalous").click()
    judged.wait_for_selector("#rows button[aria-pressed=true]")
    assert first.locator("[aria-pressed=true]").inner_text() == "anomalous"
    first.get_by_role("button", name="normal").click()
    judged.wait_for_selector("#rows button[aria-pressed=true] >> text=normal")
    first.get_by_role("button", name="normal").click()
    judged.locator("#rows [aria-pressed=true]").wait_for(state="detached")
    number = int(first.locator("button").first.inner_text())
    lines = stored_verdicts(tmp_path)
    assert [line["verdict"] for line in lines] == ["anomalous", "normal", None]
    assert len({line["verdict_id"] for line in lines}) == 1
    assert lines[0]["color"] == read_rows(unseen)[number - 1]["color"]


def test_without_a_folder_there_are_no_buttons_for_verdicts(page: Any, unseen: str) -> None:
    page.set_input_files("#files", unseen)
    page.wait_for_selector("#result:not([hidden])")
    assert page.locator(".verdict").count() == 0
    assert page.is_hidden("#verdict")


def test_more_rows_than_one_request_may_have_go_in_parts(page: Any, tmp_path: Path) -> None:
    path = write_table(tmp_path / "many.csv", COLUMNS, orders(1200, seed=2))
    page.set_input_files("#files", path)
    page.wait_for_selector("#result:not([hidden])")
    assert " of 1,200 rows " in page.inner_text("#summary")
    assert page.locator("#rows button").count() == 100
    page.click("#more")
    assert page.locator("#rows button").count() == 200


def test_a_row_that_cannot_be_read_is_told_by_its_line(page: Any, tmp_path: Path) -> None:
    """Also in a later part, and behind a cell of several lines."""
    rows = orders(700, seed=2)
    rows[3][0], rows[650][1] = "a\nb", "plenty"
    page.set_input_files("#files", write_table(tmp_path / "bad.csv", COLUMNS, rows))
    page.wait_for_selector("#problem:not([hidden])")
    assert page.inner_text("#problem").splitlines() == [
        "One row cannot be read, and nothing was scored:",
        "Line 653: column 'amount': wanted a number, got 'plenty'",
    ]


def test_a_file_in_another_encoding_is_refused(page: Any, tmp_path: Path) -> None:
    """Letters beyond ASCII would be values that training never saw."""
    path = tmp_path / "old.csv"
    path.write_bytes("color,amount\ngr\xfcn,1\n".encode("cp1252"))
    page.set_input_files("#files", path)
    page.wait_for_selector("#problem:not([hidden])")
    assert page.inner_text("#problem") == "old.csv is not in UTF-8. Save it as CSV in UTF-8."


def test_a_service_without_a_model_says_so(page: Any) -> None:
    """As while its only file cannot be loaded; the page says so whatever is asked for."""
    page.route("**/v1/models", lambda route: route.fulfill(json={"models": []}))
    page.reload()
    page.click("#tab-score")
    for button in ("#score", "#example"):
        page.click(button)
        page.locator("#problem", has_text="No model is served yet.").wait_for()


def test_what_is_no_table_is_told_in_words(page: Any) -> None:
    for text, said in {
        "": "There is nothing to score yet",
        "amount,count": "no row below it",
        "amount,count\n1,2,3": "Line 2: has 3 cells, and the header line has 2.",
        'amount,count\n"1,2': "Line 2: a quote is opened and never closed.",
        "count\n1": "there is no column 'amount'",
    }.items():
        page.fill("#text", text)
        page.click("#score")
        page.locator("#problem", has_text=said).wait_for()
        assert page.is_hidden("#result")


def test_nothing_that_was_given_is_read_as_html(page: Any) -> None:
    evil = "<img src=x onerror=alert(1)>"
    rows = orders(3)
    for row in rows:
        row[3] = evil
    page.on("dialog", lambda dialog: pytest.fail("a cell was run"))
    score(page, "\n".join(",".join(row) for row in [COLUMNS, *rows]))
    page.click("#rows tr:first-child button")
    assert evil in page.inner_text("#rows tr:nth-child(2)")
    assert page.locator("#rows img").count() == 0


def drop(page: Any, *paths: Path) -> None:
    """Drop image files on the page, from a file manager."""
    contents = [(path.name, base64.b64encode(path.read_bytes()).decode()) for path in paths]
    page.evaluate(
        """(contents) => {
          const data = new DataTransfer();
          for (const [name, text] of contents) {
            const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
            data.items.add(new File([bytes], name, { type: "image/png" }));
          }
          dispatchEvent(new DragEvent("drop", { dataTransfer: data, cancelable: true }));
        }""",
        contents,
    )


def test_images_are_shown_with_their_heat(page: Any, plates: Path) -> None:
    choose(page, "plates")
    files = [
        *sorted((plates / "test" / "good").iterdir())[:2],
        *sorted((plates / "test" / "scratch").iterdir()),
    ]
    drop(page, *files)
    page.wait_for_selector("#result:not([hidden])")
    assert page.locator("#rows img.heat").count() == len(files)
    assert (
        page.locator("#rows img.heat").first.evaluate(
            "image => image.decode().then(() => image.naturalWidth)"
        )
        > 32
    )
    choose(page, "orders")
    drop(page, files[0])
    page.wait_for_selector("#problem:not([hidden])")
    assert "takes a table" in page.inner_text("#problem")


def test_csv_is_read_as_python_reads_it(page: Any) -> None:
    """And what is written is read the same."""
    random = np.random.default_rng(0)
    signs = ["a", "b", '"', ",", "\n", "\r", ";", " ", "é", "😀", ""]
    tables = [
        [["x", "y"], *(["".join(random.choice(signs, 6)) or "-" for _ in range(2)] for _ in range(4))]
        for _ in range(100)
    ]
    texts = []
    for table in tables:
        stream = io.StringIO()
        csv.writer(stream).writerows(table)
        texts.append(stream.getvalue())
    read = """async (texts) => {
      const { parseCsv, writeCsv } = await import("/static/csv.js");
      const all = ({ names, rows }) => [names, ...rows];
      const again = ({ names, rows }) => parseCsv(writeCsv(names, rows));
      return texts.map(parseCsv).map((table) => [all(table), all(again(table))]);
    }"""
    for table, (once, twice) in zip(tables, page.evaluate(read, texts), strict=True):
        assert once == twice == table


def test_the_description_can_be_tried(page: Any, url: str) -> None:
    """Every request with a body for the models that are served is answered, and its command as well."""
    page.goto(f"{url}/docs")
    operation = page.locator("details", has_text="/v1/score")
    assert f"curl '{url}/v1/score?model=orders&explain=true'" in operation.inner_text()
    operation.get_by_role("button", name="Send").click()
    answer = operation.locator("pre[role=status]")
    answer.wait_for()
    assert answer.inner_text().startswith("200\n")
    assert len(json.loads(answer.inner_text().partition("\n")[2])["rows"]) == 3
    infer = page.locator("details", has_text="/v2/models/{name}/infer")
    infer.locator("summary").click()
    infer.get_by_role("button", name="Send").click()
    infer.locator("pre[role=status]").wait_for()
    assert infer.locator("pre[role=status]").inner_text().startswith("200\n")


def test_a_key_is_asked_for_and_kept_for_the_tab(browser: Any, model: str) -> None:
    key, line = new_key("score")
    with serving_here([model], keys=line) as url:
        page = browser.new_page()
        page.goto(url)
        for typed in ("wrong", key):
            page.wait_for_selector("#key:not([hidden])")
            page.fill("#key-text", typed)
            page.click("#key button")
        page.wait_for_selector("#model option", state="attached")
        assert page.is_hidden("#key")
        page.click("#tab-score")
        page.click("#example")
        page.wait_for_selector("#result:not([hidden])")
        page.goto(f"{url}/docs")
        page.wait_for_selector("#operations:not([hidden])")
        page.close()
