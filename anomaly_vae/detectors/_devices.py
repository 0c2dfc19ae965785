"""resolve_device: the torch device for a ``device`` parameter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from anomaly_vae.errors import InputError


def resolve_device(device: str) -> torch.device:
    """The device of that name; "auto" is a CUDA GPU if there is one, else the CPU.

    Raises InputError if the device is not available.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        resolved = torch.device(device)
        torch.empty(0, device=resolved)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"device {device!r} cannot be used here ({reason}); use 'auto' or 'cpu'") from None
    return resolved


def stored_device(state: Mapping[str, Any]) -> torch.device:
    """The device for a saved detector: the CPU if its parameter is "cpu", else the one that "auto" gives."""
    return resolve_device("cpu" if state.get("device") == "cpu" else "auto")
