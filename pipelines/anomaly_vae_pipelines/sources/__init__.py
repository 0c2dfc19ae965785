"""Sources: files, URLs and standard input to blocks of rows; CSV, JSON Lines, Parquet, and images.

What is no row is never dropped, padded or guessed at: it comes out beside the rows, with its line and
what is wrong with it.
"""

from anomaly_vae_pipelines.sources.arrivals import Arrivals, ImageArrivals, TableArrivals
from anomaly_vae_pipelines.sources.blocks import Block, OpenedSource, Read, Source, SourcePosition
from anomaly_vae_pipelines.sources.image_inputs import ImageInputs
from anomaly_vae_pipelines.sources.inputs import Inputs, TableInputs
from anomaly_vae_pipelines.sources.opening import (
    format_of,
    input_files,
    no_rows,
    open_growing,
    open_source,
    read_rows,
)

__all__ = [
    "Arrivals",
    "Block",
    "ImageArrivals",
    "ImageInputs",
    "Inputs",
    "OpenedSource",
    "Read",
    "Source",
    "SourcePosition",
    "TableArrivals",
    "TableInputs",
    "format_of",
    "input_files",
    "no_rows",
    "open_growing",
    "open_source",
    "read_rows",
]
