"""Save and load a detector, or a whole fitted Pipeline that ends in one; no code runs on load.

A model file (its usual suffix is `.avae`) is a zip of stored members:

    schema.json      the tree of objects, as skops writes it
    <number>.npy     weights and other arrays, in numpy's own format
    metadata.json    {"format", "created", "versions", "steps"} and the detector's own summary:
                     {"kind", "parameters", "schema", "training", "threshold"}, and "self_test", a few
                     made-up rows with their scores

`load` reads the file once, within bounds. It reads the tree to plain values and descriptions of objects, and
rebuilds each object from its description: a step of scikit-learn from checked parameters and attributes, a
detector from a state that it checks itself. The model then has to agree with its metadata, and to give the
made-up rows their scores. `read_metadata` reads the last member alone; nothing has verified it.

FORMAT counts layouts of the file. A release that changes the layout adds one to it, and adds to UPGRADES,
under the old number, the function that turns members of that format into members of the next. `load` applies
them in order, before any check of content, so every file that was ever written stays readable. A file of a
newer format than FORMAT is refused.

    1    the self-test may be missing
    2    the self-test is there, unless a single row is too large for one; a Pipeline has rows of its own
"""

from __future__ import annotations

import copy
import json
import os
import platform
import warnings
from collections import UserList
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from anomaly_vae._version import __version__
from anomaly_vae.bounded_json import FREE_BYTES, read_json
from anomaly_vae.errors import InputError, ModelFileError
from anomaly_vae.model_file import archive
from anomaly_vae.model_file.archive import METADATA, SCHEMA, Members

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from anomaly_vae.detectors.image import ImageVAEDetector
    from anomaly_vae.detectors.tabular import TabularVAEDetector
    from anomaly_vae.model_file.tree import Described

__all__ = ["load", "read_metadata", "save", "verified_metadata"]

FORMAT = 2
UPGRADES: dict[int, Callable[[Members], Members]] = {1: lambda members: members}

_MAX_BYTES = 2 * 2**30
_RECORDED = ("numpy", "pandas", "scikit-learn", "skops", "torch")
_WAY_OUT = (
    "a model file holds no code: use scikit-learn's own transformers with plain parameters "
    "(columns as a list of names), or joblib.dump if you trust pickles"
)
_LISTS_OF_STEPS = ("steps", "transformer_list", "transformers", "transformers_")
_CACHE = "_transformers_feature_names_out"
_MAX_MESSAGE = 300
_MAX_SHOWN_PATH = 120
_MAX_STATED = 100
"""Characters of what a file states and nothing can verify."""


def save(
    model: ImageVAEDetector | TabularVAEDetector | Pipeline,
    path: str | os.PathLike[str],
    *,
    overwrite: bool = True,
) -> None:
    """Write a fitted detector, or a fitted Pipeline that ends in one, to one file.

    The file is written beside `path` and moved there whole, after it has been read back: what `save` has
    written, `load` accepts.

    Parameters
    ----------
    model : detector or Pipeline
        What to save, fitted.
    path : str or path-like
        Where to; the suffix `.avae` is the custom.
    overwrite : bool, default=True
        Whether a file that exists is replaced.

    Raises
    ------
    InputError
        If the model is not fitted, does not end in a detector, or holds what no model file may hold (the
        message names the step), or if `path` exists and `overwrite` is False.

    Examples
    --------
    >>> import tempfile, numpy as np, anomaly_vae
    >>> X = np.random.default_rng(0).normal(size=(100, 3))
    >>> detector = anomaly_vae.TabularVAEDetector(max_steps=20, random_state=0).fit(X)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     anomaly_vae.save(detector, f"{folder}/model.avae")
    ...     again = anomaly_vae.load(f"{folder}/model.avae")
    >>> bool((again.score_samples(X) == detector.score_samples(X)).all())
    True
    """
    from anomaly_vae.model_file.self_test import check_self_test, make_self_test

    detector = _detector_of(model)
    if detector is None:
        raise InputError(f"only a detector, or a Pipeline that ends in one, can be saved; got {type(model)}")
    if not _is_fitted(detector):
        raise InputError("the detector is not fitted; call fit before save")
    try:
        members = _dump(model)
        again = _build(_tree(members))
    except Exception as error:  # skops refuses with many kinds of exception
        raise InputError(_culprit(model, error)) from error
    metadata = {**_describe(model, detector), "self_test": make_self_test(model)}
    if metadata["self_test"] is not None:
        check_self_test(again, metadata["self_test"])
    members[METADATA] = json.dumps(metadata).encode()
    archive.write_whole(path, archive.pack(members), overwrite=overwrite)


