"""The section of a comparison; whole pages are tested with the command."""

from __future__ import annotations

from anomaly_vae_pipelines.reports.comparison import comparison_section

SIDE = {"model": "<b>.avae", "model_id": "ab12", "threshold": -4.0, "n_alerts": 1200}
EXAMPLE = {"row": "line <5>", "kind": "", "old": -9.5, "new": -0.25, "reasons": "a:-1.0 (60 %);b:-0.5 (30 %)"}


def content(**more):
    alerts = {group: {"n_rows": 0, "examples": []} for group in ("both", "only_old", "only_new")}
    sides = {"old": SIDE, "new": {**SIDE, "model": "new.avae", "n_alerts": 900}}
    return {"n_rows": 5000, "rank_correlation": 0.5, **sides, "alerts": alerts, **more}


def test_both_models_are_columns_of_one_table():
    html = "".join(comparison_section(content()))
    assert "new.avae instead of &lt;b&gt;.avae, on 5,000 rows" in html
    assert '<td>alerts</td><td class="number">1,200</td><td class="number">900</td>' in html
    assert "recall" not in html


def test_examples_have_both_scores_and_are_escaped():
    group = {"n_rows": 7, "examples": [EXAMPLE]}
    found = content()
    found["alerts"]["only_old"] = group
    html = "".join(comparison_section(found))
    assert "Alerts of the old model only: 7 rows" in html
    assert "<td>line &lt;5&gt;</td><td></td><td>a:-1.0 (60 %), b:-0.5 (30 %)</td>" in html
    assert '<td class="number">-9.5</td><td class="number">-0.25</td>' in html


def test_what_is_not_defined_is_said():
    known = {"recall": None, "precision": 0.5, "false_alarms": 0.1, "auroc": None, "average_precision": None}
    sides = {"old": SIDE | known, "new": SIDE | known | {"precision": 0.25}}
    html = "".join(comparison_section(content(rank_correlation=None, **sides)))
    assert "correlation of the scores: undefined" in html
    assert '<td>precision</td><td class="number">0.5000</td><td class="number">0.2500</td>' in html
    assert '<td>AUROC</td><td class="number">undefined</td>' in html
