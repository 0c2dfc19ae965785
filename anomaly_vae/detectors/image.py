"""ImageVAEDetector: variational autoencoders of images behind scikit-learn's outlier detector face."""

from __future__ import annotations

import math
import time
from dataclasses import asdict
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils import check_array, check_random_state
from sklearn.utils._param_validation import Interval, InvalidParameterError, StrOptions
from sklearn.utils.validation import check_is_fitted

from anomaly_vae import thresholds
from anomaly_vae.detectors import _image_state
from anomaly_vae.detectors._base import Floats, VAEDetector, finite, resolve_device, stored_device
from anomaly_vae.detectors._image_fitting import (
    ImageRecipe,
    as_pixels,
    fit_image_model,
    n_for_parts,
    n_train_images,
    split_images,
)
from anomaly_vae.detectors._image_input import as_images, learned_range
from anomaly_vae.errors import InputError, ModelFileError
from anomaly_vae.pixels.complexity import complexities
from anomaly_vae.scoring import blocks
from anomaly_vae.training import History

Images = NDArray[Any]

_AUTO = StrOptions({"auto"})
_KEEP = 0.8
_HEAT_QUANTILE = 0.999
_MAX_TYPICAL_IMAGES = 100
_MAX_MAP_PIXELS = 2**24
"""Of maps that are held at once, where 64 bits a pixel of many large images would fill the memory."""

_LEAST_COST = 0.05
"""Nats that a reason must cost to be named."""
_REACH = 8
"""Pixels around a hot place that belong to it."""


