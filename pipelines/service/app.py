"""create_app: the service as an ASGI application, made of models and settings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Lifespan

from anomaly_vae._version import __version__
from anomaly_vae.errors import InputError
from pipelines.images.decoding import strict_reading
from pipelines.reading import AnyModel
from pipelines.service.errors import ServiceError
from pipelines.service.guard import Guard
from pipelines.service.inference_routes import inference_routes
from pipelines.service.keys import read_keys
from pipelines.service.metrics import MEDIA, Metrics
from pipelines.service.registry import Registry, serve_models
from pipelines.service.scoring_routes import plain_routes
from pipelines.service.settings import Settings

PAGE = Path(__file__).with_name("page")
"""Folder of what the browser is given."""


def create_app(
    models: AnyModel | Mapping[str, AnyModel] | Registry, settings: Settings | None = None
) -> ASGIApp:
    """The service of fitted models.

    Parameters
    ----------
    models : detector, Pipeline, mapping of str to either, or Registry
        What to serve. A Registry may be changed while it is served.
    settings : Settings, optional

    Raises
    ------
    InputError
        For keys that cannot be read.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from starlette.testclient import TestClient
    >>> from anomaly_vae import TabularVAEDetector
    >>> table = pd.DataFrame(np.random.default_rng(0).normal(size=(100, 2)), columns=["x", "y"])
    >>> app = create_app(TabularVAEDetector(max_steps=20, random_state=0).fit(table))
    >>> with TestClient(app) as client:
    ...     answer = client.post("/v1/score", json={"rows": [{"x": 0.1, "y": 50.0}]})
    >>> answer.json()["rows"][0]["is_anomaly"]
    True
    """
    settings = settings or Settings()
    registry = models if isinstance(models, Registry) else serve_models(models, settings)
    metrics = Metrics(registry)
    app = FastAPI(
        title="anomaly-vae",
        version=__version__,
        lifespan=_lifespan(registry),
        docs_url=None,
        redoc_url=None,
        strict_content_type=False,  # Triton's client sends JSON without saying so
    )
    app.include_router(plain_routes(registry, settings))
    app.include_router(inference_routes(registry, settings))

    @app.get("/metrics", tags=["operations"], summary="Metrics, for Prometheus")
    async def read_metrics() -> Response:
        return Response(metrics.page(), media_type=MEDIA)

    app.add_exception_handler(ServiceError, _refused)
    app.add_exception_handler(InputError, _refused)
    app.add_exception_handler(HTTPException, _refused)
    app.mount("/static", StaticFiles(directory=PAGE), name="static")
    return Guard(app, settings, read_keys(settings), metrics)


def _lifespan(registry: Registry) -> Lifespan[FastAPI]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with strict_reading():
            yield
        registry.executor.shutdown()

    return lifespan


async def _refused(request: Request, error: Exception) -> Response:
    """Hand a refusal to the guard, which answers all of them in one form."""
    if isinstance(error, ServiceError):
        raise error
    if isinstance(error, HTTPException):
        raise _UnroutedError(error)
    raise ServiceError(str(error))


class _UnroutedError(ServiceError):
    """There is no such path, or not with this method."""

    def __init__(self, error: HTTPException) -> None:
        self.status = error.status_code  # type: ignore[misc]
        self.headers = error.headers or {}  # type: ignore[misc]
        super().__init__(str(error.detail))
