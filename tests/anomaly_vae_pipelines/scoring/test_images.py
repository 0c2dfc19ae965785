"""Images in, scored rows out."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly_vae import load
from anomaly_vae_pipelines.images.frame import Frame
from anomaly_vae_pipelines.images.layouts import list_images
from anomaly_vae_pipelines.records import ImageRows
from anomaly_vae_pipelines.scoring.images import ImageScorer
from anomaly_vae_pipelines.sources.images import ImageSource
from tests.anomaly_vae_pipelines.conftest import text_rows
from tests.anomaly_vae_pipelines.image_files import SIZE


@pytest.fixture(scope="module")
def detector(image_model):
    return load(image_model)


@pytest.fixture
def rows(plates) -> ImageRows:
    files = list_images(str(plates / "test"))
    with ImageSource("test", files, Frame(SIZE, 1)) as source:
        (block,) = source.blocks()
        return source.read(block, source.columns).rows


def test_scores_are_those_of_the_detector(detector, rows):
    """With p-values, decisions, and reasons for what is flagged."""
    scored, rejected = ImageScorer(detector)(rows)
    assert rejected == []
    assert (scored.scores == detector.score_samples(rows.images)).all()
    assert scored.p_values == pytest.approx(detector.p_values(rows.images))
    shares = [reason.share for reasons in scored.reasons.values() for reason in reasons]
    assert all(0.0 < share <= 1.0 for share in shares)
    assert scored.severities == pytest.approx(detector.severity(rows.images))
    assert (scored.is_anomaly == (detector.predict(rows.images) == -1)).all()
    assert set(scored.reasons) == set(np.flatnonzero(scored.is_anomaly))


def test_reasons_are_given_for_the_requested_images(detector, rows):
    """All, the flagged, or none."""
    assert len(ImageScorer(detector, explain="all")(rows).rows.reasons) == len(rows)
    assert ImageScorer(detector, explain="none")(rows).rows.reasons == {}
    everything = ImageScorer(detector, offset=np.inf)(rows).rows
    assert everything.is_anomaly.all()
    assert len(everything.reasons) == len(rows)


def test_no_images_are_no_results(detector, rows):
    """And no call to the detector."""
    none = rows.take(np.zeros(len(rows), dtype=bool))
    assert len(ImageScorer(detector)(none).rows) == 0


def test_rows_of_a_table_are_a_fault_of_the_caller(detector):
    """They are refused before they get here."""
    with pytest.raises(TypeError, match="wanted images, got Rows"):
        ImageScorer(detector)(text_rows(["a"], [["1"]]))
