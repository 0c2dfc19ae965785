"""Write the map of the packages into CONTRIBUTING.md, from the contracts in pyproject.toml."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "CONTRIBUTING.md"
FOLDERS = {"anomaly_vae": ROOT, "anomaly_vae_pipelines": ROOT / "pipelines"}

MAP = re.compile(r"<!-- map -->.*<!-- end of map -->", re.DOTALL)


def architecture() -> str:
    """The map as Markdown: for each contract its layers, top first, with what each module is for."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    parts = [_table(contract) for contract in contracts["contracts"] if "containers" in contract]
    return "\n\n".join(["<!-- map -->", *parts, "<!-- end of map -->"])


def _table(contract: dict[str, Any]) -> str:
    (container,) = contract["containers"]
    return "\n".join(
        [f"`{container}`", "", "| layer | module | purpose |", "|---|---|---|", *_rows(contract)]
    )


def _rows(contract: dict[str, Any]) -> Iterator[str]:
    (container,) = contract["containers"]
    for number, layer in enumerate(contract["layers"]):
        for name in re.split(r" [|:] ", layer):
            yield f"| {number + 1} | `{name}` | {_summary(f'{container}.{name}')} |"


def _summary(module: str) -> str:
    """First line of a module's docstring."""
    folder = FOLDERS[module.partition(".")[0]].joinpath(*module.split("."))
    path = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    return (docstring or "").partition("\n\n")[0].replace("\n", " ")


if __name__ == "__main__":
    PAGE.write_text(MAP.sub(lambda _: architecture(), PAGE.read_text(encoding="utf-8")), encoding="utf-8")
