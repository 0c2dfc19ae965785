"""The files of pages: checked before a run, and written whole."""

from __future__ import annotations

import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.cli.pages import check_page, write_page
from anomaly_vae_pipelines.errors import OutputExistsError
from anomaly_vae_pipelines.runs.report import report_files
from anomaly_vae_pipelines.scoring.model_files import open_model


def test_a_page_is_no_file_that_the_command_reads_or_writes(tmp_path):
    page = str(tmp_path / "page.html")
    check_page(page, [], force=False)
    with pytest.raises(InputError, match=r"--report .*: is the file that is read"):
        check_page(page, [page], force=False)
    with pytest.raises(InputError, match=r"--report .*: is the file that -o writes"):
        check_page(page, [], force=True, outputs={"-o": page})
    check_page(None, [page], force=False, outputs={"-o": page})


@pytest.mark.parametrize("page", ["-", "missing/page.html", "/dev/null"])
def test_a_page_that_cannot_be_written_is_refused_before_the_run(tmp_path, monkeypatch, page):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError):
        check_page(page, [], force=True)


def test_only_force_replaces_a_page(tmp_path, model):
    page, content = tmp_path / "page.html", report_files(open_model(model), [])
    page.write_text("old")
    with pytest.raises(OutputExistsError):
        check_page(str(page), [], force=False)
    with pytest.raises(OutputExistsError):
        write_page(str(page), content, force=False)
    assert page.read_text() == "old"
    write_page(str(page), content, force=True)
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
