"""A report about columns as a page."""

from __future__ import annotations

from html.parser import HTMLParser

from anomaly_vae_pipelines.runs.check import ColumnReport, TableReport
from anomaly_vae_pipelines.runs.check_page import check_page


def test_the_page_shows_every_column_and_no_markup_of_the_file():
    """Cells of a file are text, whatever they hold."""
    odd = ColumnReport("<b>", "numeric", None, ("<script>",), 3, "1 to 2", ("9 is odd",))
    page = check_page(
        TableReport(
            "a&b.csv", 40, 40, "semicolon", (odd, ColumnReport("y", "constant", None, (), 0, "none", ()))
        )
    )
    tags: list[str] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: tags.append(tag)
    parser.feed(page)
    assert "script" not in tags
    assert "b" not in tags
    assert tags.count("tr") == 3
    for text in (
        "a&amp;b.csv",
        "&lt;script&gt;",
        "9 is odd",
        "40 rows, 2 columns, read as semicolon. 1 column to look at",
    ):
        assert text in page
