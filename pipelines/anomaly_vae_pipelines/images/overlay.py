"""Overlay: a grey image with its heat, the contour of its anomalous pixels, and a colour bar.

The colour scale is that of the model, not of the image: a colour means the same heat in all pictures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from anomaly_vae_pipelines.images.decoding import Pixels
from anomaly_vae_pipelines.images.frame import to_grey

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

Heat = NDArray[np.float64]

SCALE = 2.0
"""Heat at the top of the scale, as a multiple of the threshold."""

MIN_SIDE = 256
"""Minimum of the shorter side of a picture in pixels; smaller images are enlarged by an integer factor."""

BAR_WIDTH = 78
"""Width in pixels of the panel with the colour bar."""

_DARK, _LIGHT, _MOST_GAIN = 16.0, 200.0, 2.0
"""Grey values of the darkest and lightest pixels, and the maximum increase of contrast."""

_MOST_COVER = 0.85
_FIRST, _FULL = 0.5, 1.2  # share of the threshold at which heat starts to cover the image, and does so fully
_PANEL, _TEXT, _LINE = (24, 24, 24), (235, 235, 235), (255, 255, 255)
_TEXT_SIZE = 12

# matplotlib's perceptually uniform colour map inferno (van der Walt & Smith, CC0) at 33 points
_INFERNO = bytes.fromhex(
    "000004 040312 0b0724 150b37 210c4a 2f0a5b 3d0965 4a0c6b 57106e 64156e 71196e 7d1e6d 8a226a 972766 a32c61"
    "b0315b bc3754 c73e4c d24644 db503b e45a31 eb6628 f1731d f68013 f98e09 fb9d07 fcac11 fbbc21 f9cb35 f5db4c"
    "f2ea69 f3f68a fcffa4"
)
_POINTS = np.frombuffer(_INFERNO, dtype=np.uint8).reshape(-1, 3).astype(np.float64)


@dataclass(frozen=True)
class HeatScale:
    """The colour scale of heat, the same for all images of a model.

    Attributes
    ----------
    threshold : float
        Heat above which a pixel is anomalous.
    """

    threshold: float

    @property
    def top(self) -> float:
        """Heat at the top of the scale."""
        return SCALE * self.threshold if self.threshold > 0.0 else 1.0

    def shares(self, heat: Heat) -> Heat:
        """Heat as a share of the scale, in 0..1."""
        return np.clip(heat / self.top, 0.0, 1.0)

    def cover(self, heat: Heat) -> Heat:
        """Opacity of the heat, in 0..1: 0 well below the threshold."""
        unit = self.top / SCALE
        return _MOST_COVER * np.clip((heat / unit - _FIRST) / (_FULL - _FIRST), 0.0, 1.0)


def overlay(image: Pixels, heat: Heat, scale: HeatScale) -> Image.Image:
    """The picture of an image (height, width[, 3]) in 0..255 and its heat (height, width)."""
    factor = max(1, -(-MIN_SIDE // min(heat.shape)))
    grey, heat = enlarged(to_grey(image), factor), smooth(heat, factor)
    base = np.repeat(_visible(grey)[..., None], 3, axis=2)
    cover = scale.cover(heat)[..., None]
    blended = (1.0 - cover) * base + cover * inferno(scale.shares(heat))
    outside, line = contour(heat > scale.threshold)
    blended[outside], blended[line] = 0.0, _LINE
    from PIL import Image

    return _with_scale(Image.fromarray(np.rint(np.clip(blended, 0, 255)).astype(np.uint8)), scale)


def inferno(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Colours of numbers in 0..1, with an additional last axis for red, green and blue in 0..255.

    Examples
    --------
    >>> inferno(np.array([0.0, 1.0])).tolist()
    [[0.0, 0.0, 4.0], [252.0, 255.0, 164.0]]
    """
    points = np.linspace(0.0, 1.0, len(_POINTS))
    return np.stack([np.interp(shares, points, _POINTS[:, k]) for k in range(3)], axis=-1)


def enlarged(image: Pixels, factor: int) -> Pixels:
    """The image with each pixel repeated as a square."""
    return image.repeat(factor, axis=0).repeat(factor, axis=1)


def smooth(heat: Heat, factor: int) -> Heat:
    """Heat enlarged with bilinear interpolation."""
    height, width = heat.shape
    size = width * factor, height * factor
    from PIL import Image

    wide = Image.fromarray(heat.astype(np.float32)).resize(size, Image.Resampling.BILINEAR)
    return np.asarray(wide, dtype=np.float64)


def contour(hot: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Masks of a dark outer line and a light inner line, each one pixel wide, around the hot pixels."""
    from scipy.ndimage import binary_dilation

    near = binary_dilation(hot)
    far = binary_dilation(near)
    return far & ~near, near & ~hot


def _visible(grey: Pixels) -> Heat:
    """Grey values with enough contrast, but without the white of the contour and of the hottest pixels."""
    low, high = np.quantile(grey, [0.005, 0.995])
    unit = _unit(grey, high)
    gain = min((_LIGHT - _DARK) / max(unit * (high - low), 1.0), _MOST_GAIN) * unit
    middle = np.clip(unit * 0.5 * (low + high), _DARK + 60.0, _LIGHT - 60.0)
    stretched = middle + gain * (grey.astype(np.float64) - 0.5 * (low + high))
    return np.asarray(np.clip(stretched, 0.0, _LIGHT + 20.0))


def _unit(grey: Pixels, high: float) -> float:
    """The factor that scales an array to 8 bits."""
    if grey.dtype == np.uint16:
        return 1.0 / 257.0
    return 255.0 if high <= 1.0 and grey.dtype != np.uint8 else 1.0


def _with_scale(picture: Image.Image, scale: HeatScale) -> Image.Image:
    """The picture with a colour bar, labelled at 0, the threshold and the top."""
    from PIL import Image, ImageDraw, ImageFont

    whole = Image.new("RGB", (picture.width + BAR_WIDTH, picture.height), _PANEL)
    whole.paste(picture, (0, 0))
    left, first, last = picture.width + 12, 34, picture.height - 15
    shares = np.linspace(1.0, 0.0, last - first + 1)
    bar = np.repeat(inferno(shares)[:, None, :], 14, axis=1)
    whole.paste(Image.fromarray(np.rint(bar).astype(np.uint8)), (left, first))
    draw = ImageDraw.Draw(whole)
    draw.text((left - 4, 6), "heat", fill=_TEXT, font=ImageFont.load_default(_TEXT_SIZE))
    draw.rectangle((left - 1, first - 1, left + 14, last + 1), outline=_TEXT)
    for heat in (scale.top, scale.threshold, 0.0):
        share = float(scale.shares(np.array(heat)))
        _label(draw, left, round(last - share * (last - first)), f"{heat:.3g}", heat == scale.threshold)
    return whole


def _label(draw: ImageDraw.ImageDraw, left: int, y: int, text: str, is_threshold: bool) -> None:
    """Draw a tick of the colour bar with its label; that of the threshold crosses the bar."""
    from PIL import ImageFont

    font = ImageFont.load_default(_TEXT_SIZE)
    if is_threshold:
        draw.rectangle((left - 4, y - 2, left + 17, y + 2), fill=(0, 0, 0))
    draw.line((left - 4 if is_threshold else left + 14, y, left + 17, y), fill=_LINE)
    draw.text((left + 21, y), text, fill=_TEXT, font=font, anchor="lm")
