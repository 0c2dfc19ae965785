"""What a model reads, and who scores it."""

from __future__ import annotations

import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from anomaly_vae import ImageVAEDetector, TabularVAEDetector, load
from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.scoring.adapters import adapter_of, is_image_model, reads_images, refuse_inside
from anomaly_vae_pipelines.scoring.images import ImageScorer
from anomaly_vae_pipelines.scoring.tables import Scorer
from tests.anomaly_vae_pipelines.image_files import plates_of, write_images


def test_the_model_determines_the_scorer(model, image_model, tmp_path):
    """Heat maps are of images alone."""
    assert isinstance(adapter_of(load(model)).scorer(), Scorer)
    assert isinstance(adapter_of(load(image_model)).scorer(heatmaps=str(tmp_path / "maps")), ImageScorer)
    with pytest.raises(InputError, match="leave out --heatmaps"):
        adapter_of(load(model)).scorer(heatmaps=str(tmp_path / "maps"))


def test_each_model_refuses_what_is_for_the_other(model, image_model, plates, train):
    """And takes what is for it."""
    assert adapter_of(load(model)).inputs([train]).format(0) == "csv"
    assert adapter_of(load(image_model)).inputs([str(plates)]).format(0) == "image"
    with pytest.raises(InputError, match="contains images"):
        adapter_of(load(model)).inputs([train, str(plates)])
    with pytest.raises(InputError, match="is not an image"):
        adapter_of(load(image_model)).inputs([train])
    with pytest.raises(InputError, match="leave it out"):
        adapter_of(load(image_model)).inputs([str(plates)], "csv")
    with pytest.raises(InputError, match="messages of a topic are rows; watch a folder"):
        adapter_of(load(image_model)).messages()


def test_images_are_recognised_by_files_and_suffixes(tmp_path, plates, train):
    """A folder is one of images unless there is a table in it."""
    assert reads_images(str(plates))
    assert not reads_images(train)
    assert not reads_images("-")
    assert reads_images(str(tmp_path))
    write_images(tmp_path, plates_of(1, seed=0))
    assert reads_images(str(tmp_path))
    assert reads_images(str(tmp_path / "000.png"))
    assert reads_images("stack.npy")
    (tmp_path / "table.csv").write_text("a\n1\n")
    assert not reads_images(str(tmp_path))


def test_pictures_are_not_put_among_the_images(plates, tmp_path):
    """Or the next run would score them; below the root of MVTec's layout they are not read."""
    write_images(tmp_path, plates_of(1, seed=0))
    refuse_inside(str(tmp_path / "maps"), [str(tmp_path / "000.png")])
    refuse_inside(str(plates / "maps"), [str(plates)])
    with pytest.raises(InputError, match="whose images are scored; choose another folder for heat maps"):
        refuse_inside(str(tmp_path / "maps"), [str(tmp_path)])


def test_a_detector_of_images_is_recognised():
    """A detector of tables, also as the last step of a Pipeline, is not one."""
    assert is_image_model(ImageVAEDetector())
    assert not is_image_model(TabularVAEDetector())
    assert not is_image_model(make_pipeline(StandardScaler(), TabularVAEDetector()))


def test_a_pipeline_of_a_detector_of_images_is_rejected():
    """The steps before it do not read image files."""
    with pytest.raises(InputError, match="save only the last step"):
        is_image_model(make_pipeline(StandardScaler(), ImageVAEDetector()))
