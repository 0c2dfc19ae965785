"""Load and use one model file as a service would, and give a verdict."""

from __future__ import annotations

import gc
import hashlib
import json
import re
import time
import warnings
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from anomaly_vae import ModelFileError, load, load_scorer
from anomaly_vae.errors import AnomalyVAEError
from anomaly_vae.tails import severities
from anomaly_vae.thresholds import conformal_p_values
from tests.anomaly_vae.forging import unzipped, zipped
from tests.forgeries.speed import slowness

MAX_SECONDS = 2.0
"""Processor time that a load of a small file may take on the reference machine."""

_N_LOADS = 2

MAX_MESSAGE = 300
_MEBI = 2**20
_MOST_COLUMNS = 10_000
_FAILED = re.compile(r"generated row (\d+) scored .* but (\S+) here")


class Verdict(StrEnum):
    """The outcome of a file; all but the first three are breaches, and UNMADE is a fault of the tests."""

    REFUSED = "refused"
    SCORED = "scored"
    REFUSED_ROWS = "refused rows"
    CRUDE_LOAD = "CRUDE LOAD"
    CRUDE_SCORE = "CRUDE SCORE"
    NON_FINITE = "NON-FINITE"
    HANG = "HANG"
    MEMORY = "MEMORY"
    CRASH = "CRASH"
    PROCESSES = "PROCESSES"
    DIVIDED = "DIVIDED"
    UNMADE = "UNMADE"

    @property
    def is_breach(self) -> bool:
        """Whether the file broke something."""
        return self.name not in ("REFUSED", "SCORED", "REFUSED_ROWS")


class Outcome(NamedTuple):
    """A verdict with its reason."""

    verdict: Verdict
    reason: str = ""
    seconds: float = 0.0
    mebibytes: float = 0.0
    resealed: bool = False

    @property
    def signature(self) -> str:
        """What outcomes of one cause have in common: the verdict, and the reason without its numbers."""
        place = re.search(r"\((\w+\.py:\d+)\)$", self.reason)
        reason = re.sub(r"\S*/\S*|[\d.]+", "#", self.reason)[:60]
        return f"{self.verdict} {reason.partition(':')[0] + ' ' + place[1] if place else reason}"

    @property
    def digest(self) -> str:
        """A short name of the signature."""
        return hashlib.sha256(self.signature.encode()).hexdigest()[:8]


def seconds_allowed(n_bytes: int) -> float:
    """Processor time of the reference machine for a file of this many bytes, which is loaded in two ways."""
    return _N_LOADS * (MAX_SECONDS + n_bytes / (20 * _MEBI))


def memory_allowed(n_bytes: int) -> float:
    """Mebibytes by which a file of this many bytes may raise the memory of the process."""
    return 3.0 * n_bytes / _MEBI + 200.0


def judge(path: Path, rows: Any) -> Outcome:
    """Load a file and score rows with it, and give it a second chance where only its self-test fails.

    A forger reads the expected score of the self-test in the error, writes it, and tries again.
    """
    outcome = _measured(path, rows)
    resealed = False
    for _ in range(4):
        failed = _FAILED.search(outcome.reason) if outcome.verdict is Verdict.REFUSED else None
        if failed is None or not _reseal(path, int(failed[1]), failed[2]):
            break
        outcome, resealed = _measured(path, rows), True
    return outcome._replace(resealed=resealed)


def judge_load(path: Path, rows: Any = None) -> Outcome:
    """Load a file, and no more."""
    return _measured(path, None)


def _measured(path: Path, rows: Any) -> Outcome:
    """The outcome, unless time, memory or processes went beyond what is allowed."""
    gc.collect(0)
    Path("/proc/self/clear_refs").write_text("5")
    before, started = _status("VmHWM"), time.process_time()
    outcome = _judged(path, rows)
    grown, taken = _status("VmHWM") - before, time.process_time() - started
    outcome = outcome._replace(seconds=taken, mebibytes=grown)
    if grown > memory_allowed(path.stat().st_size):
        return outcome._replace(verdict=Verdict.MEMORY, reason=f"{grown:.0f} MiB; {outcome.reason}")
    if _is_late(taken, seconds_allowed(path.stat().st_size)):
        return outcome._replace(verdict=Verdict.HANG, reason=f"{taken:.1f} s; {outcome.reason}")
    if children("self"):
        return outcome._replace(verdict=Verdict.PROCESSES, reason=f"started processes; {outcome.reason}")
    return outcome


def _is_late(taken: float, allowed: float) -> bool:
    """Whether a load took too long; the machine is measured only if it did on the reference machine."""
    return taken > allowed and taken > allowed * slowness()


def _judged(path: Path, rows: Any) -> Outcome:
    """The outcome of ``load``, and for a detector of tables also of ``load_scorer``, which has to agree."""
    outcome = _loaded_by(load, path, rows)
    if outcome.verdict.is_breach or (outcome.verdict is not Verdict.REFUSED and _is_other(path)):
        return outcome
    light = _loaded_by(load_scorer, path, rows)
    if light.verdict is outcome.verdict or light.verdict.is_breach:
        return light if light.verdict.is_breach else outcome
    told = f"load: {outcome.verdict} {outcome.reason[:90]}; load_scorer: {light.verdict} {light.reason[:90]}"
    return Outcome(Verdict.DIVIDED, told)


