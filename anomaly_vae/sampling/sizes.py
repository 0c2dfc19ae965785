"""How many rows a fit of a table reads, trains on and holds out."""

from __future__ import annotations

SAMPLE_ROWS = 250_000
"""Rows that are drawn from a longer stream or file; a fit trains on most and calibrates with others."""

MAX_TRAIN_ROWS = 200_000
"""The most rows that training samples from; the step budget cannot visit more."""

MAX_CALIBRATION_ROWS = 100_000
"""The most held-out rows that calibration keeps; the smallest p-value is then 1e-5."""

MAX_EXAMPLES = 1_000
"""The most rows that are trained on because of their words, besides those that were drawn."""

MAX_WATCHED_ROWS = 2_000
"""The most rows that are neither trained on nor held out, and that set the weights of the members."""


def n_held_out(n_rows: int, fraction: float | str, *, auto: int, most: float, least: int) -> int:
    """Rows to hold out: "auto" is a tenth, but at least ``auto`` rows and at most a share of ``most``."""
    share = min(max(0.1, auto / n_rows), most) if isinstance(fraction, str) else fraction
    return min(max(round(share * n_rows), least), n_rows - 1)


def n_held_out_rows(n_rows: int, fraction: float | str) -> int:
    """Rows of a table to hold out."""
    return n_held_out(n_rows, fraction, auto=1_000, most=0.25, least=1)


def n_watched(n_train: int) -> int:
    """How many of the rows that are not held out are watched, and not trained on."""
    return min(n_train // 9, MAX_WATCHED_ROWS)


def n_watched_of(n_held_out: int, n_train: int, early_stopping: bool) -> int:
    """How many of the rows that are held out are watched, if they were given; the others calibrate."""
    return n_held_out // 2 if early_stopping else min(n_train // 8, MAX_WATCHED_ROWS, n_held_out // 2)


def n_drawn(n_rows: int, fraction: float | str) -> tuple[int, int]:
    """How many rows to draw to hold out, and to train on, so that a fit uses all of them.

    Those to hold out include as many as a fit of ``n_rows`` rows would watch.
    """
    n_out = n_held_out_rows(n_rows, fraction)
    n_out += n_watched(n_rows - n_out)
    n_train = min(n_rows - n_out, MAX_TRAIN_ROWS - MAX_EXAMPLES)
    return min(n_out, 2 * MAX_CALIBRATION_ROWS), n_train
