"""file_digest: the identity of a file's content."""

from __future__ import annotations

import hashlib
from pathlib import Path


def file_digest(path: str) -> str:
    """First 16 hexadecimal digits of the SHA-256 of a file; raises OSError if it cannot be read."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]
