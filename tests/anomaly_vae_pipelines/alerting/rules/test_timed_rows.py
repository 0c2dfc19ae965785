"""Rows as rules see them: grouped by key, with a location and a label each."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from anomaly_vae_pipelines.alerting.records import MAX_REASONS
from anomaly_vae_pipelines.alerting.rules.timed_rows import TimedRows
from anomaly_vae_pipelines.reasons import Reason
from tests.anomaly_vae_pipelines.alerting.streams import scored

CELLS = st.lists(st.tuples(st.sampled_from(["a", "b", ""]), st.sampled_from(["x", "y"])), max_size=30)


@given(cells=CELLS)
def test_groups_are_the_rows_of_each_value_of_the_key(cells):
    """In the order of their first rows, for one column, for two, and for none."""
    batch = scored([False] * len(cells), host=[host for host, _ in cells], zone=[zone for _, zone in cells])
    timed = TimedRows(batch, np.zeros(len(cells)))
    for key, values in (
        (("host",), [(host,) for host, _ in cells]),
        (("host", "zone"), cells),
        ((), [()] * len(cells)),
    ):
        expected = {value: [i for i, other in enumerate(values) if other == value] for value in values}
        groups = [(value, positions.tolist()) for value, positions in timed.groups(key)]
        assert groups == list(expected.items())


def test_a_location_distinguishes_rows_with_other_cells():
    """The same line of another file of the same name has another fingerprint."""
    one, same, other = (TimedRows(scored([True], city=[city]), np.zeros(1)).location(0) for city in "aab")
    assert (one.source, one.number) == ("rows.csv", 2)
    assert one == same
    assert (one.source, one.number) == (other.source, other.number)
    assert one.fingerprint != other.fingerprint


def test_a_row_has_finite_numbers_its_first_reasons_and_a_label():
    """Numbers that JSON cannot represent are None."""
    batch = scored([True], scores=[float("-inf")], city=["Oslo"])
    batch.reasons[0] = [Reason(f"c{i}", -1.0, None, None) for i in range(99)]
    row = TimedRows(batch, np.zeros(1), ["city"]).row(0)
    assert (row.score, row.p_value, row.severity) == (None, 1e-4, 40.0)
    assert len(row.reasons) == MAX_REASONS
    assert (row.ids, row.name) == ({"city": "Oslo"}, "city=Oslo (line 2)")
