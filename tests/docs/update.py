"""Write what its commands print now into pages: ``python -m tests.docs.update PAGE...``.

Only commands whose output a page shows already, or that are followed by a line ``...``, are changed.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest

from tests.docs import pages


def updated(page: Path) -> str:
    """The text of a page with the output of its commands, which run in a temporary folder."""
    text = page.read_text(encoding="utf-8")

    def rewrite(
        command: str, expected: list[str], monkeypatch: pytest.MonkeyPatch, demo: Path | None
    ) -> None:
        nonlocal text
        if not expected or command.startswith("cd "):
            pages.compare_command(command, expected, monkeypatch, demo)
            return
        shown = "\n".join([command, *expected])
        printed = "\n".join([command, *(line.rstrip() for line in pages.run(command))])
        text = text.replace(shown, printed, 1)

    home = Path.cwd()
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as monkeypatch:
        os.chdir(folder)
        pages.run_page(page, monkeypatch, on_command=rewrite)
        os.chdir(home)
    return text


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:]):
        path.write_text(updated(path.resolve()), encoding="utf-8")
