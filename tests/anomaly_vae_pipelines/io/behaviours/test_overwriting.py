"""Outputs that are among the files that a command reads."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.anomaly_vae_pipelines.conftest import COLUMNS, orders, write_table
from tests.anomaly_vae_pipelines.image_files import plates_of, write_images

RULES = '[[rule]]\nname = "odd"\nkind = "score"\n[[sink]]\nkind = "jsonl"\npath = "{}"\n'

SPELLINGS = ["in/a.csv", "./in/../in/a.csv", "soft.csv", "hard.csv", "folder/a.csv"]


@pytest.fixture
def place(tmp_path, model, monkeypatch) -> Path:
    """A working directory with a model, two tables and links to them."""
    shutil.copy(model, tmp_path / "m.avae")
    (tmp_path / "in").mkdir()
    for name in ("a.csv", "b.csv"):
        write_table(tmp_path / "in" / name, COLUMNS, orders(20))
    os.symlink(tmp_path / "in" / "a.csv", tmp_path / "soft.csv")
    os.link(tmp_path / "in" / "a.csv", tmp_path / "hard.csv")
    os.symlink(tmp_path / "in", tmp_path / "folder")
    (tmp_path / "rules.toml").write_text(RULES.format(tmp_path / "alerts.jsonl"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def assert_refused(run, place: Path, *arguments: str) -> None:
    """In one line, as bad input, with --force or without, and nothing is written."""
    before = contents(place)
    ended = run(*arguments)
    assert (ended.code, ended.err.count("\n")) == (2, 1), ended.err
    assert "choose another file for the output" in ended.err
    assert contents(place) == before


@pytest.mark.parametrize("force", [["--force"], []])
@pytest.mark.parametrize("output", ["m.avae", *SPELLINGS])
@pytest.mark.parametrize("inputs", [["in/a.csv"], ["in"], ["in/*.csv"], ["folder/b.csv", "hard.csv"]])
def test_a_run_replaces_neither_its_model_nor_its_inputs(run, place, inputs, output, force):
    """By whatever path they are reached, of files, directories and patterns."""
    assert_refused(run, place, "score", "m.avae", *inputs, "-o", output, *force)


@pytest.mark.parametrize(
    "options",
    [
        ["-o", "o.csv", "--on-bad-row", "quarantine", "--rejected", "in/a.csv"],
        ["-o", "o.csv", "--on-bad-row", "quarantine", "--rejected", "m.avae"],
        ["-o", "o.csv", "--on-bad-row", "quarantine", "--rejected", "o.csv"],
        ["-o", "o.csv", "--alerts", "rules.toml", "--alert-state", "in/b.csv"],
        ["-o", "o.csv", "--alerts", "rules.toml", "--alert-state", "rules.toml"],
        ["-o", "alerts.jsonl", "--alerts", "rules.toml"],
        ["-o", "rules.toml", "--alerts", "rules.toml"],
    ],
)
def test_no_other_file_that_a_run_writes_is_one_that_it_reads(run, place, options):
    """Rejected rows, the state of alerts and the files of sinks."""
    (place / "alerts.jsonl").write_text("")
    assert_refused(run, place, "score", "m.avae", "in", *options, "--force")


def test_derived_names_are_outputs_too(run, place):
    """Summary and rejected rows next to the output do not replace an input of that name."""
    for name in ("o.csv.summary.json", "o.csv.rejected"):
        shutil.copy(place / "in" / "a.csv", place / name)
        options = ["--format", "csv", "--on-bad-row", "quarantine", "--force"]
        assert_refused(run, place, "score", "m.avae", name, "-o", "o.csv", *options)


def test_a_sink_appends_to_no_input(run, place):
    """Alerts are no rows."""
    (place / "rules.toml").write_text(RULES.format(place / "in" / "b.csv"))
    assert_refused(run, place, "score", "m.avae", "in/b.csv", "-o", "o.csv", "--alerts", "rules.toml")
    assert_refused(run, place, "watch", "m.avae", "in/b.csv", "--alerts", "rules.toml", "--once")


@pytest.mark.parametrize("output", ["in/a.csv", "soft.csv", "hard.csv", "tiny.toml"])
def test_a_fit_replaces_neither_its_table_nor_its_configuration(run, place, tiny, output):
    """The model is another file."""
    shutil.copy(tiny, place / "tiny.toml")
    assert_refused(run, place, "fit", "in/a.csv", "-o", output, "--config", "tiny.toml", "--force")


def test_a_fit_replaces_none_of_its_images(run, place):
    """Of a folder or a pattern."""
    write_images(place / "in", plates_of(3, seed=0))
    for train in ("in", "in/*.png"):
        (place / "in" / "a.csv").unlink(missing_ok=True)
        (place / "in" / "b.csv").unlink(missing_ok=True)
        assert_refused(run, place, "fit", train, "-o", "in/001.png", "--force")


def test_a_sample_does_not_replace_its_model(run, place):
    """The rows are another file."""
    assert_refused(run, place, "sample", "m.avae", "-n", "3", "-o", "m.avae", "--force")


def test_a_threshold_does_not_replace_the_table_that_it_counts(run, place):
    """Only the model may be replaced, by the same model with another threshold."""
    options = ["--alerts-per-day", "1", "--time", "day", "--in", "in/a.csv", "-o", "in/a.csv", "--force"]
    assert_refused(run, place, "threshold", "m.avae", *options)


@pytest.mark.parametrize("option", ["--checkpoint", "--rejected"])
@pytest.mark.parametrize("output", ["m.avae", "rules.toml", "in/a.csv", "soft.csv", "hard.csv"])
def test_a_watch_replaces_nothing_that_it_reads(run, place, option, output):
    """Model, rules and what it watches."""
    assert_refused(
        run, place, "watch", "m.avae", "in/a.csv", "--alerts", "rules.toml", "--once", option, output
    )


@pytest.mark.parametrize("options", [["--rejected", "in/bad.csv"], ["--checkpoint", "folder/place.json"]])
def test_a_watch_does_not_read_what_it_writes(run, place, options):
    """A file of rejected rows in the watched folder would be read as one that came in."""
    before = contents(place)
    ended = run("watch", "m.avae", "in", "--alerts", "rules.toml", "--once", *options)
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "whose files are read" in ended.err
    assert contents(place) == before


def test_heat_maps_replace_no_image(run, image_model, tmp_path):
    """A picture that would have the path of an image that is read, of files and of several folders."""
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        write_images(tmp_path / name, plates_of(2, seed=0))
    before = contents(tmp_path)
    for inputs, folder in ((["x/000.png"], "."), (["x", "y"], "."), (["x"], "x")):
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(tmp_path)
            ended = run("score", image_model, *inputs, "-o", "o.csv", "--heatmaps", folder, "--force")
        assert (ended.code, ended.err.count("\n")) == (2, 1), ended.err
        assert "choose another folder for heat maps" in ended.err
        assert contents(tmp_path) == before


def test_an_image_is_not_replaced_by_the_output(run, image_model, tmp_path):
    """One in a folder that is read."""
    write_images(tmp_path, plates_of(2, seed=0))
    assert_refused(
        run, tmp_path, "score", image_model, str(tmp_path), "-o", str(tmp_path / "000.png"), "--force"
    )
