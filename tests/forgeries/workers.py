"""Judges in processes of their own, forked with everything imported, so that a crash is isolated.

Each worker judges a list of mutants, says when it begins one and what came of it, and is killed when one
takes too long. Who started it starts another for what is left.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import selectors
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from tests.forgeries.judge import Outcome, Verdict, children, judge, seconds_allowed
from tests.forgeries.speed import MAX_SLOWNESS

BATCH = 100
_SPARE_BYTES = 3 * 2**30
# A machine that is busy with other things gives a process little time.
_WALL_FACTOR = 30.0
_TICKS = os.sysconf("SC_CLK_TCK")

# Bytes of a file, and the rows to score with it, of a number.
Make = Callable[[int], tuple[bytes, Any]]
Judge = Callable[[Path, Any], Outcome]


class Judged(NamedTuple):
    """The number of a file and what came of it."""

    number: int
    outcome: Outcome


def judge_all(
    numbers: Sequence[int], make: Make, n_workers: int = 1, judge: Judge = judge
) -> Iterator[Judged]:
    """Outcomes of files by number, in the order in which they come.

    Parameters
    ----------
    numbers : sequence of int
    make : callable
        Called in the worker with each number.
    n_workers : int
        Processes at a time.
    judge : callable
        Of a path and rows, in the worker.
    """
    gc.collect()
    gc.freeze()
    left = [list(numbers[i : i + BATCH]) for i in range(0, len(numbers), BATCH)][::-1]
    with tempfile.TemporaryDirectory() as folder, selectors.DefaultSelector() as selector:
        running: list[_Worker] = []
        while left or running:
            while left and len(running) < n_workers:
                worker = _Worker(left.pop(), make, judge, Path(folder))
                selector.register(worker.pipe, selectors.EVENT_READ, worker)
                running.append(worker)
            for key, _ in selector.select(timeout=0.2):
                yield from key.data.read()
            for worker in [worker for worker in running if worker.is_done()]:
                selector.unregister(worker.pipe)
                running.remove(worker)
                yield from worker.close()
                if worker.left:
                    left.append(worker.left)


class _Worker:
    """A forked process, as its parent sees it."""

    def __init__(self, numbers: list[int], make: Make, judge: Judge, folder: Path) -> None:
        self.left, self._n_given = numbers, len(numbers)
        self._begun: float | None = None
        self._ticks, self._allowed = 0, 0.0
        self._text = b""
        self._late = False
        self._ended = False
        reading, writing = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(reading)
            _work(numbers, make, judge, folder, writing)
        os.close(writing)
        os.set_blocking(reading, False)
        self.pipe = reading

    def read(self) -> Iterator[Judged]:
        """What the worker has said since."""
        try:
            data = os.read(self.pipe, 1 << 16)
        except BlockingIOError:
            return
        self._ended = not data
        *lines, self._text = (self._text + data).split(b"\n")
        for line in lines:
            said = json.loads(line)
            if isinstance(said, float):
                self._begun, self._ticks, self._allowed = time.monotonic(), self._processor(), said
                continue
            self._begun = None
            number = self.left.pop(0)
            yield Judged(number, Outcome(Verdict(said[0]), *said[1:]))

    def is_done(self) -> bool:
        """Whether it has ended, or had to be ended because one file takes too long.

        What counts is the time of the processor, so that a busy machine makes no hang of a slow one, and as
        much of it as the slowest machine may need: the worker itself measures how slow this one is.
        """
        if self._ended:
            return True
        if self._begun is None or (wall := time.monotonic() - self._begun) <= self._allowed:
            return False
        taken = (self._processor() - self._ticks) / _TICKS
        self._late = taken > self._allowed or wall > _WALL_FACTOR * self._allowed
        return self._late

    def close(self) -> Iterator[Judged]:
        """End it and all it started; a file that it was at has hung or crashed it."""
        yield from self.read()
        parent = self._late and children(self._pid)
        _kill_group(self._pid)
        _, status = os.waitpid(self._pid, 0)
        os.close(self.pipe)
        is_idle = len(self.left) == self._n_given
        if not self.left or not (self._late or is_idle or self._begun is not None or os.WIFSIGNALED(status)):
            return
        if self._late:
            verdict = Verdict.PROCESSES if parent else Verdict.HANG
            outcome = Outcome(verdict, f"over {self._allowed:.1f} s", self._allowed)
        else:
            outcome = Outcome(Verdict.CRASH, _ending(status))
        yield Judged(self.left.pop(0), outcome)

    def _processor(self) -> int:
        """Ticks of processor time that it has had."""
        try:
            fields = Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0
        return int(fields[11]) + int(fields[12])


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)


def _ending(status: int) -> str:
    if os.WIFSIGNALED(status):
        return f"killed by {signal.Signals(os.WTERMSIG(status)).name}"
    return f"ended with status {os.waitstatus_to_exitcode(status)}"


def _work(numbers: list[int], make: Make, judge: Judge, folder: Path, pipe: int) -> NoReturn:
    """Judge files one after another; never returns to the code of the parent."""
    try:
        os.setpgid(0, 0)
        _limit()
        path = folder / f"{os.getpid()}"
        for number in numbers:
            outcome = _outcome(number, make, judge, path, pipe)
            _say(pipe, list(outcome))
            if outcome.verdict is Verdict.PROCESSES:
                break
    finally:
        os._exit(0)


def _outcome(number: int, make: Make, judge: Judge, path: Path, pipe: int) -> Outcome:
    """Make one file, say that it is there, and judge it."""
    try:
        content, rows = make(number)
    except Exception:
        return Outcome(Verdict.UNMADE, traceback.format_exc()[-300:])
    path.write_bytes(content)
    _say(pipe, MAX_SLOWNESS * seconds_allowed(len(content)))
    return judge(path, rows)


def _limit() -> None:
    """Bound what a file can take from the machine, and keep its noise from the terminal."""
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + _SPARE_BYTES,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    silent = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(silent, stream)


def _say(pipe: int, said: Any) -> None:
    os.write(pipe, json.dumps(said).encode() + b"\n")
