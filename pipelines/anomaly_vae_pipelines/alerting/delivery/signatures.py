"""Signatures of webhooks, as Standard Webhooks (https://www.standardwebhooks.com) specifies them.

Every POST has the headers ``webhook-id`` (the id of the alert, the same in every attempt) and
``webhook-timestamp`` (seconds since 1970, the time of this attempt). With a secret it also has
``webhook-signature``: ``v1,`` and the HMAC-SHA256 of id, timestamp and body, joined by dots, in base64. The
key is what the base64 after ``whsec_`` holds; a secret without that prefix is used as its UTF-8 bytes.

The headers ``X-Anomaly-VAE-Timestamp`` and ``X-Anomaly-VAE-Signature`` are deprecated, and the next release
no longer sends them. The latter is ``sha256=`` and the HMAC-SHA256 of timestamp and body, joined by a dot, in
hexadecimal; its key is the whole secret as UTF-8.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
import warnings

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"

OLD_TIMESTAMP, OLD_SIGNATURE = "X-Anomaly-VAE-Timestamp", "X-Anomaly-VAE-Signature"

TOLERANCE = 300.0
"""Seconds for which a signature is valid."""

_PREFIX = "whsec_"


def key_of(secret: str) -> bytes:
    """The key of a secret; raises ValueError where nothing in base64 follows ``whsec_``.

    >>> key_of("whsec_aGVsbG8="), key_of("hello")
    (b'hello', b'hello')
    """
    if not secret.startswith(_PREFIX):
        return secret.encode()
    key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    if not key:
        raise ValueError("no key")
    return key


def headers_of(webhook_id: str, timestamp: str, body: bytes, secret: str | None) -> dict[str, str]:
    """The headers of a POST; those with a signature only where there is a secret."""
    headers = {ID: webhook_id, TIMESTAMP: timestamp, OLD_TIMESTAMP: timestamp}
    if secret is not None:
        headers[SIGNATURE] = sign(secret, webhook_id, timestamp, body)
        headers[OLD_SIGNATURE] = _old_signature(secret, timestamp, body)
    return headers


def sign(secret: str, webhook_id: str, timestamp: str, body: bytes) -> str:
    """The signature of a body that is sent at this time under this id."""
    signed = b".".join([webhook_id.encode(), timestamp.encode(), body])
    return "v1," + base64.b64encode(hmac.digest(key_of(secret), signed, hashlib.sha256)).decode()


def verify(
    secret: str,
    timestamp: str,
    body: bytes,
    signature: str,
    now: float | None = None,
    *,
    webhook_id: str = "",
) -> bool:
    """Whether the holder of the secret signed this body, less than ``TOLERANCE`` seconds from ``now``.

    Parameters
    ----------
    secret : str
        The secret that both sides know.
    timestamp, signature, webhook_id : str
        The headers ``webhook-timestamp``, ``webhook-signature`` (which may hold several signatures, separated
        by spaces) and ``webhook-id``. The deprecated headers, which have no id, verify too.
    body : bytes
        The body as it was received.
    now : float, optional
        Seconds since 1970; by default the time of the clock.

    Warns
    -----
    DeprecationWarning
        If the signature is that of the deprecated headers.

    >>> signature = sign("secret", "d21c", "1700000000", b"{}")
    >>> verify("secret", "1700000000", b"{}", signature, now=1700000010.0, webhook_id="d21c")
    True
    >>> verify("secret", "1700000000", b"{}", signature, now=1700009999.0, webhook_id="d21c")
    False
    """
    if not (timestamp.isascii() and timestamp.isdigit()):
        return False
    if signature.startswith("sha256="):
        text = f"{OLD_SIGNATURE} is deprecated and will no longer be sent; verify {SIGNATURE} instead"
        warnings.warn(text, DeprecationWarning, stacklevel=2)
        expected = _old_signature(secret, timestamp, body)
    else:
        expected = sign(secret, webhook_id, timestamp, body)
    age = abs((time.time() if now is None else now) - int(timestamp))
    # Every signature is compared, so that the time does not depend on which one is right.
    same = [hmac.compare_digest(expected.encode(), part.encode()) for part in signature.split(" ")]
    return any(same) and age < TOLERANCE


def _old_signature(secret: str, timestamp: str, body: bytes) -> str:
    return f"sha256={hmac.new(secret.encode(), timestamp.encode() + b'.' + body, hashlib.sha256).hexdigest()}"
