"""write_table: writes a DataFrame to a CSV file."""

from __future__ import annotations

import pandas as pd

from anomaly_vae_pipelines.sinks.encoding import csv_lines
from anomaly_vae_pipelines.sinks.outputs import finish, make_output
from anomaly_vae_pipelines.sources.cells import table_pieces

_PIECE_CELLS = 500_000


def write_table(table: pd.DataFrame, output: str, *, force: bool = False) -> int:
    """Write a table as CSV atomically; returns the number of rows.

    Raises OutputExistsError if the file exists and ``force`` is false, and SinkError if it cannot be written.
    """
    sink = make_output(output, "csv", force=force)
    try:
        for number, piece in enumerate(table_pieces(table, max_rows=max(1, _PIECE_CELLS // table.shape[1]))):
            sink.write(sink.compress(csv_lines(piece, with_header=number == 0)))
        finish(sink)
    except BaseException:
        sink.close(keep=False)
        raise
    return len(table)
