"""Which library reads the files of the tests as people do: separator, encoding and header.

    python -m benchmarks.dialects

Prints a table. The cases are those of ``tests/anomaly_vae_pipelines/dialects/behaviours`` that are no
questions. Libraries that are not installed are left out; the extra ``bench`` has them.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from anomaly_vae_pipelines.dialects.dialect import NOTHING
from anomaly_vae_pipelines.dialects.sniffing import sniff
from tests.anomaly_vae_pipelines.dialects.behaviours.cases import CASES, Case

Answer = dict[str, Any]
"""What a library says: separator, encoding, header; without what it does not find."""

CLEAR = [case for case in CASES if not case.asks and case.given == NOTHING]


def own(case: Case) -> Answer:
    found, _ = sniff(case.content, case.name, NOTHING)
    return {"separator": found.separator, "encoding": found.encoding, "header": found.header}


def csv_sniffer(case: Case) -> Answer:
    text = case.content.decode(case.encoding)
    sniffer = csv.Sniffer()
    return {"separator": sniffer.sniff(text).delimiter, "header": sniffer.has_header(text)}


def clevercsv(case: Case) -> Answer:
    import clevercsv

    text = case.content.decode(case.encoding)
    found = clevercsv.Sniffer().sniff(text)
    return {"separator": found.delimiter, "header": clevercsv.Sniffer().has_header(text)}


def charset_normalizer(case: Case) -> Answer:
    import charset_normalizer

    found = charset_normalizer.from_bytes(case.content).best()
    return {"encoding": found.encoding.replace("_", "-") if found is not None else ""}


def duckdb(case: Case) -> Answer:
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


if __name__ == "__main__":
    for row in [("library", "separator", "encoding", "header"), *rows()]:
        print("".join(f"{cell:<20}" for cell in row))
