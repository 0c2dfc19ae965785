"""``anomaly-vae card``: the card on standard output or in a file."""

from __future__ import annotations

from anomaly_vae_pipelines.reports.card import model_card
from anomaly_vae_pipelines.runs.model_facts import model_facts
from anomaly_vae_pipelines.scoring.model_files import open_model


def test_the_card_is_printed_or_written(run, image_model, tmp_path):
    expected, out = model_card(model_facts(open_model(image_model))), tmp_path / "README.md"
    printed = run("card", image_model)
    assert (printed.code, printed.out) == (0, expected)
    written = run("card", image_model, "-o", str(out))
    assert (written.code, written.out) == (0, "")
    assert out.read_text(encoding="utf-8") == expected


def test_a_file_is_only_replaced_with_force(run, image_model, tmp_path):
    out = tmp_path / "README.md"
    out.write_text("old")
    refused = run("card", image_model, "-o", str(out))
    assert (refused.code, out.read_text()) == (2, "old")
    assert run("card", image_model, "-o", str(out), "--force").code == 0
    assert out.read_text(encoding="utf-8").startswith("---\nlibrary_name:")


def test_what_is_not_a_model_is_refused_in_one_line(run, train):
    ended = run("card", train)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
