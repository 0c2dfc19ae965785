"""document: a self-contained HTML page without scripts, in light and dark; tables of text in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

_STYLE = """
:root { color-scheme: light dark; --text: #222; --page: #fff; --line: #ddd; --soft: #f3f3f3; --odd: #a33c00;
  --bar: #9db4c8; --dim: #5c5c5c }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page) }
body { margin: 2rem auto; max-width: 70rem; padding: 0 1rem; overflow-wrap: anywhere }
.wide { overflow-x: auto }
table { border-collapse: collapse; width: 100%; overflow-wrap: normal }
th, td { text-align: left; padding: .45rem .8rem .45rem 0; border-bottom: 1px solid var(--line) }
td { vertical-align: top }
th.number, td.number { text-align: right; font-variant-numeric: tabular-nums }
.odd { color: var(--odd) }
.dim { color: var(--dim) }
code { background: var(--soft); padding: .1rem .3rem; border-radius: 3px }
figure { margin: 1rem 0 }
svg { display: block; width: 100%; max-width: 48rem; height: auto }
svg { font: 13px system-ui, sans-serif; fill: var(--text) }
svg .bar { fill: var(--bar) }
svg .alert { fill: var(--odd) }
svg .axis { stroke: var(--dim); stroke-width: 1 }
svg .curve { fill: none; stroke: var(--odd); stroke-width: 2 }
.pictures { display: flex; flex-wrap: wrap; gap: .5rem; align-items: flex-start }
.pictures img { height: 14rem; max-width: 100%; object-fit: contain }
section.row { border-top: 1px solid var(--line); break-inside: avoid }
@media (prefers-color-scheme: dark) {
  :root { --text: #ddd; --page: #161616; --line: #444; --soft: #2a2a2a; --odd: #ff9d5c; --bar: #52708a;
    --dim: #a8a8a8 }
}
@media print { body { margin: 0; max-width: none } }
"""


def document(title: str, body: str) -> str:
    """The page with a title (text) and a body (HTML); it may load nothing, not even from its own folder."""
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f"<h1>{escape(title)}</h1>{body}</html>\n"
    )


def table(names: Sequence[str], rows: Iterable[Sequence[str]], n_texts: int = 1) -> str:
    """A table of texts; the columns after the first ``n_texts`` are numbers, on the right."""
    head = "".join(f"<th{_number(j, n_texts)}>{escape(name)}</th>" for j, name in enumerate(names))
    lines = (
        "".join(f"<td{_number(j, n_texts)}>{escape(cell)}</td>" for j, cell in enumerate(row)) for row in rows
    )
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>'


def _number(place: int, n_texts: int) -> str:
    return ' class="number"' if place >= n_texts else ""
