"""Draw ``docs/images/page*.png``, the pictures of the service's page, from data that scikit-learn ships.

    python docs/images/draw_page.py          # needs Chromium

The service has two models: ``tumours``, fitted on the 178 benign tumours of ``anomaly-vae demo``, and
``digits``, fitted on 120 zeros. The other 285 tumours are scored over one day, of which a clock of its own
tells the hours, and zeros and sixes before them. Times in a picture are those of the day on which it is
drawn.
"""

from __future__ import annotations

import io
import random
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2
import numpy as np
import pandas as pd
import uvicorn
from click.testing import CliRunner
from PIL import Image
from playwright.sync_api import sync_playwright
from sklearn.datasets import load_digits

from anomaly_vae import ImageVAEDetector
from anomaly_vae_pipelines.cli.main import cli
from anomaly_vae_pipelines.service.app import create_app
from anomaly_vae_pipelines.service.models.history import History
from anomaly_vae_pipelines.service.models.registry import Registry, ServedModel, load_served
from anomaly_vae_pipelines.service.settings import Settings

FOLDER = Path(__file__).parent
DAY = 86_400
_N_COLOURS = 128


class Clock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.now = time.time() - DAY + 3600

    def __call__(self) -> float:
        """The time in seconds since 1970."""
        return self.now


@contextmanager
def service(folder: Path, clock: Clock) -> Iterator[str]:
    """The URL of a service of both models."""
    registry = Registry(Settings(ids=("patient",), verdicts_folder=folder))
    registry.history = History("memory", clock)
    registry.put(load_served("tumours", "1", str(folder / "model.avae")))
    digits = load_digits()
    zeros = digits.images[digits.target == 0]
    registry.put(ServedModel("digits", "1", ImageVAEDetector(random_state=0).fit(zeros[:120])))
    registry.history.reloaded("tumours", "1")
    registry.history.reloaded("digits", "1")
    app = create_app(registry, Settings(ids=("patient",), verdicts_folder=folder))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def score_a_day(url: str, table: pd.DataFrame, clock: Clock) -> None:
    """Score the rows of a table in small parts over a day, after some images."""
    draw, end = random.Random(0), time.time()
    times = sorted(
        [draw.uniform(clock.now, end) for _ in range(50)] + [draw.uniform(end - 3500, end) for _ in range(12)]
    )
    score_images(url)
    for moment, rows in zip(
        times, np.array_split(np.random.default_rng(0).permutation(len(table)), len(times)), strict=True
    ):
        clock.now = moment
        body = table.iloc[rows].to_csv(index=False)
        httpx2.post(
            f"{url}/v1/score?model=tumours", content=body, headers={"content-type": "text/csv"}
        ).raise_for_status()
        httpx2.get(f"{url}/v1/overview").raise_for_status()  # as a page that is open does
    clock.now = end


def score_images(url: str) -> None:
    """Score zeros and sixes."""
    digits = load_digits()
    shown = [*digits.images[digits.target == 0][120:150], *digits.images[digits.target == 6][:6]]
    files = [("file", (f"digit-{number}.png", png(pixels))) for number, pixels in enumerate(shown)]
    httpx2.post(f"{url}/v1/score?model=digits", files=files).raise_for_status()


def png(pixels: Any) -> bytes:
    """Pixels of 0 to 16 as a PNG file."""
    stream = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def picture(page: Any, name: str, *, height: int) -> None:
    """Write what the page shows as a small PNG."""
    size = {"width": page.viewport_size["width"], "height": height}
    page.set_viewport_size(size)
    page.evaluate("scrollTo(0, 0)")
    shot = Image.open(io.BytesIO(page.screenshot()))
    shot.convert("RGB").quantize(_N_COLOURS).save(FOLDER / f"{name}.png", optimize=True)


def draw(folder: Path) -> None:
    """Draw all pictures."""
    result = CliRunner(catch_exceptions=False).invoke(cli, ["demo", "--out", str(folder / "demo")])
    assert result.exit_code == 0, result.output
    table, clock = pd.read_csv(folder / "demo/test.csv", dtype={"patient": str}), Clock()
    browser_path = shutil.which("chromium") or shutil.which("google-chrome")
    with service(folder / "demo", clock) as url, sync_playwright() as running:
        score_a_day(url, table.drop(columns="diagnosis"), clock)
        browser = running.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        for name, width, height, scheme in (
            ("page", 1280, 1500, "light"),
            ("page-dark", 1280, 1500, "dark"),
            ("page-narrow", 400, 2300, "light"),
        ):
            page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
            page.goto(url)
            page.wait_for_selector(".anomaly")
            page.locator("select").first.select_option("hours")
            page.locator(".anomaly summary").filter(has_text="patient").first.click()
            picture(page, name, height=height)
        page = browser.new_page(viewport={"width": 1180, "height": 900})
        page.goto(f"{url}/#score")
        page.wait_for_selector("#model option", state="attached")
        page.set_input_files("#files", folder / "demo/test.csv")
        page.wait_for_selector("#result:not([hidden])")
        picture(page, "page-score", height=900)
        browser.close()


if __name__ == "__main__":
    with TemporaryDirectory() as name:
        draw(Path(name))
