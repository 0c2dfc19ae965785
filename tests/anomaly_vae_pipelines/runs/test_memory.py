"""Settings of the C library."""

from __future__ import annotations

import ctypes

import pytest

from anomaly_vae_pipelines.runs.memory import keep_freed_memory, return_freed_memory


@pytest.mark.parametrize("error", [OSError, TypeError])
def test_another_c_library_is_left_alone(monkeypatch, error):
    """Without mallopt and malloc_trim the calls do not fail."""

    def refuse(name: object) -> None:
        raise error

    monkeypatch.setattr(ctypes, "CDLL", refuse)
    keep_freed_memory()
    return_freed_memory()
