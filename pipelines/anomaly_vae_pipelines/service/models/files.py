"""Model files: what the command line names, as models, versions and the files that they lie in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from anomaly_vae.errors import InputError

SUFFIX = ".avae"

DEFAULT_VERSION = "1"
"""Of a model that has but one."""


@dataclass(frozen=True)
class ModelFile:
    """One version of a model, and the file that it lies in."""

    name: str
    version: str
    path: Path


@dataclass(frozen=True)
class Place:
    """Where the versions of a model are: a file, or a directory of files named by their versions."""

    name: str
    path: Path

    def files(self) -> list[ModelFile]:
        """The files that are there now."""
        if not self.path.is_dir():
            return [ModelFile(self.name, DEFAULT_VERSION, self.path)]
        found = sorted(path for path in self.path.iterdir() if path.suffix == SUFFIX)
        return [ModelFile(self.name, path.stem, path) for path in found if not path.name.startswith(".")]


def places_of(arguments: Iterable[str], named: Mapping[str, str]) -> list[Place]:
    """The places of ``FILE``, ``NAME=FILE`` and the settings' own models.

    Raises
    ------
    InputError
        For a name that comes twice, a place that is not there, and where there is none at all.
    """
    places: dict[str, Place] = {}
    for name, path in [*map(_parted, arguments), *named.items()]:
        if not name or "/" in name:
            raise InputError(f"{name!r} is no name of a model; wanted NAME=FILE")
        if name in places:
            raise InputError(f"two models are called {name!r} ({places[name].path}, {path}); give NAME=FILE")
        places[name] = Place(name, Path(path))
        _check(places[name])
    if not places:
        raise InputError("there is no model to serve; give a model file, or NAME=FILE")
    return list(places.values())


def _parted(argument: str) -> tuple[str, str]:
    name, mark, path = argument.partition("=")
    return (name, path) if mark and not Path(argument).exists() else (Path(argument).stem, argument)


def _check(place: Place) -> None:
    if not place.path.exists():
        raise InputError(f"{place.path}: there is no such file; wanted a model that anomaly-vae fit made")
    if not place.files():
        raise InputError(f"{place.path}: is a directory without {SUFFIX} files; wanted VERSION{SUFFIX} in it")
