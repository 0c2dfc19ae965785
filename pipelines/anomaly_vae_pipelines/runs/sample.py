"""Sample: writes rows or images that a model generates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from anomaly_vae.detectors.image import ImageVAEDetector
from anomaly_vae.errors import InputError
from anomaly_vae.persistence import load
from anomaly_vae_pipelines.errors import OutputExistsError
from anomaly_vae_pipelines.io.durable import write_errors
from anomaly_vae_pipelines.io.files import display_name, replacing
from anomaly_vae_pipelines.io.overwriting import check_no_overwriting
from anomaly_vae_pipelines.runs.table_writing import write_table
from anomaly_vae_pipelines.scoring.adapters import ImageAdapter, adapter_of
from anomaly_vae_pipelines.scoring.tables import Model, final_detector


def sample(model: str, output: str, n_rows: int, *, seed: int = 0, force: bool = False) -> int:
    """Write rows or images that a model generates, in the units it was fitted on; returns their number.

    Rows go to a CSV file. Images go to a ``.npy`` array, or as PNG files to a folder.

    Raises
    ------
    InputError
        For an output of the wrong kind, and for a Pipeline with steps before the detector, which cannot be
        inverted.
    OutputExistsError
        If the output exists and ``force`` is false.
    """
    check_no_overwriting({"-o": output}, [model])
    if Path(output).is_file() and not force:
        raise OutputExistsError(output)
    fitted = load(model)
    if isinstance(adapter_of(fitted), ImageAdapter):
        _sample_images(fitted, output, n_rows, seed, force)
    else:
        _sample_rows(fitted, model, output, n_rows, seed, force)
    return n_rows


def _sample_rows(fitted: Model, path: str, output: str, n_rows: int, seed: int, force: bool) -> None:
    detector = final_detector(fitted)
    if detector is not fitted:
        raise InputError(f"{path}: is a Pipeline, whose steps cannot be inverted; sample from its last step")
    table = pd.DataFrame(detector.sample(n_rows, random_state=seed), columns=list(detector.schema_.names))
    write_table(table, output, force=force)


def _sample_images(detector: ImageVAEDetector, output: str, n_images: int, seed: int, force: bool) -> None:
    if Path(output).suffix.lower() == ".npy":
        with replacing(output, force=force) as temporary:
            np.save(temporary, detector.sample(n_images, random_state=seed), allow_pickle=False)
        return
    folder = Path(output)
    if folder.suffix or output == "-":
        raise InputError(
            f"{display_name(output)}: images are written to a folder, or to a file that ends in .npy"
        )
    if folder.is_dir() and any(folder.iterdir()) and not force:
        raise OutputExistsError(output)
    low, high = detector.pixel_range_
    shares = (detector.sample(n_images, random_state=seed) - low) / (high - low)
    with write_errors(output):
        folder.mkdir(parents=True, exist_ok=True)
        for number, image in enumerate(np.rint(255.0 * np.clip(shares, 0.0, 1.0)).astype(np.uint8)):
            Image.fromarray(image).save(folder / f"{number:06}.png")
