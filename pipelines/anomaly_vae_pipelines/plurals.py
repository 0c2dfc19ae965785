"""counted: a number with its noun in the singular or plural."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """``1 row``, ``1,234 rows``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
