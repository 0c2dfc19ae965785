"""Save and load a detector, or a whole fitted Pipeline that ends in one; loading runs no code.

A model file (its usual suffix is `.avae`) is a zip of stored members:

    schema.json      the tree of objects, as skops writes it
    <number>.npy     weights and other arrays, in NumPy's format
    metadata.json    {"format", "created", "versions", "steps"}, the metadata of the detector:
                     {"kind", "parameters", "schema", "training", "threshold"}, "self_test", a few generated
                     rows with their scores, and optionally "dialect", how files of rows are read

`load` reads the file once, within bounds. It parses the tree to plain values and descriptions of objects, and
rebuilds each object from its description: a step of scikit-learn from checked parameters and attributes, a
detector from a state that it checks itself. The model must then agree with its metadata, and give the
generated rows their saved scores. `read_metadata` reads only the last member, which is not verified. Formats
of earlier releases stay readable (``anomaly_vae.model_file.reading``).
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

from anomaly_vae.errors import InputError, ModelFileError
from anomaly_vae.model_file import archive
from anomaly_vae.model_file.archive import METADATA
from anomaly_vae.model_file.contents import (
    build,
    detector_of,
    input_names,
    is_fitted,
    read_model_tree,
    steps_of,
)
from anomaly_vae.model_file.dialect import DIALECT, check_dialect
from anomaly_vae.model_file.provenance import PROVENANCE, check_provenance, extended
from anomaly_vae.model_file.reading import load_verified, metadata_of, parse_metadata
from anomaly_vae.model_file.writing import culprit, describe, dump
from anomaly_vae.whole_files import write_whole

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from anomaly_vae.detectors.image import ImageVAEDetector
    from anomaly_vae.detectors.per_key import PerKey
    from anomaly_vae.detectors.tabular import TabularVAEDetector
    from anomaly_vae.image_scorer import ImageScorer
    from anomaly_vae.per_key_scorer import PerKeyScorer
    from anomaly_vae.scorer import TableScorer

__all__ = [
    "load",
    "load_scorer",
    "load_with_dialect",
    "read_metadata",
    "save",
    "save_threshold",
    "verified_metadata",
]

_MAX_BYTES = 2 * 2**30
_MAX_MESSAGE = 300
_MAX_SHOWN_PATH = 120


def save(
    model: ImageVAEDetector | TabularVAEDetector | PerKey | Pipeline,
    path: str | os.PathLike[str],
    *,
    overwrite: bool = True,
    dialect: Mapping[str, Any] | None = None,
    provenance: Sequence[Mapping[str, Any]] | None = None,
) -> None:
    """Write a fitted detector, or a fitted Pipeline that ends in one, to one file.

    The model is read back before the file is written, so `load` accepts what `save` wrote. The file is first
    written next to `path` and then moved there in one step.

    Parameters
    ----------
    model : detector or Pipeline
        The fitted model.
    path : str or path-like
        Path of the file; the usual suffix is `.avae`.
    overwrite : bool, default=True
        Whether an existing file is replaced.
    dialect : mapping, optional
        How the files of rows are read, as the command line stores it; JSON values.
    provenance : sequence of mapping, optional
        Which data, commands and models it comes from, as the command line stores it; JSON values.

    Raises
    ------
    InputError
        If the model is not fitted, does not end in a detector, or contains something that a model file cannot
        hold (the message names the step), or if `path` exists and `overwrite` is False.

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

    detector = detector_of(model)
    if detector is None:
        raise InputError(f"only a detector, or a Pipeline that ends in one, can be saved; got {type(model)}")
    if not is_fitted(detector):
        raise InputError("the detector is not fitted; call fit before save")
    try:
        members = dump(model)
        again = build(read_model_tree(members))
    except Exception as error:  # skops raises many kinds of exception
        raise InputError(culprit(model, error)) from error
    metadata = {**describe(model, detector), "self_test": make_self_test(model)}
    if dialect:
        metadata[DIALECT] = dict(dialect)
        check_dialect(metadata, input_names(model))
    if provenance:
        metadata[PROVENANCE] = list(map(dict, provenance))
        check_provenance(metadata)
    if metadata["self_test"] is not None:
        check_self_test(again, metadata["self_test"])
    members[METADATA] = json.dumps(metadata).encode()
    write_whole(path, archive.pack(members), overwrite=overwrite)


