"""A martingale over columns: what it finds, and in what."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly_vae import InputError
from anomaly_vae.drift.watch import Watch, check_rate
from tests.anomaly_vae.conftest import mixed_table
from tests.anomaly_vae.drift.references import names, reference, rows


def test_still_rows_of_every_kind_of_column_raise_no_alarm():
    watch = Watch(reference(), 0.01)
    watch.update(rows(mixed_table(3_000, 7)).codes)
    assert watch.found() == {}


def test_the_column_that_moved_is_named_with_what_moved():
    table = mixed_table(400, 8)
    table["length"] += table["length"].std()
    watch = Watch(reference(), 0.01)
    watch.update(rows(table).codes)
    ((column, found),) = watch.found().items()
    assert names()[column] == "length"
    assert found.aspects == ("values",)
    assert found.since < 150


def test_nats_and_scores_are_watched_beside_values():
    watch = Watch(reference(), 0.01)
    watch.update(rows(mixed_table(400, 9), lower=1.5).codes)
    assert {reference().names[column] for column in watch.found()} == {"length", "score"}
    assert {found.aspects for found in watch.found().values()} == {("nats",)}


def test_it_stops_starts_again_and_restores_its_state():
    table = mixed_table(400, 8)
    table["note"] = np.nan
    codes = rows(table).codes
    watch, other = Watch(reference(), 0.01), Watch(reference(), 0.01)
    watch.update(codes[:10])
    other.set_state(watch.get_state())
    assert watch.update(codes[10:], stop=True) == other.update(codes[10:], stop=True) == watch.n_rows - 10
    assert list(watch.found()) == [names().index("note")]
    watch.restart()
    assert watch.found() == {}


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1, float("nan")])
def test_a_rate_is_between_0_and_1(rate):
    with pytest.raises(InputError, match="rate must be between 0 and 1"):
        check_rate(rate)
