"""``anomaly-vae inspect``."""

from __future__ import annotations

import json
import shutil
import zipfile

from anomaly_vae import read_metadata


def test_a_model_tells_of_itself(run, model):
    """Training, threshold, versions and every column are shown."""
    ended = run("inspect", model)
    assert (ended.code, ended.err) == (0, "")
    for word in ("trained", "threshold", "calibrated", "versions", "torch", "amount", "2 categories"):
        assert word in ended.out


def test_json_is_the_metadata(run, model):
    """What a program gets is all that the file says."""
    assert json.loads(run("inspect", model, "--json").out) == read_metadata(model)


def test_a_file_that_is_no_model_is_refused(run, unseen):
    """A table is no model."""
    ended = run("inspect", unseen)
    assert ended.code == 2
    assert ended.err.startswith(f"anomaly-vae: error: {unseen}: ")
    assert ended.err.count("\n") == 1


def test_a_model_that_lies_of_itself_is_refused_and_steers_no_terminal(run, model, tmp_path):
    """Metadata of a forged file is data, wherever it ends up."""
    path = str(tmp_path / "forged.avae")
    shutil.copy(model, path)
    for change, code in (({"kind": "\x1b[31mred"}, 0), ({"training": None}, 2), ({"schema": 3}, 2)):
        forge(model, path, change)
        ended = run("inspect", path)
        assert ended.code == code
        assert "\x1b" not in ended.out + ended.err


def forge(model: str, path: str, change: dict[str, object]) -> None:
    with zipfile.ZipFile(model) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "metadata.json":
                content = json.dumps(json.loads(content) | change).encode()
            target.writestr(name, content)
