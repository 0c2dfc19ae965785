"""The site: pages, links and the reference, as far as they can be checked without building it."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

import pytest
import yaml

import anomaly_vae
import anomaly_vae.displays
import anomaly_vae_pipelines
from tests.docs.pages import DOCS, PAGES, ROOT, title

REFERENCE = "".join(page.read_text(encoding="utf-8") for page in (DOCS / "reference").glob("*.md"))


def _site() -> dict[str, object]:
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    assert isinstance(config, dict)
    return config


def test_every_page_is_in_the_navigation() -> None:
    """And every entry of the navigation is a page."""
    listed = re.findall(r"[\w/-]+\.md", str(_site()["nav"]))
    assert sorted(listed) == sorted(page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=title)
def test_a_link_leads_somewhere(page: Path) -> None:
    """The target of each relative link is a file, and its anchor a heading there."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for link in re.findall(r"\]\(((?!https?:)[^)\s]+)\)", text):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_file(), link
        if anchor and target.suffix == ".md":
            assert anchor in _anchors(target), link


def _anchors(page: Path) -> set[str]:
    """Anchors of the headings of a page, and of the pages that it includes."""
    text = page.read_text(encoding="utf-8")
    for included in re.findall(r'^--8<-- "(.*\.md)"$', text, flags=re.MULTILINE):
        text += (ROOT / included).read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w-]", "", heading.lower().replace(" ", "-")) for heading in headings}


@pytest.mark.parametrize(
    "package",
    [anomaly_vae, anomaly_vae.displays, anomaly_vae_pipelines],
    ids=lambda package: package.__name__,
)
def test_the_reference_has_every_public_name(package: object) -> None:
    """Each name of `__all__` is in a page."""
    name = getattr(package, "__name__", "")
    for public in set(getattr(package, "__all__", [])) - {"__version__", "recipes"}:
        assert f"::: {name}.{public}\n" in REFERENCE


@pytest.mark.parametrize("name", sorted(set(re.findall(r"^::: (\S+)$", REFERENCE, flags=re.MULTILINE))))
def test_what_the_reference_shows_has_docstrings(name: str) -> None:
    """A function, a class with its public methods, a module with its public functions."""
    package, _, last = name.rpartition(".")
    shown = getattr(importlib.import_module(package), last)
    documented = [shown, *(value for key, value in inspect.getmembers(shown) if _is_shown(key, value, shown))]
    assert [value for value in documented if not inspect.getdoc(value)] == []


def _is_shown(name: str, value: object, owner: object) -> bool:
    """Whether a member is public and was written in one of the two packages."""
    if name.startswith("_") or not (inspect.isroutine(value) or isinstance(value, property)):
        return False
    return getattr(value, "__module__", "anomaly_vae").startswith("anomaly_vae") or inspect.isclass(owner)
