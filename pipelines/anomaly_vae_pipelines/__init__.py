"""Applications built on ``anomaly_vae``: a command line, an HTTP service, and the modules that they share.

CONTRIBUTING.md describes the packages below this one.

Examples
--------
>>> from anomaly_vae_pipelines import recipes
>>> recipes.tabular(max_steps=20).get_params()["max_steps"]
20
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anomaly_vae_pipelines.runs.fit import fit_file, fit_images
    from anomaly_vae_pipelines.runs.score import ScoreRun, score_files
    from anomaly_vae_pipelines.scoring import recipes
    from anomaly_vae_pipelines.scoring.arrow import ArrowScorer
    from anomaly_vae_pipelines.scoring.images import ImageScorer
    from anomaly_vae_pipelines.scoring.options import ScoreOptions
    from anomaly_vae_pipelines.scoring.tables import Scorer
    from anomaly_vae_pipelines.service.app import create_app

__all__ = [
    "ArrowScorer",
    "ImageScorer",
    "ScoreOptions",
    "ScoreRun",
    "Scorer",
    "create_app",
    "fit_file",
    "fit_images",
    "recipes",
    "score_files",
]

_MODULES = {
    "ArrowScorer": "anomaly_vae_pipelines.scoring.arrow",
    "ImageScorer": "anomaly_vae_pipelines.scoring.images",
    "ScoreOptions": "anomaly_vae_pipelines.scoring.options",
    "ScoreRun": "anomaly_vae_pipelines.runs.score",
    "Scorer": "anomaly_vae_pipelines.scoring.tables",
    "create_app": "anomaly_vae_pipelines.service.app",
    "fit_file": "anomaly_vae_pipelines.runs.fit",
    "fit_images": "anomaly_vae_pipelines.runs.fit",
    "score_files": "anomaly_vae_pipelines.runs.score",
}


def __getattr__(name: str) -> object:
    """Import a public name on first access (PEP 562)."""
    if name == "recipes":
        return import_module("anomaly_vae_pipelines.scoring.recipes")
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Public names, whether imported yet or not."""
    return sorted(__all__)
