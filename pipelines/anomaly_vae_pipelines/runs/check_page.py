"""check_page: a report about the columns of a file as one HTML page without scripts."""

from __future__ import annotations

from html import escape

from anomaly_vae_pipelines.plurals import counted
from anomaly_vae_pipelines.runs.check import ColumnReport, TableReport

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222 }
body { margin: 2rem auto; max-width: 70rem; padding: 0 1rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .45rem .8rem .45rem 0; border-bottom: 1px solid #ddd }
td { vertical-align: top }
td.number { text-align: right }
.odd { color: #a33c00 }
code { background: #f3f3f3; padding: .1rem .3rem; border-radius: 3px }
@media (prefers-color-scheme: dark) {
  body { background: #161616; color: #ddd }
  th, td { border-color: #444 }
  code { background: #2a2a2a }
  .odd { color: #ff9d5c }
}
"""


def check_page(report: TableReport) -> str:
    """The page."""
    n_odd = sum(bool(column.oddities) for column in report.columns)
    read = f", read as {escape(report.dialect)}" if report.dialect else ""
    head = "".join(f"<th>{name}</th>" for name in ("column", "read as", "values", "missing", "examples"))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(report.path)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f"<h1>{escape(report.path)}</h1><p>{report.size}{read}. "
        f"{counted(n_odd, 'column')} to look at.</p>"
        f"<table><tr>{head}</tr>{''.join(map(_row, report.columns))}</table></html>\n"
    )


def _row(column: ColumnReport) -> str:
    odd = "".join(f'<div class="odd">{escape(text)}</div>' for text in column.oddities)
    examples = " ".join(f"<code>{escape(text[:60])}</code>" for text in column.examples)
    missing = f"{column.n_missing:,}" if column.n_missing else ""
    return (
        f"<tr><td>{escape(column.name)}</td><td>{escape(column.read_as)}{odd}</td><td>{escape(column.values)}</td>"
        f'<td class="number">{missing}</td><td>{examples}</td></tr>'
    )
