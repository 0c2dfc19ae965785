"""ImageExplanations: contributions and reasons, for both types of score."""

from __future__ import annotations

import pytest

from anomaly_vae import ImageVAEDetector
from tests.anomaly_vae.plates import SIDE, plates, scratched


def test_explanations_name_the_scratch(image_detector: ImageVAEDetector) -> None:
    """The first position that is named is in the neighbourhood of the scratch."""
    odd, masks = scratched(plates(20, 4), 5)
    hits = 0
    for reasons, mask in zip(image_detector.explain(odd), masks, strict=True):
        places = [name for name, nats in reasons if name != "shape" and nats < 0]
        y, x = (int(part.split("=")[1]) for part in places[0].split())
        hits += bool(mask[max(y - 4, 0) : y + 5, max(x - 4, 0) : x + 5].any())
    assert hits >= 18


@pytest.mark.parametrize("name", ["image_detector", "elbo_detector"])
def test_contributions_sum_to_the_score(name: str, request: pytest.FixtureRequest) -> None:
    """Pixels and the last column together, for both types of score."""
    fitted = request.getfixturevalue(name)
    odd, _ = scratched(plates(10, 6), 7)
    contributions = fitted.score_contributions(odd)
    assert contributions.shape == (10, SIDE * SIDE + 1)
    assert contributions.sum(axis=1) == pytest.approx(fitted.score_samples(odd), rel=1e-9)
