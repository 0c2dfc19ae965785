"""Logs are lines of JSON on stderr."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest

from anomaly_vae_pipelines.service.logs import NAME, log, log_to_stderr


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_message_is_one_line_with_its_fields(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr("info")
    log(logging.INFO, "a\nb", path={1, 2}.__class__, n=3)
    (line,) = lines(capsys)
    assert str(line.pop("time")).endswith("+00:00")
    assert line == {"level": "info", "message": "a\nb", "path": "<class 'set'>", "n": 3}


def test_messages_below_the_level_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr("warning")
    log(logging.INFO, "hidden")
    logging.getLogger("uvicorn.error").info("hidden")
    logging.getLogger("uvicorn.error").warning("shown")
    assert [line["message"] for line in lines(capsys)] == ["shown"]


def test_an_exception_has_its_stack_trace(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr("info")
    try:
        raise KeyError("x")
    except KeyError:
        logging.getLogger(NAME).exception("failed")
    (line,) = lines(capsys)
    assert "KeyError: 'x'" in str(line["trace"])


def test_lines_of_one_iteration_of_the_loop_are_written_at_its_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log_to_stderr("info")

    async def run() -> None:
        log(logging.INFO, "first")
        log(logging.INFO, "second")
        assert capsys.readouterr().err == ""
        await asyncio.sleep(0)

    asyncio.run(run())
    assert [line["message"] for line in lines(capsys)] == ["first", "second"]


def test_an_application_with_handlers_of_its_own_gets_records(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        log(logging.INFO, "request", status=200)
    assert caplog.messages == ["request {'status': 200}"]
