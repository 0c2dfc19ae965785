"""Pages that commands write: the option --report, the check of a file before a run, and its write."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def report_option(text: str) -> Callable[[F], F]:
    """``--report``: an HTML page to write besides."""
    return click.option("--report", "page", metavar="PAGE", help=text)


def check_page(
    page: str | None,
    inputs: Iterable[str],
    *,
    force: bool,
    option: str = "--report",
    outputs: Mapping[str, str | None] | None = None,
) -> None:
    """Raise InputError if a page cannot or may not be written, before the run; None is not written.

    ``inputs`` and ``outputs`` are the other files of the command, as in ``check_no_overwriting``.
    """
    from anomaly_vae_pipelines.io.files import check_replaceable
    from anomaly_vae_pipelines.io.overwriting import check_no_overwriting

    if page is not None:
        check_no_overwriting({**(outputs or {}), option: page}, inputs)
        check_replaceable(page, force=force)


def write_page(page: str, content: Mapping[str, Any], *, force: bool) -> None:
    """Write the content of a report as a page; raises OutputExistsError and SinkError."""
    from anomaly_vae_pipelines.reports.page import report_page

    write_text(page, report_page(content), force=force)


def write_text(path: str, text: str, *, force: bool) -> None:
    """Write a whole file; raises OutputExistsError and SinkError."""
    from anomaly_vae_pipelines.io.files import replacing

    with replacing(path, force=force) as temporary:
        temporary.write_text(text, encoding="utf-8")


def numbers_of(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content without pictures."""
    data = content["data"]
    if data is None:
        return dict(content)
    worst = [{name: value for name, value in row.items() if name != "pictures"} for row in data["worst"]]
    return {**content, "data": {**data, "worst": worst}}
