"""Images for tests: plates of brushed metal, some of them scratched or spotted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

SIZE = (24, 32)
"""Height and width of a plate."""

TINY_IMAGES = "[detector]\nmax_steps = 20\nhidden_sizes = [16]\n"
"""Configuration of a fit that takes a second."""

N_GOOD, N_SCRATCHED, N_SPOTTED = 8, 5, 4


def plates_of(n_images: int, seed: int) -> np.ndarray:
    """Good plates, (n_images, height, width) of uint8."""
    random = np.random.default_rng(seed)
    brushed = 120.0 + 25.0 * np.sin(np.arange(SIZE[1]) / 3.0)
    light = random.normal(0.0, 6.0, size=(n_images, 1, 1))
    return np.clip(brushed + light + random.normal(0.0, 4.0, size=(n_images, *SIZE)), 0, 255).astype(np.uint8)


def scratch(image: np.ndarray) -> np.ndarray:
    """Where a plate is scratched: the mask; the plate itself is changed."""
    mask = np.zeros(SIZE, dtype=np.uint8)
    mask[10:13, 6:22] = 255
    image[mask > 0] = 10
    return mask


def spot(image: np.ndarray) -> np.ndarray:
    """Where a plate has two spots: the mask; the plate itself is changed."""
    mask = np.zeros(SIZE, dtype=np.uint8)
    mask[4:8, 5:9] = mask[16:20, 24:28] = 255
    image[mask > 0] = 250
    return mask


def write_plates(root: Path) -> Path:
    """A folder laid out as MVTec's; the spots have masks named as MVTec's own are."""
    write_images(root / "train" / "good", plates_of(60, seed=0))
    write_images(root / "test" / "good", plates_of(N_GOOD, seed=1))
    scratched, spotted = plates_of(N_SCRATCHED, seed=2), plates_of(N_SPOTTED, seed=3)
    write_images(root / "ground_truth" / "scratch", [scratch(image) for image in scratched])
    write_images(root / "ground_truth" / "spot", [spot(image) for image in spotted], end="_mask")
    write_images(root / "test" / "scratch", scratched)
    write_images(root / "test" / "spot", spotted)
    return root


def write_images(folder: Path, images, end: str = "") -> Path:
    """PNG files 000.png, 001.png and so on."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{number:03}{end}.png")
    return folder
