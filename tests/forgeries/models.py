"""Ten kinds of small fitted models, each with a few rows to score."""

from __future__ import annotations

import re
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn import decomposition, impute, kernel_approximation, preprocessing, random_projection
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.feature_selection import VarianceThreshold
from sklearn.pipeline import FeatureUnion, Pipeline

from anomaly_vae import ImageVAEDetector, PerKey, TabularVAEDetector, save
from tests.anomaly_vae.forging import Members, unzipped, zipped

BINS = {"strategy": "uniform"}
# The detector behind steps has one ensemble, not five: a mutant loads in a third of the time.
HELD_OUT = {"validation_fraction": 0.25}
CORPUS = Path(__file__).parent / "corpus"

_ROWS = 60


@dataclass(frozen=True)
class Sample:
    """A model file that `save` wrote, and rows that it can score.

    Attributes
    ----------
    name : str
    content : bytes
        Of the file.
    rows : DataFrame or array
        A few rows, one of them with values that training never saw.
    """

    name: str
    content: bytes
    rows: Any

    @property
    def members(self) -> Members:
        """Members of the file by name."""
        return unzipped(self.content)


def numbers(n_rows: int = _ROWS, n_columns: int = 4) -> NDArray[np.float64]:
    """Correlated numbers."""
    random = np.random.default_rng(0)
    return np.asarray(random.normal(size=(n_rows, n_columns)) @ random.normal(size=(n_columns, n_columns)))


def mixed(n_rows: int = _ROWS) -> pd.DataFrame:
    """Numbers, counts, categories, booleans, dates, a constant, and cells that are missing."""
    random = np.random.default_rng(1)
    day = pd.Timestamp("2026-01-05") + pd.to_timedelta(random.integers(0, 40_000, n_rows), unit="min")
    frame = pd.DataFrame(
        {
            "length": random.normal(size=n_rows),
            "count": random.poisson(5, n_rows).astype(float),
            "colour": random.choice(["red", "green", "blue", "grey"], n_rows, p=[0.4, 0.4, 0.15, 0.05]),
            "open": random.random(n_rows) < 0.5,
            "at": day,
            "always": "one",
        }
    )
    frame.loc[::7, "length"] = np.nan
    frame.loc[::9, "colour"] = None
    return frame


def strange(frame: pd.DataFrame) -> pd.DataFrame:
    """The first rows, with a category that was never seen and a missing number."""
    rows = frame.head(4).copy()
    rows.loc[0, "colour"], rows.loc[1, "length"] = "mauve", np.nan
    return rows


def images(n_images: int = 40, channels: int = 1) -> NDArray[np.float64]:
    """Grey or colour images of 8 by 8 pixels."""
    random = np.random.default_rng(2)
    light = np.linspace(0.3, 0.7, 8)[:, None, None]
    pixels = light + 0.05 * random.normal(size=(n_images, 8, 8, channels))
    return np.asarray(np.clip(pixels if channels > 1 else pixels[..., 0], 0.0, 1.0))


def detector(**parameters: Any) -> TabularVAEDetector:
    """A table's detector that is quickly fitted and small."""
    settings = {"max_steps": 3, "hidden_sizes": (4,), "latent_dim": 2, "random_state": 0, "device": "cpu"}
    return TabularVAEDetector(**{**settings, **parameters})


def columns() -> ColumnTransformer:
    """The usual recipe of a mixed table: each kind of column its own steps."""
    numeric = Pipeline(
        [("fill", impute.SimpleImputer(add_indicator=True)), ("scale", preprocessing.StandardScaler())]
    )
    rare = preprocessing.OneHotEncoder(
        handle_unknown="infrequent_if_exist", min_frequency=8, sparse_output=False
    )
    words = preprocessing.OneHotEncoder(drop="if_binary", handle_unknown="ignore", sparse_output=False)
    return ColumnTransformer(
        [
            ("numbers", numeric, make_column_selector(dtype_include="float64")),
            ("rare", rare, ["colour"]),
            ("truths", words, ["open"]),
            ("constant", preprocessing.OrdinalEncoder(), ["always"]),
        ]
    )


