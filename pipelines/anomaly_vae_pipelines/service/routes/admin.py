"""Administration: the model repository of the Open Inference Protocol. Loading needs an admin key."""

from __future__ import annotations

from starlette.requests import Request

from anomaly_vae_pipelines.service.codecs.schemas import IndexEntry, Loaded
from anomaly_vae_pipelines.service.errors import ServiceError
from anomaly_vae_pipelines.service.models.metrics import Metrics
from anomaly_vae_pipelines.service.models.registry import Registry
from anomaly_vae_pipelines.service.models.reloading import Reloader
from anomaly_vae_pipelines.service.routes.operations import Operation


def admin_operations(models: Registry, reloader: Reloader | None, metrics: Metrics) -> list[Operation]:
    """The operations of ``/v2/repository``."""

    async def index(request: Request) -> list[IndexEntry]:
        return [IndexEntry(served.name, served.version, "READY", "") for served in models.all()]

    async def load(request: Request) -> Loaded:
        name = request.path_params["name"]
        models.versions(name)
        if reloader is None:
            raise ServiceError("the models of this service were not loaded from files")
        await reloader.reload(name, metrics)
        return Loaded()

    path = "/v2/repository/models/{name}/load"
    return [
        Operation("POST", "/v2/repository/index", index, "Models and versions, and whether they are ready"),
        Operation("POST", path, load, "Load the files of a model again, now", errors=(400,)),
    ]
