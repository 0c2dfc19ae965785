"""Images made to fit a model."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.images.decoding import UnreadableImageError
from anomaly_vae_pipelines.images.frame import Frame, frame_of, read_image, resized, to_grey

GREY = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
COLOUR = np.stack([GREY, GREY[::-1], 255 - GREY], axis=-1)


class Fitted:
    """A detector, as far as a frame looks at it."""

    def __init__(self, image_size="auto", channels="auto", fitted=((3, 4), 1)) -> None:
        self.image_size, self.channels = image_size, channels
        self.image_size_, self.channels_ = fitted


def test_grey_becomes_colour_where_that_is_wanted():
    """It loses nothing."""
    fitted = Frame((3, 4), 3).fit(GREY)
    assert fitted.shape == (3, 4, 3)
    assert (fitted == GREY[..., None]).all()


def test_colour_becomes_grey_only_where_somebody_asked():
    """It loses something."""
    with pytest.raises(UnreadableImageError, match="in colour, and the model was fitted on grey images"):
        Frame((3, 4), 1).fit(COLOUR)
    assert Frame((3, 4), 1, converts_to_grey=True).fit(COLOUR).shape == (3, 4)


def test_sizes_change_only_where_somebody_asked():
    """Smoothly, and a uniform image stays what it is."""
    with pytest.raises(UnreadableImageError, match="is 3 x 4 pixels .* wanted 6 x 8"):
        Frame((6, 8), 1).fit(GREY)
    for image in (GREY, COLOUR, GREY.astype(np.float32), COLOUR.astype(np.float64), GREY.astype(np.uint16)):
        fitted = Frame((6, 8), resizes=True).fit(image)
        assert fitted.shape == (6, 8, *image.shape[2:])
        assert fitted.dtype == image.dtype
        assert (resized(np.full_like(image, 7), (2, 2)) == 7).all()


def test_grey_is_the_same_of_bytes_and_of_floats():
    """To a rounding."""
    assert to_grey(COLOUR.astype(np.float64)) == pytest.approx(to_grey(COLOUR), abs=1)
    assert to_grey(GREY) is GREY


def test_a_fitted_detector_tells_its_frame():
    """What its parameters asked for is done to every image; what they left open is not."""
    assert frame_of(Fitted()) == Frame((3, 4), 1, resizes=False, converts_to_grey=False)
    assert frame_of(Fitted((3, 4), 1)) == Frame((3, 4), 1, resizes=True, converts_to_grey=True)
    assert frame_of(Fitted([3, 4], 3, ((3, 4), 3))) == Frame((3, 4), 3, resizes=True)


def test_a_file_that_does_not_fit_is_named(tmp_path):
    """In the words of the refusal."""
    path = str(tmp_path / "a.png")
    Image.fromarray(GREY).save(path)
    assert (read_image(path, Frame()) == GREY).all()
    with pytest.raises(SourceError, match=r"a\.png: is 3 x 4 pixels"):
        read_image(path, Frame((9, 9)))
