"""The alerter of a scoring run."""

from __future__ import annotations

import math

import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.runs.alerter import alerter_of_run
from anomaly_vae_pipelines.scoring.model_files import open_model

RULES = '[[rule]]\nname = "odd"\nkind = "score"\n[[sink]]\nname = "out"\nkind = "jsonl"\npath = "{path}"\n'


@pytest.fixture
def rules(tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text(RULES.format(path=tmp_path / "alerts.jsonl"))
    return str(path)


def test_a_released_state_can_be_used_again(model, unseen, rules, tmp_path):
    """One run at a time has the state; also a run that flags no row."""
    state = str(tmp_path / "state")
    for offset in (None, -1.5, -math.inf):
        alerter = alerter_of_run(
            open_model(model), rules, [unseen], str(tmp_path / "o.csv"), state=state, offset=offset
        )
        alerter.release()


@pytest.mark.parametrize("same", ["model", "input", "rules", "alerts"])
def test_the_state_is_not_another_file_of_the_run(model, unseen, rules, tmp_path, same):
    """An input, the model, the rules or a sink would be overwritten."""
    paths = {"model": model, "input": unseen, "rules": rules, "alerts": str(tmp_path / "alerts.jsonl")}
    with pytest.raises(InputError):
        alerter_of_run(open_model(model), rules, [unseen], str(tmp_path / "o.csv"), state=paths[same])


def test_rows_and_alerts_do_not_share_standard_output(model, unseen, tmp_path):
    """The state is released after the error."""
    path = tmp_path / "rules.toml"
    path.write_text(RULES.format(path="-"))
    arguments = open_model(model), str(path), [unseen]
    with pytest.raises(InputError, match="both write to standard output"):
        alerter_of_run(*arguments, "-", state=str(tmp_path / "state"))
    alerter_of_run(*arguments, str(tmp_path / "o.csv"), state=str(tmp_path / "state")).release()
