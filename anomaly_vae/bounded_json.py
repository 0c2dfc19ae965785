"""read_json: parse JSON of unknown origin, if the result fits in a given amount of memory.

Python needs 3 to 25 times the size of a JSON text for the parsed objects. The estimate here counts the
characters that start objects. It also counts such characters inside strings, so the estimate is never much
too small.
"""

from __future__ import annotations

import json
from typing import Any

from anomaly_vae.errors import ModelFileError

FREE_BYTES = 128 * 2**20
"""Memory that any JSON may take, even if its file is small."""

# Bytes per character, measured with CPython 3.11: a list, a dict of one item, a number or a slot in a list,
# and half of the overhead of a string (it has two quotes).
_COSTS = {b"[": 88, b"{": 240, b",": 40, b":": 8, b'"': 32}


def read_json(text: bytes | str, what: str, max_bytes: int) -> Any:
    """The parsed value.

    Parameters
    ----------
    text : bytes or str
        JSON in UTF-8.
    what : str
        Name of the text in error messages.
    max_bytes : int
        Memory, in bytes, that the objects may take.

    Raises
    ------
    ModelFileError
        If the text is not valid JSON, or would take more than ``max_bytes``.
    """
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    needed = memory_of(data)
    if needed > max_bytes:
        raise ModelFileError(
            f"{what} would take {needed:,} bytes of memory; at most {max_bytes:,} are allowed"
        )
    try:
        return json.loads(text)
    except RecursionError:
        raise ModelFileError(f"{what} is nested too deeply") from None
    except ValueError as error:
        raise ModelFileError(f"{what} is not valid JSON ({error!s:.100})") from None


def is_writable(text: str) -> bool:
    """Whether a text can be encoded as UTF-8; half of a surrogate pair cannot."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def memory_of(data: bytes) -> int:
    """Estimate of the memory, in bytes, that a JSON text takes while it is parsed and afterwards."""
    # The text is in memory once as it is and once in its values, with at most 4 bytes per character.
    text = len(data) * (2 if data.isascii() and b"\\u" not in data else 8)
    return text + sum(cost * data.count(character) for character, cost in _COSTS.items())
