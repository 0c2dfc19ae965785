"""Folders of images on the real command line."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from anomaly_vae_pipelines.images.decoding import upright_size
from anomaly_vae_pipelines.images.overlay import BAR_WIDTH
from anomaly_vae_pipelines.runs import score as score_run
from anomaly_vae_pipelines.sources import images as image_source
from tests.anomaly_vae_pipelines.conftest import read_rows
from tests.anomaly_vae_pipelines.image_files import (
    N_GOOD,
    N_SCRATCHED,
    N_SPOTTED,
    SIZE,
    TINY_IMAGES,
    plates_of,
    scratch,
    write_images,
)

N_TEST = N_GOOD + N_SCRATCHED + N_SPOTTED


@pytest.fixture
def tiny_images(tmp_path) -> str:
    """A configuration file for quick fits."""
    path = tmp_path / "tiny.toml"
    path.write_text(TINY_IMAGES)
    return str(path)


@pytest.fixture
def folder(tmp_path) -> Path:
    """Ten good plates, and one that is scratched."""
    plates = plates_of(11, seed=5)
    scratch(plates[10])
    return write_images(tmp_path / "in", plates)


def refused(ended, *words: str) -> None:
    """A mistake of the user is reported in one line."""
    assert (ended.code, ended.err.count("\n")) == (2, 1), ended
    assert ended.err.startswith("anomaly-vae: error: ")
    assert "Traceback" not in ended.err
    for word in words:
        assert word in ended.err


def test_a_fit_says_what_it_learned_from(run, plates, tmp_path, tiny_images):
    """How many images, how large, of what colours."""
    ended = run("fit", str(plates), "-o", str(tmp_path / "m.avae"), "--config", tiny_images)
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0].startswith("fitted 60 images in ")
    assert lines[1] == "  images       24 x 32 pixels, grey"
    assert lines[2].endswith(" nats per image")
    assert lines[4].startswith("  actual rate  ")
    assert lines[4].endswith("with 90 % confidence (8 calibration images)")


def test_a_rate_that_too_few_images_cannot_guarantee_is_refused_before_the_fit(run, plates, tmp_path):
    """Sixty images leave eight for thresholds: with the number that would do, and nothing is written."""
    ended = run("fit", str(plates), "-o", str(tmp_path / "m.avae"), "--false-alarm-rate", "0.01")
    refused(ended, "0.01 cannot be guaranteed from 8 held-out rows", "99")
    assert not (tmp_path / "m.avae").exists()


def test_the_test_images_of_mvtec_are_scored(run, image_model, plates, tmp_path):
    """A row an image, called by its way from the root; the defects are found."""
    out = str(tmp_path / "out.csv")
    ended = run("score", image_model, str(plates), "-o", out)
    assert ended.code == 0
    assert ended.err.startswith(f"{N_TEST} rows, ")
    rows = read_rows(out)
    assert list(rows[0]) == ["file", "score", "p_value", "severity", "is_anomaly", "top_columns"]
    assert [row["file"] for row in rows] == sorted(row["file"] for row in rows)
    scores = {row["file"]: float(row["score"]) for row in rows}
    good = [score for name, score in scores.items() if name.startswith("test/good/")]
    odd = [score for name, score in scores.items() if not name.startswith("test/good/")]
    assert (len(good), len(odd)) == (N_GOOD, N_SCRATCHED + N_SPOTTED)
    assert np.median(odd) < min(good)
    flagged = [row for row in rows if row["is_anomaly"] == "true"]
    assert flagged
    assert all(row["top_columns"] for row in flagged)
    summary = json.loads(Path(out + ".summary.json").read_text())
    assert (summary["n_rows"], summary["n_scored"], summary["n_rejected"]) == (N_TEST, N_TEST, 0)


def test_scores_do_not_depend_on_how_images_come(run, image_model, folder, tmp_path):
    """A folder, a pattern, single files, an array, and one after the other give the same scores."""
    np.save(
        tmp_path / "in.npy", np.stack([np.asarray(Image.open(path)) for path in sorted(folder.iterdir())])
    )
    found = []
    for number, inputs in enumerate(
        [[str(folder)], [f"{folder}/*.png"], sorted(map(str, folder.iterdir())), [str(tmp_path / "in.npy")]]
    ):
        out = str(tmp_path / f"{number}.csv")
        assert run("score", image_model, *inputs, "-o", out, "--jobs", "2").code == 0
        found.append([row["score"] for row in read_rows(out)])
    assert found[0] == found[1] == found[2] == found[3]
    assert [row["index"] for row in read_rows(tmp_path / "3.csv")][:3] == ["0", "1", "2"]


@pytest.mark.parametrize("name", ["out.parquet", "out.jsonl", "out.csv.gz"])
def test_results_come_in_any_format(run, image_model, folder, tmp_path, name):
    """With the user's prefix."""
    first = str(tmp_path / name)
    assert run("score", image_model, str(folder), "-o", first, "--prefix", "vae_").code == 0
    assert Path(first).stat().st_size > 0


