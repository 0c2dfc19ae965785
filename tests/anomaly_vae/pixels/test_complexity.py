"""Complexity: nothing for a blank image, eight bits a pixel for noise."""

from __future__ import annotations

import math

import numpy as np
import pytest

from anomaly_vae.pixels.complexity import complexities


def test_noise_costs_its_bits_and_a_blank_image_next_to_none() -> None:
    """A gradient lies between; units of brightness do not matter."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 1)).astype(np.uint8)
    ramp = np.broadcast_to(np.arange(64, dtype=np.uint8)[None, :, None], (64, 64, 1))
    images = np.stack([np.full_like(noise, 7), ramp, noise])
    blank, gradient, bits = complexities(images, (0.0, 255.0))
    assert blank <= gradient < 0.05 * bits
    assert bits == pytest.approx(64 * 64 * 8 * math.log(2.0), rel=0.02)
    assert complexities(images / 255.0, (0.0, 1.0)) == pytest.approx([blank, gradient, bits])
