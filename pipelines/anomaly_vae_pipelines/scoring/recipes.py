"""Predefined models for common tasks: a detector, or a scikit-learn Pipeline that ends in a detector.

Every recipe takes the parameters of ``TabularVAEDetector``, has only steps that a model file can hold, and
reads a DataFrame as ``anomaly-vae fit`` does. Each step either improved detection in the benchmarks or
rejects input that a detector alone would silently learn from.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from anomaly_vae_pipelines.errors import UnknownNameError

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from anomaly_vae.detectors.tabular import TabularVAEDetector

Recipe: TypeAlias = "Callable[..., TabularVAEDetector | Pipeline]"


def tabular(**parameters: Any) -> TabularVAEDetector:
    """Return a detector, for tables of numbers, categories, booleans and dates, with missing cells.

    The detector preprocesses each kind of column itself. No step before it improved detection: neither a
    scaler, nor a transformation to a Gaussian, nor principal components (``benchmarks/README.md``).

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
    from anomaly_vae.detectors.tabular import TabularVAEDetector

    return TabularVAEDetector(**parameters)


def tabular_numeric(**parameters: Any) -> Pipeline:
    """Return a detector that accepts only numbers, for measurements in which text is an error.

    Text and infinities raise ValueError in ``fit`` and when scoring; missing cells are allowed. The scores
    are bit for bit those of the detector alone.

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
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    # The detector centres and scales itself; this step only checks that cells are finite numbers.
    only_numbers = StandardScaler(with_mean=False, with_std=False).set_output(transform="pandas")
    return Pipeline([("only_numbers", only_numbers), ("detector", tabular(**parameters))])


def embeddings(**parameters: Any) -> Pipeline:
    """Return a Pipeline that scales rows to unit length, for embeddings of images, texts or sounds.

    Only the direction of an embedding carries meaning: on images of MVTec mean AUROC rises from .930 to .933
    (clean rows) and from .894 to .901 (contaminated). Principal components as a step lower it by .02 or more.
    A missing value raises ValueError.

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
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import Normalizer

    to_length_one = Normalizer().set_output(transform="pandas")
    return Pipeline([("to_length_one", to_length_one), ("detector", tabular(**parameters))])


RECIPES: Mapping[str, Recipe] = {
    "tabular": tabular,
    "tabular_numeric": tabular_numeric,
    "embeddings": embeddings,
}
"""Recipes by name."""


def find_recipe(name: str) -> Recipe:
    """Return the recipe of a name; raises UnknownNameError, with the most similar name, if there is none."""
    if name not in RECIPES:
        raise UnknownNameError(f"there is no recipe {name!r} (there are {', '.join(RECIPES)})", name, RECIPES)
    return RECIPES[name]


def check_parameters(names: Iterable[str], known: Collection[str], title: str) -> None:
    """Raise UnknownNameError for the first name that is not a known parameter."""
    for name in names:
        if name not in known:
            raise UnknownNameError(f"{title} has no parameter {name!r}", name, known)
