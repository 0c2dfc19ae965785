"""refuse_binary: files that are no plain text table, recognised by their first bytes, with the way to one."""

from __future__ import annotations

import re

from anomaly_vae_pipelines.errors import SourceError

_HEAD_BYTES = 1 << 14
_TO_CSV = "export the table as CSV"
_KINDS: tuple[tuple[bytes, str], ...] = (
    (rb"%PDF-", f"is a PDF document; {_TO_CSV} from the program that made it"),
    (
        rb"\s*(?:<!doctype html|<html)",
        f"is an HTML page; {_TO_CSV}, or download the data instead of the page",
    ),
    (rb"\s*<\?xml", f"is XML; {_TO_CSV}"),
    (rb"\s*[\[{]\s*[\[{\"]", "is JSON; wanted one object per line: name it .jsonl, or give --format jsonl"),
    (
        rb"SQLite format 3\0",
        "is an SQLite database; export a table with sqlite3 -csv -header FILE 'select ...'",
    ),
    (rb"PK\x03\x04", "is a ZIP archive; unpack it first (an Excel file must be named .xlsx or .ods)"),
    (rb"\xd0\xcf\x11\xe0", "is a document of an old Office; save the sheet as .xlsx or CSV"),
    (
        rb"\x80[\x02-\x05]",
        "is a pickle, which is not read as it could run code; save the table as Parquet or CSV",
    ),
    (rb"PAR1", "is Parquet; name it .parquet, or give --format parquet"),
    (rb"ARROW1|\xff\xff\xff\xff", "is Arrow; name it .arrow, or give --format arrow"),
    (rb"\x89HDF", "is HDF5; save the table as Parquet or CSV"),
    (rb"\x93NUMPY", "is a NumPy array; name it .npy if its rows are images, or save the table as CSV"),
    (
        rb"7z\xbc\xaf|Rar!|\xfd7zXZ",
        "is an archive; unpack it first (.gz, .bz2 and .zst are read as they are)",
    ),
    (rb"\x89PNG|\xff\xd8\xff|GIF8|II\*\0|MM\0\*", "is an image; a table is wanted here"),
    (rb"\$FL2", "is an SPSS file; save the table as CSV"),
    (
        rb"(?:\s*%[^\n]*\n)*\s*@relation\s",
        "is ARFF of Weka; save it as CSV, for example with scipy.io.arff.loadarff and pandas",
    ),
    (
        rb"[-+0-9.]+(?: [1-9][0-9]*:[-+0-9.eE]+){2}",
        "is in the sparse format of SVMlight and LIBSVM; save it as CSV, for example with "
        "sklearn.datasets.load_svmlight_file and pandas",
    ),
)


def refuse_binary(sample: bytes, name: str) -> None:
    """Raise SourceError if the first bytes of a file are those of something else than a text table."""
    for pattern, problem in _KINDS:
        if re.match(pattern, sample[:_HEAD_BYTES], re.IGNORECASE):
            raise SourceError(name, None, problem)
