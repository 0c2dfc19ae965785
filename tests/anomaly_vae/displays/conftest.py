"""Every display is drawn in the same style, without a window."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.anomaly_vae.displays.comparing import fixed_style


@pytest.fixture(autouse=True)
def _fixed_style() -> Iterator[None]:
    with fixed_style():
        yield
