"""Files of rules: valid tables become objects; an error names file, table, key and what to do."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.alerting import Alert, load_alerter, verify
from anomaly_vae_pipelines.alerting.delivery.signatures import headers_of
from tests.anomaly_vae.drift.references import reference

PAGE = Path(__file__).parents[4] / "docs" / "reference" / "rules.md"
RULE = '[[rule]]\nname = "r"\n'
SINK = '\n[[sink]]\nkind = "jsonl"\npath = "-"\n'


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)


def test_the_example_of_the_docs_is_a_file_of_rules(tmp_path):
    """Each kind of rule and sink is in it."""
    (text,) = blocks("toml")
    path = tmp_path / "rules.toml"
    path.write_text(text)
    environ = {"ALERT_URL": "https://example.org/x", "ALERT_SECRET": "s", "ALERT_URLS": "json://localhost"}
    # As many held-out rows as the model of the README has.
    current = load_alerter(
        path,
        calibration_scores=-np.arange(36.0),
        offset=-35.0,
        calibration_rows=reference,
        environ=environ,
    )
    assert {rule.kind for rule in current._config.rules} == {
        "score",
        "share",
        "run",
        "drift",
        "missing",
        "silence",
    }
    assert [sink.name for sink in current._config.sinks] == ["jsonl", "webhook", "alertmanager", "pager"]
    assert current.columns == ("timestamp", "host", "amount", "order")


def test_the_alert_of_the_docs_is_one():
    """It has the fields that alerts have now, no more and no fewer."""
    (text,) = blocks("json")
    alert = Alert.from_json(text)
    assert json.loads(alert.to_json()) == json.loads(text)


@pytest.mark.parametrize("secret", ["secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
def test_the_receiver_of_the_docs_verifies_what_we_sign(secret):
    """Anyone who copies it has no more to write."""
    names: dict[str, object] = {}
    (code,) = blocks("python")
    exec(code, names)
    headers = headers_of("d21c", "1700000000", b"{}", secret)
    arguments = (secret, headers["webhook-timestamp"], b"{}", headers["webhook-signature"])
    for now, expected in ((1_700_000_010, True), (1_700_009_999, False)):
        assert names["is_genuine"](secret, headers, b"{}", now) is expected
        assert verify(*arguments, now=now, webhook_id="d21c") is expected
    assert names["is_genuine"](secret, headers, b"{ }", 1_700_000_010) is False


def test_a_file_that_is_not_there_is_named(tmp_path):
    """No stack trace for a typing error."""
    with pytest.raises(InputError, match=r"none.toml: cannot be opened"):
        load_alerter(tmp_path / "none.toml")
