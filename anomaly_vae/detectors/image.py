"""ImageVAEDetector: variational autoencoders of images as an outlier detector of scikit-learn."""

from __future__ import annotations

from dataclasses import replace
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval, InvalidParameterError, StrOptions

from anomaly_vae.decisions import Floats
from anomaly_vae.detectors._base import AUTO, VAEDetector
from anomaly_vae.detectors._devices import resolve_device
from anomaly_vae.detectors._image_fitting import ImageRecipe, as_pixels, fit_image_model, n_train_images
from anomaly_vae.detectors._image_input import as_images, learned_range
from anomaly_vae.detectors._image_model import ImageModel
from anomaly_vae.detectors._splits import RowSplit, n_calibration_images, split_images
from anomaly_vae.detectors._weights import Counts
from anomaly_vae.image_explanations import ImageExplanations
from anomaly_vae.states.image import ImageState, check_fitted
from anomaly_vae.training import History

Images = NDArray[Any]

_KEEP = 0.8
_HEAT_QUANTILE = 0.999
_MAX_TYPICAL_IMAGES = 100


class ImageVAEDetector(ImageExplanations, VAEDetector):
    """Score images with variational autoencoders: how improbable they are, and where.

    Fit on normal images, score new ones. With ``score_type="local"``, the default, a score is the log of a
    p-value. Terms of the ELBO are compared, at each position and at several scales, with those at the same
    position of normal images, and the largest deviations count. In addition, the ELBO of the image's oriented
    gradients measures how unusual its shape is. Both are calibrated on held-out images, and the score is the
    log of the harmonic mean of two p-values: of all statistics together, and of the shape alone. This detects
    small defects, which a sum over the whole image would hide, as well as whole images of another kind.
    With ``score_type="elbo"`` a score is the lower bound on the log density of the whole image, in nats.

    Images are arrays (n_images, height, width), (n_images, height, width, channels), or flattened to
    (n_images, height * width * channels), of integers or floats. Higher scores are more normal.

    Parameters
    ----------
    image_size : "auto" or (height, width), default="auto"
        Pixels of an image. "auto" takes it from the shape of the array; flattened images become squares, or
        a single row of pixels if the number of pixels is not a square.
    channels : "auto" or int, default="auto"
        Channels per pixel, 1 for grey and 3 for colour.
    novelty : bool, default=True
        True: the training images are normal. False: they contain unlabelled anomalies; fit, leave out
        the least probable fifth, and fit again.
    score_type : {"local", "elbo"}, default="local"
        The score that ``score_samples`` returns.
    complexity : bool, default=False
        Add to the ELBO the size in nats to which a general-purpose compressor reduces the image (Serrà et al.
        2020). Image likelihoods are too high for simple images (Nalisnick et al. 2019), and this corrects
        them. Only with ``score_type="elbo"``.
    likelihood : {"per_image", "shared"}, default="per_image"
        Whether the Gaussian noise of local terms has one scale per image, or one for all images.
    contamination : "auto" or float in (0, 0.5], default="auto"
        Share of the training images to call anomalous. "auto" works as in ``TabularVAEDetector``: with
        ``novelty=True`` a false-alarm rate of 1 %, or the least that the held-out images can guarantee.
    latent_dim : "auto" or int, default="auto"
        Number of latents of a whole image.
    patch_size : int, default=8
        Side of a patch in pixels.
    hidden_sizes : sequence of int, default=(256, 256)
        Hidden layers of the VAE of oriented gradients.
    max_steps : int, default=600
        Number of training steps of that VAE.
    batch_size : int, default=64
        Images per step.
    learning_rate : float, default=3e-3
        Learning rate of AdamW.
    validation_fraction : "auto" or float in (0, 1), default="auto"
        Share of the images to hold out. A third of them calibrates the statistics of a score against each
        other, the rest calibrates thresholds and p-values. "auto" is a tenth; of fewer than 1,000 images it
        is 100 images, but never more than a fifth.
    device : str, default="auto"
        "auto" (a CUDA GPU if there is one), "cpu", "cuda", ...
    random_state : int, RandomState instance or None, default=None
        Source of all randomness of a fit; the same int gives the same model.
    verbose : int, default=0
        1 shows a progress bar on stderr.

    Attributes
    ----------
    image_size_ : tuple of int
        Height and width.
    channels_ : int
        Channels per pixel.
    pixel_range_ : tuple of float
        The values of black and white: 0 and 255 for 8-bit images, 0 and 65,535 for 16-bit images, 0 and 1 for
        floats in [0, 1], otherwise the least and the largest value of the training images.
    offset_, false_alarm_rate_, tail_, threshold_interval_, false_alarm_interval_, calibration_scores_
        The threshold, as in ``TabularVAEDetector``.
    typical_heat_ : array of shape (height, width)
        Median heat of held-out images.
    typical_contributions_ : array of shape (n_pixels + 1,)
        Median contributions to their scores.
    heatmap_threshold_ : float
        Heat that one pixel in a thousand of held-out images exceeds.
    history_ : dict of arrays
        ``step``, ``elbo_train`` of the VAE of oriented gradients (nats per image).
    latent_dim_ : int
        Number of latents of a whole image.
    n_features_in_ : int
        ``height * width * channels``.

    Notes
    -----
    At most 2,500 images are used for training, drawn at random. The bound of ``score_type="elbo"`` is that
    of a VAE of two levels, whole images and patches, whose linear networks have their optimum in closed form.

    Examples
    --------
    >>> import numpy as np
    >>> from anomaly_vae import ImageVAEDetector
    >>> random = np.random.default_rng(0)
    >>> plates = 0.5 + 0.02 * random.normal(size=(60, 24, 24))
    >>> detector = ImageVAEDetector(random_state=0, max_steps=50).fit(plates[:50])
    >>> scratched = plates[50:].copy()
    >>> scratched[:, 12, 4:20] -= 0.2
    >>> bool(detector.score_samples(plates[50:]).min() > detector.score_samples(scratched).max())
    True
    >>> row, column = np.unravel_index(detector.heatmap(scratched[:1]).argmax(), (24, 24))
    >>> bool(abs(int(row) - 12) <= 2)
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **VAEDetector._parameter_constraints,
        "image_size": [AUTO, tuple, list],
        "channels": [AUTO, Interval(Integral, 1, None, closed="left")],
        "score_type": [StrOptions({"local", "elbo"})],
        "complexity": ["boolean"],
        "likelihood": [StrOptions({"per_image", "shared"})],
        "patch_size": [Interval(Integral, 1, 64, closed="both")],
        "max_steps": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
    }

    model_: ImageModel

    def __init__(
        self,
        *,
        image_size: tuple[int, int] | str = "auto",
        channels: int | str = "auto",
        novelty: bool = True,
        score_type: str = "local",
        complexity: bool = False,
        likelihood: str = "per_image",
        contamination: float | str = "auto",
        latent_dim: int | str = "auto",
        patch_size: int = 8,
        hidden_sizes: tuple[int, ...] = (256, 256),
        max_steps: int = 600,
        batch_size: int = 64,
        learning_rate: float = 3e-3,
        validation_fraction: float | str = "auto",
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.image_size = image_size
        self.channels = channels
        self.novelty = novelty
        self.score_type = score_type
        self.complexity = complexity
        self.likelihood = likelihood
        self.contamination = contamination
        self.latent_dim = latent_dim
        self.patch_size = patch_size
        self.hidden_sizes = hidden_sizes
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.validation_fraction = validation_fraction
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: None = None) -> Self:
        """Fit on images and set the threshold.

        Raises ValueError for parameters out of range, images without pixels and pixels that are not finite
        numbers, InputError for images of another size than ``image_size``.
        """
        self._check_parameters()
        return self._fit(self._checked(X, reset=True))

    def _checked(self, X: Any, *, reset: bool = False) -> Images:
        return as_images(self, X, reset=reset)

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if not isinstance(self.image_size, str):
            self._check_whole("image_size", self.image_size)
            if len(self.image_size) != 2:
                raise InvalidParameterError(
                    f"The 'image_size' parameter of {type(self).__name__} must be 'auto' or (height, width). "
                    f"Got {self.image_size!r} instead."
                )
        if self.complexity and self.score_type != "elbo":
            raise InvalidParameterError(
                f"complexity=True corrects an ELBO; it needs score_type='elbo', got {self.score_type!r}"
            )

    def _n_calibration(self, n_rows: int) -> int:
        return n_calibration_images(n_rows, self.validation_fraction)

    def _splits(self, X: Images, random: np.random.RandomState) -> list[RowSplit]:
        split = split_images(len(X), self.validation_fraction, random)
        n_train = n_train_images(len(split.train), X[0].size)
        return [replace(split, train=split.train[:n_train])]

    def _fit_model(self, X: Images, splits: list[RowSplit], seed: int, counts: Counts | None) -> History:
        """Fit; with ``novelty=False`` fit again on the most probable images."""
        [split], self.pixel_range_ = splits, learned_range(X)
        recipe = ImageRecipe(
            latent_dim=None if isinstance(self.latent_dim, str) else int(self.latent_dim),
            patch_size=int(self.patch_size),
            keep=1.0 if self.novelty else _KEEP,
            n_steps=int(self.max_steps),
            batch_size=int(self.batch_size),
            learning_rate=float(self.learning_rate),
            hidden_sizes=tuple(self.hidden_sizes),
        )
        device, low_high, train = resolve_device(self.device), self.pixel_range_, split.train
        settings: dict[str, Any] = {"per_image": self.likelihood == "per_image", "verbose": self.verbose}
        for last in (True,) if self.novelty else (False, True):
            pixels = as_pixels(X, train, low_high, device)
            self.model_, history = fit_image_model(pixels, low_high, recipe, seed, **settings)
            self.model_.calibrate(X[split.watch])
            if not last:
                scores = self.model_.totals(X[train], "local")
                train = np.sort(train[np.argsort(-scores, kind="stable")[: max(int(_KEEP * len(train)), 1)]])
        return history

    def _calibration_scores(self, X: Images, splits: list[RowSplit]) -> Floats:
        [split] = splits
        return self._score_samples(X[split.calibration])

    def _set_typical(self, X: Images, splits: list[RowSplit], scores: Floats) -> None:
        [split] = splits
        some = X[split.calibration[: self._n_maps(_MAX_TYPICAL_IMAGES)]]
        heat = self.model_.heat(some)
        self.heatmap_threshold_ = float(np.quantile(heat, _HEAT_QUANTILE))
        self.typical_heat_ = np.median(heat, axis=0)
        self.typical_contributions_ = np.median(self._contributions(some, heat), axis=0)

    def _mean_elbos(self, X: Images, splits: list[RowSplit], history: History) -> tuple[float, float]:
        [split] = splits
        held_out = np.concatenate([split.watch, split.calibration])
        train, validation = (
            float(self.model_.totals(X[some], "elbo").mean())
            for some in (split.train[:_MAX_TYPICAL_IMAGES], held_out)
        )
        return train, validation

    def _model_state(self) -> dict[str, Any]:
        return self.model_.state.get_state()

    def _load_model(self, state: dict[str, Any], device: torch.device) -> ImageModel:
        return ImageModel(ImageState.from_state(state), device)

    def _check_fitted(self, state: dict[str, Any]) -> None:
        check_fitted(state, set(self._get_param_names()), state["model_"].state)
