"""ImageScorer: a fitted model of images that scores without torch and scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anomaly_vae.decisions import Floats, finite
from anomaly_vae.errors import InputError, SchemaError
from anomaly_vae.image_arrays import fitted_images
from anomaly_vae.image_explanations import ImageExplanations
from anomaly_vae.runtime.images import ImageRuntime
from anomaly_vae.states import fitted
from anomaly_vae.states.image import ImageState, check_fitted
from anomaly_vae.states.parameters import IMAGE_PARAMETERS, image_parameters
from anomaly_vae.stored import StoredDetector

if TYPE_CHECKING:
    from anomaly_vae.detectors.image import ImageVAEDetector


class ImageScorer(ImageExplanations, StoredDetector):
    """A fitted ``ImageVAEDetector`` without ``fit``: scores, decisions, heat maps and explanations.

    It takes arrays (n_images, height, width), (n_images, height, width, channels), or flattened ones. Scores
    are those of the detector. It computes on the CPU and imports neither torch nor scikit-learn.
    ``anomaly_vae.load_scorer`` makes one.

    Attributes
    ----------
    image_size_, channels_, pixel_range_, n_features_in_
        The images, as in ``ImageVAEDetector``.
    offset_, false_alarm_rate_, tail_, threshold_interval_, false_alarm_interval_, calibration_scores_
        The threshold, as in ``ImageVAEDetector``.
    typical_heat_, typical_contributions_, heatmap_threshold_, history_, training_, latent_dim_
        The fit, as in ``ImageVAEDetector``.
    """

    kind = "ImageVAEDetector"
    """The estimator that it stands for."""

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> ImageScorer:
        """The scorer with the state of a detector; raises ModelFileError if its parts are inconsistent."""
        scorer = cls()
        model, state = ImageState.from_state(state["model_"]), fitted.with_tail(state)
        check_fitted(state, set(IMAGE_PARAMETERS), model)
        scorer._set(ImageRuntime(model), image_parameters(state), state)
        return scorer

    @property
    def score_type(self) -> str:  # type: ignore[override]
        """Whether scores combine local deviations and the shape, or are bounds."""
        return str(self._parameters["score_type"])

    @property
    def complexity(self) -> bool:  # type: ignore[override]
        """Whether the complexity of the image is added to a bound."""
        return bool(self._parameters["complexity"])

    @property
    def image_size(self) -> Any:
        """Pixels of an image: "auto", or (height, width), to which images may be resized."""
        return self._parameters["image_size"]

    @property
    def channels(self) -> Any:
        """Channels per pixel, or "auto"."""
        return self._parameters["channels"]

    def encode(self, X: ArrayLike) -> Floats:
        """Posterior means of the latents, shape (n_images, latent_dim_)."""
        return finite(self.model_.encode(self._checked(X)))

    def decode(self, Z: ArrayLike) -> NDArray[Any]:
        """Expected images for latents Z (n_images, latent_dim_), in the form and units given to ``fit``."""
        z = np.asarray(Z, dtype=np.float32)
        if z.ndim != 2 or z.shape[1] != self.latent_dim_:
            raise InputError(f"Z has shape {z.shape}; wanted latents (n_images, {self.latent_dim_})")
        return self._like_training(self.model_.decode(z))

    def reconstruct(self, X: ArrayLike) -> NDArray[Any]:
        """The images that are expected from the latents of the whole image: ``decode(encode(X))``."""
        return self.decode(self.encode(X))

    def sample(self, n_rows: int = 1, random_state: int | None = None) -> NDArray[Any]:
        """Images drawn from the model, as ``ImageVAEDetector.sample`` draws them; imports torch."""
        drawn: NDArray[Any] = self.detector().sample(n_rows, random_state)
        return drawn

    def detector(self) -> ImageVAEDetector:
        """The estimator of the same model; imports torch and scikit-learn."""
        from anomaly_vae.detectors.image import ImageVAEDetector

        detector = ImageVAEDetector.__new__(ImageVAEDetector)
        detector.__setstate__(self._state())
        return detector

    def _checked(self, X: Any) -> NDArray[Any]:
        names = getattr(self, "feature_names_in_", None)
        if names is not None and hasattr(X, "columns") and list(X.columns) != list(names):
            raise SchemaError("the columns should be those of the fit, in its order")
        return fitted_images(X, self.image_size_, self.channels_)