class ImageVAEDetector(VAEDetector):
    """Score images by variational autoencoders: how improbable, and where.

    Fit on normal images, score new ones. With ``score_type="local"``, the default, a score is the log of a
    p-value. Terms of the ELBO are compared, place by place and at several scales, with those of the same
    place in normal images, and the largest deviations count; beside them, the ELBO of the image's oriented
    gradients tells whether its shape is one that was seen. They are calibrated on held-out images, and the
    score is the log of the harmonic mean of two p-values: of everything together, and of the shape alone.
    Small defects, which drown in the sum over an image, count, and so do whole images of another kind.
    With ``score_type="elbo"`` a score is the lower bound on the log density of the whole image, in nats.

    Images are arrays (n_images, height, width), (n_images, height, width, channels), or flattened to
    (n_images, height * width * channels), of integers or floats. Higher scores are more normal.

    Parameters
    ----------
    image_size : "auto" or (height, width), default="auto"
        Pixels of an image. "auto" reads it off the array; of flattened images it makes a square, or, where
        the number of pixels is none, one row of pixels.
    channels : "auto" or int, default="auto"
        Channels of a pixel, 1 for grey and 3 for colour.
    novelty : bool, default=True
        True: the training images are normal. False: they hold unlabelled anomalies; fit, leave out
        the fifth that is least probable, and fit again.
    score_type : {"local", "elbo"}, default="local"
        What ``score_samples`` gives.
    complexity : bool, default=False
        Add to an ELBO what the image costs a general-purpose compressor, in nats (Serrà et al. 2020). Image
        likelihoods reward simple pictures (Nalisnick et al. 2019); this takes the reward back. Only with
        ``score_type="elbo"``.
    likelihood : {"per_image", "shared"}, default="per_image"
        Whether the Gaussian noise of local terms has a scale of its own for each image, or one for all.
    contamination : "auto" or float in (0, 0.5], default="auto"
        Share of the training images to call anomalous. "auto" is that of ``TabularVAEDetector``: with
        ``novelty=True`` a false-alarm rate of 1 %, or the least that the held-out images can promise.
    latent_dim : "auto" or int, default="auto"
        Latents of a whole image.
    patch_size : int, default=8
        Pixels a side of a patch.
    hidden_sizes : sequence of int, default=(256, 256)
        Hidden layers of the VAE of oriented gradients.
    max_steps : int, default=600
        Its training budget in steps.
    batch_size : int, default=64
        Images a step.
    learning_rate : float, default=3e-3
        Rate of AdamW.
    validation_fraction : "auto" or float in (0, 1), default="auto"
        Share of the images held out. A third of them calibrates the parts of a score against each other,
        the others thresholds and p-values. "auto" is a tenth, but 100 images of fewer than 1,000, and
        never more than a fifth.
    device : str, default="auto"
        "auto" (a CUDA GPU where there is one), "cpu", "cuda", ...
    random_state : int, RandomState instance or None, default=None
        Source of all randomness of a fit; an int gives the same model again.
    verbose : int, default=0
        1 draws a progress bar on stderr.

    Attributes
    ----------
    image_size_ : tuple of int
        Height and width.
    channels_ : int
    pixel_range_ : tuple of float
        What is taken for black and for white: of 8-bit images 0 and 255, of floats in [0, 1] these, of others
        the least and the largest value of the training images.
    offset_, false_alarm_rate_, tail_, calibration_scores_
        The threshold, as in ``TabularVAEDetector``.
    typical_heat_ : array of shape (height, width)
        Median heat of held-out images.
    typical_parts_ : array of shape (n_pixels + 1,)
        Median parts of their scores.
    heatmap_threshold_ : float
        Heat that one pixel in a thousand of held-out images exceeds.
    history_ : dict of arrays
        ``step``, ``elbo_train`` of the VAE of oriented gradients (nats an image).
    latent_dim_ : int
        Latents of a whole image.
    n_features_in_ : int
        ``height * width * channels``.

    Notes
    -----
    At most 2,500 images are learned from, drawn at random. The bound of ``score_type="elbo"`` is that of a
    VAE of two levels, whole images and patches, whose linear networks are at their optimum in closed form.

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
        "image_size": [_AUTO, tuple, list],
        "channels": [_AUTO, Interval(Integral, 1, None, closed="left")],
        "novelty": ["boolean"],
        "score_type": [StrOptions({"local", "elbo"})],
        "complexity": ["boolean"],
        "likelihood": [StrOptions({"per_image", "shared"})],
        "contamination": [_AUTO, Interval(Real, 0, 0.5, closed="right")],
        "latent_dim": [_AUTO, Interval(Integral, 1, 4096, closed="both")],
        "patch_size": [Interval(Integral, 1, 64, closed="both")],
        "hidden_sizes": [list, tuple],
        "max_steps": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "validation_fraction": [_AUTO, Interval(Real, 0, 1, closed="neither")],
        "device": [str],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

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

        Raises ValueError for parameters out of range, images without pixels and pixels that are no finite
        numbers, InputError for images of another size than asked for.
        """
        started = time.perf_counter()
        self._check_parameters()
        images = as_images(self, X, reset=True)
        random = check_random_state(self.random_state)
        held_out, train = split_images(len(images), self.validation_fraction, random)
        seed = int(random.randint(2**31 - 1))
        n_pixels = images[0].size
        train = train[: n_train_images(len(train), n_pixels)]
        self.pixel_range_ = learned_range(images)
        history = self._fit_model(images, train, held_out, seed)
        self.latent_dim_ = self.model_.latent_dim
        self.history_ = {
            name: np.array(values) for name, values in asdict(history).items() if name != "elbo_validation"
        }
        self._set_thresholds(images, held_out)
        self.training_ = {
            "n_rows": len(train),
            "n_steps": int(self.history_["step"][-1]),
            "seconds": round(time.perf_counter() - started, 3),
            "elbo_train": float(self.model_.totals(images[train[:_MAX_TYPICAL_IMAGES]], "elbo").mean()),
            "elbo_validation": float(self.model_.totals(images[held_out], "elbo").mean()),
        }
        return self

    def score_parts(self, X: ArrayLike) -> Floats:
        """Nats that each pixel, and what is not of pixels, adds to the score, (n_images, n_pixels + 1).

        Pixels in order of rows; each line sums to ``score_samples``. With ``score_type="elbo"`` a pixel has
        its reconstruction term and the last column is the latent term (with the complexity, where that is
        added). With ``"local"`` the score is shared between place and shape as their p-values weigh in the
        harmonic mean; the last column has the shape's, pixels have the place's, by the square of their heat
        beyond what is usual there.
        """
        check_is_fitted(self)
        return finite(self._parts(self._validated(X)))

    def heatmap(self, X: ArrayLike) -> Floats:
        """How badly each pixel is explained, in nats, (n_images, height, width); higher is odder.

        The sum over scales of log(1 + error / usual error), up to constants a heavy-tailed negative log
        likelihood of the pixel's surroundings. One scale for all images; see ``heatmap_threshold_``.
        """
        check_is_fitted(self)
        return finite(self.model_.heat(self._validated(X)))

    def explain(self, X: ArrayLike, n_columns: int = 3) -> list[list[tuple[str, float]]]:
        """For each image what costs it most: (name, nats below what is typical), worst first.

        A name is a hot place such as "y=40 x=112", which stands for its surroundings too, or "shape"
        ("latent" for an ELBO). At most ``n_columns`` an image; what costs next to nothing is left out.
        """
        check_is_fitted(self)
        images = self._validated(X)
        rest = "shape" if self.score_type == "local" else "latent"
        explained = []
        for rows in blocks(len(images), self._n_maps(64)):
            some = images[rows]
            beyond = self.model_.heat(some) - self.typical_heat_
            costs = self._parts(some) - self.typical_parts_
            explained += [_worst(*one, n_columns, rest) for one in zip(costs, beyond, strict=True)]
        return explained

    def elbo(self, X: ArrayLike) -> Floats:
        """Lower bound on the log density of each image in its own units of brightness, (n_images,), in nats.

        Divided by ``-n_features_in_ * log(2)`` it is bits per dimension.
        """
        check_is_fitted(self)
        images = self._validated(X)
        return finite(self.model_.totals(images, "elbo") + self.model_.jacobian(images))

    def encode(self, X: ArrayLike) -> Floats:
        """Posterior means of the latents of whole images, (n_images, latent_dim_)."""
        check_is_fitted(self)
        return finite(self.model_.encode(self._validated(X)))

    def decode(self, Z: ArrayLike) -> Images:
        """Expected images of latents (n_images, latent_dim_), as they were given to ``fit``."""
        check_is_fitted(self)
        z = check_array(Z, dtype=np.float32)
        if z.shape[1] != self.latent_dim_:
            raise InputError(f"Z has {z.shape[1]} columns, but the latent space has {self.latent_dim_}")
        return self._like_training(self.model_.decode(z))

    def reconstruct(self, X: ArrayLike) -> Images:
        """What the model expected in place of each image: without what only a patch could tell it."""
        return self.decode(self.encode(X))

    def sample(self, n_rows: int = 1, random_state: int | None = None) -> Images:
        """Images drawn from the model."""
        check_is_fitted(self)
        if n_rows < 1:
            raise InputError(f"n_rows must be at least 1, got {n_rows!r}")
        seed = int(check_random_state(random_state).randint(2**31 - 1))
        return self._like_training(self.model_.sample(n_rows, seed))

    def metadata(self) -> dict[str, Any]:
        """What a person may want to know of the fitted model without loading it, fit for JSON."""
        check_is_fitted(self)
        return {
            "kind": type(self).__name__,
            "parameters": self._plain_params(),
            "schema": [],
            "image": {
                "size": list(self.image_size_),
                "channels": self.channels_,
                "pixel_range": list(self.pixel_range_),
            },
            "training": self.training_ | {"latent_dim": self.latent_dim_},
            "threshold": {
                "offset": self.offset_,
                "false_alarm_rate": self.false_alarm_rate_,
                "tail": self.tail_,
                "n_calibration": len(self.calibration_scores_),
            },
        }

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = dict(BaseEstimator.__getstate__(self)) | self._plain_params()
        if "model_" in state:
            state["model_"] = _image_state.get_state(state["model_"])
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        if "model_" in state:
            state["model_"] = _image_state.load_model(state["model_"], stored_device(state))
            _image_state.check_fitted(state, set(self._get_param_names()))
        BaseEstimator.__setstate__(self, state)
        try:
            self._validate_params()
            self._check_parameters()
        except (TypeError, ValueError) as error:
            raise ModelFileError(f"a parameter of the model is out of range: {error}") from None

    def _check_parameters(self) -> None:
        sizes = (
            [self.hidden_sizes] if isinstance(self.image_size, str) else [self.hidden_sizes, self.image_size]
        )
        for name, values in zip(("hidden_sizes", "image_size"), sizes, strict=False):
            if not all(isinstance(size, int | np.integer) and size >= 1 for size in values):
                raise InvalidParameterError(
                    f"The {name!r} parameter of {type(self).__name__} must be a list or tuple of int in the "
                    f"range [1, inf). Got {values!r} instead."
                )
        if not isinstance(self.image_size, str) and len(self.image_size) != 2:
            raise InvalidParameterError(
                f"The 'image_size' parameter of {type(self).__name__} must be 'auto' or (height, width). Got "
                f"{self.image_size!r} instead."
            )
        if self.complexity and self.score_type != "elbo":
            raise InvalidParameterError(
                f"complexity=True corrects an ELBO; it needs score_type='elbo', got {self.score_type!r}"
            )

    def _validated(self, X: Any) -> Images:
        return as_images(self, X, reset=False)

    def _score_samples(self, X: Images) -> Floats:
        scores = self.model_.totals(X, self.score_type)
        return scores + complexities(X, self.pixel_range_) if self.complexity else scores

    def _fit_model(
        self, images: Images, train: NDArray[np.int64], held_out: NDArray[np.int64], seed: int
    ) -> History:
        """Learn, and where images may be anomalies, learn once more from the most probable ones."""
        recipe = ImageRecipe(
            latent_dim=None if isinstance(self.latent_dim, str) else int(self.latent_dim),
            patch_size=int(self.patch_size),
            keep=1.0 if self.novelty else _KEEP,
            n_steps=int(self.max_steps),
            batch_size=int(self.batch_size),
            learning_rate=float(self.learning_rate),
            hidden_sizes=tuple(self.hidden_sizes),
        )
        device, low_high = resolve_device(self.device), self.pixel_range_
        settings: dict[str, Any] = {"per_image": self.likelihood == "per_image", "verbose": self.verbose}
        calibration = images[held_out[: max(n_for_parts(len(held_out)), 1)]]
        for last in (True,) if self.novelty else (False, True):
            pixels = as_pixels(images, train, low_high, device)
            self.model_, history = fit_image_model(pixels, low_high, recipe, seed, **settings)
            self.model_.calibrate(calibration)
            if not last:
                scores = self.model_.totals(images[train], "local")
                train = np.sort(train[np.argsort(-scores, kind="stable")[: max(int(_KEEP * len(train)), 1)]])
        return history

    def _set_thresholds(self, images: Images, held_out: NDArray[np.int64]) -> None:
        """Scores and heat of the held-out images that calibrated nothing yet, and the threshold."""
        rest = held_out[n_for_parts(len(held_out)) :]
        self.calibration_scores_ = np.sort(self._score_samples(images[rest]))
        some = images[rest[: self._n_maps(_MAX_TYPICAL_IMAGES)]]
        heat = self.model_.heat(some)
        self.heatmap_threshold_ = float(np.quantile(heat, _HEAT_QUANTILE))
        self.typical_heat_ = np.median(heat, axis=0)
        self.typical_parts_ = np.median(self._parts(some), axis=0)
        if self.contamination != "auto":
            scores = self._score_samples(images)
            self._set_offset(thresholds.contamination_offset(scores, float(self.contamination)))
        elif self.novelty:
            self._promise(thresholds.auto_false_alarm_rate(len(self.calibration_scores_)))
        else:
            self._set_offset(thresholds.fence_offset(self.calibration_scores_))

    def _n_maps(self, most: int) -> int:
        """How many images' maps are held at once."""
        return int(np.clip(_MAX_MAP_PIXELS // math.prod(self.image_size_), 1, most))

    def _parts(self, images: Images) -> Floats:
        parts = self.model_.parts(images, self.score_type, self.typical_heat_)
        if self.complexity:
            parts[:, -1] += complexities(images, self.pixel_range_)
        return parts

    def _like_training(self, images: Floats) -> Images:
        """Images as they were given to ``fit``: flattened, or without an axis of channels."""
        if self.flattened_:
            return images.reshape(len(images), -1)
        return images[..., 0] if self.channels_ == 1 and not self.has_channels_ else images

    def _plain_params(self) -> dict[str, Any]:
        """Parameters as a file keeps them: of a generator object, which could be forged, nothing."""
        params: dict[str, Any] = self.get_params(deep=False)
        if not isinstance(params["random_state"], int | np.integer):
            params["random_state"] = None
        params["hidden_sizes"] = tuple(int(size) for size in params["hidden_sizes"])
        if not isinstance(params["image_size"], str):
            params["image_size"] = tuple(int(side) for side in params["image_size"])
        return {
            name: value.item() if isinstance(value, np.generic) else value for name, value in params.items()
        }


def _worst(costs: Floats, beyond: Floats, n_reasons: int, rest: str) -> list[tuple[str, float]]:
    """The hottest places with what they and their surroundings cost, and the part that is not of pixels."""
    pixels, beyond = costs[:-1].reshape(beyond.shape), beyond.copy()
    found = [(rest, float(costs[-1]))]
    for _ in range(n_reasons):
        y, x = (int(axis) for axis in np.unravel_index(beyond.argmax(), beyond.shape))
        around = np.s_[max(y - _REACH, 0) : y + _REACH + 1, max(x - _REACH, 0) : x + _REACH + 1]
        found.append((f"y={y} x={x}", float(pixels[around][beyond[around] > 0.0].sum())))
        beyond[around] = 0.0
    worth_naming = [reason for reason in found if reason[1] < -_LEAST_COST]
    return sorted(worth_naming, key=lambda reason: reason[1])[:n_reasons]
