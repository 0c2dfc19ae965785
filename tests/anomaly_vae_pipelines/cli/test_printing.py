"""Output of commands."""

from __future__ import annotations

import json

import pytest

from anomaly_vae_pipelines.cli.printing import (
    actual_rate,
    echo_json,
    echo_pairs,
    image_text,
    printable,
    threshold_text,
)


def test_values_are_aligned(capsys):
    """Below the title, one line per name."""
    echo_pairs("title", [("a", "1"), ("long", "2")])
    assert capsys.readouterr().out == "title\n  a     1\n  long  2\n"


def test_json_has_no_nan(capsys):
    """No JSON parser has to accept what the standard does not have."""
    echo_json({"a": 1})
    assert json.loads(capsys.readouterr().out) == {"a": 1}
    with pytest.raises(ValueError, match="JSON"):
        echo_json({"a": float("nan")})


@pytest.mark.parametrize("text", ["\x1b[31m", "\r", "\n", "\x07", "\u202e"])
def test_control_characters_are_replaced(text):
    """A file cannot change the terminal."""
    assert printable(f"a{text}b").isprintable()
    assert printable("größe 42 %") == "größe 42 %"


def test_an_estimated_rate_is_marked():
    """A guaranteed rate is not, and without a rate only the threshold is shown."""
    assert threshold_text(-1.5, None, None) == "-1.5 nats"
    assert threshold_text(-1.5, 0.25, "empirical") == "-1.5 nats (false-alarm rate 0.25)"
    assert threshold_text(-1.5, 0.001, "gpd") == "-1.5 nats (false-alarm rate 0.001, estimated)"


def test_a_wide_interval_of_a_rate_is_told_in_one_line():
    """Wide is an upper end of more than 1.5 times the rate."""
    expected = "0.021 to 0.085 with 90 % confidence (175 calibration rows)"
    assert actual_rate(0.05, (0.0211, 0.0849), 175) == [("actual rate", expected)]
    assert actual_rate(0.05, (0.03, 0.075), 175) == []
    assert actual_rate(0.05, None, 175) == actual_rate(None, (0.03, 0.075), 175) == []
    assert actual_rate(0.5, (0.1, 0.9), 1, "image")[0][1].endswith("(1 calibration image)")


def test_images_are_described_by_size_and_colour():
    """Height comes first."""
    assert image_text(12, 16, 1) == "12 x 16 pixels, grey"
    assert image_text(12, 16, 3) == "12 x 16 pixels, colour"
