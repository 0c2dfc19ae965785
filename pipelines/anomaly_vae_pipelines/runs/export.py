"""Export: writes a model of a table as an ONNX model, which scores without this package."""

from __future__ import annotations

from collections import Counter

from sklearn.pipeline import Pipeline

from anomaly_vae.detectors.per_key import PerKey
from anomaly_vae.detectors.tabular import TabularVAEDetector
from anomaly_vae.errors import InputError
from anomaly_vae.persistence import load
from anomaly_vae.runtime.export import describe_columns
from anomaly_vae_pipelines.io.files import replacing
from anomaly_vae_pipelines.io.overwriting import check_no_overwriting
from anomaly_vae_pipelines.records import ExportSummary
from anomaly_vae_pipelines.scoring.adapters import AnyModel


def export_file(model: str, output: str, *, force: bool = False) -> ExportSummary:
    """Write a model of a table as an ONNX model, as ``TabularVAEDetector.to_onnx`` does.

    Raises
    ------
    InputError
        For a Pipeline or a model of images, which cannot be exported.
    OutputExistsError
        If the output exists and ``force`` is false.
    """
    check_no_overwriting({"-o": output}, [model])
    with replacing(output, force=force) as temporary:
        detector = _exportable(load(model), model)
        detector.to_onnx(temporary)
        n_bytes = temporary.stat().st_size
    columns = describe_columns(detector.model_.encoder)
    types = Counter("date" if column["kind"] == "datetime" else column["type"] for column in columns)
    return ExportSummary(output, n_bytes, types["double"], types["string"], types["date"])


def _exportable(fitted: AnyModel, path: str) -> TabularVAEDetector:
    """The model, if it can be exported."""
    if isinstance(fitted, TabularVAEDetector):
        return fitted
    if isinstance(fitted, Pipeline):
        raise InputError(
            f"{path}: is a Pipeline, and only a detector of tables can be exported; export its last step in "
            f"Python with load({path!r})[-1].to_onnx, and score rows that its other steps have transformed"
        )
    if isinstance(fitted, PerKey):
        raise InputError(
            f"{path}: has a model for each key, and only a detector of tables can be exported; export the "
            f"model of all keys in Python with load({path!r}).shared_.to_onnx"
        )
    raise InputError(
        f"{path}: is a model of images, and only a detector of tables can be exported; score images with "
        f"anomaly-vae score or anomaly-vae serve"
    )
