"""What a notebook shows of a detector: the diagram of scikit-learn, and a summary once it is fitted."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from sklearn import config_context
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from anomaly_vae import ImageVAEDetector, TabularVAEDetector
from anomaly_vae.detectors._summary import caption, summary_html


def _own(text: str) -> ET.Element:
    """The table of the summary, which is well-formed."""
    (table,) = re.findall(r'<table class="anomaly-vae-summary".*</table>', text)
    return ET.fromstring(table)


def test_a_fitted_detector_is_shown_with_its_rows_columns_and_threshold(fitted: TabularVAEDetector) -> None:
    """Below the diagram, in both forms that notebooks ask for."""
    for text in (fitted._repr_html_(), fitted._repr_mimebundle_()["text/html"]):
        assert "sk-top-container" in text
        own = _own(text)
        cells = {row[0].text: "".join(row[1].itertext()) for row in own}
        assert cells["rows"].startswith(f"400 trained on, {len(fitted.calibration_scores_)} for")
        assert cells["columns"] == "4 numeric, 1 categorical, 1 boolean, 1 datetime, 1 constant"
        assert f"{fitted.offset_:,.4g}".replace("-", "−") in cells["threshold"]
        assert f"{100 * (fitted.false_alarm_rate_ or 0):.3g} %" in cells["threshold"]


def test_the_history_is_a_line_with_a_point_per_check(fitted: TabularVAEDetector) -> None:
    """The highest ELBO is the highest point."""
    own = _own(fitted._repr_html_())
    (line,) = own.iter("polyline")
    points = [tuple(map(float, point.split(","))) for point in line.attrib["points"].split()]
    elbos = fitted.history_["elbo_train"]
    assert len(points) == len(elbos)
    assert min(points, key=lambda point: point[1]) == points[int(elbos.argmax())]


def test_the_summary_has_no_script_and_no_address(fitted: TabularVAEDetector) -> None:
    """So that a page with a strict policy shows it."""
    text = summary_html(fitted.metadata(), fitted.history_).lower()
    assert not [word for word in ("<script", "http", "href", "src=", "url(", "onload") if word in text]


def test_texts_are_escaped(fitted: TabularVAEDetector) -> None:
    """Of a kind that a forged model could have."""
    metadata = fitted.metadata() | {"schema": [{"name": "a", "kind": "<script>alert(1)</script>"}]}
    assert "<script" not in summary_html(metadata, fitted.history_)


@pytest.mark.parametrize(
    "history", [{}, {"step": np.zeros(0), "elbo_train": np.zeros(0)}, {"step": [1], "elbo_train": [np.nan]}]
)
def test_a_history_that_cannot_be_drawn_is_left_out(fitted: TabularVAEDetector, history: dict) -> None:
    """A model file may have one; the other lines stay."""
    text = summary_html(fitted.metadata(), history)
    assert "<svg" not in text
    assert "threshold" in text


@pytest.mark.parametrize("kind", [TabularVAEDetector, ImageVAEDetector])
def test_an_unfitted_detector_is_shown_as_any_estimator(kind: type) -> None:
    """Without a summary, and without a caption in its box."""
    detector = kind(verbose=1)
    assert "anomaly-vae-summary" not in detector._repr_html_()
    assert not hasattr(detector, "_sk_visual_block_")
    assert "nats" not in make_pipeline(detector)._repr_html_().partition("</style>")[2]


def test_a_pipeline_shows_the_summary_in_the_box_of_the_detector(fitted: TabularVAEDetector) -> None:
    """Rows, columns and threshold in one line."""
    text = make_pipeline(FunctionTransformer(), fitted)._repr_html_()
    assert caption(fitted.metadata()) in text
    assert caption(fitted.metadata()).startswith("400 rows; 4 numeric, ")


def test_images_are_shown_by_their_size(image_detector: ImageVAEDetector) -> None:
    """In pixels."""
    height, width = image_detector.image_size_
    assert f"{height} x {width} pixels, grey" in image_detector._repr_html_()


def test_the_text_form_stays(fitted: TabularVAEDetector) -> None:
    """For those who turned diagrams off."""
    with config_context(display="text"):
        assert set(fitted._repr_mimebundle_()) == {"text/plain"}
        assert not hasattr(fitted, "_repr_html_")
