"""The door of those who steer: the model repository of the Open Inference Protocol, behind an admin key."""

from __future__ import annotations

from fastapi import APIRouter, Response
from starlette.responses import JSONResponse

from anomaly_vae_pipelines.service.errors import ServiceError
from anomaly_vae_pipelines.service.models.metrics import Metrics
from anomaly_vae_pipelines.service.models.registry import Registry
from anomaly_vae_pipelines.service.models.reloading import Reloader
from anomaly_vae_pipelines.service.routes.schemas import IndexEntry, Loaded, answers


def admin_routes(models: Registry, reloader: Reloader | None, metrics: Metrics) -> APIRouter:
    """The routes of ``/v2/repository``."""
    router = APIRouter(prefix="/v2/repository", tags=["admin"])

    @router.post(
        "/index",
        summary="Models and versions, and whether they are ready",
        responses=answers(list[IndexEntry]),
    )
    async def index() -> Response:
        found = [
            {"name": served.name, "version": served.version, "state": "READY", "reason": ""}
            for served in models.all()
        ]
        return JSONResponse(found)

    @router.post(
        "/models/{name}/load",
        summary="Load the files of a model again, now",
        responses=answers(Loaded, 400, 404),
    )
    async def load(name: str) -> Response:
        models.versions(name)
        if reloader is None:
            raise ServiceError("the models of this service came from no files; there is nothing to load")
        await reloader.reload(name, metrics)
        return JSONResponse({})

    return router
