"""Reading a model file: bytes to a model that is verified against its own metadata and self-test.

FORMAT is the version of the file layout. A release that changes the layout increases it, and adds the
function that converts entries of the old format to the next to UPGRADES. The functions are applied in order,
before any check of content, so that every older file stays readable. A newer format is rejected.

    1    the self-test may be missing
    2    there is a self-test, unless a single row is too large for one; a Pipeline has its own rows
    3    the model of a table has ensembles of members, and its self-test their bounds
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from anomaly_vae.bounded_json import FREE_BYTES, read_json
from anomaly_vae.errors import ModelFileError
from anomaly_vae.model_file import archive
from anomaly_vae.model_file.archive import METADATA, Entries
from anomaly_vae.model_file.contents import (
    build,
    build_light,
    input_names,
    named_types,
    read_model_tree,
    steps_of,
)
from anomaly_vae.model_file.dialect import check_dialect
from anomaly_vae.model_file.provenance import check_provenance

if TYPE_CHECKING:
    from anomaly_vae.model_file.tree import Described

FORMAT = 3
UPGRADES: dict[int, Callable[[Entries], Entries]] = {1: lambda entries: entries, 2: lambda entries: entries}

_MAX_STATED = 100
"""Characters of metadata that cannot be verified."""


def metadata_of(data: bytes, *, check_versions: bool) -> dict[str, Any]:
    """Verified metadata of the bytes of a file; errors are those of `load`, without the path."""
    from anomaly_vae.score_bins import ScoreBins

    model, metadata, _ = load_verified(data, check_versions=check_versions, light=True)
    detector = steps_of(model)[-1][1]
    derived = {**detector.metadata(), "steps": named_types(model)}
    derived["threshold"] |= {
        "interval": _ends(detector.threshold_interval_),
        "false_alarm_interval": _ends(detector.false_alarm_interval_),
        "histogram": ScoreBins.of({"held out": detector.calibration_scores_}, detector.offset_).to_json(),
    }
    return {**metadata, **json.loads(json.dumps(derived))}


def _ends(interval: tuple[float, float] | None) -> list[float | None] | None:
    """The ends of an interval as JSON; None if they are infinite."""
    return None if interval is None else [end if math.isfinite(end) else None for end in interval]


def load_verified(
    data: bytes, *, check_versions: bool, light: bool = False
) -> tuple[Any, dict[str, Any], str | None]:
    """The verified model of a file, its metadata, and the difference of scikit-learn versions, if any.

    With ``light=True`` a detector becomes a ``TableScorer`` or ``ImageScorer``.
    """
    members = archive.unpack(data, len(data))
    for number in range(parse_metadata(members)["format"], FORMAT):
        members = UPGRADES[number](members)
    metadata, root = parse_metadata(members), read_model_tree(members)
    difference = _version_difference(metadata, root)
    if difference and check_versions:
        raise ModelFileError(f"{difference}; install that, or pass check_versions=False at your own risk")
    del members
    model = build_light(root) if light else build(root)
    _verify(model, metadata)
    return model, metadata, difference


def parse_metadata(members: Entries) -> dict[str, Any]:
    """The metadata; raises ModelFileError if this release cannot read the format."""
    if METADATA not in members:
        raise archive.missing(METADATA)
    metadata = read_json(members[METADATA], METADATA, FREE_BYTES)
    number = metadata.get("format") if isinstance(metadata, dict) else None
    if type(number) is not int or number < 1:
        raise ModelFileError(f"{METADATA} has no valid format number")
    if number > FORMAT:
        raise ModelFileError(f"saved by a newer anomaly-vae (format {number:.9g}, here {FORMAT}); upgrade it")
    versions = metadata.get("versions")
    stated = [metadata.get("created"), *(versions.values() if isinstance(versions, dict) else [None])]
    if not all(isinstance(text, str) and len(text) <= _MAX_STATED and text.isprintable() for text in stated):
        raise ModelFileError(f"{METADATA} has no valid date of creation or versions of libraries")
    return dict(metadata)


def _version_difference(metadata: dict[str, Any], root: Described) -> str | None:
    """The difference between the saved and the installed scikit-learn, if the file has objects of it.

    These objects change between minor releases; the states of detectors are checked instead.
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

    check_dialect(metadata, input_names(model))
    check_provenance(metadata)
    detector = steps_of(model)[-1][1]
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
    """The metadata that are compared: nothing that a later release may word or count differently."""
    summary = detector.metadata()
    kept = {key: summary[key] for key in ("kind", "training", "threshold", "image") if key in summary}
    columns = [{key: column[key] for key in ("name", "kind")} for column in summary["schema"]]
    return {**kept, "schema": columns, "steps": named_types(model)}


def _agree(stored: Any, derived: Any) -> bool:
    """Whether all keys that both have are equal; an older file has fewer."""
    if isinstance(stored, dict) and isinstance(derived, dict):
        return all(_agree(stored[key], derived[key]) for key in stored.keys() & derived.keys())
    if isinstance(stored, list) and isinstance(derived, list):
        return len(stored) == len(derived) and all(map(_agree, stored, derived))
    return bool(stored == derived)
