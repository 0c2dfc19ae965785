"""Output of commands."""

from __future__ import annotations

import json

import pytest

from anomaly_vae_pipelines.cli.printing import echo_json, echo_pairs, image_text, printable, threshold_text


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


def test_images_are_described_by_size_and_colour():
    """Height comes first."""
    assert image_text(12, 16, 1) == "12 x 16 pixels, grey"
    assert image_text(12, 16, 3) == "12 x 16 pixels, colour"