def chain() -> list[tuple[str, Any]]:
    """Other transformers one after another, at least one of which leaves four columns."""
    union = FeatureUnion(
        [
            ("pca", decomposition.PCA(3)),
            ("bins", preprocessing.KBinsDiscretizer(3, encode="onehot-dense", **BINS)),
        ]
    )
    return [
        ("fill", impute.KNNImputer()),
        ("power", preprocessing.PowerTransformer()),
        ("quantiles", preprocessing.QuantileTransformer(n_quantiles=10, output_distribution="normal")),
        ("powers", preprocessing.PolynomialFeatures(2)),
        ("log", preprocessing.FunctionTransformer(np.arcsinh)),
        ("union", union),
        ("last", decomposition.PCA(4)),
    ]


def every_step() -> dict[str, Any]:
    """Transformers that make four columns of four: every type that a model file may hold, in its variants."""
    some = {"n_components": 4, "random_state": 0}
    first, rest = slice(0, 2), [2, 3]
    return {
        "Binarizer": preprocessing.Binarizer(),
        "ColumnTransformer": ColumnTransformer(
            [("a", preprocessing.StandardScaler(), first)], remainder="passthrough"
        ),
        "ColumnTransformer of a list": ColumnTransformer(
            [("a", "passthrough", first), ("b", preprocessing.StandardScaler(), rest)]
        ),
        "FactorAnalysis": decomposition.FactorAnalysis(4),
        "FastICA": decomposition.FastICA(**some, max_iter=2000, tol=0.1),
        "FeatureUnion": FeatureUnion([("a", decomposition.PCA(2)), ("b", decomposition.PCA(2))]),
        "FunctionTransformer": preprocessing.FunctionTransformer(np.tanh, feature_names_out="one-to-one"),
        "GaussianRandomProjection": random_projection.GaussianRandomProjection(**some),
        "IncrementalPCA": decomposition.IncrementalPCA(4, whiten=True),
        "KBinsDiscretizer": preprocessing.KBinsDiscretizer(3, encode="ordinal", **BINS),
        "KNNImputer": impute.KNNImputer(),
        "MaxAbsScaler": preprocessing.MaxAbsScaler(),
        "MinMaxScaler": preprocessing.MinMaxScaler(clip=True),
        "MissingIndicator": impute.MissingIndicator(features="all"),
        "Normalizer": preprocessing.Normalizer(),
        "Nystroem": kernel_approximation.Nystroem(**some),
        "OrdinalEncoder": preprocessing.OrdinalEncoder(
            handle_unknown="use_encoded_value", unknown_value=-1, min_frequency=2
        ),
        "PCA": decomposition.PCA(4, whiten=True),
        "PolynomialFeatures": preprocessing.PolynomialFeatures(1, include_bias=False),
        "PowerTransformer": preprocessing.PowerTransformer("yeo-johnson"),
        "QuantileTransformer": preprocessing.QuantileTransformer(n_quantiles=10),
        "RBFSampler": kernel_approximation.RBFSampler(**some),
        "RobustScaler": preprocessing.RobustScaler(),
        "SimpleImputer": impute.SimpleImputer(strategy="constant", fill_value=0.0),
        "StandardScaler": preprocessing.StandardScaler(),
        "TruncatedSVD": decomposition.TruncatedSVD(4),
        "VarianceThreshold": VarianceThreshold(),
        "passthrough": "passthrough",
    }


DIALECT = {
    "separator": ";", "decimal": ",", "thousands": ".", "encoding": "cp1252", "missing": ["?"],
    "columns": {"length": {"form": "number", "suffix": "cm"}, "at": {"form": "date", "order": "dmy"}},
}  # fmt: skip
"""How the table of the model "mixed" was read."""


def _saved(model: Any, dialect: dict[str, Any] | None = None) -> bytes:
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "model.avae"
        save(model, path, dialect=dialect)
        return _renumbered(path.read_bytes())


