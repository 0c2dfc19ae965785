"""Exit codes and messages of runs."""

from __future__ import annotations

import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import click
import pytest

from anomaly_vae.errors import AnomalyVAEError, InputError, MissingExtraError
from anomaly_vae_pipelines.cli.exit_codes import exit_code_of
from tests.anomaly_vae_pipelines.conftest import (
    COLUMNS,
    command_line,
    orders,
    process_environment,
    write_table,
)

# A shell that runs the tests in the background may have told its children to ignore Ctrl-C.
_HEEDING_CTRL_C = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from anomaly_vae_pipelines.cli.main import main
main()
"""


@contextmanager
def reading_process(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has read more rows than a pipe holds, and waits for others."""
    rows = "".join(",".join(row) + "\n" for row in orders(5000)).encode()
    command = [sys.executable, "-c", _HEEDING_CTRL_C, *arguments]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=process_environment()
    )
    try:
        assert process.stdin is not None
        process.stdin.write((",".join(COLUMNS) + "\n").encode() + rows)
        process.stdin.flush()
        yield process
    finally:
        process.kill()
        process.wait()


def raiser(error: BaseException):
    def run() -> None:
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (InputError("bad cell"), 2, "error: bad cell"),
        (click.UsageError("Bad option."), 2, "error: Bad option (see anomaly-vae --help)"),
        (click.ClickException("odd"), 1, "error: odd"),
        (AnomalyVAEError("no luck"), 1, "error: no luck"),
        (MissingExtraError("pip install x"), 1, "error: pip install x"),
        (OSError(28, "No space left on device", "x.csv"), 1, "error: x.csv: No space left on device"),
        (MemoryError(), 1, "error: not enough memory; use fewer rows or columns at a time"),
        (KeyError("k"), 1, "error: unexpected KeyError: 'k'; set ANOMALY_VAE_DEBUG=1 for a stack trace"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (click.Abort(), 130, "interrupted"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_every_error_is_one_line_and_a_code(capsys, error, code, line):
    """The code says what kind of error it is, the line says how to fix it."""
    assert exit_code_of(raiser(error)) == code
    assert capsys.readouterr().err == f"anomaly-vae: {line}\n"


def test_line_breaks_and_terminal_codes_stay_out_of_messages(capsys):
    """A message is one line without control characters, whatever a file name or cell contains."""
    exit_code_of(raiser(InputError("a\nb \x1b[31mred")))
    assert capsys.readouterr().err == "anomaly-vae: error: a b \N{REPLACEMENT CHARACTER}[31mred\n"


def test_debugging_shows_where_an_error_comes_from(monkeypatch):
    """With ANOMALY_VAE_DEBUG set, errors pass through."""
    monkeypatch.setenv("ANOMALY_VAE_DEBUG", "1")
    with pytest.raises(InputError):
        exit_code_of(raiser(InputError("x")))


def test_a_warning_is_one_line(capsys):
    """Users see the words of a warning, not the line of code that gave it."""
    assert exit_code_of(lambda: warnings.warn("look out", UserWarning, stacklevel=1)) == 0
    assert capsys.readouterr().err == "anomaly-vae: warning: look out\n"


def test_nothing_wrong_is_exit_code_0(capsys):
    """What a command returns is not its exit code unless it is a number."""
    assert exit_code_of(lambda: None) == 0
    assert exit_code_of(lambda: 3) == 3
    assert capsys.readouterr().err == ""


def test_processes_end_without_a_stack_trace(run_process, tmp_path):
    """As a process too: code 2, one line, nothing on stdout."""
    ended = run_process("inspect", str(tmp_path / "missing.avae"))
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("anomaly-vae: error: ")
    assert ended.err.count("\n") == 1


UNWRITTEN = "output: cannot be written (it is closed; write to a file instead); nothing was changed"


@pytest.mark.parametrize(
    ("closed", "arguments", "code", "problem"),
    [
        ("<&-", ["score", "MODEL", "-", "-o", "-"], 2, "input: is closed; give a file, or a pipe of rows"),
        (">&-", ["score", "MODEL", "ROWS", "-o", "-"], 1, UNWRITTEN),
        (">&-", ["inspect", "MODEL"], 0, ""),
    ],
)
def test_a_stream_that_is_closed_is_named(model, unseen, closed, arguments, code, problem):
    """As cron jobs and daemons start their children; text that nothing reads is left out."""
    named = [{"MODEL": model, "ROWS": unseen}.get(word, word) for word in arguments]
    done = subprocess.run(
        ["sh", "-c", f'"$@" {closed}', "sh", *command_line(*named)],
        capture_output=True,
        env=process_environment(),
    )
    err = f"anomaly-vae: error: standard {problem}\n" if problem else ""
    assert (done.returncode, done.stdout, done.stderr.decode()) == (code, b"", err)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "number", "code", "word"),
    [("score", signal.SIGINT, 130, "interrupted"), ("fit", signal.SIGTERM, 143, "terminated")],
    ids=["Ctrl-C while scoring", "SIGTERM while fitting"],
)
def test_a_signal_leaves_the_old_output_and_nothing_else(tmp_path, model, command, number, code, word):
    """Stopped in the middle of its work, a command leaves the output as it was and no half file."""
    output = tmp_path / "output"
    output.write_text("old")
    arguments = [command, *([model] if command == "score" else []), "-", "-o", str(output), "--force"]
    with reading_process(*arguments) as process:
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err.decode().strip()) == (code, f"anomaly-vae: {word}")
    assert output.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["output"]


def test_a_closed_pipe_is_not_an_error(model, tmp_path):
    """``anomaly-vae score ... -o - | head -1`` ends at once, quietly and well."""
    table = write_table(tmp_path / "big.csv", COLUMNS, orders(5000))
    process = subprocess.Popen(
        command_line("score", model, table, "-o", "-"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=process_environment(),
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    err = process.stderr.read()
    assert (process.wait(timeout=60), err) == (0, b"")
    process.stderr.close()
