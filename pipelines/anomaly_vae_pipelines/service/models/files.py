"""Model files: the arguments of the command line as models, versions and their files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from anomaly_vae.errors import InputError

SUFFIX = ".avae"

DEFAULT_VERSION = "1"
"""Version of a model that has only one."""


@dataclass(frozen=True)
class ModelFile:
    """The file of one version of a model."""

    name: str
    version: str
    path: Path


@dataclass(frozen=True)
class ModelPath:
    """The path of a model: a file, or a directory of files named by their versions."""

    name: str
    path: Path

    def files(self) -> list[ModelFile]:
        """The files that exist now."""
        if not self.path.is_dir():
            return [ModelFile(self.name, DEFAULT_VERSION, self.path)]
        found = sorted(path for path in self.path.iterdir() if path.suffix == SUFFIX)
        return [ModelFile(self.name, path.stem, path) for path in found if not path.name.startswith(".")]


def model_paths(arguments: Iterable[str], named: Mapping[str, str]) -> list[ModelPath]:
    """The paths of the arguments ``FILE`` and ``NAME=FILE``, and of the models in the settings.

    Raises
    ------
    InputError
        If a name occurs twice, a path does not exist, or there is no model.
    """
    models: dict[str, ModelPath] = {}
    for name, path in [*map(_name_and_path, arguments), *named.items()]:
        if not name or "/" in name:
            raise InputError(f"{name!r} is not a valid model name; wanted NAME=FILE")
        if name in models:
            raise InputError(f"two models are called {name!r} ({models[name].path}, {path}); give NAME=FILE")
        models[name] = ModelPath(name, Path(path))
        _check(models[name])
    if not models:
        raise InputError("there is no model to serve; give a model file, or NAME=FILE")
    return list(models.values())


def _name_and_path(argument: str) -> tuple[str, str]:
    name, sign, path = argument.partition("=")
    return (name, path) if sign and not Path(argument).exists() else (Path(argument).stem, argument)


def _check(model: ModelPath) -> None:
    if not model.path.exists():
        raise InputError(f"{model.path}: no such file; wanted a model that anomaly-vae fit wrote")
    if not model.files():
        raise InputError(f"{model.path}: is a directory without {SUFFIX} files; wanted VERSION{SUFFIX} in it")
