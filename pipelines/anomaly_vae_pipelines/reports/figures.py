"""Figures of a model in words: its threshold and how sure that is, shares in percent, ranges."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from anomaly_vae_pipelines.plurals import counted


def threshold_pairs(threshold: Mapping[str, Any], noun: str = "row") -> list[tuple[str, str]]:
    """Names and values of a threshold, its false-alarm rate, and the intervals that calibration leaves."""
    pairs = [("threshold", f"{threshold['offset']:.4g} nats; {noun}s that score lower are flagged")]
    if threshold["interval"] is not None:
        pairs.append(("its 90 % interval", range_text(threshold["interval"], lambda end: f"{end:.4g} nats")))
    if threshold["false_alarm_rate"] is not None:
        basis = "estimated" if threshold["tail"] == "gpd" else "at most, on average over calibrations"
        pairs.append(("false-alarm rate", f"{percent(threshold['false_alarm_rate'])} ({basis})"))
    if threshold["false_alarm_interval"] is not None:
        pairs.append(
            ("90 % interval of the actual rate", range_text(threshold["false_alarm_interval"], percent))
        )
    return [*pairs, ("calibration", counted(threshold["n_calibration"], f"held-out {noun}"))]


def range_text(ends: Sequence[float | None], shown: Callable[[float], str]) -> str:
    """Both ends of a range, of which an infinite one is None."""
    low, high = ("no bound" if end is None else shown(end) for end in ends)
    return f"{low} to {high}"


def percent(share: float | None) -> str:
    """A share in percent, with two digits."""
    return "none" if share is None else f"{100 * share:.2g} %" if share < 1 else "100 %"
