"""Save and load a detector, or a whole fitted Pipeline that ends in one; no code runs on load.

A model file (the suffix is `.avae` by custom) is a zip as skops writes it, with one member more:

    schema.json      the tree of objects, as plain JSON
    <number>.npy     weights and other arrays, in numpy's own format
    metadata.json    {"format", "created", "versions", "steps"} and the detector's own summary:
                     {"kind", "parameters", "schema", "training", "threshold"}, and "self_test", a few
                     made-up rows with their scores; files of 0.1.0, and models of huge rows, have none

`load` reads the file once, within bounds; checks the tree against a fixed list of types and every array
against its declared size; and only then lets skops build the objects, whose state is validated once more by
the detector itself, which then has to give the made-up rows their scores. `read_metadata` reads the last
member alone and needs neither torch nor scikit-learn.

FORMAT counts layouts of the file. A release that changes the layout adds one to it, and adds to UPGRADES,
under the old number, the function that turns members of that format into members of the next. `load` applies
them in order, before any check of content, so every file that was ever written stays readable. A file of a
newer format than FORMAT is refused.
"""

from __future__ import annotations

import json
import os
import platform
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from anomaly_vae import _archive, _audit
from anomaly_vae._archive import METADATA, SCHEMA, Members
from anomaly_vae._version import __version__
from anomaly_vae.errors import InputError, ModelFileError

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from anomaly_vae.detectors.image import ImageVAEDetector
    from anomaly_vae.detectors.tabular import TabularVAEDetector

__all__ = ["load", "read_metadata", "save"]

FORMAT = 1
UPGRADES: dict[int, Callable[[Members], Members]] = {}

_MAX_BYTES = 2 * 2**30
_RECORDED = ("numpy", "pandas", "scikit-learn", "skops", "torch")
_WAY_OUT = (
    "a model file holds no code: use scikit-learn's own transformers with plain parameters "
    "(columns as a list of names), or joblib.dump if you trust pickles"
)
# Their objects change between minor releases; our own state is validated instead.
_COMPARED = ("scikit-learn", "skops")


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
    from anomaly_vae._self_test import check_self_test, make_self_test

    detector = _detector_of(model)
    if detector is None:
        raise InputError(f"only a detector, or a Pipeline that ends in one, can be saved; got {type(model)}")
    if not _is_fitted(detector):
        raise InputError("the detector is not fitted; call fit before save")
    try:
        members = _dump(model)
        again = _build(members)
    except Exception as error:  # skops refuses with many kinds of exception
        raise InputError(_culprit(model, error)) from error
    metadata, test = _describe(model, detector), make_self_test(detector)
    if test is not None:
        check_self_test(_steps(again)[-1][1], test)
        metadata["self_test"] = test
    members[METADATA] = json.dumps(metadata).encode()
    _archive.write_whole(path, _archive.pack(members), overwrite=overwrite)


def load(
    path: str | os.PathLike[str], *, check_versions: bool = True, max_bytes: int = _MAX_BYTES
) -> ImageVAEDetector | TabularVAEDetector | Pipeline:
    """The model that `save` wrote; no code of the file is run, whoever made it.

    Parameters
    ----------
    path : str or path-like
        A file that `save` wrote.
    check_versions : bool, default=True
        Whether a file with scikit-learn objects from another minor release of scikit-learn or skops is
        refused. If False, it is loaded with a warning.
    max_bytes : int, default=2 GiB
        Size of the largest file that is read.

    Returns
    -------
    detector or Pipeline
        Fitted; its scores are bit for bit those of the model that was saved.

    Raises
    ------
    ModelFileError
        With the reason and the way out in one line, if the file is missing, damaged, forged, too large or
        from a newer release, or if the model gives the rows of its self-test other scores than it did when
        it was saved.
    """
    from anomaly_vae._self_test import check_self_test

    with _naming(path):
        members = _archive.unpack(_archive.read_file(path, max_bytes), max_bytes)
        members = _upgrade(members)
        metadata, types = _parse(members), _audit.audit(members)
        difference = _version_difference(metadata, types)
        if difference and check_versions:
            raise ModelFileError(f"{difference}; install that, or pass check_versions=False at your own risk")
        model = _build(members)
        if "self_test" in metadata:
            check_self_test(_steps(model)[-1][1], metadata["self_test"])
    if difference:
        warnings.warn(f"{os.fspath(path)}: {difference}; scores may differ", UserWarning, stacklevel=2)
    return model


