"""Colours: a perceptually uniform colour map, from dark violet over red to light yellow.

It is matplotlib's inferno (van der Walt & Smith, CC0) at 33 points, linearly interpolated.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_INFERNO = bytes.fromhex(
    "000004 040312 0b0724 150b37 210c4a 2f0a5b 3d0965 4a0c6b 57106e 64156e 71196e 7d1e6d 8a226a 972766 a32c61"
    "b0315b bc3754 c73e4c d24644 db503b e45a31 eb6628 f1731d f68013 f98e09 fb9d07 fcac11 fbbc21 f9cb35 f5db4c"
    "f2ea69 f3f68a fcffa4"
)
_POINTS = np.frombuffer(_INFERNO, dtype=np.uint8).reshape(-1, 3).astype(np.float64)


def inferno(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Colours of numbers in 0..1, with an additional last axis for red, green and blue in 0..255.

    Examples
    --------
    >>> inferno(np.array([0.0, 1.0])).tolist()
    [[0.0, 0.0, 4.0], [252.0, 255.0, 164.0]]
    """
    points = np.linspace(0.0, 1.0, len(_POINTS))
    return np.stack([np.interp(shares, points, _POINTS[:, k]) for k in range(3)], axis=-1)
