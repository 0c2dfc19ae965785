"""The layout of the repository: tests mirror the packages, and the packages stay easy to take in."""

from __future__ import annotations

import runpy
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = {
    "anomaly_vae": ROOT / "anomaly_vae",
    "anomaly_vae_pipelines": ROOT / "pipelines/anomaly_vae_pipelines",
}

WITHOUT_TESTS = {
    "anomaly_vae/_version.py": "one number",
}
"""Modules without a test module of their own, and why."""

OTHER_TESTS = ("behaviours", "faults")
"""Folders of tests of several modules together, and of programs that test."""


def modules(package: str) -> Iterator[str]:
    """Modules of a package, as paths from the root of the packages."""
    folder = PACKAGES[package]
    for path in sorted(folder.rglob("*.py")):
        if path.stem not in ("__init__", "__main__"):
            yield (Path(package) / path.relative_to(folder)).as_posix()


def path_of_test(module: str) -> str:
    """The test module of a module; a leading underscore is dropped."""
    path = Path(module)
    return path.with_name(f"test_{path.stem.lstrip('_')}.py").as_posix()


@pytest.mark.parametrize("package", PACKAGES)
def test_each_module_has_a_test_module_at_the_same_path(package: str) -> None:
    """The path of a module gives the path of its tests, and the reverse."""
    wanted = {path_of_test(module) for module in modules(package) if module not in WITHOUT_TESTS}
    found = {
        path.relative_to(ROOT / "tests").as_posix()
        for path in (ROOT / "tests" / package).rglob("test_*.py")
        if not set(OTHER_TESTS) & set(path.parts)
    }
    assert not sorted(wanted - found), "modules without tests"
    assert not sorted(found - wanted), "tests without a module"


def test_every_exception_is_a_module() -> None:
    """Of a module that is gone no exception stays, and none that has tests."""
    known = {module for package in PACKAGES for module in modules(package)}
    assert set(WITHOUT_TESTS) <= known
    assert not [module for module in WITHOUT_TESTS if (ROOT / "tests" / path_of_test(module)).exists()]


def test_a_package_is_seen_at_a_glance() -> None:
    """At most 8 modules at the root of the applications, and 7 layers in a contract."""
    loose = [path for path in PACKAGES["anomaly_vae_pipelines"].glob("*.py") if path.stem != "__init__"]
    assert len(loose) <= 8
    tables = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    assert max(len(contract.get("layers", [])) for contract in tables) <= 7


def test_the_map_is_that_of_the_contracts() -> None:
    """CONTRIBUTING shows the layers of pyproject.toml and the first line of each docstring."""
    program = runpy.run_path(str(ROOT / "docs/generate_map.py"))
    shown = program["MAP"].search((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    assert shown[0] == program["architecture"](), "run .venv/bin/python docs/generate_map.py"
