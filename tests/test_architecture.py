"""The arrows between modules, what an import costs, and what can be seen of each package."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

import anomaly_vae
import anomaly_vae_pipelines

ROOT = Path(__file__).parent.parent


def packages() -> Iterator[str]:
    for root in (anomaly_vae, anomaly_vae_pipelines):
        yield root.__name__
        for module in pkgutil.walk_packages(root.__path__, f"{root.__name__}."):
            if module.ispkg:
                yield module.name


def test_no_arrow_points_upwards(capsys: pytest.CaptureFixture[str]) -> None:
    """No module imports one above it (the layers stand in pyproject.toml)."""
    status = lint_imports(str(ROOT / "pyproject.toml"), no_cache=True)
    assert status == 0, capsys.readouterr().out


def run(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.mark.parametrize("name", ["anomaly_vae", "anomaly_vae_pipelines.cli.main"])
def test_an_import_brings_in_nothing_heavy(name: str) -> None:
    """`--help` and `import anomaly_vae` answer at once: torch and its like wait until they are needed."""
    heavy = ["numpy", "pandas", "pydantic", "scipy", "skops", "sklearn", "torch"]
    run(f"import sys, {name}; loaded = set({heavy}) & set(sys.modules); assert not loaded, loaded")


@pytest.mark.parametrize("name", list(packages()))
def test_all_is_sorted_and_is_what_can_be_seen(name: str) -> None:
    """`__all__` names every public thing of a package, modules aside, and each can be had."""
    package = importlib.import_module(name)
    names = list(getattr(package, "__all__", []))
    assert names == sorted(set(names))
    for public in names:
        assert getattr(package, public) is not None
    ours = {key for key, value in vars(package).items() if not key.startswith("_") and is_ours(value)}
    modules = {public for public in names if inspect.ismodule(getattr(package, public))}
    assert ours == set(names) - modules - {"__version__"}


def is_ours(value: object) -> bool:
    """Whether a class or function was written in one of the two packages."""
    return getattr(value, "__module__", "").partition(".")[0] in ("anomaly_vae", "anomaly_vae_pipelines")


def test_public_names_are_offered_before_they_are_imported() -> None:
    """`dir` shows them all, and a name that is none is an AttributeError."""
    run("import anomaly_vae; assert dir(anomaly_vae) == sorted(anomaly_vae.__all__)")
    with pytest.raises(AttributeError, match="no attribute 'Forest'"):
        anomaly_vae.Forest  # noqa: B018


def test_public_names_of_the_applications_are_offered_before_they_are_imported() -> None:
    """`dir` shows them all, each can be imported, and any other name is an AttributeError."""
    run("import anomaly_vae_pipelines as p; assert dir(p) == sorted(p.__all__)")
    assert all(getattr(anomaly_vae_pipelines, name) for name in anomaly_vae_pipelines.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Forest'"):
        anomaly_vae_pipelines.Forest  # noqa: B018