def load(
    path: str | os.PathLike[str],
    *,
    check_versions: bool = True,
    max_bytes: int = _MAX_BYTES,
    isolated: bool = False,
) -> ImageVAEDetector | TabularVAEDetector | PerKey | Pipeline:
    """The model that `save` wrote; no code of the file is run, even if the file is forged.

    Parameters
    ----------
    path : str or path-like
        A file that `save` wrote.
    check_versions : bool, default=True
        Whether a file with scikit-learn objects from another minor release of scikit-learn is rejected. If
        False, it is loaded with a warning.
    max_bytes : int, default=2 GiB
        Size of the largest file that is read.
    isolated : bool, default=False
        Whether the same bytes are first loaded in a child process, with limits on memory, time and processes.
        It takes some seconds and is for files of unknown origin: if a forged file exploits a bug in a
        library, only the child crashes.

    Returns
    -------
    detector or Pipeline
        Fitted. On the same machine with the same libraries, its scores are bit-identical to those of the
        saved model.

    Raises
    ------
    ModelFileError
        If the file is missing, damaged, forged, too large or from a newer release, or if the scores of the
        self-test rows differ from the saved ones. The message is one line of at most 300 characters, with
        the reason and what to do.
    """
    model: ImageVAEDetector | TabularVAEDetector | PerKey | Pipeline
    model, _ = _load(path, check_versions, max_bytes, isolated, light=False)
    return model


def load_scorer(
    path: str | os.PathLike[str] | BinaryIO,
    *,
    check_versions: bool = True,
    max_bytes: int = _MAX_BYTES,
    isolated: bool = False,
) -> TableScorer | ImageScorer | PerKeyScorer | Pipeline:
    """The model that `save` wrote, a detector without what only ``fit`` needs.

    A scorer starts in a fraction of the time of `load`, because it imports neither torch nor scikit-learn. It
    gives the scores that the detector gives on a CPU. The file is checked as by `load`.

    Parameters
    ----------
    path : str, path-like or binary file object
        A file that `save` wrote, or its content, such as ``io.BytesIO(data)``.
    check_versions, max_bytes, isolated
        As in `load`.

    Returns
    -------
    TableScorer, ImageScorer, PerKeyScorer or Pipeline
        A ``TableScorer`` for a TabularVAEDetector, an ``ImageScorer`` for an ImageVAEDetector, a
        ``PerKeyScorer`` for a PerKey, and a Pipeline as `load` returns it.

    Raises
    ------
    ModelFileError
        As `load` does.
    """
    return load_with_dialect(path, check_versions=check_versions, max_bytes=max_bytes, isolated=isolated)[0]


def load_with_dialect(
    path: str | os.PathLike[str] | BinaryIO,
    *,
    check_versions: bool = True,
    max_bytes: int = _MAX_BYTES,
    isolated: bool = False,
) -> tuple[TableScorer | ImageScorer | PerKeyScorer | Pipeline, dict[str, Any] | None]:
    """The model as `load_scorer` returns it, and how its files of rows are read, if that was saved.

    Parameters
    ----------
    path : str, path-like or binary file object
        A file that `save` wrote, or its content, such as ``io.BytesIO(data)``.
    check_versions, max_bytes, isolated
        As in `load`.

    Returns
    -------
    model, dialect
        ``dialect`` is the checked argument of `save`; None without one.

    Raises
    ------
    ModelFileError
        As `load` does.
    """
    model, metadata = _load(path, check_versions, max_bytes, isolated, light=True)
    return model, metadata.get(DIALECT)


