"""One image file to pixels, or a refusal that says what is wrong."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from anomaly_vae_pipelines.images.decoding import UnreadableImageError, decode, strict_reading, upright_size

GREY = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
COLOUR = np.stack([GREY, GREY[::-1], 255 - GREY], axis=-1)


@pytest.fixture(autouse=True)
def _strictly():
    with strict_reading():
        yield


@pytest.fixture
def saved(tmp_path):
    """Save an image and give its path."""

    def save(image: Image.Image, name: str = "a.png", **options) -> str:
        path = str(tmp_path / name)
        image.save(path, **options)
        return path

    return save


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "a.webp"])
def test_grey_and_colour_come_out_as_they_were_saved(saved, name):
    """In every format without a loss."""
    options = {"lossless": True} if name.endswith("webp") else {}
    assert (decode(saved(Image.fromarray(COLOUR), name, **options)) == COLOUR).all()
    if not name.endswith("webp"):  # which knows no grey
        grey = decode(saved(Image.fromarray(GREY), name))
        assert (grey.shape, grey.dtype) == ((3, 4), np.uint8)
        assert (grey == GREY).all()


def test_jpeg_is_read(saved):
    """As well as it was saved."""
    smooth = np.full((16, 16), 100, dtype=np.uint8)
    assert abs(decode(saved(Image.fromarray(smooth), "a.jpg")).astype(int) - 100).max() <= 2
    assert decode(saved(Image.fromarray(np.stack([smooth] * 3, -1)), "b.jpeg")).shape == (16, 16, 3)


def test_black_and_white_is_grey(saved):
    """One bit is 0 or 255."""
    assert (decode(saved(Image.fromarray(GREY > 100))) == np.where(GREY > 100, 255, 0)).all()


def test_a_palette_is_read_as_what_it_depicts(saved):
    """Colours, not indices; and grey where all its colours are."""
    assert (decode(saved(Image.fromarray(COLOUR).quantize(256))) == COLOUR).all()
    assert (decode(saved(Image.fromarray(GREY).convert("P"))) == GREY).all()


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_grey_of_16_bits_is_on_the_scale_of_8(saved, name):
    """With its fractions."""
    wide = GREY.astype(np.uint16) * 257
    wide[0, 0] = 128
    pixels = decode(saved(Image.fromarray(wide), name))
    assert pixels.dtype == np.float32
    assert pixels[1:] == pytest.approx(GREY[1:])
    assert pixels[0, 0] == pytest.approx(128 / 257)


def test_alpha_that_hides_nothing_is_dropped(saved):
    """Of grey, colour and palettes."""
    opaque = np.full((3, 4), 255, dtype=np.uint8)
    colour = Image.fromarray(np.dstack([COLOUR, opaque]))
    assert (decode(saved(colour)) == COLOUR).all()
    assert (decode(saved(Image.fromarray(np.dstack([GREY, opaque]), "LA"))) == GREY).all()
    assert (decode(saved(Image.fromarray(GREY).convert("P"), transparency=201)) == GREY).all()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_is_rejected(saved, mode):
    """The background is not known."""
    if mode == "P":
        path = saved(Image.fromarray(GREY).convert("P"), transparency=20)
    else:
        image = Image.fromarray(COLOUR).convert(mode)
        image.putpixel((1, 1), (*image.getpixel((1, 1))[:-1], 254))
        path = saved(image)
    assert refusal(path, "transparency") == (
        "is partly transparent, and its background is unknown; save it without alpha"
    )


def test_the_orientation_of_the_camera_is_applied(saved):
    """The image is rotated, and its size is that of the rotated image."""
    notes = Image.Exif()
    notes[0x0112] = 6
    path = saved(Image.fromarray(GREY), "a.png", exif=notes)
    assert (decode(path) == np.rot90(GREY, -1)).all()
    assert upright_size(path) == (4, 3)
    assert decode(path, (4, 3)).shape == (4, 3)


def test_inks_become_light(saved):
    """CMYK, as printers have it, is colour."""
    inks = Image.fromarray(np.full((16, 16, 3), 200, dtype=np.uint8)).convert("CMYK")
    for name in ("a.tif", "a.jpg"):
        assert decode(saved(inks, name)).mean() == pytest.approx(200, abs=3)


@pytest.mark.parametrize("name", ["a.webp", "a.tif", "a.png"])
def test_several_frames_are_rejected(saved, name):
    """An animation, or a document of pages."""
    frames = [Image.fromarray(np.roll(COLOUR, k, axis=0)) for k in range(3)]
    path = saved(frames[0], name, save_all=True, append_images=frames[1:])
    assert refusal(path, "frames").startswith("contains 3 images (an animation or pages)")


def test_floats_are_rejected(saved):
    """The value of white is not known."""
    assert "mode 'F'" in refusal(saved(Image.fromarray(GREY.astype(np.float32)), "a.tif"), "mode")


def test_too_many_pixels_are_rejected_unread(saved, monkeypatch):
    """Pillow's own limit, and twice of it, are one to us."""
    path = saved(Image.fromarray(GREY))
    for limit in (11, 5):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        assert refusal(path, "too large").startswith(f"has more than {limit} pixels")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 12)
    assert decode(path).shape == (3, 4)


