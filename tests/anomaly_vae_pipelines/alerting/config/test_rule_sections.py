"""Rules as they stand in a file: what is wrong is reported with its position and the way out."""

from __future__ import annotations

import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.errors import UnknownNameError
from tests.anomaly_vae_pipelines.alerting.streams import alerter

RULE = '[[rule]]\nname = "r"\n'


SINK = '\n[[sink]]\nkind = "jsonl"\npath = "-"\n'


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (RULE + 'kind = "scroe"', r"rule 1 'r': kind must be one of .*, got 'scroe'; did you mean 'score'"),
        (RULE + 'kind = "score"\nbellow = 1', r"rule 1 'r': there is no key 'bellow'.*did you mean 'below'"),
        (RULE, r"rule 1 'r': kind is missing; give one of score"),
        ('[[rule]]\nkind = "score"', r"rule 1: name is missing; give a name that no other rule has"),
        (RULE + 'kind = "score"\nbelow = 1\np_value = 0.1', "give only one of below, p_value"),
        (RULE + 'kind = "score"\np_value = 2', r"p_value must be a number from 0 to 1, got 2"),
        (RULE + 'kind = "score"\nbelow = true', r"below must be a number"),
        (RULE + 'kind = "score"\nbelow = nan', r"below must be a number"),
        (RULE + 'kind = "score"\nseverity = "fatal"', "severity must be one of info, warning, critical"),
        (
            RULE + 'kind = "score"\nkey = "host"',
            r'key must be a list of names such as \["host"\], got',
        ),
        (RULE + 'kind = "score"\ncooldown = "soon"', 'cooldown must be a duration such as "30s"'),
        (RULE + 'kind = "score"\ncooldown = 5', 'cooldown must be a duration such as "30s"'),
        (RULE + 'kind = "score"\n' + RULE + 'kind = "score"', "rule 'r' is there more than once"),
        (RULE + 'kind = "run"\nk = 3', "n is missing; give .*: how many rows to look at"),
        (RULE + 'kind = "run"\nk = 6\nn = 5', "k must be at most n = 5, got 6"),
        (RULE + 'kind = "share"\nshare = 0', "share must be a number over 0"),
        (
            RULE + 'kind = "share"\nshare = 0.1\nwindow = 0',
            r"window must be a whole number from 1 \(rows\), or a duration.*, got (0|1.5)$",
        ),
        (
            RULE + 'kind = "share"\nshare = 0.1\nwindow = 1.5',
            r"window must be a whole number from 1 \(rows\), or a duration.*, got (0|1.5)$",
        ),
        (
            RULE + 'kind = "share"\nshare = 0.1\nwindow = "0s"',
            "window must be .* a duration longer than 0.*, got '0s'",
        ),
        (RULE + 'kind = "share"\nshare = 0.1\nwindow = 5\nleast = 6', "least must be at most the 5 rows"),
        (RULE + 'kind = "missing"\nshare = 0.1', "columns is missing"),
        (
            RULE + 'kind = "missing"\nshare = 0.1\ncolumns = []',
            r"columns must be a list of columns.*, got \[\]",
        ),
        (RULE + 'kind = "silence"', "after is missing"),
        (RULE + 'kind = "drift"', "needs scores of calibration, and the model has none"),
        ("", r"rule is missing; give at least one table \[\[rule\]\]"),
        ("rule = 5", r"rule must be at least one table \[\[rule\]\], got 5"),
        ('tiem = "x"\n' + RULE + 'kind = "score"', "there is no key 'tiem'.*did you mean 'time'"),
        ("rule = [", "is not TOML"),
    ],
)
def test_a_mistake_in_a_rule_is_told(tmp_path, rules, message):
    """Each with the file's name."""
    with pytest.raises(InputError, match=r"rules.toml(, |: ).*" + message.lstrip()) as caught:
        alerter(tmp_path, rules, sinks=SINK)
    assert isinstance(caught.value, UnknownNameError) == ("did you mean" in message or "fatal" in rules)
