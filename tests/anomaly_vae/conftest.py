"""The path of a model file, and the message with which one is rejected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from anomaly_vae import ModelFileError, load


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a test writes a model file."""
    return tmp_path / "model.avae"


def refusal(path: Path, **options: Any) -> str:
    """The one line with which ``load`` rejects a file, without the path that it starts with."""
    with pytest.raises(ModelFileError) as caught:
        load(path, **options)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")
