"""The Open Inference Protocol V2 (``/v2``), for clients such as KServe's and Triton's."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from anomaly_vae._version import __version__
from anomaly_vae_pipelines.records import Rows
from anomaly_vae_pipelines.service.codecs.bodies import read_body
from anomaly_vae_pipelines.service.codecs.schemas import (
    InferAnswer,
    Live,
    ModelMetadata,
    ModelReady,
    Ready,
    ServerMetadata,
)
from anomaly_vae_pipelines.service.codecs.tensors import (
    HEADER_LENGTH,
    InferRequest,
    infer_answer,
    input_tensors,
    output_tensors,
    parse_request,
    rows_of_tensors,
)
from anomaly_vae_pipelines.service.models.registry import Registry, ServedModel
from anomaly_vae_pipelines.service.routes.operations import Operation
from anomaly_vae_pipelines.service.routes.scoring import log_scored
from anomaly_vae_pipelines.service.settings import Settings

PLATFORM = "anomaly_vae"
EXTENSIONS = ["binary_tensor_data", "model_repository"]


def inference_operations(models: Registry, settings: Settings) -> list[Operation]:
    """The operations of ``/v2``."""

    async def server(request: Request) -> ServerMetadata:
        return ServerMetadata("anomaly-vae", __version__, EXTENSIONS)

    async def live(request: Request) -> Live:
        return Live(True)

    async def ready(request: Request) -> Ready:
        return Ready(True)

    def asked_for(request: Request) -> ServedModel:
        path = request.path_params
        return models.get(path["name"], path.get("version", request.query_params.get("version")))[0]

    async def metadata(request: Request) -> ModelMetadata:
        served, name = asked_for(request), request.path_params["name"]
        inputs = input_tensors(served.inputs)
        return ModelMetadata(name, models.versions(name), PLATFORM, inputs, output_tensors())

    async def model_ready(request: Request) -> ModelReady:
        return ModelReady(asked_for(request).name, True)

    async def infer(request: Request) -> Response:
        path = request.path_params
        served, batcher = models.get(path["name"], path.get("version"))
        body, header_length = await read_body(request), request.headers.get(HEADER_LENGTH)

        def parsed() -> tuple[InferRequest, Rows]:
            data = body.unpacked(settings.max_body_bytes)
            asked = parse_request(data, header_length, settings.max_body_bytes)
            return asked, rows_of_tensors(asked, served.inputs, settings.max_rows)

        if body.is_small:
            (asked, rows), waited = parsed(), 0.0
        else:
            (asked, rows), waited = await models.parse_queue.run(request, parsed, batcher.capacity)
        scored = await batcher.submit(rows, waited=waited)
        log_scored(request, served, scored)
        content, headers = infer_answer(asked, served, scored)
        return Response(content, headers=headers)

    model, query = "/v2/models/{name}", ("version",)
    version, inputs = f"{model}/versions/{{version}}", "Inputs and outputs of a"
    return [
        Operation("GET", "/v2", server, "The server"),
        Operation("GET", "/v2/", server),
        Operation("GET", "/v2/health/live", live, "Whether the service answers"),
        Operation("HEAD", "/v2/health/live", live),
        Operation("GET", "/v2/health/ready", ready, "Whether all models can score"),
        Operation("HEAD", "/v2/health/ready", ready),
        Operation("GET", version, metadata, f"{inputs} version"),
        Operation("GET", model, metadata, f"{inputs} model", query),
        Operation("GET", f"{version}/ready", model_ready, "Whether a version can score"),
        Operation("GET", f"{model}/ready", model_ready, "Whether a model can score", query),
        Operation("POST", f"{version}/infer", infer, "Score tensors with a version", result=InferAnswer),
        Operation("POST", f"{model}/infer", infer, "Score tensors", result=InferAnswer),
    ]
