"""Signatures of webhooks: HMAC-SHA256 over the time and the body, so that neither can be forged.

Every POST has the headers ``X-Anomaly-VAE-Timestamp`` (seconds since 1970, the time of sending) and
``X-Anomaly-VAE-Signature``: ``sha256=`` and the HMAC of timestamp, ``.`` and body, in hexadecimal.
"""

from __future__ import annotations

import hashlib
import hmac
import time

TIMESTAMP = "X-Anomaly-VAE-Timestamp"
SIGNATURE = "X-Anomaly-VAE-Signature"

TOLERANCE = 300.0
"""Seconds for which a signature is good."""


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Signature of a body that is sent at this time."""
    digest = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
    return f"sha256={digest.hexdigest()}"


def verify(secret: str, timestamp: str, body: bytes, signature: str, now: float | None = None) -> bool:
    """Whether whoever knows the secret signed this body, less than ``TOLERANCE`` seconds from ``now``.

    >>> signature = sign("secret", "1700000000", b"{}")
    >>> verify("secret", "1700000000", b"{}", signature, now=1700000010.0)
    True
    >>> verify("secret", "1700000000", b"{}", signature, now=1700009999.0)
    False
    """
    if not (timestamp.isascii() and timestamp.isdigit()):
        return False
    age = abs((time.time() if now is None else now) - int(timestamp))
    expected = sign(secret, timestamp, body)
    return hmac.compare_digest(expected.encode(), signature.encode()) and age < TOLERANCE
