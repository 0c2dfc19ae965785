"""A model against a test set with masks."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import average_precision_score, roc_auc_score

from anomaly_vae import load
from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.runs.evaluate import evaluate_folder
from anomaly_vae_pipelines.runs.fit import fit_images
from anomaly_vae_pipelines.scoring.model_files import open_model
from tests.anomaly_vae_pipelines.image_files import N_GOOD, N_SCRATCHED, N_SPOTTED, plates_of, scratch, spot


@pytest.fixture
def copied(plates, tmp_path):
    """A copy of the plates that may be changed."""
    return shutil.copytree(plates, tmp_path / "plates")


def test_measures_are_those_of_scikit_learn(image_model, plates):
    """Of images and of pixels, of each kind and of all."""
    detector = load(image_model)
    good, scratched, spotted = (
        plates_of(N_GOOD, seed=1),
        plates_of(N_SCRATCHED, seed=2),
        plates_of(N_SPOTTED, seed=3),
    )
    masks = [np.stack([scratch(image) for image in scratched]), np.stack([spot(image) for image in spotted])]
    found = evaluate_folder(open_model(image_model), str(plates))
    for defect, images, mask in zip(found.defects, (scratched, spotted), masks, strict=True):
        anomalous = np.repeat([0, 1], [N_GOOD, len(images)])
        scores = -detector.score_samples(np.concatenate([good, images]))
        assert defect.images.auroc == pytest.approx(roc_auc_score(anomalous, scores))
        assert defect.images.average_precision == pytest.approx(average_precision_score(anomalous, scores))
        heat = detector.heatmap(images)
        assert defect.pixels.pixel_auroc == pytest.approx(
            roc_auc_score(mask.ravel() > 0, heat.ravel()), abs=1e-3
        )
    everything = np.concatenate([np.zeros_like(good), *masks]).ravel() > 0
    heat = detector.heatmap(np.concatenate([good, scratched, spotted])).ravel()
    assert found.pixels.pixel_auroc == pytest.approx(roc_auc_score(everything, heat), abs=1e-3)
    assert found.pixels.n_images == N_GOOD + N_SCRATCHED + N_SPOTTED
    assert (found.images.n_normal, found.images.n_anomalous) == (N_GOOD, N_SCRATCHED + N_SPOTTED)


def test_images_without_a_mask_count_as_images_alone(image_model, copied):
    """And where no image has one, nothing is said of pixels."""
    (copied / "ground_truth" / "spot" / "000_mask.png").unlink()
    shutil.rmtree(copied / "ground_truth" / "scratch")
    scratched, spotted = evaluate_folder(open_model(image_model), str(copied)).defects
    assert (scratched.images.n_anomalous, scratched.pixels) == (N_SCRATCHED, None)
    assert (spotted.images.n_anomalous, spotted.pixels.n_images) == (N_SPOTTED, N_SPOTTED - 1)
    shutil.rmtree(copied / "ground_truth")
    assert evaluate_folder(open_model(image_model), str(copied)).pixels is None


def test_masks_that_do_not_fit_are_refused_by_name(image_model, copied):
    """Of another size, or damaged; and so is a bad image."""
    mask = copied / "ground_truth" / "scratch" / "001.png"
    Image.new("L", (5, 6)).save(mask)
    with pytest.raises(SourceError, match=r"001\.png: is 6 x 5 pixels, its image is 24 x 32"):
        evaluate_folder(open_model(image_model), str(copied))
    mask.write_bytes(b"")
    with pytest.raises(SourceError, match=r"ground_truth/scratch/001\.png: is empty"):
        evaluate_folder(open_model(image_model), str(copied))
    (copied / "test" / "good" / "002.png").write_text("no image")
    with pytest.raises(SourceError, match=r"test/good/002\.png: is not a PNG"):
        evaluate_folder(open_model(image_model), str(copied))


def test_heat_is_compared_in_the_pixels_of_the_images(copied, tmp_path):
    """Where a model resizes them, its heat is drawn out to the masks."""
    model = str(tmp_path / "m.avae")
    quick = {"max_steps": 5, "hidden_sizes": [8], "random_state": 0}
    fit_images(str(copied), model, image_size=(12, 16), parameters=quick)
    found = evaluate_folder(open_model(model), str(copied))
    assert found.pixels.n_regions == N_SCRATCHED + 2 * N_SPOTTED
    assert found.pixels.pixel_auroc > 0.7


def test_a_model_of_tables_is_refused(model, plates):
    """It has no use for folders."""
    with pytest.raises(InputError, match="was fitted on a table; mark normal rows"):
        evaluate_folder(open_model(model), str(plates))
