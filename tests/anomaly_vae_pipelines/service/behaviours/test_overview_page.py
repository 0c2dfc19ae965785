"""The overview of the page as a person uses it, in a real browser; skipped where there is none."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.anomaly_vae_pipelines.browsers import opened_page
from tests.anomaly_vae_pipelines.conftest import COLUMNS, orders, write_table
from tests.anomaly_vae_pipelines.service.live import serving_here, stored_verdicts


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Orders whose amounts are far higher than those of the fit."""
    rows = [[code, amount and f"{float(amount) + 500:.2f}", *rest] for code, amount, *rest in orders(250, 2)]
    return write_table(tmp_path_factory.mktemp("moved") / "moved.csv", COLUMNS, rows)


def post(url: str, path: str, **options: Any) -> None:
    """Score a file with the model of orders."""
    content, headers = Path(path).read_bytes(), {"content-type": "text/csv"}
    assert httpx2.post(f"{url}/v1/score", content=content, headers=headers, **options).status_code == 200


def overview(url: str) -> dict[str, Any]:
    """What the service knows."""
    return dict(httpx2.get(f"{url}/v1/overview").json())


def test_the_overview_follows_the_service(judged: Any, unseen: str, tmp_path: Path) -> None:
    """Anomalies appear without a reload, with their reasons, a link, and buttons for verdicts."""
    url = judged.url.rstrip("/")
    judged.wait_for_selector("text=No anomaly yet")
    assert judged.get_attribute("#tab-overview", "aria-selected") == "true"
    judged.evaluate("() => { window.isSame = true; }")
    post(url, unseen)
    judged.wait_for_selector("#anomalies .anomaly")
    assert judged.evaluate("window.isSame")
    content = overview(url)
    first = content["anomalies"][0]
    assert judged.locator(".anomaly").count() == len(content["anomalies"]) > 0
    assert f"code {first['ids']['code']}" in judged.inner_text(".anomaly:first-child summary")
    judged.focus(".anomaly:first-child summary")
    judged.keyboard.press("Enter")
    inside = judged.locator(".anomaly:first-child .inside")
    observed = [one["observed"] for one in first["costs"] if one["observed"] is not None]
    assert all(text in inside.inner_text() for text in observed)
    assert judged.locator(".anomaly[open] .waterfall rect").count() == len(first["costs"])
    inside.get_by_role("button", name="anomalous").click()
    judged.wait_for_selector(".anomaly button[aria-pressed=true]")
    assert [line["verdict"] for line in stored_verdicts(tmp_path)] == ["anomalous"]
    link = inside.get_by_role("link").get_attribute("href")
    judged.goto("about:blank")
    judged.goto(f"{url}/{link}")
    judged.wait_for_selector(".anomaly[open]")
    assert judged.get_attribute(".anomaly[open]", "id") == f"row={first['id']}"


def test_recent_anomalies_are_grouped_by_model_or_by_a_column(judged: Any, unseen: str) -> None:
    """Each value has a line, with as many bars as it has anomalies."""
    url = judged.url.rstrip("/")
    post(url, unseen)
    judged.wait_for_selector("#group-rows tr")
    anomalies = overview(url)["anomalies"]
    for column, values in (
        ("", ["orders"] * len(anomalies)),
        ("color", [one["cells"]["color"] for one in anomalies]),
    ):
        judged.select_option("#group-column", column)
        found = {
            line.locator("th").inner_text(): line.locator("rect").count()
            for line in judged.locator("#group-rows tr").all()
        }
        assert found == Counter(values)
    post(url, unseen)
    judged.locator(".anomaly").nth(2 * len(anomalies) - 1).wait_for(state="attached")
    assert judged.input_value("#group-column") == "color"
    assert judged.locator("#group-column option").nth(1).get_attribute("value") == "code"


def test_the_slider_counts_rows_and_changes_nothing(judged: Any, unseen: str) -> None:
    url = judged.url.rstrip("/")
    post(url, unseen)
    judged.wait_for_selector(".anomaly")
    before = overview(url)["models"][0]
    judged.focus("input[type=range]")
    for key, n_rows in (("Home", before["day"]["rows"]), ("End", 0)):
        judged.keyboard.press(key)
        assert f" {n_rows} of {before['day']['rows']} rows" in judged.inner_text("output")
    assert f"{before['day']['anomalies']} are" in judged.inner_text("output")
    drift, n_rows = before["score_drift"], before["score_drift_rows"]
    wanted = (
        "not known of so few rows" if drift is None else f"{drift:.2f} of 1, over the latest {n_rows} rows"
    )
    assert f"Drift of the scores: {wanted}." in judged.inner_text("#models")
    assert overview(url)["models"][0] == before


