"""Pictures: a folder of heat maps, each where its image is among the others."""

from __future__ import annotations

from pathlib import Path, PurePath

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.errors import OutputExistsError
from anomaly_vae_pipelines.images.overlay import HeatScale, overlay
from anomaly_vae_pipelines.io.durable import naming, replaced
from anomaly_vae_pipelines.records import ImageRows


class Pictures:
    """Draws heat maps into a folder; any thread may do so.

    A picture has the name of its image, with ``.png`` behind it unless it ends so; images of an array have
    a folder of their own and are numbered.

    Parameters
    ----------
    folder : str
    threshold : float
        Heat above which a pixel is anomalous, from which the one scale of all pictures is made.
    force : bool
        Whether the folder may hold something already.

    Raises
    ------
    InputError
        Where no folder can be, OutputExistsError where it holds something already.
    """

    def __init__(self, folder: str, threshold: float, *, force: bool = False) -> None:
        self.folder, self.scale = Path(folder), HeatScale(threshold)
        if self.folder.exists() and not self.folder.is_dir():
            raise InputError(f"{folder}: is no folder; wanted one for the heat maps")
        if not force and self.folder.is_dir() and any(self.folder.iterdir()):
            raise OutputExistsError(folder)

    def draw(self, rows: ImageRows, heat: NDArray[np.float64]) -> None:
        """Draw images with their heat (n, height, width); raises SinkError where that cannot be written."""
        for name, image, heat_of_one in zip(_names(rows), rows.images, heat, strict=True):
            _save(overlay(image, heat_of_one, self.scale), self.folder / name)


def _save(picture: Image, target: Path) -> None:
    """Write a picture whole or not at all."""
    with naming(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with replaced(target, ".png") as temporary:
            picture.save(temporary)


def _names(rows: ImageRows) -> list[PurePath]:
    """Where the pictures are in the folder."""
    names = [inside(name) for name in rows.cells("file")]
    if "index" in rows.table.column_names:
        return [name / f"{index:0>6}.png" for name, index in zip(names, rows.cells("index"), strict=True)]
    return [picture_of(name) for name in names]


def picture_of(name: PurePath) -> PurePath:
    """The name of the picture of an image."""
    return name if name.suffix.lower() == ".png" else name.with_name(f"{name.name}.png")


def inside(name: str) -> PurePath:
    """A name as one that leads nowhere but down."""
    path = PurePath(name)
    return PurePath(*(part for part in path.parts if part not in ("..", path.anchor)))
