"""The wheel: what it installs, and its command line beside a user's own modules named `pipelines`."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
RAISES = 'raise RuntimeError("the user\'s own module was imported")\n'


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel that was built without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-index", "--no-build-isolation"]
    command = [sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(command, check=True)
    (built,) = folder.glob("*.whl")
    return built


def test_it_holds_two_packages(wheel: Path) -> None:
    """Its only names at the top level are theirs, beside its metadata."""
    names = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    packages = {name for name in names if not name.endswith(".dist-info")}
    assert packages == {"anomaly_vae", "anomaly_vae_pipelines"}
    assert len(names) == 3


@pytest.mark.parametrize(
    "own", ["pipelines/__init__.py", pytest.param("pipelines.py", marks=pytest.mark.slow)]
)
def test_the_command_line_runs_beside_modules_of_that_name(wheel: Path, tmp_path: Path, own: str) -> None:
    """A folder or a module `pipelines` of the user, first on the path, is not imported."""
    site, home = tmp_path / "site", tmp_path / "home"
    zipfile.ZipFile(wheel).extractall(site)
    (home / own).parent.mkdir(parents=True, exist_ok=True)
    (home / own).write_text(RAISES)
    rows = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 3)), columns=["a", "b", "c"])
    rows.to_csv(home / "rows.csv", index=False)
    (home / "quick.toml").write_text("[detector]\nmax_steps = 2\nvalidation_fraction = 0.5\n")

    def run(*arguments: str) -> str:
        code = (
            "import sys, anomaly_vae_pipelines.cli.main as m;"
            f"assert m.__file__.startswith({str(site)!r}), m.__file__; sys.exit(m.main())"
        )
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(home), str(site)])}
        ended = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=home,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    run("fit", "rows.csv", "-o", "model.avae", "--config", "quick.toml")
    run("score", "model.avae", "rows.csv", "-o", "scored.csv")
    assert len(pd.read_csv(home / "scored.csv")) == 60
