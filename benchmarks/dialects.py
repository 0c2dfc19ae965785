"""Which library reads the files of the tests as people do, and which other files `fit` reads unlike pandas.

    python -m benchmarks.dialects [--no-header] [FILE.csv...]

Without files it prints a table of separators, encodings and headers found. The cases are those of
``tests/anomaly_vae_pipelines/dialects/behaviours`` that are not questions. Libraries that are not installed
are left out; the extra ``bench`` has them.

With files, which have commas, it prints each file that pandas, given the header, reads with other columns,
numbers, texts or missing cells, and each that `fit` asks about or refuses.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.dialects.dialect import NOTHING
from anomaly_vae_pipelines.dialects.sniffing import sniff
from anomaly_vae_pipelines.runs.table_training import TableTraining
from tests.anomaly_vae_pipelines.dialects.behaviours.cases import CASES, Case

Answer = dict[str, Any]
"""What a library says: separator, encoding, header; without what it does not find."""

CLEAR = [case for case in CASES if not case.asks and case.given == NOTHING]


_UNNAMED = "Unnamed: "
"""How pandas names a column without a name; `fit` leaves such a name empty, or numbers it."""


def own(case: Case) -> Answer:
    """What this package says."""
    found, _ = sniff(case.content, case.name, NOTHING)
    return {"separator": found.separator, "encoding": found.encoding, "header": found.header}


def csv_sniffer(case: Case) -> Answer:
    """What the standard library says, given the encoding."""
    text = case.content.decode(case.encoding)
    sniffer = csv.Sniffer()
    return {"separator": sniffer.sniff(text).delimiter, "header": sniffer.has_header(text)}


def clevercsv(case: Case) -> Answer:
    """What clevercsv says, given the encoding."""
    import clevercsv

    text = case.content.decode(case.encoding)
    found = clevercsv.Sniffer().sniff(text)
    return {"separator": found.delimiter, "header": clevercsv.Sniffer().has_header(text)}


def charset_normalizer(case: Case) -> Answer:
    """What charset-normalizer says; it only finds encodings."""
    import charset_normalizer

    found = charset_normalizer.from_bytes(case.content).best()
    return {"encoding": found.encoding.replace("_", "-") if found is not None else ""}


def duckdb(case: Case) -> Answer:
    """What DuckDB says, given the text as UTF-8."""
    import duckdb

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.csv")
        path.write_bytes(case.content.decode(case.encoding).lstrip("\ufeff").encode())
        found = duckdb.sql(f"select Delimiter, HasHeader from sniff_csv('{path}')").fetchall()[0]
    return {"separator": found[0], "header": found[1]}


LIBRARIES: dict[str, Callable[[Case], Answer]] = {
    "this package": own,
    "csv.Sniffer": csv_sniffer,
    "clevercsv": clevercsv,
    "charset-normalizer": charset_normalizer,
    "DuckDB": duckdb,
}


def is_right(part: str, answer: Answer, case: Case) -> bool:
    """Whether one part of an answer reads the case as it should be read."""
    found, wanted = answer[part], getattr(case, part)
    if part == "separator":
        if len(case.cells) == 1 and "," not in case.content.decode(case.encoding):
            return True  # any separator reads one column
        return found == wanted
    if part == "encoding":  # any encoding that gives the same text is right
        try:
            return case.content.decode(found).lstrip("\ufeff") == case.content.decode(wanted).lstrip("\ufeff")
        except (LookupError, UnicodeDecodeError):
            return False
    return found == wanted


def rows() -> list[tuple[str, ...]]:
    """The lines of the table: a library, and how many separators, encodings and headers it finds."""
    table = []
    for name, ask in LIBRARIES.items():
        right = dict.fromkeys(("separator", "encoding", "header"), 0)
        parts: set[str] = set()
        for case in CLEAR:
            try:
                answer = ask(case)
            except ImportError:
                break
            except Exception:  # a library that raises anything has not found the dialect
                continue
            parts |= set(answer)
            for part in answer:
                right[part] += is_right(part, answer, case)
        if parts:
            table.append(
                (name, *(f"{right[part]} of {len(CLEAR)}" if part in parts else "-" for part in right))
            )
    return table


def difference(path: str, header: bool) -> str:
    """The first difference between the rows that `fit` reads and those of pandas; empty if there is none."""
    reader: dict[str, Any] = {"header": 0 if header else None, "skipinitialspace": True, "na_values": ["?"]}
    wanted = pd.read_csv(path, low_memory=False, **reader)
    try:
        found = TableTraining(path, None, [], {}, "tabular").data()
    except InputError as error:
        return str(error).removeprefix(path).lstrip(":, ")
    if found.shape != wanted.shape:
        return f"{found.shape} rows and columns, pandas {wanted.shape}"
    for j, name in enumerate(found):
        left, right = found[name], wanted.iloc[:, j]
        if header and name != str(right.name) and not str(right.name).startswith(_UNNAMED):
            return f"column {name!r}, pandas {right.name!r}"
        is_number = pd.api.types.is_numeric_dtype(left)
        if is_number and pd.api.types.is_numeric_dtype(right):
            left, right = left.astype(float), right.astype(float)
        else:
            left, right = left.astype(str), right.astype(str)
        differs = (left != right) & ~(found[name].isna() & wanted.iloc[:, j].isna())
        if differs.any():
            row = int(differs.argmax())
            return f"column {name!r}, row {row + 1}: {left.iloc[row]!r}, pandas {right.iloc[row]!r}"
    return ""


def compare(paths: list[str], header: bool) -> None:
    """Print what differs between `fit` and pandas."""
    n_alike = 0
    for path in paths:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            problem = difference(path, header)
        n_alike += not problem
        if problem:
            print(f"{path}: {problem}")
    print(f"{n_alike:,} of {len(paths):,} files are read as by pandas")


def main() -> None:
    """Print the table, or what differs in the files that were given."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--no-header", dest="header", action="store_false")
    parser.add_argument("paths", nargs="*")
    options = parser.parse_args()
    if options.paths:
        compare(options.paths, options.header)
        return
    for row in [("library", "separator", "encoding", "header"), *rows()]:
        print("".join(f"{cell:<20}" for cell in row))


if __name__ == "__main__":
    main()
