"""Whether the first row has the names of the columns."""

from __future__ import annotations

import pytest

from anomaly_vae_pipelines.dialects.headers import has_header


@pytest.mark.parametrize(
    ("first", "body", "answer"),
    [
        (["a", "b"], [["1", "x"], ["2", "y"]], True),
        (["1", "2"], [["3", "4"], ["5", "7"]], False),
        (["p", "x", "s"], [["e", "x", "y"], ["p", "b", "s"]], False),
        (["city", "shape"], [["Bonn", "round"], ["Köln", "flat"]], None),
        (["city", "shape"], [["Bonn", "round"], ["Köln", "flat"]] * 5, True),
        (["0", "1", "2"], [["1.5", "x", "3"], ["2.5", "y", "3"]], True),
        (["1", "2", "3"], [["2", "3", "4"], ["3", "4", "5"]], False),
        (["country", "2019", "2020"], [["A", "1.5", "2"], ["B", "2", "3"]], True),
        (["", "1900"], [["1", "5"], ["2", "7"]], None),
        (["", "1940", "1945"], [["Food", "22.2", "44.5"], ["Care", "3.53", "5.76"]], True),
        (["", "0", "1"], [["0", "5.1", "4.9"], ["1", "5.2", "4.7"]], True),
        (["", "0", "1", "2", "3"], [["0", "27", "29", "10", "8"], ["1", "59", "53", "14", "12"]], True),
        (["", "0", "1", "2", "3"], [["0", "1", "2", "3", "4"], ["1", "2", "3", "4", "5"]], True),
        (["", "142.24", "144.78"], [["9.4", "0", "0"], ["9.5", "0", "1"]], None),
        (["", "1", "4"], [["", "2", "4"], ["7", "2", "4"]], False),
        (["", "9", "4"], [["5", "2", "4"], ["7", "2", "4"]], False),
        (["", "class", "age"], [["1", "first", "adults"], ["2", "first", "children"]], None),
        (["", "class", "age"], [[f"{i}", "1st", "adults"] for i in range(8)], True),
        (["", "1st", "age"], [["1", "1st", "adults"], ["2", "1st", "children"]], False),
        (["yes", "1", "2", "no"], [["yes", "1", "2", "no"], ["no", "2", "3", "no"]], False),
        (["x", "7", "3"], [["1.5", "3", "4"], ["2.5", "4", "5"]], None),
        (["A11", "6", "A34"], [["A12", "48", "A32"], ["A14", "12", "A34"]], False),
    ],
)
def test_names_are_told_from_values(first, body, answer):
    assert has_header(first, body) is answer
