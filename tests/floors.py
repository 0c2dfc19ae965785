"""Pip constraints with the lowest version that pyproject.toml allows of each package a user installs.

`make floors` installs with them and runs the tests there. The tools of the `dev` extra are not constrained.
"""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

EXTRAS = ("alerts", "s3", "serve")
_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)>=(?P<version>[0-9.]+)(,!=[0-9.]+)*(?P<marker>;.*)?")


def floors(pyproject: str) -> Iterator[str]:
    """One `name==version` per dependency of the text of a pyproject.toml and of its `EXTRAS`."""
    project = tomllib.loads(pyproject)["project"]
    extras = project["optional-dependencies"]
    for requirement in [*project["dependencies"], *(line for extra in EXTRAS for line in extras[extra])]:
        yield _lowest(requirement)


def _lowest(requirement: str) -> str:
    match = _REQUIREMENT.fullmatch(requirement)
    if match is None:
        raise SystemExit(f"pyproject.toml: {requirement!r} has no lower bound of the form name>=version")
    return f"{match['name']}=={match['version']}{match['marker'] or ''}"


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in floors(Path(sys.argv[1]).read_text(encoding="utf-8")))
