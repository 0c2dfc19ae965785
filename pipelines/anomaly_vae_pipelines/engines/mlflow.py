"""MLflow: a flavour for model files, with a ``python_function`` that scores frames (extra ``mlflow``).

The artefact is the model file itself: MLflow stores no pickle beside it. The registry, ``spark_udf`` and the
server of MLflow use the ``python_function``.
"""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anomaly_vae
from anomaly_vae.errors import InputError
from anomaly_vae.persistence import load, save
from anomaly_vae_pipelines.scoring.arrow import ArrowScorer
from anomaly_vae_pipelines.scoring.model_files import model_content

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.models import Model
    from mlflow.models.model import ModelInfo

FLAVOR = "anomaly_vae"
FILE = "model.avae"
"""Name of the model file within the folder of a model."""


def save_model(
    model: Any, path: str | os.PathLike[str], *, mlflow_model: Model | None = None, **options: Any
) -> None:
    """Write a model in MLflow's format to a new folder.

    Parameters
    ----------
    model : detector, Pipeline, str or path-like
        A fitted model, or the path or URL of a model file, which is copied as it is.
    path : str or path-like
        The folder, which must not exist or be empty.
    mlflow_model : mlflow.models.Model, optional
        The description to extend; ``log_model`` gives it.
    **options
        Options of the ``python_function``, as in ``ArrowScorer``: ``explain``, ``prefix``, ``tail``,
        ``on_bad_row``, ``columns``, of which it keeps none by default; and MLflow's ``signature`` and
        ``metadata``.

    Raises
    ------
    InputError
        If the folder has files, or the model cannot be saved.
    """
    from mlflow import pyfunc
    from mlflow.models import Model

    folder = Path(path)
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder}: holds files; give a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    description = mlflow_model or Model()
    if "signature" in options:
        description.signature = options.pop("signature")
    if "metadata" in options:
        description.metadata = options.pop("metadata")
    if isinstance(model, str | os.PathLike):
        (folder / FILE).write_bytes(model_content(model))
    else:
        save(model, folder / FILE)
    ArrowScorer(folder / FILE, **options)  # raises InputError for an unknown option
    description.add_flavor(FLAVOR, anomaly_vae_version=anomaly_vae.__version__, data=FILE)
    for name, content in _environment().items():
        (folder / name).write_text(content, encoding="utf-8")
    pyfunc.add_to_model(
        description, loader_module=__name__, data=FILE, model_config=options, python_env="python_env.yaml"
    )
    description.save(str(folder / "MLmodel"))


def log_model(model: Any, name: str = "model", **options: Any) -> ModelInfo:
    """Log a model to the active run of MLflow; arguments are those of ``save_model``.

    ``registered_model_name`` also registers it.
    """
    from mlflow.models import Model

    info: ModelInfo = Model.log(
        artifact_path=None, name=name, flavor=sys.modules[__name__], model=model, **options
    )
    return info


def load_model(model_uri: str) -> Any:
    """Return the fitted detector or Pipeline of a model of MLflow, as ``anomaly_vae.load`` does."""
    from mlflow.tracking.artifact_utils import _download_artifact_from_uri

    return load(Path(_download_artifact_from_uri(artifact_uri=model_uri), FILE))


class _Function:
    """The ``python_function``: frames in, frames of results out."""

    def __init__(self, path: str, options: dict[str, Any]) -> None:
        self._scorer = ArrowScorer(path, **{"columns": ()} | options)

    def predict(self, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Score rows; returns a DataFrame with the index of the rows."""
        import pyarrow as pa

        table = pa.Table.from_pandas(model_input, preserve_index=False)
        scored: pd.DataFrame = self._scorer(table).to_pandas()
        return scored.set_index(model_input.index)


def _load_pyfunc(path: str, model_config: dict[str, Any] | None = None) -> _Function:
    """Load the ``python_function``; MLflow calls it with the path of the model file."""
    return _Function(path, dict(model_config or {}))


def _environment() -> dict[str, str]:
    """Return the files that say what the model needs, by name."""
    python = f"python: {platform.python_version()}\ndependencies:\n- -r requirements.txt\n"
    return {"requirements.txt": f"anomaly-vae=={anomaly_vae.__version__}\n", "python_env.yaml": python}
