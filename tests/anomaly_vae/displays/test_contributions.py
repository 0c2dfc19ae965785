"""ContributionDisplay: its bars lead from the typical score to that of the row."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from anomaly_vae import ImageVAEDetector, InputError, TabularVAEDetector
from anomaly_vae.displays import ContributionDisplay
from tests.anomaly_vae.displays.comparing import difference
from tests.anomaly_vae.plates import plates


@pytest.mark.parametrize("n_columns", [1, 3, 99])
def test_the_bars_lead_from_the_typical_score_to_the_score(
    fitted: TabularVAEDetector, fresh: pd.DataFrame, n_columns: int
) -> None:
    """Each starts where the one before it ends; the columns with the largest contributions come first."""
    display = ContributionDisplay.from_estimator(fitted, fresh, row=7, n_columns=n_columns)
    bars = display.bars_
    assert len(bars) == min(n_columns + 1, len(display.names))
    assert bars[0][1] == pytest.approx(fitted.typical_contributions_.sum())
    assert bars[-1][2] == pytest.approx(fitted.score_samples(fresh.iloc[7:8])[0])
    assert [start for _, start, _ in bars[1:]] == [end for *_, end in bars[:-1]]
    lengths = [abs(end - start) for _, start, end in bars[:n_columns]]
    assert lengths == sorted(lengths, reverse=True)
    drawn = [patch.get_width() for patch in display.ax_.patches]  # type: ignore[attr-defined]
    assert drawn == pytest.approx([end - start for _, start, end in bars])


def test_the_worst_bar_is_the_first_reason(fitted: TabularVAEDetector, fresh: pd.DataFrame) -> None:
    """The column and nats of ``explain``, with its cell and the reconstructed one."""
    row = fresh.iloc[[3]].assign(colour="purple", length=99.0)
    display = ContributionDisplay.from_estimator(make_pipeline(FunctionTransformer(), fitted), row)
    [[(name, nats)]] = fitted.explain(row, n_columns=1)
    worst, start, end = display.bars_[0]
    assert (worst, end - start) == (name, pytest.approx(nats))
    position = display.names.index(worst)
    assert display.observed[position] == row[worst].iloc[0]
    assert display.expected[position] == fitted.reconstruct(row)[worst].iloc[0]
    label = display.ax_.get_yticklabels()[0].get_text()
    assert label.startswith(f"{worst}\n99, expected ")


def test_images_have_no_columns(image_detector: ImageVAEDetector) -> None:
    """An error names the display."""
    with pytest.raises(InputError, match="ContributionDisplay shows columns of a table"):
        ContributionDisplay.from_estimator(image_detector, plates(2, 1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["a"], [1.0, 2.0], {}), "1 names, but 2 contributions"),
        ((["a"], [1.0], {"observed": [1]}), "the same number of cells"),
    ],
)
def test_inconsistent_parts_are_an_error(
    arguments: tuple[list[str], list[float], dict], message: str
) -> None:
    """The message has both numbers."""
    names, nats, more = arguments
    with pytest.raises(InputError, match=message):
        ContributionDisplay(names, nats, typical_score=0.0, **more)


def test_the_number_of_columns_is_checked() -> None:
    """At least one."""
    with pytest.raises(InputError, match="n_columns must be a whole number of at least 1, got 0"):
        ContributionDisplay.from_predictions(["a"], [1.0], typical_score=0.0, n_columns=0)


def test_it_looks_as_it_did(tmp_path: Path) -> None:
    """The baseline, with a long name, a dollar sign and a missing cell."""
    display = ContributionDisplay.from_predictions(
        ["a column whose name is longer than the axis", "price in $ and $", "count", "colour", "latent"],
        [-40.0, -12.5, 6.0, -3.0, -0.5],
        typical_score=-8.0,
        observed=[19_000, None, 3.25, "red"],
        expected=[120.5, 4.0, 3.0, "blue"],
        offset=-30.0,
        n_columns=3,
    )
    assert difference(display.figure_, "contributions", tmp_path) is None
