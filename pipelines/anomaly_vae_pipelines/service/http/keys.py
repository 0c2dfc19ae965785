"""API keys and their roles. Only the hashes of the keys are stored.

A key is 256 random bits, so a plain SHA-256 is enough: it cannot be guessed, and a slow hash would only
make every request slow.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.service.settings import PREFIX, Settings

Role = Literal["score", "verdict", "admin"]
"""Each role may also do what those before it may."""

ROLES: tuple[Role, ...] = get_args(Role)
_LINE = re.compile(r"(\w+)\s+sha256:([0-9a-fA-F]{64})")
_WANTED = "wanted a role (score, verdict or admin) and sha256: with 64 digits, as --new-key prints them"


@dataclass(frozen=True)
class Keys:
    """The hashes of all keys, by role. Without any keys, anyone may score and no client may load models."""

    hashes: tuple[tuple[Role, bytes], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.hashes)

    def role_of(self, key: str) -> Role | None:
        """The highest role of a key; None for an unknown key. All hashes are compared in constant time."""
        digest = hashlib.sha256(key.encode("utf-8", "replace")).digest()
        found = [role for role, known in self.hashes if hmac.compare_digest(known, digest)]
        return max(found, key=ROLES.index, default=None)


def read_keys(settings: Settings) -> Keys:
    """The keys of the file and of the environment; raises InputError for a line that is not a key."""
    found: list[tuple[Role, bytes]] = []
    if settings.keys_file is not None:
        try:
            lines = settings.keys_file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{settings.keys_file}: cannot be read ({error}); {_WANTED}") from error
        found += _parsed(lines, str(settings.keys_file))
    return Keys((*found, *_parsed(settings.keys.split(","), f"{PREFIX}KEYS")))


def new_key(role: Role) -> tuple[str, str]:
    """A key for a client, and the line that adds it to the service."""
    key = f"avk_{secrets.token_urlsafe(32)}"
    return key, f"{role} sha256:{hashlib.sha256(key.encode()).hexdigest()}"


def _parsed(lines: Iterable[str], where: str) -> list[tuple[Role, bytes]]:
    """The keys of some lines; ``#`` starts a comment."""
    found: list[tuple[Role, bytes]] = []
    for number, line in enumerate(lines, start=1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        match = _LINE.fullmatch(text)
        if match is None or match[1] not in ROLES:
            raise InputError(f"{where}, key {number}: is not a valid key; {_WANTED}")
        found.append((match[1], bytes.fromhex(match[2])))
    return found