def _is_other(path: Path) -> bool:
    """Whether a file holds a Pipeline or a detector of images, which are loaded in one way only."""
    return b'"TabularVAEDetector"' not in unzipped(path.read_bytes())["schema.json"][:200]


def _loaded_by(load: Callable[..., Any], path: Path, rows: Any) -> Outcome:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            # Of any release of scikit-learn, so that no mutant is refused for its versions alone.
            model = load(path, check_versions=False)
        except ModelFileError as error:
            return _refusal(error, Verdict.REFUSED, Verdict.CRUDE_LOAD)
        except BaseException as error:
            return Outcome(Verdict.CRUDE_LOAD, _told(error))
        try:
            return Outcome(Verdict.SCORED) if rows is None else _scored(model, rows)
        except AnomalyVAEError as error:
            return _refusal(error, Verdict.REFUSED_ROWS, Verdict.CRUDE_SCORE)
        except BaseException as error:
            return Outcome(Verdict.MEMORY if _of_memory(error) else Verdict.CRUDE_SCORE, _told(error))


def _scored(model: Any, rows: Any) -> Outcome:
    """Scores of rows; a step may refuse odd ones, as genuine steps do, if it takes those that are plain."""
    rows = _fitting(model, rows)
    try:
        return _used(model, rows)
    except AnomalyVAEError:
        raise
    except ValueError as error:
        try:
            plain = _used(model, rows[2:]) if isinstance(model, Pipeline) else None
        except ValueError:
            plain = None
        if plain is None or plain.verdict is not Verdict.SCORED:
            raise
        return Outcome(Verdict.REFUSED_ROWS, _told(error))


def _fitting(model: Any, rows: Any) -> Any:
    """The rows with as many columns, and of the names, as the model takes."""
    names, width = getattr(model, "feature_names_in_", None), getattr(model, "n_features_in_", 0)
    if isinstance(rows, pd.DataFrame):
        same = names is not None and len(names) == rows.shape[1] and len(set(names)) == len(names)
        return rows.set_axis(list(names), axis=1) if same else rows
    if rows.ndim == 2 and isinstance(width, int) and width != rows.shape[1] and 1 <= width <= _MOST_COLUMNS:
        return np.resize(rows, (len(rows), width))
    return rows


def _used(model: Any, rows: Any) -> Outcome:
    """Scores, p-values, severities, reasons and metadata of a loaded model, all of which have to be sound."""
    detector = model[-1] if isinstance(model, Pipeline) else model
    X = model[:-1].transform(rows) if isinstance(model, Pipeline) and len(model) > 1 else rows
    scores = detector.score_samples(X)
    p_values = conformal_p_values(scores, detector.calibration_scores_)
    severity = severities(scores, detector.calibration_scores_)
    costs = [cost for reasons in detector.explain(X) for _, cost in reasons]
    json.dumps(detector.metadata())
    detector.heatmap(X) if hasattr(detector, "heatmap") else detector.reconstruct(X)
    if np.shape(scores) != (len(rows),):
        return Outcome(Verdict.CRUDE_SCORE, f"scores of shape {np.shape(scores)} of {len(rows)} rows")
    results = scores, p_values, severity, np.array(costs), detector.offset_
    if not all(np.isfinite(values).all() for values in results):
        told = f"scores {scores[:2]}, p-values {p_values[:2]}, {costs[:2]}, offset {detector.offset_}"
        return Outcome(Verdict.NON_FINITE, told)
    return Outcome(Verdict.SCORED)


def _refusal(error: Exception, fair: Verdict, crude: Verdict) -> Outcome:
    """An error must be one line, and must not be only a lack of memory."""
    message = str(error)
    if _of_memory(error):
        return Outcome(Verdict.MEMORY, f"refused only for want of memory: {message[:200]}")
    if "\n" in message or len(message) > MAX_MESSAGE or not message.isprintable():
        return Outcome(
            crude,
            f"a message of {len(message)} characters, {message.count(chr(10)) + 1} lines: {message[:200]!r}",
        )
    return Outcome(fair, message)


def _of_memory(error: BaseException | None) -> bool:
    """Whether an error, or a cause of it, is that there is no more memory."""
    while error is not None:
        if isinstance(error, MemoryError) or "allocate memory" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _told(error: BaseException) -> str:
    where = error.__traceback__
    while where is not None and where.tb_next is not None:
        where = where.tb_next
    place = f" ({Path(where.tb_frame.f_code.co_filename).name}:{where.tb_lineno})" if where else ""
    return f"{type(error).__name__}: {str(error)[:200]!r}{place}"


def _reseal(path: Path, row: int, score: str) -> bool:
    """Write the score of one row in the error into the self-test."""
    members = unzipped(path.read_bytes())
    metadata = json.loads(members["metadata.json"])
    try:
        metadata["self_test"]["scores"][row] = float(score)
    except (KeyError, TypeError, IndexError, ValueError):
        return False
    path.write_bytes(zipped(members | {"metadata.json": json.dumps(metadata).encode()}))
    return True


def _status(field: str) -> float:
    """A field of the process's status, in mebibytes."""
    with open("/proc/self/status", encoding="ascii", errors="replace") as lines:
        line = next(line for line in lines if line.startswith(field))
    return int(line.split()[1]) / 1024


def children(pid: int | str) -> bool:
    """Whether a process has started others."""
    tasks = Path(f"/proc/{pid}/task")
    return any((task / "children").read_text().strip() for task in tasks.iterdir())