def load(
    path: str | os.PathLike[str],
    *,
    check_versions: bool = True,
    max_bytes: int = _MAX_BYTES,
    isolated: bool = False,
) -> ImageVAEDetector | TabularVAEDetector | Pipeline:
    """The model that `save` wrote; no code of the file is run, whoever made it.

    Parameters
    ----------
    path : str or path-like
        A file that `save` wrote.
    check_versions : bool, default=True
        Whether a file with scikit-learn objects from another minor release of scikit-learn is refused. If
        False, it is loaded with a warning.
    max_bytes : int, default=2 GiB
        Size of the largest file that is read.
    isolated : bool, default=False
        Whether the same bytes are loaded in a child process first, with limits on memory, time and processes.
        It takes some seconds, and is for files of unknown origin: a fault in a library that a forged file
        finds then ends the child.

    Returns
    -------
    detector or Pipeline
        Fitted; its scores are bit for bit those of the model that was saved, on the same machine with the
        same libraries.

    Raises
    ------
    ModelFileError
        With the reason and the way out in one line of at most 300 characters, if the file is missing,
        damaged, forged, too large or from a newer release, or if the model gives the rows of its self-test
        other scores than it did when it was saved.
    """
    from anomaly_vae.model_file.child import metadata_from_child

    with _naming(path):
        data = archive.read_file(path, max_bytes)
        if isolated:
            metadata_from_child(data, check_versions=check_versions)
        model, _, difference = _load(data, check_versions=check_versions)
    if difference:
        warnings.warn(f"{os.fspath(path)}: {difference}; scores may differ", UserWarning, stacklevel=2)
    return model


def verified_metadata(
    path: str | os.PathLike[str],
    *,
    check_versions: bool = True,
    max_bytes: int = _MAX_BYTES,
    isolated: bool = False,
) -> dict[str, Any]:
    """What `read_metadata` gives, derived from the model itself, which is loaded for it.

    "format", "created" and "versions" cannot be derived and are those of the file. The parameters, and what
    is raised, are those of `load`; with ``isolated=True`` only a child process loads the model.
    """
    from anomaly_vae.model_file.child import metadata_from_child

    with _naming(path):
        data = archive.read_file(path, max_bytes)
        if isolated:
            return metadata_from_child(data, check_versions=check_versions)
        return metadata_of(data, check_versions=check_versions)


