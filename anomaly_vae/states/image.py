"""ImageState: a fitted model of images as plain settings and arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.errors import ModelFileError
from anomaly_vae.states import checks, fitted
from anomaly_vae.states.architecture import MemberState, Numbers
from anomaly_vae.states.patches import LevelState, PatchState, invalid
from anomaly_vae.states.pixels import n_gradients
from anomaly_vae.surprise import ImageCalibration, Surprise

Singles = NDArray[np.float32]

_MAX_PIXELS = 2**28
_MAX_PRODUCTS = 4 * 10**9
_FITTED = (
    "typical_heat_", "heatmap_threshold_", "image_size_", "channels_", "pixel_range_", "flattened_",
    "has_channels_",
)  # fmt: skip
_MODEL = {
    "pixel_range", "size", "factor", "per_image", "whole", "patches", "excess", "excess_latent", "levels",
    "shape", "shape_centre", "shape_scale", "calibration",
}  # fmt: skip


@dataclass(frozen=True)
class ImageState:
    """A model of images without anything that can be computed from it.

    Attributes
    ----------
    pixel_range : tuple of float
        Values of black and white in the user's units.
    size : tuple of int
        Height and width of an image.
    factor : int
        Factor by which images are shrunk for the VAE of whole images.
    per_image : bool
        Whether the noise of local terms has one scale per image, or one for all images.
    whole, patches : PatchState
        The VAEs of whole images, and of patches of what they leave.
    excess : array of shape (height, width)
        Cost in nats of the variance of the latents of whole images at each pixel.
    excess_latent : float
        The same in the latent term.
    levels : tuple of LevelState
    shape : MemberState
        VAE of oriented gradients.
    shape_centre : array of shape (n_gradients,)
    shape_scale : float
        Gradients are divided by it after subtracting the centre.
    calibration : ImageCalibration or None
        None while the model is being fitted.
    """

    pixel_range: tuple[float, float]
    size: tuple[int, int]
    factor: int
    per_image: bool
    whole: PatchState
    patches: PatchState
    excess: Singles
    excess_latent: float
    levels: tuple[LevelState, ...]
    shape: MemberState
    shape_centre: Singles
    shape_scale: float
    calibration: ImageCalibration | None = None

    @property
    def n_channels(self) -> int:
        """Channels per pixel."""
        return self.whole.n_channels

    @property
    def latent_dim(self) -> int:
        """Latents of a whole image."""
        return self.whole.latent_dim

    @property
    def surprises(self) -> ImageCalibration:
        """The calibration; raises RuntimeError while the model is being fitted."""
        if self.calibration is None:
            raise RuntimeError("the model is not calibrated")
        return self.calibration

    def get_state(self) -> dict[str, Any]:
        """The model as plain dictionaries, lists, numbers and arrays."""
        calibration = self.surprises
        surprises = [*calibration.levels, calibration.shape, calibration.together]
        parts = {
            "pixel_range": list(self.pixel_range),
            "size": list(self.size),
            "whole": self.whole.get_state(),
            "patches": self.patches.get_state(),
            "levels": [level.get_state(self.patches) for level in self.levels],
            "shape": self.shape.get_state(),
            "calibration": [list(asdict(surprise).values()) for surprise in surprises],
        }
        return {name: parts.get(name, getattr(self, name)) for name in sorted(_MODEL)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> ImageState:
        """The model with this state; raises ModelFileError if its parts are inconsistent."""
        checks.check_keys("model_", state, _MODEL)
        try:
            return _load(state)
        except ModelFileError:
            raise
        except checks.DAMAGE as error:
            raise checks.damaged("part for images", error) from None


def _load(state: Mapping[str, Any]) -> ImageState:
    height, width = (checks.check_whole("size", side, 1) for side in _pair("size", state["size"]))
    factor = checks.check_whole("factor", state["factor"], 1)
    if not (height * width <= _MAX_PIXELS and factor <= min(height, width)):
        raise invalid("the image size")
    whole, patches = (PatchState.from_state(name, state[name]) for name in ("whole", "patches"))
    if whole.patch != (height // factor, width // factor) or whole.n_channels != patches.n_channels:
        raise invalid("the VAE of whole images")
    if patches.patch[0] > height or patches.patch[1] > width:
        raise invalid("the VAE of patches")
    checks.check_array("excess", state["excess"], (height, width))
    checks.check_number("excess_latent", state["excess_latent"])
    levels = tuple(
        LevelState.from_state(level, (height, width), factor, whole, patches)
        for level in checks.check_dicts("levels", state["levels"])
    )
    _check_work(whole, levels)
    calibration, centre = _load_calibration(state["calibration"], len(levels)), _load_centre(state, whole)
    if not isinstance(state["per_image"], bool):
        raise invalid("'per_image'")
    cells = Numbers(len(centre))
    return ImageState(
        _load_range(state["pixel_range"]),
        (height, width),
        factor,
        state["per_image"],
        whole,
        patches,
        checks.check_single("excess", state["excess"]),
        float(state["excess_latent"]),
        levels,
        MemberState.from_state(state["shape"], cells),
        centre,
        float(state["shape_scale"]),
        calibration,
    )


def _check_work(whole: PatchState, levels: Sequence[LevelState]) -> None:
    """Raise ModelFileError if the score of one image needs more multiplications than ``_MAX_PRODUCTS``."""
    work = 0
    for level in levels:
        own = level.vae or whole
        work += level.centre.size * own.n_cells * (own.latent_dim + 2)
    if work > _MAX_PRODUCTS:
        raise ModelFileError(
            f"one image would need {work:,} multiplications; at most {_MAX_PRODUCTS:,} are allowed"
        )


def _pair(name: str, value: Any) -> tuple[Any, Any]:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ModelFileError(
            f"{name!r} of the image model should have two values; fit and save the model again"
        )
    return value[0], value[1]


def _load_range(state: Any) -> tuple[float, float]:
    low, high = _pair("pixel_range", state)
    for value in (low, high):
        checks.check_number("pixel_range", value)
    if not 0 < high - low < math.inf:
        raise invalid("'pixel_range'")
    return float(low), float(high)


def _load_calibration(state: Any, n_levels: int) -> ImageCalibration:
    surprises = []
    if not isinstance(state, list) or len(state) != n_levels + 2:
        raise invalid("'calibration'")
    for pair in state:
        median, scale = _pair("calibration", pair)
        checks.check_number("calibration", median)
        checks.check_number("calibration", scale)
        if scale <= 0:
            raise invalid("a scale of 'calibration'")
        surprises.append(Surprise(float(median), float(scale)))
    return ImageCalibration(tuple(surprises[:-2]), *surprises[-2:])


def _load_centre(state: Mapping[str, Any], whole: PatchState) -> Singles:
    checks.check_array("shape_centre", state["shape_centre"], (n_gradients(*whole.patch),))
    checks.check_number("shape_scale", state["shape_scale"])
    if state["shape_scale"] <= 0:
        raise invalid("'shape_scale'")
    return checks.check_single("shape_centre", state["shape_centre"])


def check_fitted(state: Mapping[str, Any], params: set[str], model: ImageState) -> None:
    """Raise ModelFileError unless the state of a detector of images is complete and fits its model."""
    n_pixels = math.prod(model.size)
    fitted.check_fitted(
        state, params, n_pixels * model.n_channels, n_pixels + 1, model.latent_dim, more=_FITTED
    )
    checks.check_nats("typical_heat_", state["typical_heat_"], model.size)
    checks.check_number("heatmap_threshold_", state["heatmap_threshold_"])
    size = tuple(checks.check_whole("image_size_", n, 1) for n in _pair("image_size_", state["image_size_"]))
    channels = checks.check_whole("channels_", state["channels_"], 1)
    kept = size, channels, _pair("pixel_range_", state["pixel_range_"])
    if kept != (model.size, model.n_channels, model.pixel_range):
        raise ModelFileError("the size of the images contradicts the model; fit and save the model again")
    for name in ("flattened_", "has_channels_"):
        if not isinstance(state[name], bool):
            raise ModelFileError(f"{name!r} should be true or false, got {repr(state[name])[:50]}")
