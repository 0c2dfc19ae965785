"""Score raw rows with an exported model, numpy and ONNX Runtime: ``python -I score_alone.py MODEL ROWS OUT``.

ROWS is JSON, a list of cells for each column: numbers, texts, or null. OUT is a file of numpy arrays. It runs
in a process of its own, which can import neither this package nor what the package needs for a fit.
"""

from __future__ import annotations

import json
import math
import sys

BLOCKED = ("anomaly_vae", "anomaly_vae_pipelines", "onnx", "pandas", "scipy", "skops", "sklearn", "torch")


def main(model: str, rows: str, out: str) -> None:
    """Read, score and write."""
    sys.modules.update(dict.fromkeys(BLOCKED))  # their import is an error
    import numpy as np
    import onnxruntime

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    with open(rows, encoding="utf-8") as stream:
        cells = json.load(stream)
    inputs = {}
    for column in json.loads(session.get_modelmeta().custom_metadata_map["columns"]):
        if column["input"]:
            read, kind = (_number, np.float64) if column["type"] == "double" else (_text, object)
            read_cells = [[read(cell)] for cell in cells[column["name"]]]
            inputs[column["input"]] = np.array(read_cells, dtype=kind)
    names = [output.name for output in session.get_outputs()]
    np.savez(out, **dict(zip(names, session.run(names, inputs), strict=True)))


def _number(cell: str | None) -> float:
    return math.nan if cell is None else float(cell)


def _text(cell: str | None) -> str:
    return "" if cell is None else cell


if __name__ == "__main__":
    main(*sys.argv[1:])