def _renumbered(content: bytes) -> bytes:
    """The file with ids and names of arrays counted from 1: they were addresses, other ones in each run."""
    members = unzipped(content)
    numbers: dict[str, str] = {}

    def number(match: re.Match[str]) -> str:
        return numbers.setdefault(match[0], str(len(numbers) + 1))

    schema = re.sub(r"(?<=\"__id__\":)\d+|\d+(?=\.npy\")", number, members.pop("schema.json").decode())
    renamed = {re.sub(r"\d+(?=\.npy)", number, name): data for name, data in members.items()}
    return zipped({"schema.json": schema.encode(), **dict(sorted(renamed.items()))})


def _fitted(name: str, model: Any, X: Any, rows: Any, dialect: dict[str, Any] | None = None) -> list[Sample]:
    """The file of a model, and beside it the one that an earlier release wrote of such a model, if kept."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        samples = [Sample(name, _saved(model.fit(X), dialect), rows)]
    old = CORPUS / f"{name}.avae"
    return [*samples, Sample(f"old {name}", old.read_bytes(), rows)] if old.exists() else samples


def _image_detector() -> ImageVAEDetector:
    return ImageVAEDetector(
        max_steps=3, hidden_sizes=(4,), latent_dim=2, patch_size=4, random_state=0, device="cpu"
    )


def _table(name: str, *, novelty: bool, n_columns: int = 4) -> list[Sample]:
    X = numbers(n_columns=n_columns)
    return _fitted(name, detector(novelty=novelty), X, X[:4])


def _learned(name: str) -> list[Sample]:
    """A detector with verdicts; it has no older file."""
    X = numbers()
    learned = detector().fit(X).learn(X[:6], [1, -1, 1, -1, -1, 1], [1, 2, 3, 1, 1, 1])
    return [Sample(name, _saved(learned), X[:4])]


def _images(name: str, channels: int) -> list[Sample]:
    X = images(channels=channels)
    return _fitted(name, _image_detector(), X, X[:3])


def _steps() -> list[Sample]:
    """A Pipeline of every single transformer, all of them before one and the same detector."""
    X = numbers()
    last = detector(**HELD_OUT).fit(X)
    steps = every_step()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = {name: step if step == "passthrough" else step.fit(X) for name, step in steps.items()}
    pipelines = {name: Pipeline([("step", step), ("detector", last)]) for name, step in fitted.items()}
    return [Sample(name, _saved(pipeline), X[:4]) for name, pipeline in pipelines.items()]


def _columns(name: str) -> list[Sample]:
    table = mixed()
    return _fitted(
        name, Pipeline([("columns", columns()), ("detector", detector(**HELD_OUT))]), table, strange(table)
    )


def _chain(name: str) -> list[Sample]:
    X = numbers()
    return [*_fitted(name, Pipeline([*chain(), ("detector", detector(**HELD_OUT))]), X, X[:4]), *_steps()]


def _keyed(name: str) -> list[Sample]:
    """Models of two keys, and rows of these, of a new one, and without one; it has no older file."""
    table = mixed(120)
    table["host"] = np.repeat(["a", "b"], 60)
    rows = strange(table).assign(host=["a", "b", "new", None])
    return [Sample(name, _saved(PerKey(detector(**HELD_OUT), key="host").fit(table)), rows)]


KINDS: dict[str, Callable[[str], list[Sample]]] = {
    "numbers": lambda name: _table(name, novelty=True),
    "contaminated": lambda name: _table(name, novelty=False),
    "mixed": lambda name: _fitted(name, detector(), mixed(), strange(mixed()), DIALECT),
    "wide": lambda name: _table(name, novelty=True, n_columns=100),
    "keyed": _keyed,
    "learned": lambda name: _learned(name),
    "grey": lambda name: _images(name, 1),
    "colour": lambda name: _images(name, 3),
    "columns": _columns,
    "chain": _chain,
}
"""Samples of each kind of model: the first one is the kind's own."""


@cache
def samples(kind: str) -> list[Sample]:
    """Samples of a kind, fitted and saved once."""
    return KINDS[kind](kind)