def test_each_bad_file_is_read_rightly_or_refused_by_name(run, image_model, folder, tmp_path):
    """Alone it ends the run with one line; in quarantine the run goes on without it."""
    good = plates_of(1, seed=9)[0]
    bad = spoil(folder, good)
    for name in bad:
        ended = run("score", image_model, str(folder / name), "-o", str(tmp_path / "no.csv"))
        refused(ended, str(folder / name))
    out = str(tmp_path / "out.csv")
    ended = run("score", image_model, str(folder), "-o", out, "--on-bad-row", "quarantine")
    assert ended.code == 0
    rejected = read_rows(out + ".rejected")
    assert sorted(row["row"] for row in rejected) == sorted(bad)
    assert all(row["reason"] and row["source"].endswith(row["row"]) for row in rejected)
    assert {row["file"] for row in read_rows(out)} == {path.name for path in folder.iterdir()} - set(bad)
    summary = json.loads(Path(out + ".summary.json").read_text())
    assert summary["n_rows"] == summary["n_scored"] + summary["n_rejected"] == len(list(folder.iterdir()))
    ended = run("score", image_model, str(folder), "-o", str(tmp_path / "no.csv"))
    refused(ended, str(folder / min(bad)))
    refused(run("fit", str(folder), "-o", str(tmp_path / "m.avae")), str(folder / min(bad)))
    limited = ["--on-bad-row", "quarantine", "--max-rejected", "0.1"]
    assert run("score", image_model, str(folder), "-o", str(tmp_path / "no.csv"), *limited).code == 1