def save_threshold(
    path: str | os.PathLike[str],
    target: str | os.PathLike[str],
    change: Callable[[Any], object],
    *,
    overwrite: bool = True,
    step: Mapping[str, Any] | None = None,
) -> TableScorer | ImageScorer | PerKeyScorer | TabularVAEDetector | ImageVAEDetector:
    """Write a model file with another threshold; a detector alone needs no library that fits.

    Parameters
    ----------
    path, target : str or path-like
        The model file, and the file to write, which may be the same.
    change : callable
        Called with the detector of the file; it sets the threshold with ``set_threshold``.
    overwrite : bool, default=True
        Whether an existing file is replaced.
    step : mapping, optional
        Added to the provenance of the model.

    Returns
    -------
    TableScorer, ImageScorer or PerKeyScorer, or the last step of a Pipeline
        The detector with its new threshold.

    Raises
    ------
    ModelFileError
        As `load` does.
    InputError
        As ``change`` and `save` do.
    """
    from anomaly_vae.model_file.rethreshold import with_threshold

    with _naming(path):
        data = archive.read_file(path, _MAX_BYTES)
        model, metadata, _ = load_verified(data, check_versions=True, light=True)
    detector: Any = steps_of(model)[-1][1]
    change(detector)
    is_scorer = hasattr(model, "detector")
    steps = metadata.get(PROVENANCE) if step is None else extended(metadata, step)
    members = with_threshold(archive.unpack(data, len(data)), model, steps) if is_scorer else None
    if members is None:
        fitted = model.detector() if is_scorer else model
        save(fitted, target, overwrite=overwrite, dialect=metadata.get(DIALECT), provenance=steps)
    else:
        changed = archive.pack(members)
        with _naming(target):
            load_verified(changed, check_versions=True, light=True)
        write_whole(target, changed, overwrite=overwrite)
    return detector  # type: ignore[no-any-return]


def _load(
    path: str | os.PathLike[str] | BinaryIO,
    check_versions: bool,
    max_bytes: int,
    isolated: bool,
    *,
    light: bool,
) -> tuple[Any, dict[str, Any]]:
    from anomaly_vae.model_file.child import metadata_from_child

    with _naming(path):
        data = archive.read_file(path, max_bytes)
        if isolated:
            metadata_from_child(data, check_versions=check_versions)
        model, metadata, difference = load_verified(data, check_versions=check_versions, light=light)
    if difference:
        warnings.warn(f"{_shown(path)}: {difference}; scores may differ", UserWarning, stacklevel=3)
    return model, metadata


def verified_metadata(
    path: str | os.PathLike[str],
    *,
    check_versions: bool = True,
    max_bytes: int = _MAX_BYTES,
    isolated: bool = False,
) -> dict[str, Any]:
    """The metadata as in `read_metadata`, but derived from the model, which is loaded to verify them.

    "format", "created" and "versions" cannot be derived and are taken from the file. "threshold" has two more
    entries, the "interval" of scores and the "false_alarm_interval" of a detector (None without a guarantee;
    an end is None if it is infinite). Parameters and errors are those of `load`; with ``isolated=True`` only
    a child process loads the model.
    """
    from anomaly_vae.model_file.child import metadata_from_child

    with _naming(path):
        data = archive.read_file(path, max_bytes)
        if isolated:
            return metadata_from_child(data, check_versions=check_versions)
        return metadata_of(data, check_versions=check_versions)


def read_metadata(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Unverified metadata of a model file, in the format that it was written in.

    Nothing is built or run. ``load`` rejects a file whose metadata contradict the model; ``metadata()`` of a
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
        "scores" in nats of a few generated rows, for a table their "columns" of cells, and for a Pipeline
        the same under "pipeline".

    Raises
    ------
    ModelFileError
        If the file is missing, damaged, not a model file or from a newer release.
    """
    with _naming(path):
        return parse_metadata({METADATA: archive.read_metadata_member(path)})


@contextmanager
def _naming(path: str | os.PathLike[str] | BinaryIO) -> Iterator[None]:
    """Re-raise every error as a ModelFileError of one line that names the file."""
    try:
        yield
    except ModelFileError as error:
        raise ModelFileError(_line(path, str(error))) from error
    except Exception as error:  # a forged file can make a parser raise anything
        reason = f"{type(error).__name__}: {error}"[:_MAX_MESSAGE]
        raise ModelFileError(_line(path, f"damaged or forged ({reason})")) from error


def _shown(path: str | os.PathLike[str] | BinaryIO) -> str:
    return os.fspath(path) if isinstance(path, str | os.PathLike) else "the model"


def _line(path: str | os.PathLike[str] | BinaryIO, reason: str) -> str:
    """A message of one line and bounded length, because a reason can contain any text of a file."""
    name, reason = _shown(path), " ".join(reason.split())
    if len(name) > _MAX_SHOWN_PATH:
        name = "..." + name[3 - _MAX_SHOWN_PATH :]
    line = f"{name}: {''.join(c if c.isprintable() else '?' for c in reason)}"
    return line if len(line) <= _MAX_MESSAGE else line[: _MAX_MESSAGE - 3] + "..."
