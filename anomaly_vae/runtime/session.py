"""Sessions: an ONNX model in ONNX Runtime; the results of a row, or of an image, depend on it alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

if TYPE_CHECKING:
    import onnx

QUANTUM = 16
"""Rows are padded to a multiple of this: a matrix product of one row sums in another order."""

_ERRORS_ONLY = 3


class Session:
    """A model with one input and one output, which may be called by several threads.

    ONNX Runtime uses one thread per call: a block is too small to be divided, and the last bits of a result
    would depend on the number of cores.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        self._session = cpu_session(model)
        self._input = model.graph.input[0].name

    def __call__(self, cells: NDArray[np.float32]) -> NDArray[np.float64]:
        """The output for encoded rows (n_rows, n_cells), shape (n_rows, n_outputs)."""
        n_rows, n_missing = len(cells), -len(cells) % QUANTUM
        if n_missing:
            padding = np.zeros((n_missing, cells.shape[1]), dtype=np.float32)
            cells = np.concatenate([cells, padding])
        outputs: list[Any] = self._session.run(None, {self._input: np.ascontiguousarray(cells)})
        return np.asarray(outputs[0][:n_rows])


class ImageSession:
    """A model that computes the results of one image, which may be called by several threads.

    Every call is the same computation, in which nothing depends on other images. ONNX Runtime optimises the
    graph: its convolutions for images whose channels are interleaved are twice as fast.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        self._session = cpu_session(model, optimise=True)
        self._input = model.graph.input[0].name

    def __call__(self, images: NDArray[np.float32]) -> list[NDArray[Any]]:
        """The outputs for images, one after the other; along the first axis of each are the images."""
        results = [self._session.run(None, {self._input: images[k : k + 1]}) for k in range(len(images))]
        return [np.concatenate(parts) for parts in zip(*results, strict=True)]


def cpu_session(model: onnx.ModelProto, *, optimise: bool = False) -> Any:
    """The model in ONNX Runtime, on one thread of the CPU."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    # Graphs of tables are written as they should run. Optimising takes three times as long as all other
    # steps, and the last bits of a result would depend on the version of ONNX Runtime.
    levels = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = levels.ORT_ENABLE_ALL if optimise else levels.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
