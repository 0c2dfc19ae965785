"""Pictures: a folder of heat maps, with the same relative paths as the images."""

from __future__ import annotations

from pathlib import Path, PurePath

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.errors import OutputExistsError
from anomaly_vae_pipelines.images.overlay import HeatScale, overlay
from anomaly_vae_pipelines.io.durable import atomic_replacement, write_errors
from anomaly_vae_pipelines.records import ImageRows


class Pictures:
    """Writes heat maps to a folder; thread-safe.

    A picture has the name of its image, with ``.png`` appended unless it has that suffix. The images of an
    array are numbered, in a folder named after the array.

    Parameters
    ----------
    folder : str
    threshold : float
        Heat above which a pixel is anomalous; it determines the colour scale of all pictures.
    force : bool
        Whether the folder may contain files.

    Raises
    ------
    InputError
        If the path is not a folder; OutputExistsError if the folder is not empty.
    """

    def __init__(self, folder: str, threshold: float, *, force: bool = False) -> None:
        self.folder, self.scale = Path(folder), HeatScale(threshold)
        if self.folder.exists() and not self.folder.is_dir():
            raise InputError(f"{folder}: is not a folder; wanted one for the heat maps")
        if not force and self.folder.is_dir() and any(self.folder.iterdir()):
            raise OutputExistsError(folder)

    def draw(self, rows: ImageRows, heat: NDArray[np.float64]) -> None:
        """Write pictures of images and their heat (n, height, width); raises SinkError."""
        for name, image, heat_of_one in zip(_names(rows), rows.images, heat, strict=True):
            picture, target = overlay(image, heat_of_one, self.scale), self.folder / name
            with write_errors(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                with atomic_replacement(target, ".png") as temporary:
                    picture.save(temporary)


def _names(rows: ImageRows) -> list[PurePath]:
    """Paths of the pictures within the folder."""
    names = [relative_path(name) for name in rows.cells("file")]
    if "index" in rows.table.column_names:
        return [name / f"{index:0>6}.png" for name, index in zip(names, rows.cells("index"), strict=True)]
    return [picture_of(name) for name in names]


def picture_of(name: PurePath) -> PurePath:
    """The name of the picture of an image."""
    return name if name.suffix.lower() == ".png" else name.with_name(f"{name.name}.png")


def relative_path(name: str) -> PurePath:
    """A name without its root and ``..``, so that it cannot leave the folder."""
    path = PurePath(name)
    return PurePath(*(part for part in path.parts if part not in ("..", path.anchor)))
