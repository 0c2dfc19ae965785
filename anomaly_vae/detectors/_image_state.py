"""An ImageModel to plain dictionaries and arrays, and back with checks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from anomaly_vae.detectors._image_model import ImageCalibration, ImageModel, Level
from anomaly_vae.detectors._model import Member
from anomaly_vae.errors import ModelFileError
from anomaly_vae.nn.conv import ConvVAE, ImageVAE
from anomaly_vae.pixels.surprise import Surprise
from anomaly_vae.pixels.transforms import n_gradients
from anomaly_vae.states import checks, fitted
from anomaly_vae.states.architecture import MemberState, Numbers

_MAX_PIXELS = 2**28
_MAX_PRODUCTS = 4 * 10**9
_CONV = {"mean", "directions", "variances", "noise"}
_MODEL = {
    "pixel_range", "size", "factor", "per_image", "whole", "patches", "excess", "excess_latent", "levels",
    "shape", "shape_centre", "shape_scale", "calibration",
}  # fmt: skip
_LEVEL = {"vae", "factor", "stride", "typical_error", "centre", "spread"}
_FITTED = (
    "typical_heat_", "heatmap_threshold_", "image_size_", "channels_", "pixel_range_", "flattened_",
    "has_channels_",
)  # fmt: skip


def get_state(model: ImageModel) -> dict[str, Any]:
    """The model as plain dictionaries, lists, numbers and arrays."""
    vae, calibration = model.image_vae, model.calibration
    surprises = [*calibration.levels, calibration.shape, calibration.together]
    return {
        "pixel_range": list(model.pixel_range),
        "size": list(vae.size),
        "factor": vae.factor,
        "per_image": model.per_image,
        "whole": _arrays(vae.whole),
        "patches": _arrays(vae.patches),
        "excess": vae.excess.cpu().numpy().copy(),
        "excess_latent": float(vae.excess_latent),
        "levels": [_level_state(level, vae) for level in model.levels],
        "shape": model.shape.state().get_state(),
        "shape_centre": model.shape_centre,
        "shape_scale": model.shape_scale,
        "calibration": [list(asdict(surprise).values()) for surprise in surprises],
    }


def load_model(state: Mapping[str, Any], device: torch.device) -> ImageModel:
    """The model with this state; raises ModelFileError if its parts are inconsistent."""
    checks.check_keys("model_", state, _MODEL)
    try:
        return _load(state, device)
    except ModelFileError:
        raise
    except checks.DAMAGE as error:
        raise ModelFileError(
            f"the image model is damaged ({error!r:.120}); fit and save the model again"
        ) from None


def _load(state: Mapping[str, Any], device: torch.device) -> ImageModel:
    height, width = (checks.check_whole("size", side, 1) for side in _pair("size", state["size"]))
    factor = checks.check_whole("factor", state["factor"], 1)
    if not (height * width <= _MAX_PIXELS and factor <= min(height, width)):
        raise _wrong("the image size")
    whole, patches = _load_conv("whole", state["whole"]), _load_conv("patches", state["patches"])
    if whole.patch != (height // factor, width // factor) or whole.n_channels != patches.n_channels:
        raise _wrong("the VAE of whole images")
    if patches.patch[0] > height or patches.patch[1] > width:
        raise _wrong("the VAE of patches")
    vae = ImageVAE(whole, patches, (height, width), factor)
    checks.check_array("excess", state["excess"], (height, width))
    checks.check_number("excess_latent", state["excess_latent"])
    vae.excess.copy_(torch.tensor(checks.check_single("excess", state["excess"])))
    vae.excess_latent.fill_(state["excess_latent"])
    levels = [_load_level(level, vae, device) for level in checks.check_dicts("levels", state["levels"])]
    _check_work(vae, levels)
    surprises = _load_surprises(state["calibration"], len(levels))
    centre = _load_centre(state, vae)
    low, high = _pair("pixel_range", state["pixel_range"])
    for value in (low, high):
        checks.check_number("pixel_range", value)
    if not 0 < high - low < math.inf:
        raise _wrong("'pixel_range'")
    if not isinstance(state["per_image"], bool):
        raise _wrong("'per_image'")
    return ImageModel(
        (float(low), float(high)),
        whole.n_channels,
        vae.to(device),
        levels,
        _load_shape(state["shape"], len(centre), device),
        centre,
        float(state["shape_scale"]),
        per_image=state["per_image"],
        calibration=ImageCalibration(surprises[:-2], *surprises[-2:]),
    )


def _arrays(vae: ConvVAE) -> dict[str, NDArray[np.float32]]:
    return {name: values.detach().cpu().numpy().copy() for name, values in vae.state_dict().items()}


def _load_conv(name: str, state: Mapping[str, Any]) -> ConvVAE:
    checks.check_keys(name, state, _CONV)
    shape = np.shape(state["directions"])
    if len(shape) != 4 or min(shape) < 1:
        raise _wrong(f"the shape of {name!r}")
    checks.check_array(f"{name}.directions", state["directions"], shape)
    vae = ConvVAE(shape[1], (shape[2], shape[3]), shape[0])
    for key, values in vae.state_dict().items():
        checks.check_array(f"{name}.{key}", state[key], tuple(values.shape))
        values.copy_(torch.tensor(checks.check_single(f"{name}.{key}", state[key])))
    if not (vae.noise > 0 and (vae.variances >= vae.noise).all()):
        raise _wrong(f"a variance of {name!r}")
    return vae


def _level_state(level: Level, vae: ImageVAE) -> dict[str, Any]:
    own = None if level.vae is None else "patches" if level.vae is vae.patches else _arrays(level.vae)
    return {
        "vae": own,
        "factor": level.factor,
        "stride": level.stride,
        "typical_error": level.typical_error,
        "centre": level.centre.cpu().numpy().copy(),
        "spread": level.spread.cpu().numpy().copy(),
    }


def _load_level(state: Mapping[str, Any], vae: ImageVAE, device: torch.device) -> Level:
    checks.check_keys("levels", state, _LEVEL)
    own = state["vae"]
    factor, stride = (checks.check_whole(name, state[name], 1) for name in ("factor", "stride"))
    patches = None if own is None else vae.patches if own == "patches" else _load_conv("levels", own)
    places = vae.whole.patch
    if patches is not None:
        if patches.n_channels != vae.whole.n_channels:
            raise _wrong("a level")
        sides = zip(vae.size, patches.patch, strict=True)
        places = tuple((n // factor - side) // stride + 1 for n, side in sides)  # type: ignore[assignment]
    elif (factor, stride) != (vae.factor, 1):
        raise _wrong("the level of whole images")
    if min(places) < 1:
        raise _wrong("the size of a level")
    checks.check_number("typical_error", state["typical_error"])
    maps = []
    for name in ("centre", "spread"):
        checks.check_array(name, state[name], (1, *places))
        maps.append(torch.tensor(checks.check_single(name, state[name])).to(device))
    if state["typical_error"] < 0 or any((values < 0).any() for values in maps):
        raise _wrong("an error of a level")
    if patches is not None and patches is not vae.patches:
        patches = patches.to(device)
    return Level(patches, factor, stride, float(state["typical_error"]), *maps)


def _check_work(vae: ImageVAE, levels: Sequence[Level]) -> None:
    """Raise ModelFileError if the score of one image needs more multiplications than ``_MAX_PRODUCTS``."""
    work = 0
    for level in levels:
        own = vae.whole if level.vae is None else level.vae
        work += level.centre.numel() * own.n_cells * (own.latent_dim + 2)
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


def _load_surprises(state: Any, n_levels: int) -> tuple[Surprise, ...]:
    surprises = []
    if not isinstance(state, list) or len(state) != n_levels + 2:
        raise _wrong("'calibration'")
    for pair in state:
        median, scale = _pair("calibration", pair)
        checks.check_number("calibration", median)
        checks.check_number("calibration", scale)
        if scale <= 0:
            raise _wrong("a scale of 'calibration'")
        surprises.append(Surprise(float(median), float(scale)))
    return tuple(surprises)


def _load_shape(state: Any, n_gradients: int, device: torch.device) -> Member:
    cells = Numbers(n_gradients)
    return Member.from_state(MemberState.from_state(state, cells), cells, device)


def _load_centre(state: Mapping[str, Any], vae: ImageVAE) -> NDArray[np.float32]:
    checks.check_array("shape_centre", state["shape_centre"], (n_gradients(*vae.whole.patch),))
    checks.check_number("shape_scale", state["shape_scale"])
    if state["shape_scale"] <= 0:
        raise _wrong("'shape_scale'")
    return checks.check_single("shape_centre", state["shape_centre"])


def _wrong(what: str) -> ModelFileError:
    return ModelFileError(f"{what} in the image model is not valid; fit and save the model again")


def check_fitted(state: dict[str, Any], params: set[str]) -> None:
    """Raise ModelFileError unless a fitted state is complete and consistent."""
    model: ImageModel = state["model_"]
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
