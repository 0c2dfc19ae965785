"""Exit codes, and errors as one line on stderr without a stack trace.

    0    success; also if the reader of standard output has closed it
    1    failure: a full disk, a missing extra, an alert that was not delivered, a bug of this program
    2    bad usage or bad input
    3    success, but an alert was raised or a column drifted (only with --fail-on-alert)
    130  interrupted by Ctrl-C
    143  terminated by SIGTERM

In every case an output file is complete or unchanged.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn

import click

from anomaly_vae.errors import AnomalyVAEError, InputError
from anomaly_vae_pipelines.cli.printing import printable

PROGRAM = "anomaly-vae"
DONE, FAILURE, BAD_INPUT, ALERTED = 0, 1, 2, 3
INTERRUPTED, TERMINATED = 128 + signal.SIGINT, 128 + signal.SIGTERM


class Terminated(BaseException):
    """Raised on SIGTERM, so that the stack is unwound and incomplete files are removed."""


def exit_code_of(run: Callable[[], Any]) -> int:
    """Call ``run`` and return its exit code; if ANOMALY_VAE_DEBUG is set, errors are raised instead."""
    try:
        with _warnings_in_one_line(), _sigterm_as_exception():
            code = run()
        return code if isinstance(code, int) else DONE
    except (KeyboardInterrupt, click.Abort):
        return _print_line("interrupted", INTERRUPTED)
    except Terminated:
        return _print_line("terminated", TERMINATED)
    except Exception as error:
        if os.environ.get("ANOMALY_VAE_DEBUG"):
            raise
        return _report(error)


def report_problems(problems: Sequence[str], *, only_warn: bool) -> int:
    """Print one line per problem on stderr; returns the exit code."""
    for problem in problems:
        _print_line(f"{'warning' if only_warn else 'error'}: {problem}", FAILURE)
    return FAILURE if problems and not only_warn else DONE


@contextmanager
def stop_on_closed_output() -> Iterator[None]:
    """End the block silently if the reader of standard output has closed it."""
    try:
        yield
        if sys.stdout is not None:  # as it is if the process was started with it closed
            sys.stdout.flush()
    except BrokenPipeError:
        # The interpreter still flushes its buffers at exit; discard them.
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _report(error: Exception) -> int:
    """Print an error in one line; returns its exit code."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return BAD_INPUT
    if isinstance(error, click.UsageError):
        where = error.ctx.command_path if error.ctx is not None else PROGRAM
        return _print_line(f"error: {error.format_message().rstrip('.')} (see {where} --help)", BAD_INPUT)
    if isinstance(error, click.ClickException):
        return _print_line(f"error: {error.format_message()}", error.exit_code)
    if isinstance(error, AnomalyVAEError):
        return _print_line(f"error: {error}", BAD_INPUT if isinstance(error, InputError) else FAILURE)
    if isinstance(error, MemoryError):
        return _print_line("error: not enough memory; use fewer rows or columns at a time", FAILURE)
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename is not None else ""
        return _print_line(f"error: {where}{error.strerror}", FAILURE)
    unexpected = f"error: unexpected {type(error).__name__}: {error}"
    return _print_line(f"{unexpected}; set ANOMALY_VAE_DEBUG=1 for a stack trace", FAILURE)


def _print_line(text: str, code: int) -> int:
    """Print a text as one line on stderr; returns ``code``."""
    with suppress(OSError):
        click.echo(printable(f"{PROGRAM}: {' '.join(text.split())}"), err=True)
    return code


@contextmanager
def _warnings_in_one_line() -> Iterator[None]:
    """Print each UserWarning as one line on stderr."""

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        _print_line(f"warning: {message}", DONE)

    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = show
        yield


@contextmanager
def _sigterm_as_exception() -> Iterator[None]:
    """Raise Terminated on SIGTERM."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    raise Terminated
