"""What a run says about its data, and that every model says where it comes from."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
from pathlib import Path

import pandas as pd
import pytest

from anomaly_vae import __version__, load, read_metadata
from anomaly_vae.model_file.provenance import MAX_TEXT, PROVENANCE, check_provenance
from anomaly_vae_pipelines.io.files import file_digest
from anomaly_vae_pipelines.runs.learn import learn_file
from anomaly_vae_pipelines.runs.provenance import data_of, digest_of, shown, step, times_of
from tests.anomaly_vae_pipelines.conftest import COLUMNS, orders, write_table


def test_a_fit_names_its_data_and_its_command(model, train):
    """Rows that were fitted on, columns, digest, and the range of times."""
    (fit,) = read_metadata(model)[PROVENANCE]
    assert fit["version"] == __version__
    assert shlex.split(fit["command"])[:3] == ["anomaly-vae", "fit", train]
    days = sorted(row[5] for row in orders(120) if row[6] == "good")
    assert fit["data"] == {
        "name": train,
        "rows": 108,
        "columns": 5,
        "sha256": hashlib.sha256(Path(train).read_bytes()).hexdigest(),
        "time": "day",
        "first": f"{days[0]}+00:00",
        "last": f"{days[-1]}+00:00",
    }


def test_each_model_names_the_one_before(run, model, tmp_path):
    """A threshold and verdicts add a step; inspect shows them all."""
    rows = [[*row, "normal"] for row in orders(3, 2)]
    verdicts = write_table(tmp_path / "v.csv", [*COLUMNS, "verdict"], rows)
    moved, learned = str(tmp_path / "moved.avae"), str(tmp_path / "learned.avae")
    assert run("threshold", model, "-o", moved, "--offset", "-9").code == 0
    learn_file(moved, verdicts, learned)
    fit, threshold, learn = read_metadata(learned)[PROVENANCE]
    assert [fit] == read_metadata(model)[PROVENANCE]
    assert threshold["parent"] == file_digest(model)
    assert threshold["command"] == shlex.join(
        ["anomaly-vae", "threshold", model, "-o", moved, "--offset", "-9"]
    )
    assert learn["parent"] == file_digest(moved)
    assert learn["data"] == {"name": verdicts, "rows": 3, "sha256": digest_of([verdicts])}
    assert "command" not in learn
    assert [one["step"] for one in (fit, threshold, learn)] == ["fit", "threshold", "learn"]
    out = run("inspect", learned).out
    size = "108 rows, 5 columns, day from"
    for text in (threshold["command"], learn["parent"], fit["data"]["sha256"], size):
        assert text in out
    assert json.loads(run("inspect", learned, "--json").out)[PROVENANCE] == [fit, threshold, learn]
    assert load(learned)


def test_no_path_is_stored_that_the_user_did_not_type(run, tiny, tmp_path, monkeypatch):
    """A relative name stays relative; users and passwords of URLs are left out."""
    write_table(tmp_path / "t.csv", COLUMNS, orders(60))
    (tmp_path / "tiny.toml").write_text(Path(tiny).read_text())
    monkeypatch.chdir(tmp_path)
    options = ["--config", "tiny.toml", "--ignore", "label", "--id", "s3://me:secret@x/y", "--force"]
    ended = run("fit", "t.csv", "-o", "m.avae", *options)
    assert ended.code == 2  # there is no such column
    options[options.index("--id") + 1] = "code"
    assert run("fit", "t.csv", "-o", "m.avae", *options).code == 0
    text = json.dumps(read_metadata("m.avae")[PROVENANCE])
    assert str(tmp_path) not in text
    assert os.path.expanduser("~") not in text


def test_a_folder_of_images_has_one_digest(image_model):
    """Over all its files; the number of rows is that of the images."""
    (fit,) = read_metadata(image_model)[PROVENANCE]
    assert fit["data"]["rows"] == 60
    assert len(fit["data"]["sha256"]) == 64
    assert "columns" not in fit["data"]


def test_a_digest_is_of_local_files(tmp_path):
    """None for standard input and URLs; several files have another than each of them."""
    a, b = tmp_path / "a", tmp_path / "b"
    a.write_text("x")
    b.write_text("y")
    assert digest_of([str(a)]) == hashlib.sha256(b"x").hexdigest()
    assert digest_of([str(a), str(b)]) not in (digest_of([str(a)]), digest_of([str(b)]), None)
    for paths in (["-"], [], ["s3://a/b"], [str(a), str(tmp_path / "nowhere")]):
        assert digest_of(paths) is None


@pytest.mark.parametrize("text", ["a\nb\x1b", "x" * 5000, "\udcff", "é"])
def test_any_name_and_command_can_be_stored(text):
    """As far as it can be shown."""
    steps = [step("fit", text, data=data_of(text, None, 3), parent="0" * 16)]
    check_provenance({PROVENANCE: json.loads(json.dumps(steps))})
    assert len(shown(text)) <= MAX_TEXT


def test_a_table_without_times_has_no_range():
    """Nor one whose times cannot be read."""

    class Column:
        """A column of a schema."""

        name, kind = "t", "datetime"

    assert times_of(pd.DataFrame({"t": ["x", None]}), [Column]) == {}
    assert times_of(pd.DataFrame({"u": [1]}), [Column]) == {}
    two = pd.DataFrame({"t": ["2026-01-02", "2026-01-01"]})
    assert times_of(two, [Column])["first"].startswith("2026-01-01")
    assert times_of(pd.DataFrame({"t": [1.0]}), []) == {}
