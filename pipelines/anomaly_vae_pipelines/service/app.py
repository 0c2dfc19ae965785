"""create_app: models and settings as an ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from anomaly_vae_pipelines.images.decoding import strict_reading
from anomaly_vae_pipelines.scoring.adapters import AnyModel
from anomaly_vae_pipelines.service.http.keys import Keys, read_keys
from anomaly_vae_pipelines.service.http.middleware.authorization import authorization
from anomaly_vae_pipelines.service.http.middleware.errors import errors
from anomaly_vae_pipelines.service.http.middleware.exchange import record_exchange
from anomaly_vae_pipelines.service.http.middleware.limits import body_limits, concurrency_limit, time_limit
from anomaly_vae_pipelines.service.http.middleware.outcomes import outcomes
from anomaly_vae_pipelines.service.models.metrics import MEDIA, Metrics
from anomaly_vae_pipelines.service.models.registry import Registry, serve_models
from anomaly_vae_pipelines.service.models.reloading import Reloader
from anomaly_vae_pipelines.service.models.verdicts import VerdictLog
from anomaly_vae_pipelines.service.routes.admin import admin_operations
from anomaly_vae_pipelines.service.routes.inference import inference_operations
from anomaly_vae_pipelines.service.routes.openapi import describe
from anomaly_vae_pipelines.service.routes.operations import Operation, routes_of
from anomaly_vae_pipelines.service.routes.overview import overview_operations
from anomaly_vae_pipelines.service.routes.page import page_operations
from anomaly_vae_pipelines.service.routes.scoring import scoring_operations
from anomaly_vae_pipelines.service.routes.verdicts import verdict_operations
from anomaly_vae_pipelines.service.settings import Settings

_WRITE_INTERVAL = 2.0


def create_app(
    models: AnyModel | Mapping[str, AnyModel] | Registry,
    settings: Settings | None = None,
    *,
    reloader: Reloader | None = None,
) -> ASGIApp:
    """The service of fitted models, as an ASGI application.

    Parameters
    ----------
    models : detector, Pipeline, mapping of str to either, or Registry
        The models to serve. A Registry may change while it is served.
    settings : Settings, optional
    reloader : Reloader, optional
        Loads model files that change.

    Raises
    ------
    InputError
        If the keys cannot be read, or the folder of verdicts cannot be written to.

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
    log = None if settings.verdicts_folder is None else VerdictLog(settings.verdicts_folder)
    operations = [
        *scoring_operations(registry, settings),
        *verdict_operations(registry, log, settings),
        *inference_operations(registry, settings),
        *admin_operations(registry, reloader, metrics),
        *overview_operations(registry, settings),
        *page_operations(),
    ]

    async def read_metrics(request: Request) -> Response:
        page = await asyncio.to_thread(metrics.page)  # comparing recent rows may take half a second
        return Response(page, media_type=MEDIA)

    async def read_description(request: Request) -> dict[str, Any]:
        description, _ = await registry.parse_queue.run(request, lambda: describe(operations, registry.all()))
        return description

    operations += [
        Operation("GET", "/metrics", read_metrics, "Metrics, for Prometheus", result=str),
        Operation("GET", "/openapi.json", read_description),
    ]
    lifespan = partial(
        _lifespan,
        registry=registry,
        interval=settings.reload_interval,
        reloader=reloader,
        metrics=metrics,
        log=log,
    )
    router = Router(routes_of(operations), lifespan=lifespan)
    return _with_middleware(router, settings, read_keys(settings), metrics)


def _with_middleware(router: Router, settings: Settings, keys: Keys, metrics: Metrics) -> ASGIApp:
    """A router inside the middleware, the outermost first. Lifespan events go to the router directly."""
    layers: list[Callable[[ASGIApp], ASGIApp]] = [
        record_exchange,
        partial(outcomes, metrics=metrics),
        errors,
        partial(authorization, keys=keys),
        partial(concurrency_limit, limit=settings.max_in_flight, metrics=metrics),
        partial(
            body_limits, max_bytes=settings.max_body_bytes, max_buffered_bytes=settings.max_buffered_bytes
        ),
        partial(time_limit, seconds=settings.request_timeout),
    ]
    outermost: ASGIApp = router
    for layer in reversed(layers):
        outermost = layer(outermost)

    async def service(scope: Scope, receive: Receive, send: Send) -> None:
        await (outermost if scope["type"] == "http" else router)(scope, receive, send)

    return service


@asynccontextmanager
async def _lifespan(
    app: Any,
    registry: Registry,
    interval: float,
    reloader: Reloader | None,
    metrics: Metrics,
    log: VerdictLog | None,
) -> AsyncIterator[None]:
    """Starts watching the model files with the service; stops that and the threads at its end."""
    watch = None
    if reloader is not None and interval:
        watch = asyncio.create_task(reloader.watch(interval, metrics))
    writing = asyncio.create_task(_write_history(registry))
    try:
        with strict_reading():
            yield
    finally:
        writing.cancel()
        if watch is not None:
            watch.cancel()
        registry.close()
        if log is not None:
            log.close()


async def _write_history(registry: Registry) -> None:
    """Write new anomalies to the file of the history every few seconds, without end."""
    while True:
        await asyncio.sleep(_WRITE_INTERVAL)
        await asyncio.to_thread(registry.history.write)
