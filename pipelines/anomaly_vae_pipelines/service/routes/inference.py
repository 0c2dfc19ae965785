"""The door of the Open Inference Protocol V2, for clients such as KServe's and Triton's."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from anomaly_vae._version import __version__
from anomaly_vae_pipelines.records import Rows
from anomaly_vae_pipelines.service.codecs.bodies import read_body
from anomaly_vae_pipelines.service.codecs.json import parse_json
from anomaly_vae_pipelines.service.codecs.tensors import (
    HEADER_LENGTH,
    InferRequest,
    infer_answer,
    input_tensors,
    output_tensors,
    parse_request,
    rows_of_tensors,
)
from anomaly_vae_pipelines.service.models.batching import Batcher
from anomaly_vae_pipelines.service.models.registry import Registry, ServedModel
from anomaly_vae_pipelines.service.routes.openapi import path_parameter
from anomaly_vae_pipelines.service.routes.schemas import (
    InferAnswer,
    Live,
    ModelMetadata,
    ModelReady,
    Ready,
    ServerMetadata,
    answers,
)
from anomaly_vae_pipelines.service.routes.scoring import note
from anomaly_vae_pipelines.service.settings import Settings

PLATFORM = "anomaly_vae"
EXTENSIONS = ["binary_tensor_data", "model_repository"]


def inference_routes(models: Registry, settings: Settings) -> APIRouter:
    """The routes of ``/v2``."""
    router = APIRouter(prefix="/v2", tags=["v2"])

    @router.get("", summary="The server", responses=answers(ServerMetadata))
    @router.get("/", include_in_schema=False)
    async def server() -> Response:
        return JSONResponse({"name": "anomaly-vae", "version": __version__, "extensions": EXTENSIONS})

    @router.head("/health/live", include_in_schema=False)
    @router.get("/health/live", summary="Whether the service answers", responses=answers(Live))
    async def live() -> Response:
        return JSONResponse({"live": True})

    @router.head("/health/ready", include_in_schema=False)
    @router.get("/health/ready", summary="Whether all models can score", responses=answers(Ready))
    async def ready() -> Response:
        return JSONResponse({"ready": True})

    described = answers(ModelMetadata, 404)

    @router.get("/models/{name}", summary="What a model takes and gives", responses=described)
    @router.get(
        "/models/{name}/versions/{version}", summary="What a version takes and gives", responses=described
    )
    async def metadata(name: str, version: str | None = None) -> Response:
        served, _ = models.get(name, version)
        return JSONResponse(
            {
                "name": name,
                "versions": models.versions(name),
                "platform": PLATFORM,
                "inputs": input_tensors(served.form),
                "outputs": output_tensors(),
            }
        )

    is_ready = answers(ModelReady, 404)

    @router.get("/models/{name}/ready", summary="Whether a model can score", responses=is_ready)
    @router.get(
        "/models/{name}/versions/{version}/ready", summary="Whether a version can score", responses=is_ready
    )
    async def model_ready(name: str, version: str | None = None) -> Response:
        models.get(name, version)
        return JSONResponse({"name": name, "ready": True})

    inferred = answers(InferAnswer, 400, 404, 408, 413, 415, 503)

    @router.post(
        "/models/{name}/infer",
        summary="Score tensors",
        responses=inferred,
        openapi_extra={"parameters": [path_parameter("name")]},
    )
    @router.post(
        "/models/{name}/versions/{version}/infer",
        summary="Score tensors with a version",
        responses=inferred,
        openapi_extra={"parameters": [path_parameter("name"), path_parameter("version")]},
    )
    async def infer(request: Request) -> Response:
        path = request.path_params
        served, batcher = models.get(path["name"], path.get("version"))
        return await _infer(request, served, batcher, models, settings)

    return router


async def _infer(
    request: Request, served: ServedModel, batcher: Batcher, models: Registry, settings: Settings
) -> Response:
    given, header_length = await read_body(request), request.headers.get(HEADER_LENGTH)

    def parsed() -> tuple[InferRequest, Rows]:
        data = given.unpacked(settings.max_body_bytes)
        asked = parse_request(data, header_length, parse_json, settings.max_body_bytes)
        return asked, rows_of_tensors(asked, served.form, settings.max_rows)

    (asked, rows), waited = (
        (parsed(), 0.0) if given.is_small else await models.turns.take(request, parsed, batcher.room)
    )
    scored = await batcher.submit(rows, waited=waited)
    note(request.scope, served, scored)
    body, headers = infer_answer(
        asked, scored, name=served.name, version=served.version, threshold=served.offset
    )
    return Response(body, headers=headers)
