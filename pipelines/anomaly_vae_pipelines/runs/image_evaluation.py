"""Image evaluation: how well a model finds the defects of a test set, and where they are.

Images are looked at in blocks; what is kept of their heat are counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.detectors.image import ImageVAEDetector
from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.images.decoding import shown_size, upright_size
from anomaly_vae_pipelines.images.frame import Frame, frame_of, read_image, resized, to_colour
from anomaly_vae_pipelines.images.layouts import GOOD, MASKS, ImageFile, defects, mask_of
from anomaly_vae_pipelines.images.localisation import Localisation
from anomaly_vae_pipelines.records import Evaluation, ImageRows
from anomaly_vae_pipelines.scoring.blocks import ScoredBlock, score_blocks
from anomaly_vae_pipelines.scoring.evaluation import judge
from anomaly_vae_pipelines.scoring.images import ImageScorer
from anomaly_vae_pipelines.sources.images import ImageSource


@dataclass(frozen=True)
class Localised:
    """How well heat finds what masks show.

    Attributes
    ----------
    n_images, n_regions : int
        Images that were compared, and connected anomalous regions in them.
    pixel_auroc : float or None
        Chance that an anomalous pixel is hotter than a normal one; None where there is none of either.
    pro : float or None
        Mean share of a region that is found, up to a false-positive rate of 0.3 (Bergmann et al. 2020).
    """

    n_images: int
    n_regions: int
    pixel_auroc: float | None
    pro: float | None


@dataclass(frozen=True)
class Defect:
    """How well one kind of defect is told from good images.

    Attributes
    ----------
    name : str
        Name of its folder.
    images : Evaluation
        Its images against the good ones.
    pixels : Localised or None
        Over those of its images that have a mask; None where none has.
    """

    name: str
    images: Evaluation
    pixels: Localised | None


@dataclass(frozen=True)
class ImageEvaluation:
    """How well a model of images finds defects, and where they are.

    Attributes
    ----------
    images : Evaluation
        All defective images against the good ones.
    pixels : Localised or None
        Over the good images and those that have a mask; None where none has.
    defects : sequence of Defect
        The same for each kind.
    """

    images: Evaluation
    pixels: Localised | None
    defects: Sequence[Defect]


def evaluate_images(detector: ImageVAEDetector, folder: str) -> ImageEvaluation:
    """Compare a model with the test images and masks of a folder in MVTec's layout.

    Raises InputError for another layout, and for images or masks that cannot be read.
    """
    kinds = defects(folder)
    judged = {kind: _judged(detector, folder, files) for kind, files in kinds.items()}
    good = judged.pop(GOOD)
    found = [
        Defect(kind, _compared(good.scores, one.scores, detector.offset_), _localised(one.heat))
        for kind, one in judged.items()
    ]
    everything = np.concatenate([one.scores for one in judged.values()])
    return ImageEvaluation(
        _compared(good.scores, everything, detector.offset_), _all_localised(good, judged.values()), found
    )


class _Judged(NamedTuple):
    """The scores of some images, and their heat against their masks (good images have empty ones)."""

    scores: NDArray[np.float64]
    heat: Localisation


class _WithHeat(NamedTuple):
    """The scores of a block of images, and the heat maps of those with a mask."""

    scores: NDArray[np.float64]
    heat: list[tuple[ImageFile, NDArray[np.float64]]]


def _judged(detector: ImageVAEDetector, folder: str, files: list[ImageFile]) -> _Judged:
    """Score images and compare their heat with the masks, block by block; only counts are kept."""
    scores, heat = [], Localisation()
    frame = frame_of(detector)
    scorer = ImageScorer(detector, explain="none")
    with ImageSource(folder, files, frame) as source:
        for block in score_blocks(scorer, source, partial(_with_heat, detector, folder)):
            scores.append(block.scores)
            for file, heat_of_one in block.heat:  # masks may be much larger than what a model resizes to
                mask = _mask(folder, file, frame)
                heat.add(resized(heat_of_one, (mask.shape[0], mask.shape[1])), mask)
    return _Judged(np.concatenate(scores), heat)


def _with_heat(detector: ImageVAEDetector, folder: str, block: ScoredBlock) -> _WithHeat:
    """Scores of a block of images, and heat maps of those with a mask; any thread may do this."""
    for row in block.rejected:
        raise SourceError(row.source, None, row.reason)
    files: list[ImageFile] = block.block.content
    rows = cast(ImageRows, block.scored.rows)
    chosen = [k for k, file in enumerate(files) if _has_mask(folder, file)]
    heat = list(detector.heatmap(rows.images[chosen])) if chosen else []
    return _WithHeat(block.scored.scores, [(files[k], one) for k, one in zip(chosen, heat, strict=True)])


def _has_mask(folder: str, file: ImageFile) -> bool:
    """Whether it is known where an image is anomalous; of a good one it is, if there are masks at all."""
    if _is_good(file):
        return Path(folder, MASKS).is_dir()
    return mask_of(folder, file) is not None


def _mask(folder: str, file: ImageFile, frame: Frame) -> NDArray[np.bool_]:
    """Where an image is anomalous, in its own pixels; nowhere if it is good. Raises SourceError."""
    size = frame.size
    if frame.resizes or size is None:
        size = upright_size(file.path)
    path = mask_of(folder, file)
    if _is_good(file) or path is None:
        return np.zeros(size, dtype=bool)
    pixels = read_image(str(path), Frame())
    got = pixels.shape[0], pixels.shape[1]
    if got != size:
        problem = f"is {shown_size(got)} pixels, its image is {shown_size(size)}; wanted the same"
        raise SourceError(str(path), None, problem)
    return np.asarray(to_colour(pixels).any(axis=2))


def _is_good(file: ImageFile) -> bool:
    return Path(file.name).parts[1] == GOOD


def _compared(good: NDArray[np.float64], others: NDArray[np.float64], offset: float) -> Evaluation:
    anomalous = np.repeat([False, True], [len(good), len(others)])
    return judge(np.concatenate([good, others]), anomalous, offset)


def _localised(heat: Localisation) -> Localised | None:
    if not heat.n_images:
        return None
    return Localised(heat.n_images, heat.n_regions, heat.pixel_auroc(), heat.pro())


def _all_localised(good: _Judged, others: Iterable[_Judged]) -> Localised | None:
    """All masks, and the good images, whose pixels are all normal."""
    whole, any_mask = good.heat, False
    for other in others:
        any_mask = any_mask or other.heat.n_images > 0
        whole += other.heat
    return _localised(whole) if any_mask else None
