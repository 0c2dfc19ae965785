"""Anomaly detection with variational autoencoders, for tables and images.

A score is an ELBO in nats, a lower bound on log p(row): higher is more normal, as everywhere in
scikit-learn. Each module imports only modules below it:

    displays                        pictures of scores, thresholds, reasons and fits
    persistence, model_file         save and load a detector or a whole Pipeline; no code runs on load
    pipeline_explanations           what lowered scores, through the steps of a Pipeline
    tuning                          many fits, compared on rows that were held out
    scorer, image_scorer,           a fitted model of a table, of images or of keys, without torch and
    per_key_scorer                  scikit-learn
    detectors                       scikit-learn estimators: TabularVAEDetector, ImageVAEDetector, PerKey
    keyed                           one small model per key beside a shared one
    nearest                         the least change that makes an anomalous row normal
    discovery, training, scoring    false discovery rates; fit a torch module, and score with it
    runtime, nn, pixels             score with ONNX Runtime; plain torch: q(z|x), p(x|z), the ELBO;
                                    transforms of images
    verdicts, drift                 what was learned from verdicts; rows against those of calibration
    states                          fitted models as plain arrays, and the checks of those of a file
    tails, thresholds, adaptive,    scores to p-values and offsets; levels that follow a stream; tables to
    columns                         float matrices
    schema, bounded_json, errors,   which column owns which cells of that matrix; JSON within bounds; all
    whole_files                     exceptions; files that are written completely or not at all

Files of rows, the command line and the service are in the package ``anomaly_vae_pipelines``.

The names below are imported at first use, so that ``import anomaly_vae`` is fast and imports neither torch
nor scikit-learn.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from anomaly_vae._version import __version__
from anomaly_vae.errors import (
    AnomalyVAEError,
    CellError,
    CellTypeError,
    ExportError,
    IdentifierColumnWarning,
    InputError,
    MissingExtraError,
    ModelFileError,
    NonFiniteScoreError,
    SchemaError,
    StepError,
)

if TYPE_CHECKING:
    from anomaly_vae.adaptive import AdaptiveThreshold
    from anomaly_vae.detectors.image import ImageVAEDetector
    from anomaly_vae.detectors.per_key import PerKey
    from anomaly_vae.detectors.tabular import TabularVAEDetector
    from anomaly_vae.image_scorer import ImageScorer
    from anomaly_vae.nearest.pipelines import nearest_normal
    from anomaly_vae.per_key_scorer import PerKeyScorer
    from anomaly_vae.persistence import load, load_scorer, read_metadata, save
    from anomaly_vae.pipeline_explanations import explain_frame
    from anomaly_vae.scorer import TableScorer
    from anomaly_vae.tuning import tune

__all__ = [
    "AdaptiveThreshold",
    "AnomalyVAEError",
    "CellError",
    "CellTypeError",
    "ExportError",
    "IdentifierColumnWarning",
    "ImageScorer",
    "ImageVAEDetector",
    "InputError",
    "MissingExtraError",
    "ModelFileError",
    "NonFiniteScoreError",
    "PerKey",
    "PerKeyScorer",
    "SchemaError",
    "StepError",
    "TableScorer",
    "TabularVAEDetector",
    "__version__",
    "explain_frame",
    "load",
    "load_scorer",
    "nearest_normal",
    "read_metadata",
    "save",
    "tune",
]

_MODULES = {
    "AdaptiveThreshold": "anomaly_vae.adaptive",
    "ImageScorer": "anomaly_vae.image_scorer",
    "ImageVAEDetector": "anomaly_vae.detectors.image",
    "PerKey": "anomaly_vae.detectors.per_key",
    "PerKeyScorer": "anomaly_vae.per_key_scorer",
    "TabularVAEDetector": "anomaly_vae.detectors.tabular",
    "TableScorer": "anomaly_vae.scorer",
    "explain_frame": "anomaly_vae.pipeline_explanations",
    "load": "anomaly_vae.persistence",
    "load_scorer": "anomaly_vae.persistence",
    "nearest_normal": "anomaly_vae.nearest.pipelines",
    "read_metadata": "anomaly_vae.persistence",
    "save": "anomaly_vae.persistence",
    "tune": "anomaly_vae.tuning",
}


def __getattr__(name: str) -> object:
    """Import a public name at first use (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Public names, whether they are imported yet or not."""
    return sorted(__all__)