def read_metadata(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What a model file states about itself, unverified, in the format that it was written in.

    Nothing is built or run. ``load`` refuses a file whose metadata contradict the model; ``metadata()`` of a
    loaded detector is verified.

    Parameters
    ----------
    path : str or path-like
        A file that `save` wrote.

    Returns
    -------
    dict
        "format", "created" (ISO 8601, UTC), "versions" of libraries, "steps" of the Pipeline (name and type
        of each; one for a bare detector), what the detector's `metadata()` gave, and "self_test": the
        "scores" in nats of a few made-up rows and, of a table, their "columns" of cells, and of a Pipeline
        the same under "pipeline".

    Raises
    ------
    ModelFileError
        If the file is missing, damaged, no model file or from a newer release.
    """
    with _naming(path):
        return _parse({METADATA: archive.read_metadata_member(path)})


@contextmanager
def _naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Raise every error inside as one line that names the file."""
    try:
        yield
    except ModelFileError as error:
        raise ModelFileError(_line(path, str(error))) from error
    except Exception as error:  # a forged file can make any parser below raise anything
        reason = f"{type(error).__name__}: {error}"[:_MAX_MESSAGE]
        raise ModelFileError(_line(path, f"damaged or forged ({reason})")) from error


def _line(path: str | os.PathLike[str], reason: str) -> str:
    """A message of one line and bounded length; a file can put any text into a reason."""
    name, reason = os.fspath(path), " ".join(reason.split())
    if len(name) > _MAX_SHOWN_PATH:
        name = "..." + name[3 - _MAX_SHOWN_PATH :]
    line = f"{name}: {''.join(c if c.isprintable() else '?' for c in reason)}"
    return line if len(line) <= _MAX_MESSAGE else line[: _MAX_MESSAGE - 3] + "..."


def metadata_of(data: bytes, *, check_versions: bool) -> dict[str, Any]:
    """Verified metadata of the bytes of a file; raises as `load` does, without the path."""
    model, metadata, _ = _load(data, check_versions=check_versions)
    derived = {**_steps(model)[-1][1].metadata(), "steps": _named_types(model)}
    return {**metadata, **json.loads(json.dumps(derived))}


def _load(data: bytes, *, check_versions: bool) -> tuple[Any, dict[str, Any], str | None]:
    """The verified model of a file, its metadata, and how the library that it was saved with differs."""
    members = _upgrade(archive.unpack(data, len(data)))
    metadata, root = _parse(members), _tree(members)
    difference = _version_difference(metadata, root)
    if difference and check_versions:
        raise ModelFileError(f"{difference}; install that, or pass check_versions=False at your own risk")
    del members
    model = _build(root)
    _verify(model, metadata)
    return model, metadata, difference


def _parse(members: Members) -> dict[str, Any]:
    """The metadata, if its format can be read here."""
    if METADATA not in members:
        raise archive.missing(METADATA)
    metadata = read_json(members[METADATA], METADATA, FREE_BYTES)
    number = metadata.get("format") if isinstance(metadata, dict) else None
    if type(number) is not int or number < 1:
        raise ModelFileError(f"{METADATA} gives no format number")
    if number > FORMAT:
        raise ModelFileError(f"saved by a newer anomaly-vae (format {number:.9g}, here {FORMAT}): upgrade it")
    versions = metadata.get("versions")
    stated = [metadata.get("created"), *(versions.values() if isinstance(versions, dict) else [None])]
    if not all(isinstance(text, str) and len(text) <= _MAX_STATED and text.isprintable() for text in stated):
        raise ModelFileError(f"{METADATA} gives no valid date of creation or versions of libraries")
    return dict(metadata)


def _upgrade(members: Members) -> Members:
    """Members of an older format, turned into those of this one."""
    for number in range(_parse(members)["format"], FORMAT):
        members = UPGRADES[number](members)
    return members


def _version_difference(metadata: dict[str, Any], root: Described) -> str | None:
    """How the scikit-learn of a file with its objects differs from the one here, if it does.

    Its objects change between minor releases; the states of detectors are checked instead.
    """
    if not root.name.startswith("sklearn."):
        return None
    saved, here = str(metadata["versions"]["scikit-learn"])[:40], version("scikit-learn")
    if saved.split(".")[:2] == here.split(".")[:2]:
        return None
    return f"saved with scikit-learn {saved}, but {here} is installed"


def _verify(model: Any, metadata: dict[str, Any]) -> None:
    """Raise ModelFileError unless the model agrees with its metadata and passes its self-test."""
    from anomaly_vae.model_file.self_test import check_self_test, n_self_test_rows

    detector = _steps(model)[-1][1]
    derived = json.loads(json.dumps(_summary(model, detector)))
    for key, value in derived.items():
        if key not in metadata and metadata["format"] > 1:
            raise ModelFileError(f"its metadata lack {key!r}; save the model again")
        if key in metadata and not _agree(metadata[key], value):
            raise ModelFileError(f"its metadata contradict the model: {key!r}; save the model again")
    if metadata.get("self_test") is not None:
        check_self_test(model, metadata["self_test"])
    elif metadata["format"] > 1 and n_self_test_rows(detector):
        raise ModelFileError("its self-test is missing; save the model again")


def _summary(model: Any, detector: Any) -> dict[str, Any]:
    """What metadata must agree with: nothing that a later release may word or count in another way."""
    summary = detector.metadata()
    kept = {key: summary[key] for key in ("kind", "training", "threshold", "image") if key in summary}
    columns = [{key: column[key] for key in ("name", "kind")} for column in summary["schema"]]
    return {**kept, "schema": columns, "steps": _named_types(model)}


def _agree(stored: Any, derived: Any) -> bool:
    """Whether all that both state is the same; an older file states less."""
    if isinstance(stored, dict) and isinstance(derived, dict):
        return all(_agree(stored[key], derived[key]) for key in stored.keys() & derived.keys())
    if isinstance(stored, list) and isinstance(derived, list):
        return len(stored) == len(derived) and all(map(_agree, stored, derived))
    return bool(stored == derived)


def _dump(model: object) -> Members:
    """Members of a model as skops writes them."""
    import skops.io

    data = skops.io.dumps(_without_caches(model))
    members = archive.unpack(data, max_bytes=len(data))
    # skops indents its JSON; nobody reads it, and blanks are most of it.
    members[SCHEMA] = json.dumps(json.loads(members[SCHEMA]), separators=(",", ":")).encode()
    return members


def _without_caches(step: Any) -> Any:
    """The step as ``fit`` left it, of scikit-learn's own classes.

    What ``transform`` keeps of its output cannot be written.
    """
    lists = {name: vars(step)[name] for name in _LISTS_OF_STEPS if name in getattr(step, "__dict__", {})}
    if not lists:
        return step
    import sklearn.pipeline

    from anomaly_vae.model_file.pipeline import Pipeline

    bare = sklearn.pipeline.Pipeline(step.steps) if type(step) is Pipeline else copy.copy(step)
    bare.__dict__.update(vars(step))
    bare.__dict__.pop(_CACHE, None)
    for name, steps in lists.items():
        bare.__dict__[name] = [(first, _without_caches(inner), *rest) for first, inner, *rest in steps]
    _list_columns(bare.__dict__)
    return bare


def _list_columns(fitted: dict[str, Any]) -> None:
    """Make plain lists of the columns of a ColumnTransformer's remainder, which scikit-learn 1.6 wraps."""
    if "_remainder" in fitted:
        fitted["_remainder"] = _plain_lists(fitted["_remainder"])
        fitted["transformers_"] = [_plain_lists(step) for step in fitted["transformers_"]]


def _plain_lists(step: tuple[Any, ...]) -> tuple[Any, ...]:
    # Its `data`, because it warns when it is iterated.
    return tuple(part.data if isinstance(part, UserList) else part for part in step)


def _tree(members: Members) -> Described:
    """The description of a model, of which nothing is built yet."""
    from anomaly_vae.model_file.rebuild import ALLOWED
    from anomaly_vae.model_file.tree import Described, read_tree

    root = read_tree(members, ALLOWED)
    if not isinstance(root, Described):
        raise ModelFileError(f"holds a {type(root).__name__}, not a detector or a Pipeline")
    return root


def _build(root: Described) -> Any:
    """The model of a description."""
    from anomaly_vae.model_file.rebuild import rebuild

    model = rebuild(root)
    detector = _steps(model)[-1][1]
    if not _is_fitted(detector):
        raise ModelFileError("holds a detector that was never fitted")
    return model


def _detector_of(model: object) -> ImageVAEDetector | TabularVAEDetector | None:
    """The detector that a model is or ends in, if there is one."""
    from sklearn.pipeline import Pipeline

    from anomaly_vae.model_file.rebuild import DETECTORS

    last: Any = model
    if isinstance(model, Pipeline):
        last = last.steps[-1][1]
    name = f"{type(last).__module__}.{type(last).__qualname__}"
    return last if name in DETECTORS else None


def _is_fitted(detector: ImageVAEDetector | TabularVAEDetector) -> bool:
    """Whether a detector has learned anything."""
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    try:
        check_is_fitted(detector)
    except NotFittedError:
        return False
    return True


def _steps(model: Any) -> list[tuple[str, Any]]:
    """Steps of a Pipeline by name; a bare detector is its own only step."""
    return list(getattr(model, "steps", [("detector", model)]))


def _culprit(model: Any, error: Exception) -> str:
    """Why a model cannot be saved, with the step that is to blame."""
    for name, step in _steps(model):
        try:
            _rebuild_part(step)
        except Exception as reason:  # skops refuses with many kinds of exception
            return f"step {name!r} ({type(step).__name__}) cannot be saved ({reason}); {_WAY_OUT}"
    return f"the model cannot be saved ({error}); {_WAY_OUT}"


def _rebuild_part(step: Any) -> None:
    """Raise what keeps a step from being saved, if anything does."""
    from anomaly_vae.model_file.rebuild import DETECTORS, rebuild, rebuild_step

    if isinstance(step, str | None):
        return
    root = _tree(_dump(step))
    rebuild(root) if root.name in DETECTORS else rebuild_step(root)


def _describe(model: Any, detector: ImageVAEDetector | TabularVAEDetector) -> dict[str, Any]:
    """What goes into metadata.json."""
    libraries = {package: version(package) for package in _RECORDED}
    return {
        **detector.metadata(),
        "format": FORMAT,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"anomaly-vae": __version__, "python": platform.python_version(), **libraries},
        "steps": _named_types(model),
    }


def _named_types(model: Any) -> list[list[str]]:
    """Name and type of each step."""
    return [[name, type(step).__name__] for name, step in _steps(model)]
