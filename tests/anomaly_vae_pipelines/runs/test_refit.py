"""Fitting on new rows like an earlier model."""

from __future__ import annotations

from pathlib import Path

import pytest

from anomaly_vae import InputError, load, read_metadata, save
from anomaly_vae.model_file.pipeline import Pipeline
from anomaly_vae.model_file.provenance import PROVENANCE
from anomaly_vae.persistence import load_with_dialect
from anomaly_vae.thresholds import fence_offset
from anomaly_vae_pipelines.io.files import file_digest
from anomaly_vae_pipelines.records import Label
from anomaly_vae_pipelines.runs.fit import Rule
from anomaly_vae_pipelines.runs.learn import learn_file
from anomaly_vae_pipelines.runs.refit import refit_file
from tests.anomaly_vae_pipelines.conftest import COLUMNS, orders, write_table

LABEL = Label("label", "good")


@pytest.fixture(scope="module")
def recent(tmp_path_factory):
    """New rows, with a column more and the others in another order."""
    rows = [[*reversed(row), "x"] for row in orders(90, 4)]
    return write_table(tmp_path_factory.mktemp("recent") / "recent.csv", [*reversed(COLUMNS), "note"], rows)


@pytest.fixture(scope="module")
def learned(tmp_path_factory, model):
    """The model after three verdicts in a file."""
    folder = tmp_path_factory.mktemp("learned")
    rows = [[*row, "normal"] for row in orders(3, 2)]
    verdicts = write_table(folder / "v.csv", [*COLUMNS, "verdict"], rows)
    learn_file(model, verdicts, str(folder / "learned.avae"))
    return str(folder / "learned.avae"), verdicts


@pytest.fixture(scope="module")
def refitted(tmp_path_factory, recent, learned):
    """Fitted like the model that learned."""
    path = str(tmp_path_factory.mktemp("refit") / "new.avae")
    return path, refit_file(recent, learned[0], path, label=LABEL)


def test_columns_parameters_rule_and_verdicts_are_those_of_the_model(model, refitted, learned, recent):
    """In its order; the rows are the new ones."""
    path, found = refitted
    before, after = load(model), load(path)
    assert after.feature_names_in_.tolist() == before.feature_names_in_.tolist()
    assert after.get_params() == before.get_params() | {"verbose": after.verbose}
    assert after.false_alarm_rate_ == before.false_alarm_rate_ == found.summary.false_alarm_rate
    assert after.verdicts_.verdicts.tolist() == [1, 1, 1]
    assert (after.training_["n_rows"], found.summary.n_rows, found.summary.model) == (37, 81, path)
    assert found.summary.offset == after.offset_
    fit, learn = read_metadata(path)[PROVENANCE]
    assert (fit["parent"], fit["data"]["name"]) == (file_digest(learned[0]), recent)
    assert learn["data"]["name"] == learned[1]


def test_what_changed_is_told(refitted, learned):
    """Rows, kinds of columns, columns that are not used, the threshold, and verdicts."""
    changes = refitted[1].changes
    assert changes["rows"] == "trained on 37, was 48"
    assert changes["kinds"] == "the same"
    assert changes["not used"] == "code, note"
    assert changes["threshold"].endswith(f"was {load(learned[0]).offset_:.4g}")
    assert changes["verdicts"] == f"learned again from 3 verdicts in {learned[1]}"


def test_verdicts_that_are_gone_are_not_lost_in_silence(tmp_path, recent, learned, model):
    """The way out is another file, or to say that they are not wanted."""
    moved = tmp_path / "m.avae"
    moved.write_bytes(Path(learned[0]).read_bytes())
    verdicts, kept = Path(learned[1]), Path(learned[1]).read_bytes()
    verdicts.unlink()
    output = tmp_path / "new.avae"
    try:
        with pytest.raises(InputError, match=r"3 verdicts, but .*v.csv is not there; give --verdicts"):
            refit_file(recent, str(moved), str(output), label=LABEL)
    finally:
        verdicts.write_bytes(kept)
    assert not output.exists()
    refit_file(recent, str(moved), str(output), label=LABEL, verdicts=[], rule=Rule(0.2))
    assert len(load(output).verdicts_) == 0
    assert load(output).false_alarm_rate_ == 0.2


