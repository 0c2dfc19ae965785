"""Image evaluation: measures how well a model detects and locates the defects of a test set.

Images are scored in blocks; only counts of their heat maps are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.images.decoding import shown_size, upright_size
from anomaly_vae_pipelines.images.frame import Frame, frame_of, read_image, resized, to_colour
from anomaly_vae_pipelines.images.layouts import GOOD, MASKS, ImageFile, defects, mask_of
from anomaly_vae_pipelines.images.localisation import Localisation
from anomaly_vae_pipelines.records import Evaluation, ImageRows
from anomaly_vae_pipelines.scoring.blocks import ScoredBlock, score_blocks
from anomaly_vae_pipelines.scoring.evaluation import evaluate_scores
from anomaly_vae_pipelines.scoring.images import ImageDetector, ImageScorer
from anomaly_vae_pipelines.sources.images import ImageSource

Floats = NDArray[np.float64]
FileHeat = tuple[ImageFile, Floats]


@dataclass(frozen=True)
class Localised:
    """How well heat maps agree with masks.

    Attributes
    ----------
    n_images, n_regions : int
        Number of compared images, and of connected anomalous regions in them.
    pixel_auroc : float or None
        Probability that an anomalous pixel is hotter than a normal one; None unless there are both.
    pro : float or None
        Mean detected share of a region, for false-positive rates up to 0.3 (Bergmann et al. 2020).
    """

    n_images: int
    n_regions: int
    pixel_auroc: float | None
    pro: float | None


@dataclass(frozen=True)
class Defect:
    """How well one kind of defect is distinguished from good images.

    Attributes
    ----------
    name : str
        Name of its folder.
    images : Evaluation
        Its images compared with the good images.
    pixels : Localised or None
        Over its images that have a mask; None if there are no masks.
    """

    name: str
    images: Evaluation
    pixels: Localised | None


@dataclass(frozen=True)
class ImageEvaluation:
    """How well an image model detects and locates defects.

    Attributes
    ----------
    images : Evaluation
        All defective images compared with the good images.
    pixels : Localised or None
        Over the good images and those that have a mask; None if there are no masks.
    defects : sequence of Defect
        The same for each kind.
    """

    images: Evaluation
    pixels: Localised | None
    defects: Sequence[Defect]


def evaluate_images(detector: ImageDetector, folder: str) -> ImageEvaluation:
    """Compare a model with the test images and masks of a folder in MVTec's layout.

    Raises InputError for another layout, and for images or masks that cannot be read.
    """
    kinds = defects(folder)
    scored = {kind: _score_files(detector, folder, files) for kind, files in kinds.items()}
    good = scored.pop(GOOD)
    by_defect = [
        Defect(kind, _compared(good.scores, one.scores, detector.offset_), _localised(one.heat))
        for kind, one in scored.items()
    ]
    everything = np.concatenate([one.scores for one in scored.values()])
    return ImageEvaluation(
        _compared(good.scores, everything, detector.offset_), _all_localised(good, scored.values()), by_defect
    )


class _ScoredFiles(NamedTuple):
    """The scores of images, and their heat maps compared with their masks (empty for good images)."""

    scores: Floats
    heat: Localisation


def _score_files(detector: ImageDetector, folder: str, files: list[ImageFile]) -> _ScoredFiles:
    """Score images and compare their heat maps with the masks, block by block."""
    scores, heat = [], Localisation()
    frame = frame_of(detector)
    scorer = ImageScorer(detector, explain="none")
    with ImageSource(folder, files, frame) as source:
        for of_block, with_mask in score_blocks(scorer, source, partial(_with_heat, detector, folder)):
            scores.append(of_block)
            for file, heat_of_one in with_mask:  # masks may be much larger than the input of the model
                mask = _mask(folder, file, frame)
                heat.add(resized(heat_of_one, (mask.shape[0], mask.shape[1])), mask)
    return _ScoredFiles(np.concatenate(scores), heat)


def _with_heat(detector: ImageDetector, folder: str, block: ScoredBlock) -> tuple[Floats, list[FileHeat]]:
    """Return the scores of a block, and the heat maps of its images with a mask; runs on any thread."""
    for row in block.rejected:
        raise SourceError(row.source, None, row.reason)
    files: list[ImageFile] = block.block.content
    rows = cast(ImageRows, block.scored.rows)
    chosen = [k for k, file in enumerate(files) if _has_mask(folder, file)]
    heat = list(detector.heatmap(rows.images[chosen])) if chosen else []
    return block.scored.scores, [(files[k], one) for k, one in zip(chosen, heat, strict=True)]


def _has_mask(folder: str, file: ImageFile) -> bool:
    """Return whether an image has a mask; a good image has an empty one if the test set has masks."""
    if _is_good(file):
        return Path(folder, MASKS).is_dir()
    return mask_of(folder, file) is not None


def _mask(folder: str, file: ImageFile, frame: Frame) -> NDArray[np.bool_]:
    """Return the mask of an image in its own pixels, empty for a good image; raises SourceError."""
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


def _compared(good: Floats, others: Floats, offset: float) -> Evaluation:
    anomalous = np.repeat([False, True], [len(good), len(others)])
    scores = np.concatenate([good, others])
    return evaluate_scores(scores, anomalous, scores < offset, offset)


def _localised(heat: Localisation) -> Localised | None:
    if not heat.n_images:
        return None
    return Localised(heat.n_images, heat.n_regions, heat.pixel_auroc(), heat.pro())


def _all_localised(good: _ScoredFiles, others: Iterable[_ScoredFiles]) -> Localised | None:
    """Combine all masks, including the empty masks of good images."""
    whole, any_mask = good.heat, False
    for other in others:
        any_mask = any_mask or other.heat.n_images > 0
        whole += other.heat
    return _localised(whole) if any_mask else None
