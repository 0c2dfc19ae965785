"""How a run ends: an exit code and, unless all went well, one line on stderr and no stack trace.

    0    done; also when whoever read standard output has left
    1    failure: a full disk, a missing extra, an alert that was not delivered, a fault of this program
    2    bad usage or bad input
    3    done, and an alert was raised, where that was to be told (--fail-on-alert)
    130  interrupted by Ctrl-C
    143  asked to end by SIGTERM

In every case an output file is what it was before, or whole.
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
    """SIGTERM as an exception, which unwinds the stack so that half-written files are removed."""


def run_to_its_end(run: Callable[[], Any]) -> int:
    """Exit code of a run; with ANOMALY_VAE_DEBUG set, errors pass through with their stack trace."""
    try:
        with _warnings_in_a_line(), _terminated_as_exception():
            code = run()
        return code if isinstance(code, int) else DONE
    except (KeyboardInterrupt, click.Abort):
        return _say("interrupted", INTERRUPTED)
    except Terminated:
        return _say("terminated", TERMINATED)
    except Exception as error:
        if os.environ.get("ANOMALY_VAE_DEBUG"):
            raise
        return _explain(error)


def say_problems(problems: Sequence[str], *, only_warn: bool) -> int:
    """One line on stderr for each problem, and the exit code that they mean."""
    for problem in problems:
        _say(f"{'warning' if only_warn else 'error'}: {problem}", FAILURE)
    return FAILURE if problems and not only_warn else DONE


@contextmanager
def quiet_without_reader() -> Iterator[None]:
    """End the block early, without a word, where whoever read standard output has left."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # Whatever is still buffered goes nowhere when the interpreter flushes it.
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _explain(error: Exception) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return BAD_INPUT
    if isinstance(error, click.UsageError):
        where = error.ctx.command_path if error.ctx is not None else PROGRAM
        return _say(f"error: {error.format_message().rstrip('.')} (see {where} --help)", BAD_INPUT)
    if isinstance(error, click.ClickException):
        return _say(f"error: {error.format_message()}", error.exit_code)
    if isinstance(error, AnomalyVAEError):
        return _say(f"error: {error}", BAD_INPUT if isinstance(error, InputError) else FAILURE)
    if isinstance(error, MemoryError):
        return _say("error: not enough memory; give fewer rows or columns at a time", FAILURE)
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename is not None else ""
        return _say(f"error: {where}{error.strerror}", FAILURE)
    unexpected = f"error: unexpected {type(error).__name__}: {error}"
    return _say(f"{unexpected}; ANOMALY_VAE_DEBUG=1 shows where", FAILURE)


def _say(text: str, code: int) -> int:
    """One line on stderr, whatever line breaks the text has."""
    with suppress(OSError):
        click.echo(printable(f"{PROGRAM}: {' '.join(text.split())}"), err=True)
    return code


@contextmanager
def _warnings_in_a_line() -> Iterator[None]:
    """Show each warning that is meant for users as one line on stderr."""

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        _say(f"warning: {message}", DONE)

    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = show
        yield


@contextmanager
def _terminated_as_exception() -> Iterator[None]:
    """Raise Terminated where SIGTERM arrives."""
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
