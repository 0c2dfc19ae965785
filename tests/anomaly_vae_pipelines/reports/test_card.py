"""Model cards: valid metadata, Markdown that no text of a model can change, and the figures of the model."""

from __future__ import annotations

import json

import pytest
import yaml
from markdown_it import MarkdownIt

from anomaly_vae_pipelines.reports.card import model_card
from anomaly_vae_pipelines.reports.figures import threshold_pairs
from anomaly_vae_pipelines.runs.model_facts import model_facts
from anomaly_vae_pipelines.scoring.model_files import open_model

SECTIONS = [
    "Model Details", "Uses", "Bias, Risks, and Limitations", "How to Get Started with the Model",
    "Training Details", "Evaluation", "Technical Specifications",
]  # fmt: skip
"""Headings of Hugging Face's template."""

HOSTILE = "a`|b``\n# <script>alert(1)</script> ![x](http://y) **z**"


@pytest.fixture(params=["model", "image_model"])
def facts(request):
    """What models of tables and of images hold, as it comes back from JSON."""
    return json.loads(json.dumps(model_facts(open_model(request.getfixturevalue(request.param)))))


def _parts(card: str) -> tuple[dict, str]:
    """The metadata, and the card as HTML."""
    start, head, body = card.split("---\n", 2)
    assert start == ""
    return yaml.safe_load(head), MarkdownIt("commonmark").enable("table").render(body)


def test_the_metadata_are_valid_and_name_no_task(facts):
    head, _ = _parts(model_card(facts))
    assert list(head) == ["library_name", "tags"]
    assert head["library_name"] == "anomaly-vae"
    assert "anomaly-detection" in head["tags"]
    assert ("tabular" in head["tags"], "image" in head["tags"]) == (not facts["image"], bool(facts["image"]))
    assert all(isinstance(tag, str) for tag in head["tags"])


def test_it_has_the_sections_and_the_figures_of_the_model(facts):
    _, html = _parts(model_card(facts))
    assert [text.partition("</h2>")[0] for text in html.split("<h2>")[1:]] == SECTIONS
    for name, value in threshold_pairs(facts["threshold"], "image" if facts["image"] else "row"):
        assert f"<li>{name}: {value}</li>" in html
    for column in facts["columns"]:
        assert f"<td><code>{column['name']}</code></td>\n<td>{column['kind']}</td>" in html
    for name, version in facts["versions"].items():
        assert f"<td>{name}</td>\n<td>{version}</td>" in html
    (step,) = facts["provenance"]
    for value in (step["created"], step["data"].get("sha256", "")):
        assert value in html
    assert f"{facts['training']['n_rows']:,} " in html


def test_it_has_no_command_line_and_no_folder(facts):
    card = model_card(facts)
    assert facts["path"] not in card
    (step,) = facts["provenance"]
    assert step["data"]["name"] not in card
    assert step["data"]["name"].rpartition("/")[2] in card
    assert step["command"] not in card


def test_texts_of_a_model_change_neither_the_metadata_nor_the_page(facts):
    column = {"name": HOSTILE, "kind": "numeric", "detail": HOSTILE}
    step = {"step": "fit", "created": HOSTILE, "data": {"name": HOSTILE, "time": HOSTILE, "first": HOSTILE}}
    changed = {"path": HOSTILE, "created": HOSTILE, "columns": [column], "provenance": [step]}
    head, html = _parts(model_card(facts | changed))
    assert head == _parts(model_card(facts))[0]
    assert html.count("<h2>") == len(SECTIONS)
    assert html.count("<h1>") == 1
    for tag in ("<script", "<img", "<strong", "<a "):
        assert tag not in html
    line = html.partition("<td>")[2].partition("</tr>")[0]
    assert line.count("<td>") == 2  # and the first, before them
    assert "<code>a`|b``\N{REPLACEMENT CHARACTER}# &lt;script&gt;" in line


@pytest.mark.parametrize(
    ("threshold", "limit"),
    [
        ({"false_alarm_rate": None}, "no false-alarm rate"),
        ({"false_alarm_rate": 0.02, "tail": "gpd"}, "2 % is an estimate"),
        ({"false_alarm_rate": 0.02, "tail": "empirical"}, "at most 2 % holds on average"),
    ],
)
def test_the_limits_say_what_the_rate_is_worth(facts, threshold, limit):
    _, html = _parts(model_card(facts | {"threshold": facts["threshold"] | threshold}))
    assert limit in html