def spoil(folder: Path, good: np.ndarray) -> list[str]:
    """Add files to a folder that look like images; gives the names of those that are none for the model."""
    Image.fromarray(good).convert("P").save(folder / "palette.png")
    Image.fromarray(good.astype(np.uint16) * 257).save(folder / "wide.png")
    Image.fromarray(np.dstack([good, np.full_like(good, 255)]), "LA").save(folder / "opaque.png")
    whole = (folder / "000.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.png").write_text("no image")
    Image.new("1", (20_000, 20_000)).save(folder / "bomb.png")
    Image.fromarray(good[:10]).save(folder / "small.png")
    Image.fromarray(np.stack([good, good // 2, good], -1)).save(folder / "colour.png")
    Image.fromarray(np.dstack([good, good]), "LA").save(folder / "ghost.png")
    frames = [Image.fromarray(good), Image.fromarray(good[::-1])]
    frames[0].save(folder / "moving.webp", save_all=True, append_images=frames[1:])
    (folder / "gone.png").symlink_to(folder / "nowhere.png")
    return [
        "bomb.png", "colour.png", "cut.png", "empty.png", "ghost.png", "gone.png", "moving.webp", "small.png",
        "text.png",
    ]  # fmt: skip


def test_a_bad_array_is_refused_by_name(run, image_model, folder, tmp_path):
    """A pickle, several arrays, another shape; in quarantine the others are scored."""
    np.save(tmp_path / "pickle.npy", np.array([None]), allow_pickle=True)
    np.savez(tmp_path / "two.npz", a=plates_of(2, seed=0), b=plates_of(2, seed=0))
    np.save(tmp_path / "flat.npy", np.zeros((3, 4)))
    np.save(tmp_path / "small.npy", np.zeros((2, 5, 5), np.uint8))
    np.save(tmp_path / "good.npy", plates_of(2, seed=0))
    bad = [str(tmp_path / name) for name in ("pickle.npy", "two.npz", "flat.npy", "small.npy")]
    out = str(tmp_path / "out.csv")
    for path in bad:
        refused(run("score", image_model, path, "-o", out), path)
    inputs = [*bad, str(tmp_path / "good.npy")]
    assert run("score", image_model, *inputs, "-o", out, "--on-bad-row", "quarantine").code == 0
    assert len(read_rows(out)) == 2
    assert {row["source"] for row in read_rows(out + ".rejected")} == set(bad)
    refused(run("fit", bad[1], "-o", str(tmp_path / "m.avae")), bad[1], "contains 2 arrays (a, b)")


def test_a_run_resumes_where_it_was_interrupted(image_model, folder, tmp_path, monkeypatch):
    """In a folder too, with a bad image in it: the output is that of an uninterrupted run."""
    monkeypatch.setattr(score_run, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(
        image_source.ImageSource.__init__, "__kwdefaults__", {"block_values": 2 * SIZE[0] * SIZE[1]}
    )
    (folder / "005.png").write_bytes(b"bad")
    options = score_run.ScoreOptions(on_bad_row="quarantine", resume=True)
    whole, out = str(tmp_path / "whole.csv"), str(tmp_path / "out.csv")
    score_run.ScoreRun(image_model, [str(folder)], whole, options)()
    broken = score_run.ScoreRun(image_model, [str(folder)], out, options)
    take, seen = broken._write, []

    def crashing(*arguments) -> None:
        if len(seen) == 4:
            raise KeyboardInterrupt
        seen.append(arguments)
        take(*arguments)

    broken._write = crashing
    with pytest.raises(KeyboardInterrupt):
        broken()
    summary = score_run.ScoreRun(image_model, [str(folder)], out, options)()
    assert (summary.n_rows, summary.n_rejected) == (11, 1)
    assert summary.n_sitting < 11
    for end in ("", ".rejected"):
        assert Path(out + end).read_bytes() == Path(whole + end).read_bytes()


def test_flagged_images_get_a_picture(run, image_model, plates, tmp_path):
    """Where they are among the others; with --explain all every image gets one."""
    out, maps = str(tmp_path / "out.csv"), tmp_path / "maps"
    assert run("score", image_model, str(plates), "-o", out, "--heatmaps", str(maps)).code == 0
    flagged = {row["file"] for row in read_rows(out) if row["is_anomaly"] == "true"}
    assert pictures(maps) == flagged
    assert {upright_size(maps / name) for name in flagged} == {(24 * 11, 32 * 11 + BAR_WIDTH)}
    arguments = ["score", image_model, str(plates), "-o", out, "--heatmaps", str(maps), "--explain", "all"]
    refused(run(*arguments[:-2], "--output-format", "csv", "-o", str(tmp_path / "b.csv")), "exists already")
    assert run(*arguments, "--force").code == 0
    assert len(pictures(maps)) == N_TEST


def pictures(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*.png")}


def test_an_evaluation_judges_images_and_places(run, image_model, plates):
    """Overall and for each kind of defect."""
    ended = run("evaluate", image_model, str(plates))
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0] == f"{N_TEST} images, {N_SCRATCHED + N_SPOTTED} of them anomalous"
    assert [line.split("  ")[1] for line in lines[1:5]] == [
        "AUROC",
        "average precision",
        "pixel AUROC",
        "PRO",
    ]
    assert [line.split()[0] for line in lines if line.startswith(("  scratch", "  spot"))] == [
        "scratch",
        "spot",
    ]
    found = json.loads(run("evaluate", image_model, str(plates), "--json").out)
    assert set(found["defects"]) == {"scratch", "spot"}
    assert found["defects"]["spot"]["pixels"]["n_regions"] == 2 * N_SPOTTED
    assert found["defects"]["scratch"]["n_normal"] == N_GOOD
    assert found["pixels"]["n_images"] == N_TEST
    for judged in (found, *found["defects"].values()):
        assert judged["auroc"] > 0.9
        assert 0.8 < judged["pixels"]["pixel_auroc"] <= 1.0
        assert 0.0 < judged["pixels"]["pro"] <= 1.0


def test_other_sizes_and_colours_are_made_to_fit_where_that_was_asked_for(run, folder, tmp_path, tiny_images):
    """At fitting, and by the model ever after."""
    Image.fromarray(plates_of(1, seed=0)[0]).resize((64, 48)).convert("RGB").save(folder / "large.jpg")
    model, out = str(tmp_path / "m.avae"), str(tmp_path / "out.csv")
    refused(run("fit", str(folder), "-o", model), "large.jpg: is 48 x 64 pixels", "give --image-size HxW")
    sizes = ["--image-size", "12x16", "--channels", "1", "--config", tiny_images]
    ended = run("fit", str(folder), "-o", model, *sizes)
    assert ended.code == 0, ended.err
    assert "12 x 16 pixels, grey" in ended.out
    assert run("score", model, str(folder), "-o", out).code == 0
    assert len(read_rows(out)) == 12
    assert "12 x 16 pixels, grey" in run("inspect", model).out


def test_grey_images_are_colour_to_a_model_of_colour(run, folder, tmp_path, tiny_images):
    """And beside coloured ones at fitting."""
    Image.fromarray(plates_of(1, seed=0)[0]).convert("RGB").save(folder / "colour.png")
    model = str(tmp_path / "m.avae")
    ended = run("fit", str(folder), "-o", model, "--config", tiny_images)
    assert "24 x 32 pixels, colour" in ended.out
    assert run("score", model, str(folder / "001.png"), "-o", str(tmp_path / "out.csv")).code == 0


def test_a_table_is_no_image_and_an_image_no_table(run, model, image_model, train, folder, tmp_path):
    """What the model wanted is said."""
    out = str(tmp_path / "out.csv")
    refused(run("score", image_model, train, "-o", out), "is not an image, and the model")
    for path in (folder, folder / "000.png"):
        refused(
            run("score", model, str(path), "-o", out), "contains images, and the model was fitted on a table"
        )
    np.save(tmp_path / "a.npy", plates_of(2, seed=0))
    refused(run("score", model, str(tmp_path / "a.npy"), "-o", out), "contains images")
    refused(run("score", model, train, "-o", out, "--heatmaps", str(tmp_path / "maps")), "has no heat maps")
    refused(run("score", image_model, str(folder), "-o", out, "--format", "csv"), "leave it out")
    refused(run("evaluate", model, str(folder)), "Give --label and --normal")
    refused(run("evaluate", image_model, train, "--label", "label", "--normal", "good"), "leave out --label")
    refused(run("evaluate", image_model, str(folder)), "wanted a folder with the layout of MVTec")
    assert not Path(out).exists()


def test_options_of_tables_are_refused_for_images_and_the_reverse(run, folder, train, tmp_path):
    """Rather than passed over in silence."""
    out = str(tmp_path / "m.avae")
    for options in (
        ["--id", "a"],
        ["--ignore", "a"],
        ["--recipe", "tabular"],
        ["--label", "a", "--normal", "b"],
    ):
        refused(
            run("fit", str(folder), "-o", out, *options), "TRAIN contains images; leave out " + options[0]
        )
    for options in (["--image-size", "9x9"], ["--channels", "1"]):
        refused(run("fit", train, "-o", out, *options), "TRAIN is a table; leave out " + options[0])
    for size in ("9", "0x9", "axb", "9x9x9"):
        refused(run("fit", str(folder), "-o", out, "--image-size", size), "such as 128x128")


@pytest.mark.parametrize(
    ("setting", "problem"),
    [
        ("image_size = 'large'", "'image_size' must be 'auto' or height and width"),
        ("channels = 2", "'channels' must be 'auto', 1 for grey or 3 for colour"),
        ("max_step = 2", "no parameter 'max_step'; did you mean 'max_steps'?"),
        ("max_steps = 0", "max_steps"),
        ("patch_size = 'x'", "patch_size"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(run, folder, tmp_path, setting, problem):
    """By name."""
    (tmp_path / "c.toml").write_text(f"[detector]\n{setting}\n")
    ended = run("fit", str(folder), "-o", str(tmp_path / "m.avae"), "--config", str(tmp_path / "c.toml"))
    refused(ended, problem)


def test_too_few_images_are_refused(run, folder, tmp_path):
    """One image is nothing to learn from."""
    ended = run("fit", str(folder / "000.png"), "-o", str(tmp_path / "m.avae"))
    refused(ended, "wanted at least 2 images to fit on, got 1")
    (tmp_path / "empty").mkdir()
    ended = run("fit", str(tmp_path / "empty"), "-o", str(tmp_path / "m.avae"))
    refused(ended, "empty: has neither tables nor images; wanted files such as .csv or .png")


def test_a_model_of_images_tells_of_itself_and_takes_another_threshold(run, image_model, plates, tmp_path):
    """As a model of tables does."""
    assert "24 x 32 pixels, grey" in run("inspect", image_model).out
    other, out = str(tmp_path / "other.avae"), str(tmp_path / "out.csv")
    assert run("threshold", image_model, "-o", other, "--offset", "1e9").code == 0
    assert run("score", other, str(plates), "-o", out).code == 0
    assert all(row["is_anomaly"] == "true" for row in read_rows(out))
    assert run("score", image_model, str(plates), "-o", out, "--force", "--fdr", "0.5").code == 0


def test_images_are_sampled_into_a_folder_or_an_array(run, image_model, tmp_path):
    """Of the size that was learned."""
    folder, array = tmp_path / "made", tmp_path / "made.npy"
    for output in (folder, array):
        assert run("sample", image_model, "-n", "3", "-o", str(output)).code == 0
    assert np.load(array).shape == (3, *SIZE)
    assert sorted(path.name for path in folder.iterdir()) == ["000000.png", "000001.png", "000002.png"]
    assert {upright_size(path) for path in folder.iterdir()} == {SIZE}
    refused(run("sample", image_model, "-n", "3", "-o", str(folder)), "exists already")
    refused(run("sample", image_model, "-n", "3", "-o", str(tmp_path / "made.csv")), "ends in .npy")


def test_images_that_arrive_in_a_watched_folder_raise_alerts(run, image_model, folder, tmp_path):
    """Each once, whole ones only, however often the watch is restarted."""
    rules, alerts = tmp_path / "rules.toml", tmp_path / "alerts.jsonl"
    rules.write_text(
        'key = ["file"]\n[[rule]]\nname = "odd"\nkind = "score"\n'
        f'[[sink]]\nkind = "jsonl"\npath = "{alerts}"\n'
    )
    (folder / "bad.png").write_bytes(b"no image")
    watch = ["watch", image_model, str(folder), "--alerts", str(rules), "--once", "--interval", "0.01"]
    first = run(*watch)
    assert first.code == 0, first.err
    assert "bad.png: 1 row rejected: is not a PNG" in first.err
    assert "12 rows, " in first.err.splitlines()[-1]
    said = [json.loads(line) for line in alerts.read_text().splitlines()]
    odd = {alert["key"]["file"]: alert["source"] for alert in said}
    assert odd["010.png"] == str(folder / "010.png")
    assert "0 rows, 0 anomalous" in run(*watch).err
    shutil.copy(folder / "010.png", folder / "new.png")
    assert "1 row, 1 anomalous" in run(*watch).err
    refused(run(*watch, "--format", "csv"), "leave it out")
    refused(
        run("watch", image_model, str(tmp_path / "a.csv"), "--alerts", str(rules)), "neither a folder nor"
    )


def test_real_tiles_are_told_from_broken_ones(run, tmp_path, tiny_images):
    """On a folder laid out as MVTec's that ANOMALY_VAE_IMAGES names."""
    root = os.environ.get("ANOMALY_VAE_IMAGES")
    if not root:
        pytest.skip("ANOMALY_VAE_IMAGES names no folder of images")
    model = str(tmp_path / "m.avae")
    assert run("fit", root, "-o", model, "--config", tiny_images).code == 0
    assert json.loads(run("evaluate", model, root, "--json").out)["auroc"] > 0.8
