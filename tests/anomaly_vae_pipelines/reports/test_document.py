"""The page around a report."""

from __future__ import annotations

from anomaly_vae_pipelines.reports.document import document, table


def test_texts_are_escaped_and_nothing_may_be_loaded():
    page = document("<i>", table(("<a>", "n"), [("<b>", "1")]))
    assert "default-src 'none'" in page
    assert not {"<i>", "<a>", "<b>"} & {page[i : i + 3] for i in range(len(page))}
    assert '<td class="number">1</td>' in page