def test_another_size_is_rejected_unread(saved):
    """Before the pixels, so that size alone costs no memory."""
    path = saved(Image.fromarray(GREY))
    with open(path, "r+b") as stream:
        stream.truncate(60)
    assert refusal(path, "size", (5, 5)) == (
        "is 3 x 4 pixels (height x width), wanted 5 x 5; resize it, or fit with --image-size 5x5, which "
        "resizes every image"
    )


def test_a_file_that_is_not_an_image_is_rejected_in_one_line(tmp_path):
    """Empty, text, a page, half an image, another format by that name, a folder, nothing at all."""
    random = np.random.default_rng(0)
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "page.jpg").write_text("<html></html>")
    (tmp_path / "folder.png").mkdir()
    Image.fromarray(GREY).save(tmp_path / "moving.png", format="GIF")
    found = {path.name: refusal(path) for path in tmp_path.iterdir()} | {
        "gone.png": refusal(tmp_path / "gone.png")
    }
    no_image = "is not a PNG, JPEG, WebP, BMP or TIFF image, despite its suffix"
    assert found == {
        "empty.png": "is empty; wanted an image",
        "text.png": no_image,
        "page.jpg": no_image,
        "moving.png": no_image,
        "folder.png": "cannot be opened (Is a directory)",
        "gone.png": "file not found",
    }
    noise = Image.fromarray(random.integers(0, 255, (40, 40, 3), dtype=np.uint8))
    for suffix in ("png", "jpg", "webp", "tif", "bmp"):
        whole = tmp_path / f"whole.{suffix}"
        noise.save(whole)
        cut = tmp_path / f"cut.{suffix}"
        cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
        assert refusal(cut, "damaged").startswith("is damaged or truncated")


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif", "bmp"])
def test_damage_anywhere_is_rejected_or_read(tmp_path, suffix):
    """Whatever byte is wrong, nothing but a refusal comes out."""
    random = np.random.default_rng(1)
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(random.integers(0, 255, (12, 12, 3), dtype=np.uint8)).save(path)
    content = path.read_bytes()
    for _ in range(150):
        damaged = bytearray(content)
        for place in random.integers(0, len(content), 3):
            damaged[place] = random.integers(256)
        path.write_bytes(bytes(damaged))
        try:
            found = decode(path).ndim
        except UnreadableImageError as error:
            found = str(error)
        assert found


def refusal(path, kind: str | None = None, size=None) -> str:
    with pytest.raises(UnreadableImageError) as caught:
        decode(path, size)
    assert kind in (None, caught.value.kind)
    return str(caught.value)
