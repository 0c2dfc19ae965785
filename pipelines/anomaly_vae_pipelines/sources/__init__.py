"""Sources: blocks of rows from files, URLs and standard input; CSV, JSON Lines, Parquet, and images.

An invalid row is never dropped, padded or guessed: it is returned separately, with its line and the reason.
"""

from anomaly_vae_pipelines.sources.arrivals import ImageArrivals, TableArrivals
from anomaly_vae_pipelines.sources.blocks import Block, Source, SourcePosition
from anomaly_vae_pipelines.sources.image_inputs import ImageInputs
from anomaly_vae_pipelines.sources.inputs import TableInputs
from anomaly_vae_pipelines.sources.opening import format_of, input_files, no_rows, open_source, read_rows

__all__ = [
    "Block",
    "ImageArrivals",
    "ImageInputs",
    "Source",
    "SourcePosition",
    "TableArrivals",
    "TableInputs",
    "format_of",
    "input_files",
    "no_rows",
    "open_source",
    "read_rows",
]
