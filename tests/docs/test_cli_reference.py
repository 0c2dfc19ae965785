"""``docs/reference/cli.md``, the reference of the command line."""

from __future__ import annotations

import runpy
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_what_the_commands_say():
    """If this fails, run ``python docs/generate_cli.py``."""
    generated = runpy.run_path(str(DOCS / "generate_cli.py"))["reference"]()
    assert (DOCS / "reference" / "cli.md").read_text(encoding="utf-8") == generated