def read_metadata(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What a model file says of itself, in the format that it was written in; nothing is built or run.

    Parameters
    ----------
    path : str or path-like
        A file that `save` wrote.

    Returns
    -------
    dict
        "format", "created" (ISO 8601, UTC), "versions" of libraries, "steps" of the Pipeline (name and type
        of each; one for a bare detector), what the detector's `metadata()` gave, and "self_test": the
        "scores" in nats of a few made-up rows and, of a table, their "columns" of cells.

    Raises
    ------
    ModelFileError
        If the file is missing, damaged, no model file or from a newer release.
    """
    with _naming(path):
        return _parse({METADATA: _archive.read_metadata_member(path)})


@contextmanager
def _naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Every fault inside comes out as one line that names the file."""
    try:
        yield
    except ModelFileError as error:
        raise ModelFileError(f"{os.fspath(path)}: {error}") from error
    except Exception as error:  # a forged file can make any parser below raise anything
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        raise ModelFileError(f"{os.fspath(path)}: damaged or forged ({reason})") from error


def _parse(members: Members) -> dict[str, Any]:
    """The metadata, if its format can be read here."""
    if METADATA not in members:
        raise _archive.missing(METADATA)
    metadata = json.loads(members[METADATA])
    number = metadata.get("format") if isinstance(metadata, dict) else None
    if type(number) is not int or number < 1:
        raise ModelFileError(f"{METADATA} gives no format number")
    if number > FORMAT:
        raise ModelFileError(f"saved by a newer anomaly-vae (format {number}, here {FORMAT}): upgrade it")
    return dict(metadata)


def _upgrade(members: Members) -> Members:
    """Members of an older format, turned into those of this one."""
    for number in range(_parse(members)["format"], FORMAT):
        members = UPGRADES[number](members)
    return members


def _version_difference(metadata: dict[str, Any], types: frozenset[str]) -> str | None:
    """How the libraries of a file with scikit-learn objects differ from those here, if they do."""
    if not any(name.startswith("sklearn.") for name in types):
        return None
    for package in _COMPARED:
        saved, here = str(metadata["versions"][package])[:40], version(package)
        if saved.split(".")[:2] != here.split(".")[:2]:
            return f"saved with {package} {saved}, but {here} is installed"
    return None


def _dump(model: object) -> Members:
    """Members of a model as skops writes them, each on the fixed list."""
    import skops.io

    data = skops.io.dumps(model)
    members = _archive.unpack(data, max_bytes=len(data))
    # skops indents its JSON; nobody reads it, and blanks are most of it.
    members[SCHEMA] = json.dumps(json.loads(members[SCHEMA]), separators=(",", ":")).encode()
    _audit.audit(members)
    return members


def _build(members: Members) -> Any:
    """The model that audited members describe."""
    import skops.io
    from sklearn.exceptions import InconsistentVersionWarning

    from anomaly_vae._one_hot import check_one_hot

    content = {name: data for name, data in members.items() if name != METADATA}
    with warnings.catch_warnings():
        # It warns of patch releases too; the rule of versions is ours.
        warnings.simplefilter("ignore", InconsistentVersionWarning)
        model = skops.io.loads(_archive.pack(content), trusted=_audit.TRUSTED)
    detector = _detector_of(model)
    if detector is None:
        raise ModelFileError(f"holds a {type(model).__name__}, which does not end in a detector")
    if not _is_fitted(detector):
        raise ModelFileError("holds a detector that was never fitted")
    detector.metadata()  # one that cannot say what it is was fitted in name only
    check_one_hot(model)
    return model


def _detector_of(model: object) -> ImageVAEDetector | TabularVAEDetector | None:
    """The detector that a model is or ends in, if there is one."""
    from sklearn.pipeline import Pipeline

    last: Any = model
    if isinstance(model, Pipeline):
        last = last.steps[-1][1]
    name = f"{type(last).__module__}.{type(last).__qualname__}"
    return last if name in _audit.DETECTORS else None


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
            _dump(step)
        except Exception as reason:  # skops refuses with many kinds of exception
            return f"step {name!r} ({type(step).__name__}) cannot be saved ({reason}); {_WAY_OUT}"
    return f"the model cannot be saved ({error}); {_WAY_OUT}"


def _describe(model: Any, detector: ImageVAEDetector | TabularVAEDetector) -> dict[str, Any]:
    """What goes into metadata.json."""
    libraries = {package: version(package) for package in _RECORDED}
    return {
        **detector.metadata(),
        "format": FORMAT,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"anomaly-vae": __version__, "python": platform.python_version(), **libraries},
        "steps": [[name, type(step).__name__] for name, step in _steps(model)],
    }
