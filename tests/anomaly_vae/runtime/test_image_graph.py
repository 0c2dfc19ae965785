"""The graphs of a model of images: one image in, and shapes that are stated."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest

from anomaly_vae.runtime import image_graph
from anomaly_vae.runtime.session import ImageSession
from anomaly_vae.states.image import ImageState
from tests.anomaly_vae.runtime.pictures import CASES, random_model

if TYPE_CHECKING:
    import onnx


@pytest.mark.parametrize(
    "build",
    [
        image_graph.statistics_model,
        image_graph.heat_model,
        image_graph.terms_model,
        image_graph.codes_model,
        image_graph.expected_model,
    ],
)
def test_a_graph_keeps_its_stated_shapes(build: Callable[[ImageState], onnx.ModelProto]) -> None:
    """Every input and output has a fixed shape, of one image, and that is what a run returns."""
    model = build(random_model(CASES["colours"]))
    shapes = [
        [size.dim_value for size in value.type.tensor_type.shape.dim]
        for value in (*model.graph.input, *model.graph.output)
    ]
    x = np.full([2, *shapes[0][1:]], 0.5, dtype=np.float32)
    results = ImageSession(model)(x)
    assert shapes[0][0] == 1
    assert [list(result.shape) for result in results] == [[2, *shape[1:]] for shape in shapes[1:]]


def test_the_fourth_powers_are_large_where_one_place_deviates() -> None:
    """A single odd pixel raises that of every level."""
    state = random_model(CASES["large"])
    session = ImageSession(image_graph.statistics_model(state))
    x = np.full((2, 1, 128, 128), 0.5, dtype=np.float32)
    x[1, :, 60:64, 60:64] = 0.0
    powers, _ = session(x)
    assert (powers[1] > powers[0]).all()