def test_kinds_and_forms_of_columns_stay(tmp_path, run):
    """A code of digits stays text, a decimal comma is read, and a date keeps its order."""
    config = tmp_path / "tiny.toml"
    config.write_text(
        "[detector]\nmax_steps = 2\nvalidation_fraction = 0.5\nhidden_sizes = [4]\nlatent_dim = 1\n"
    )
    names = ["zip", "price", "day", "open"]

    def rows(zips: list[str], words: list[str], day: str = "") -> list[list[str]]:
        days = [day or f"{13 + i % 9}/0{1 + i % 9}/2026" for i in range(60)]
        return [[zips[i % 2], f"{i % 7},5 EUR", days[i], words[i % 3]] for i in range(60)]

    first = write_table(tmp_path / "a.csv", names, rows(["ab", "cd"], ["true", "false", "true"]))
    later = write_table(tmp_path / "b.csv", names, rows(["12", "345"], ["yes", "no", "half"], "01/02/2026"))
    old, new = str(tmp_path / "old.avae"), str(tmp_path / "new.avae")
    assert run("fit", first, "-o", old, "--config", str(config)).code == 0
    found = refit_file(later, old, new)
    kinds = [{one["name"]: one["kind"] for one in read_metadata(path)["schema"]} for path in (old, new)]
    assert kinds[1]["zip"] == kinds[0]["zip"] == "categorical"
    forms = [load_with_dialect(path)[1]["columns"] for path in (old, new)]
    for name in ("price", "day"):
        assert forms[1][name] == forms[0][name]
    assert found.changes["kinds"] == "open is categorical, was boolean"


def test_models_that_cannot_be_taken_are_refused(tmp_path, model, image_model, recent):
    """Those of images and with other steps, and rows without a column."""
    output, chain = str(tmp_path / "new.avae"), str(tmp_path / "chain.avae")
    save(Pipeline([("detector", load(model))]), chain)
    for other in (image_model, chain):
        with pytest.raises(InputError, match="is not a model of a table without other steps"):
            refit_file(recent, other, output)
    short = write_table(tmp_path / "s.csv", COLUMNS[:2], [row[:2] for row in orders(5)])
    with pytest.raises(InputError, match="no column '.*', which the earlier model"):
        refit_file(short, model, output)


def test_a_threshold_that_follows_from_no_rule_is_refused(tmp_path, model, recent):
    """It was given in nats, and flags no calibration row."""
    detector = load(model).set_threshold(offset=-1e6)
    old = str(tmp_path / "old.avae")
    save(detector, old)
    problem = f"{old}: its threshold flags 0 % of the calibration rows; wanted more than 0 % and at most 50 %"
    with pytest.raises(InputError, match=f"{problem}.*give --false-alarm-rate or --contamination"):
        refit_file(recent, old, str(tmp_path / "new.avae"), label=LABEL)


@pytest.mark.parametrize("share", [None, 0.3])
def test_the_rule_of_a_threshold_without_a_rate(tmp_path, model, recent, share):
    """A fence is computed again, and a score keeps its place."""
    detector = load(model)
    scores = detector.calibration_scores_
    wanted = {"contamination": share} if share else {"offset": fence_offset(scores)}
    detector.set_threshold(**wanted)
    old, new = str(tmp_path / "old.avae"), str(tmp_path / "new.avae")
    save(detector, old)
    refit_file(recent, old, new, label=LABEL, parameters={"novelty": False})
    after = load(new)
    if share is None:
        assert after.offset_ == fence_offset(after.calibration_scores_)
    else:
        assert abs((after.calibration_scores_ < after.offset_).mean() - share) < 0.03
