"""create_app: the service as an ASGI application, made of models and settings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Lifespan, Receive, Scope, Send

from anomaly_vae._version import __version__
from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.images.decoding import strict_reading
from anomaly_vae_pipelines.scoring.adapters import AnyModel
from anomaly_vae_pipelines.service.errors import ServiceError
from anomaly_vae_pipelines.service.http.error_responses import refusal
from anomaly_vae_pipelines.service.http.keys import read_keys
from anomaly_vae_pipelines.service.http.middleware import NOTES, Guard
from anomaly_vae_pipelines.service.models.metrics import MEDIA, Metrics
from anomaly_vae_pipelines.service.models.registry import Registry, serve_models
from anomaly_vae_pipelines.service.models.reloading import Reloader
from anomaly_vae_pipelines.service.routes.admin import admin_routes
from anomaly_vae_pipelines.service.routes.inference import inference_routes
from anomaly_vae_pipelines.service.routes.openapi import describe_with
from anomaly_vae_pipelines.service.routes.page import page_routes
from anomaly_vae_pipelines.service.routes.schemas import answers
from anomaly_vae_pipelines.service.routes.scoring import plain_routes
from anomaly_vae_pipelines.service.settings import Settings

WORK = ("/score", "/infer")
"""Ends of the paths of routes that score."""


def create_app(
    models: AnyModel | Mapping[str, AnyModel] | Registry,
    settings: Settings | None = None,
    *,
    reloader: Reloader | None = None,
) -> ASGIApp:
    """The service of fitted models.

    Parameters
    ----------
    models : detector, Pipeline, mapping of str to either, or Registry
        What to serve. A Registry may be changed while it is served.
    settings : Settings, optional
    reloader : Reloader, optional
        What keeps the registry up with its files.

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
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        strict_content_type=False,  # Triton's client sends JSON without saying so
    )
    doors = [plain_routes(registry, settings), inference_routes(registry, settings)]
    for door in (*doors, admin_routes(registry, reloader, metrics), page_routes()):
        app.include_router(door)

    @app.get(
        "/metrics",
        tags=["operations"],
        summary="Metrics, for Prometheus",
        response_class=PlainTextResponse,
        responses=answers(None),
    )
    async def read_metrics() -> Response:
        return Response(metrics.page(), media_type=MEDIA)

    @app.get("/openapi.json", include_in_schema=False)
    async def read_description(request: Request) -> Response:
        description, _ = await registry.turns.take(request, app.openapi)
        return JSONResponse(description)

    describe_with(app, registry)
    for kind in (ServiceError, InputError, HTTPException, Exception):
        app.add_exception_handler(kind, _refused)
    lifespan = _lifespan(registry, settings, reloader, metrics)
    return Guard(_with_short_ways(app, doors, lifespan), settings, read_keys(settings), metrics)


def _with_short_ways(app: FastAPI, doors: Sequence[APIRouter], lifespan: Lifespan[Any]) -> Router:
    """The application, with a way past FastAPI to the routes that are the work of the service.

    They read a request and write an answer themselves, so that FastAPI has nothing to do for them but to
    describe them; going through it takes a third of the time of a request of one row.
    """
    work = [
        Route(route.path, _Endpoint(route.endpoint), methods=["POST"])
        for door in doors
        for route in door.routes
        if isinstance(route, APIRoute) and route.path.endswith(WORK)
    ]
    return Router(work, redirect_slashes=False, default=app, lifespan=lifespan)


class _Endpoint:
    """A route as ASGI, without what Starlette wraps around it for errors: the guard answers those."""

    def __init__(self, endpoint: Callable[[Request], Awaitable[Response]]) -> None:
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._endpoint(Request(scope, receive, send))
        await response(scope, receive, send)


def _lifespan(
    registry: Registry, settings: Settings, reloader: Reloader | None, metrics: Metrics
) -> Lifespan[Any]:
    """What lives as long as the service: threads, and the watch over model files."""

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        watch = None
        if reloader is not None and settings.reload_interval:
            watch = asyncio.create_task(reloader.watch(settings.reload_interval, metrics))
        try:
            with strict_reading():
                yield
        finally:
            if watch is not None:
                watch.cancel()
            registry.close()

    return lifespan


async def _refused(request: Request, error: Exception) -> Response:
    """The answer for whatever a route raises."""
    return refusal(error, request.scope[NOTES]["request_id"])
