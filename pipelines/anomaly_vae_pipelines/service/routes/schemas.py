"""Schemas: what the answers of the service look like, for its OpenAPI description.

They describe and are not used to build answers: a row of a thousand is not checked by what made it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from anomaly_vae_pipelines.service.models.inputs import Kind


class Refusal(BaseModel):
    """Why a request was refused."""

    error: str = Field(description="What was wrong, what was wanted, and the way out.")
    request_id: str = Field(description="Which the log of the service names too.")
    rows: list[dict[str, Any]] | None = Field(
        default=None, description="The first rows that cannot be read, where that was it."
    )


def answers(model: Any, *refusals: int) -> dict[int | str, dict[str, Any]]:
    """The answers of a route, for its description; any route may refuse for want of a key."""
    refused: dict[int | str, dict[str, Any]] = {
        status: {"model": Refusal} for status in (*refusals, 401, 403)
    }
    return {200: {"model": model}, **refused}


class ModelName(BaseModel):
    """Which model answered."""

    name: str
    version: str
    id: str = Field(description="First digits of the SHA-256 of its file; empty for one from no file.")


class Reason(BaseModel):
    """A column that cost a row more than is typical."""

    column: str = Field(description="Its name; 'latent' for an odd combination; a place in an image.")
    nats: float = Field(description="Below what is typical; negative.")
    observed: str | None
    expected: str | None


class ScoredRow(BaseModel):
    """What the model says of one row."""

    score: float = Field(description="In nats; higher is more normal.")
    p_value: float = Field(description="Share of held-out normal rows that score as low.")
    is_anomaly: bool = Field(description="Whether the score lies below the threshold.")
    threshold: float = Field(description="In nats.")
    top_columns: list[Reason] | None = Field(
        default=None, description="With explain=true: worst first, three at most."
    )
    file: str | None = Field(default=None, description="With explain=true: name of the image.")
    heatmap: str | None = Field(
        default=None, description="With explain=true: the image with its heat, a PNG as data: URI."
    )


class ScoreAnswer(BaseModel):
    """Scored rows, in the order of the request."""

    model: ModelName
    rows: list[ScoredRow]


class ColumnInfo(BaseModel):
    """A column of a model."""

    name: str
    kind: Kind


class ImageInfo(BaseModel):
    """What images a model takes."""

    height: int
    width: int
    channels: Literal[1, 3]


class ModelInfo(ModelName):
    """A model that is served."""

    kind: str
    columns: list[ColumnInfo] = Field(description="In order; empty for a model of images.")
    image: ImageInfo | None
    threshold: float = Field(description="In nats: a row that scores lower is an anomaly.")
    false_alarm_rate: float | None = Field(
        description="Share of normal rows expected below the threshold, where that is known."
    )
    loaded_at: datetime


class ExampleRows(BaseModel):
    """Rows that a model made up."""

    rows: list[dict[str, Any]]


class ModelDetail(ModelInfo):
    """A model that is served, and rows to try it with."""

    example: ExampleRows


class ModelList(BaseModel):
    """The models that are served."""

    models: list[ModelInfo]


class ServerMetadata(BaseModel):
    """What serves."""

    name: str
    version: str
    extensions: list[str]


class TensorMetadata(BaseModel):
    """A tensor that a model takes or gives."""

    name: str
    datatype: str
    shape: list[int]


class ModelMetadata(BaseModel):
    """What a model takes and gives."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class Live(BaseModel):
    """Whether the service answers."""

    live: bool


class Ready(BaseModel):
    """Whether scoring is possible."""

    ready: bool


class ModelReady(Ready):
    """Whether a model can score."""

    name: str


class OutputTensor(TensorMetadata):
    """A tensor of an answer."""

    data: list[float | bool] | None = None
    parameters: dict[str, Any] | None = None


class InferAnswer(BaseModel):
    """Scored rows as tensors."""

    model_name: str
    model_version: str
    id: str | None = None
    outputs: list[OutputTensor]


class IndexEntry(BaseModel):
    """A version of a model in the repository."""

    name: str
    version: str
    state: str
    reason: str


class Loaded(BaseModel):
    """Nothing: the model was loaded."""
