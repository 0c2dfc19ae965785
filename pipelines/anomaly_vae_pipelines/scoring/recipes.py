"""Ready-made models for common work: scikit-learn Pipelines that end in a detector, or a detector alone.

Every recipe takes the parameters of ``TabularVAEDetector``, holds only steps that a model file may hold, and
reads a DataFrame as ``anomaly-vae fit`` does. A step is there because it was measured to help, or to refuse
what would otherwise be learned from in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from sklearn.pipeline import Pipeline
from sklearn.preprocessing import Normalizer, StandardScaler

from anomaly_vae.detectors.tabular import TabularVAEDetector
from anomaly_vae_pipelines.errors import UnknownNameError

Recipe: TypeAlias = Callable[..., TabularVAEDetector | Pipeline]


def tabular(**parameters: Any) -> TabularVAEDetector:
    """A detector alone: for tables of numbers, categories, truth values and dates, with gaps.

    It reads each kind of column itself, and no step before it was found to help: no scaler, no transformer
    towards a Gaussian, no principal components (``benchmarks/README.md``).

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> random = np.random.default_rng(0)
    >>> day = random.random(300) < 0.5
    >>> shifts = np.where(day, "day", "night")
    >>> table = pd.DataFrame({"shift": shifts, "load": random.normal(50 + 40 * day, 3)})
    >>> model = tabular(novelty=True, max_steps=200, random_state=0).fit(table)
    >>> model.predict(pd.DataFrame({"shift": ["day", "night"], "load": [90.0, 90.0]})).tolist()
    [1, -1]
    """
    return TabularVAEDetector(**parameters)


def tabular_numeric(**parameters: Any) -> Pipeline:
    """A detector that takes nothing but numbers: for measurements, where text is a slip and no category.

    Text and infinities are refused with ValueError, in fitting and in scoring; missing cells are not. The
    scores are those of the detector alone, to the last bit.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> volts = np.random.default_rng(0).normal(230, 2, size=300)
    >>> table = pd.DataFrame({"volts": volts, "amperes": volts / 50})
    >>> model = tabular_numeric(novelty=True, max_steps=200, random_state=0).fit(table)
    >>> model.predict(pd.DataFrame({"volts": [231.0, 231.0], "amperes": [4.62, 9.0]})).tolist()
    [1, -1]
    >>> model.predict(pd.DataFrame({"volts": [231.0], "amperes": ["4,62"]}))
    Traceback (most recent call last):
        ...
    ValueError: could not convert string to float: '4,62'
    """
    # Without centring and scaling, which the detector does itself, what is left is the check.
    only_numbers = StandardScaler(with_mean=False, with_std=False).set_output(transform="pandas")
    return Pipeline([("only_numbers", only_numbers), ("detector", TabularVAEDetector(**parameters))])


def embeddings(**parameters: Any) -> Pipeline:
    """Rows of length one, then a detector: for vectors that a network made of images, texts or sounds.

    Their direction is what they mean: on images of MVTec mean AUROC rises from .930 to .933 (clean rows)
    and from .894 to .901 (contaminated). Principal components cost .02 and more, and are left to the
    detector. A gap in a vector is refused with ValueError.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> random = np.random.default_rng(0)
    >>> topic = random.normal(size=8)
    >>> vectors = random.uniform(1, 9, (200, 1)) * (topic + random.normal(0, 0.1, (200, 8)))
    >>> model = embeddings(novelty=True, max_steps=200, random_state=0).fit(pd.DataFrame(vectors))
    >>> model.predict(pd.DataFrame([20.0 * topic, topic[::-1]])).tolist()
    [1, -1]
    """
    to_length_one = Normalizer().set_output(transform="pandas")
    return Pipeline([("to_length_one", to_length_one), ("detector", TabularVAEDetector(**parameters))])


RECIPES: Mapping[str, Recipe] = {
    "tabular": tabular,
    "tabular_numeric": tabular_numeric,
    "embeddings": embeddings,
}
"""Recipes by name."""


def find_recipe(name: str) -> Recipe:
    """The recipe of a name; raises UnknownNameError, with the nearest name, where there is none."""
    if name not in RECIPES:
        raise UnknownNameError(f"there is no recipe {name!r} (there are {', '.join(RECIPES)})", name, RECIPES)
    return RECIPES[name]