def test_columns_that_drift_are_shown(judged: Any, moved: str) -> None:
    """With effect, p-value and missing cells, once there are enough rows, and also on a narrow screen."""
    url = judged.url.rstrip("/")
    judged.wait_for_selector("text=Drift by column: not known of 0 rows; 200 are enough.")
    post(url, moved)
    judged.wait_for_selector("#models .drift[hidden]", state="detached")
    (model,) = overview(url)["models"]
    drifted = model["column_drift"]
    names = [one["column"] for one in drifted]
    assert "amount" in names
    summary = judged.inner_text("#models .drift summary")
    assert f"over {model['column_drift_rows']} of the latest rows" in summary
    judged.focus("#models .drift summary")
    judged.keyboard.press("Enter")
    lines = judged.locator("#models .drift tbody tr").all()
    shown = [line.locator("th").inner_text() for line in lines]
    assert shown == ["unusual combination" if name == "latent" else name for name in names]
    assert shown[0] in summary
    line = lines[names.index("amount")].inner_text()
    assert f"{drifted[names.index('amount')]['effect']:.2f}" in line
    assert "< 0.0001" in line
    judged.set_viewport_size({"width": 400, "height": 800})
    assert judged.evaluate("document.documentElement.scrollWidth") <= 400


def test_the_overview_shows_anomalies_of_before_a_restart_or_none_at_all(
    browser: Any, model: str, unseen: str, tmp_path: Path
) -> None:
    history = str(tmp_path / "history.db")
    with serving_here([f"orders={model}"], history=history) as url:
        post(url, unseen)
        n_odd = len(overview(url)["anomalies"])
    with serving_here([f"orders={model}"], history=history) as url, opened_page(browser, url) as page:
        page.wait_for_selector(".anomaly")
        assert page.locator(".anomaly").count() == n_odd > 0
    with serving_here([f"orders={model}"], history="off") as url, opened_page(browser, url) as page:
        post(url, unseen)
        page.wait_for_selector(f"text={n_odd} (")
        assert page.locator(".anomaly").count() == 0
        assert "This service keeps no rows." in page.inner_text("#panel-overview")
        assert "Drift by column" not in page.inner_text("#panel-overview")


def test_the_page_is_operated_by_keys_and_fits_every_screen(
    browser: Any, model: str, image_model: str, unseen: str
) -> None:
    """Keys change tabs and open rows; each chart is drawn at its width; 400 pixels need no scrolling."""
    models = [f"orders={model}", f"plates={image_model}"]
    with serving_here(models) as url, opened_page(browser, url) as page:
        post(url, unseen, params={"model": "orders"})
        page.wait_for_selector(".anomaly")
        page.focus("#tab-overview")
        for key, tab in (("ArrowRight", "score"), ("ArrowLeft", "overview")):
            page.keyboard.press(key)
            page.wait_for_selector(f"#panel-{tab}:not([hidden])")
            assert page.evaluate("document.activeElement.id") == f"tab-{tab}"
        page.reload()
        page.wait_for_selector(".anomaly")
        drawn = """() => [...document.querySelectorAll("#models figure")].map(
          (chart) => [chart.firstElementChild.viewBox.baseVal.width, chart.clientWidth])"""
        widths = page.evaluate(drawn)
        assert len(widths) == len(models)
        assert all(drawn == shown for drawn, shown in widths)
        page.focus(".anomaly summary")
        page.keyboard.press("Enter")
        page.wait_for_selector(".anomaly[open] .waterfall")
        for width in (400, 1280, 3840):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_axe_finds_nothing_serious(judged: Any, unseen: str, moved: str) -> None:
    """On the tabs, with a row open, and on the description of the API; and in dark colors."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()

    def serious() -> list[str]:
        judged.emulate_media(color_scheme="light")
        found = axe.run(judged).response["violations"]
        judged.emulate_media(color_scheme="dark")
        found += axe.run(judged, options={"runOnly": ["color-contrast"]}).response["violations"]
        return [one["id"] for one in found if one["impact"] in ("serious", "critical")]

    for path in (unseen, moved):
        post(judged.url.rstrip("/"), path)
    judged.wait_for_selector(".anomaly")
    judged.locator(".drift summary").click()
    judged.locator(".anomaly summary").first.click()
    assert serious() == []
    judged.click("#tab-score")
    judged.click("#example")
    judged.click("#rows tr:first-child button")
    assert serious() == []
    judged.goto(judged.url.partition("#")[0] + "docs")
    judged.locator("details").nth(1).click()
    assert serious() == []
