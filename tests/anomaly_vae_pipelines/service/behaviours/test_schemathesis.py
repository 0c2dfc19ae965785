"""What schemathesis makes up from the description of the service, good and bad."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import positive_data_acceptance

from anomaly_vae_pipelines.service.http.keys import new_key
from tests.anomaly_vae_pipelines.service.live import serving_here

OPERATIONS = [
    "GET /metrics",
    "GET /v1/models",
    "GET /v1/models/{name}",
    "GET /v1/overview",
    "POST /v1/score",
    "POST /v1/verdicts",
    "GET /v2",
    "GET /v2/health/live",
    "GET /v2/health/ready",
    "GET /v2/models/{name}",
    "POST /v2/models/{name}/infer",
    "GET /v2/models/{name}/ready",
    "GET /v2/models/{name}/versions/{version}",
    "POST /v2/models/{name}/versions/{version}/infer",
    "GET /v2/models/{name}/versions/{version}/ready",
    "POST /v2/repository/index",
    "POST /v2/repository/models/{name}/load",
]
KEY, LINE = new_key("admin")
HEADERS = {"x-api-key": KEY}
# Any of 400 to 499 is a refusal: a shape of billions of values is "too large" before it is otherwise wrong.
CONFIG = {"checks": {"negative_data_rejection": {"expected-statuses": ["4xx"]}}}


@pytest.fixture(scope="module")
def operations(
    model: str, image_model: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, APIOperation]]:
    """The operations of a running service, by method and path."""
    settings = {"keys": LINE, "isolate": "never", "verdicts_folder": tmp_path_factory.mktemp("verdicts")}
    with serving_here([f"orders={model}", f"plates={image_model}"], **settings) as url:
        config = SchemathesisConfig.from_dict(CONFIG)
        described = schemathesis.openapi.from_url(f"{url}/openapi.json", config=config, headers=HEADERS)
        found = [result.ok() for result in described.get_all_operations()]
        yield {operation.label: operation for operation in found}


def test_every_operation_is_known(operations: dict[str, APIOperation]) -> None:
    assert sorted(operations) == sorted(OPERATIONS)


@pytest.mark.parametrize("n_examples", [4, pytest.param(40, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("label", "mode"),
    [(label, GenerationMode.POSITIVE) for label in OPERATIONS]
    + [
        (label, GenerationMode.NEGATIVE)
        for label in OPERATIONS
        if "{" in label or "score" in label or "verdicts" in label
    ],
)
def test_the_service_answers_as_it_describes_itself(
    operations: dict[str, APIOperation], label: str, mode: GenerationMode, n_examples: int
) -> None:
    """No 500, no answer that is not described, and what does not fit is refused.

    Not all that fits is taken: no description can say that a tensor has as many values as its shape has.
    """

    @given(case=operations[label].as_strategy(generation_mode=mode))
    @settings(
        max_examples=n_examples, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
    )
    def holds(case: schemathesis.Case) -> None:
        case.call_and_validate(headers=HEADERS, excluded_checks=[positive_data_acceptance])

    holds()
