"""check_page: a report about the columns of a file as one HTML page without scripts."""

from __future__ import annotations

from html import escape

from anomaly_vae_pipelines.plurals import counted
from anomaly_vae_pipelines.reports.document import document
from anomaly_vae_pipelines.runs.check import ColumnReport, TableReport


def check_page(report: TableReport) -> str:
    """The page."""
    n_odd = sum(bool(column.oddities) for column in report.columns)
    read = f", read as {escape(report.dialect)}" if report.dialect else ""
    head = "".join(f"<th>{name}</th>" for name in ("column", "read as", "values", "missing", "examples"))
    return document(
        report.path,
        f"<p>{report.size}{read}. {counted(n_odd, 'column')} to look at.</p>"
        f'<div class="wide"><table><tr>{head}</tr>{"".join(map(_row, report.columns))}</table></div>',
    )


def _row(column: ColumnReport) -> str:
    odd = "".join(f'<div class="odd">{escape(text)}</div>' for text in column.oddities)
    examples = " ".join(f"<code>{escape(text[:60])}</code>" for text in column.examples)
    missing = f"{column.n_missing:,}" if column.n_missing else ""
    return (
        f"<tr><td>{escape(column.name)}</td><td>{escape(column.read_as)}{odd}</td><td>{escape(column.values)}</td>"
        f'<td class="number">{missing}</td><td>{examples}</td></tr>'
    )
