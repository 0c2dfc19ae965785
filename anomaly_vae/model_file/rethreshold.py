"""with_threshold: the entries of a model file with another threshold, and all else as it was.

skops writes model files, and reads what it needs to import first. A threshold is three plain values of the
tree, which are replaced without it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from anomaly_vae.model_file.archive import METADATA, SCHEMA, Entries
from anomaly_vae.model_file.provenance import PROVENANCE

if TYPE_CHECKING:
    from anomaly_vae.decisions import Decisions

_STATE = ("offset_", "false_alarm_rate_", "tail_")


def with_threshold(
    members: Entries, detector: Decisions, steps: Sequence[Mapping[str, Any]] | None = None
) -> Entries | None:
    """The entries with the threshold of a detector.

    Parameters
    ----------
    members : Entries
        Of a file that holds a detector, and was loaded and verified.
    detector : Decisions
        The detector of that file, with another threshold.
    steps : sequence of mapping, optional
        Its provenance.

    Returns
    -------
    Entries or None
        None for a file of an early release, which has no place for the basis of a false-alarm rate.
    """
    tree, metadata = json.loads(members[SCHEMA]), json.loads(members[METADATA])
    nodes: dict[str, Any] = tree["content"]["content"]
    if not set(_STATE) <= nodes.keys() or "threshold" not in metadata:
        return None
    for number, name in enumerate(_STATE):
        nodes[name] = _plain_node(getattr(detector, name), -1 - number)
    metadata["threshold"] = detector.metadata()["threshold"]
    if steps:
        metadata[PROVENANCE] = list(map(dict, steps))
    metadata["created"] = datetime.now(UTC).isoformat(timespec="seconds")
    return {
        **members,
        SCHEMA: json.dumps(tree, separators=(",", ":")).encode(),
        METADATA: json.dumps(metadata).encode(),
    }


def _plain_node(value: float | str | None, number: int) -> dict[str, Any]:
    """A node as skops writes it; ids of skops are addresses, so no negative one is in use."""
    return {
        "__class__": "str",
        "__module__": "builtins",
        "__loader__": "JsonNode",
        "content": json.dumps(value),
        "is_json": True,
        "__id__": number,
    }
