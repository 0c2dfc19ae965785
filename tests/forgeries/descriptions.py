"""Damage of metadata.json: format, versions, threshold, self-test, and everything that a reader sees."""

from __future__ import annotations

import json
from random import Random

from tests.anomaly_vae.forging import zipped
from tests.forgeries import nasty
from tests.forgeries.models import Sample

_FORMATS = [0, 1, 2, 3, 10**6, -1, True, 1.0, "1", None, [], 2**70]


def metadata(random: Random, sample: Sample, others: list[Sample]) -> bytes:
    """One or two values changed; a part left out, or taken from another file; the self-test forged."""
    members = sample.members
    document = json.loads(members["metadata.json"])
    kind = random.randrange(8)
    if kind == 0:
        document["format"] = random.choice(_FORMATS)
    elif kind == 1:
        del document[random.choice(sorted(document))]
    elif kind == 2:
        other = json.loads(random.choice(others).members["metadata.json"])
        key = random.choice(sorted(other))
        document[key] = other[key]
    elif kind <= 4 and "self_test" in document:
        document["self_test"] = nasty.changed_document(random, document["self_test"])
    else:
        nasty.changed_document(random, document)
    return zipped(members | {"metadata.json": json.dumps(document).encode()})
