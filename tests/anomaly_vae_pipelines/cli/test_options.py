"""Options that several commands have."""

from __future__ import annotations

import click
import pytest

from anomaly_vae import load
from anomaly_vae_pipelines.cli.options import ImageSize
from tests.anomaly_vae_pipelines.cli.conftest import parameters_of
from tests.anomaly_vae_pipelines.conftest import TINY


def config_file(tmp_path, text: str) -> str:
    path = tmp_path / "config.toml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(("text", "pair"), [("128x96", (128, 96)), ("1 X 2", (1, 2)), ("7×8", (7, 8))])
def test_an_image_size_is_height_and_width(text, pair):
    """In that order; a pair from a configuration file is used as it is."""
    assert ImageSize().convert(text, None, None) == pair
    assert ImageSize().convert(pair, None, None) == pair


@pytest.mark.parametrize("text", ["128", "0x9", "axb", "9x9x9", "-1x2", "100000x1", ""])
def test_another_text_is_not_an_image_size(text):
    """The message has an example."""
    with pytest.raises(click.BadParameter, match="such as 128x128"):
        ImageSize().convert(text, None, None)


@pytest.mark.parametrize("command", ["fit", "threshold"])
def test_a_share_to_flag_is_at_most_a_half(run, command):
    """The help says so, and larger ones are refused by the same range."""
    assert "[0<x<=0.5]" in run(command, "--help").out
    ended = run(command, "x", "-o", "y", "--contamination", "0.7")
    assert ended.code == 2
    assert "0.7 is not in the range 0<x<=0.5" in ended.err


class TestConfig:
    """``--config FILE.toml``."""

    def test_keys_are_the_names_of_options(self, fit, run, tmp_path):
        """Dashes and underscores mean the same; one value may stand for a list of one."""
        names = 'label = "label"\nnormal = "good"\nid = "code"\nignore = ["day"]\n'
        _, path = fit(config=config_file(tmp_path, names + "false-alarm-rate = 0.25\nseed = 7\n" + TINY))
        detector = load(path)
        assert detector.feature_names_in_.tolist() == ["amount", "count", "color", "open"]
        assert detector.false_alarm_rate_ == 0.25
        assert parameters_of(run, path)["random_state"] == 7
        assert parameters_of(run, path)["max_steps"] == 5

    def test_the_command_line_wins(self, fit, run, tmp_path):
        """A flag beats the file's option, the file's table, and the option that excludes it."""
        text = "seed = 7\ncontamination = 0.2\nnovelty = true\n" + TINY + "random_state = 8\n"
        config = config_file(tmp_path, text)
        options = ["--id", "code", "--seed", "9", "--no-novelty", "--false-alarm-rate", "0.25"]
        _, path = fit(*options, config=config)
        assert load(path).false_alarm_rate_ == 0.25
        parameters = parameters_of(run, path)
        assert (parameters["random_state"], parameters["novelty"]) == (9, False)
        assert parameters["contamination"] == "auto"

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("sed = 1\n", "fit has no option 'sed'; did you mean 'seed'?"),
            ("[detectr]\nmax_steps = 3\n", "did you mean 'detector'?"),
            ("[detector]\nmax_step = 3\n", "no parameter 'max_step'; did you mean 'max_steps'?"),
            ("[detector]\nmax_steps = 'many'\n", "max_steps"),
            ("detector = 3\n", "wanted a table [detector]"),
            ("seed = 'x'\n", "Invalid value for '--seed'"),
            ("seed = \n", "is not TOML"),
            ("contamination = 0.1\nfalse_alarm_rate = 0.1\n", "Give only one of"),
        ],
    )
    def test_what_is_not_understood_is_refused(self, fit, tmp_path, text, words):
        """No key is silently ignored."""
        ended, _ = fit(config=config_file(tmp_path, text))
        assert ended.code == 2
        assert words in ended.err
        assert ended.err.count("\n") == 1

    def test_a_file_that_is_not_there_is_refused(self, fit):
        """A configuration that was named has to be read."""
        ended, _ = fit(config="missing.toml")
        assert ended.code == 2
        assert "missing.toml: cannot be opened" in ended.err
