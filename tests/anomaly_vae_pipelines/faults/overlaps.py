"""Two processes that write the same files at the same time: one completes, the other is rejected."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

from anomaly_vae_pipelines.io.files import hidden_path
from tests.anomaly_vae_pipelines.faults.calls import Counted
from tests.anomaly_vae_pipelines.faults.cases import Place, ScoreCase, hidden_files
from tests.anomaly_vae_pipelines.faults.forking import Child, run, start, wait

KINDS = ("same output", "same rejected file", "at once")
_REFUSED = "another run is writing it; wait for that run to end"
_N_LOCKS = 2
"""Steps after which a run holds all of its locks."""


def overlapping(
    place: Place, file_format: str, n_pairs: int, draw: random.Random
) -> Iterator[tuple[str, str]]:
    """Kind and outcome of pairs of runs: "one whole" or what was wrong."""
    for kind in KINDS:
        case = ScoreCase(file_format, resume=False, quarantine=True, alerts="")
        case.prepare(place)
        quiet = run(case.arguments(place), Counted(), place.report)
        expected = case.result(place)
        released = 1 + quiet.steps.index(("unlink", str(hidden_path(case.outputs(place)[1], "lock"))))
        for _ in range(n_pairs):
            case.prepare(place)
            if kind == "at once":
                outcome = _at_once(case, place, expected)
            else:
                at = draw.randrange(_N_LOCKS, released)
                outcome = _paused(case, place, expected, at, is_other=kind == "same rejected file")
            yield kind, outcome


def _paused(case: ScoreCase, place: Place, expected: list[bytes | None], at: int, *, is_other: bool) -> str:
    """A run stops at a step until a second one of the same files has ended."""
    (is_paused, tell_paused), (may_go, let_go) = os.pipe(), os.pipe()

    def pause(number: int) -> None:
        if number == at:
            os.write(tell_paused, b"x")
            os.read(may_go, 1)

    first = start(case.arguments(place), Counted(on_step=pause), place.report)
    os.read(is_paused, 1)
    before = hidden_files(place)
    second = run(_second(case, place, is_other=is_other), Counted(), place.report.with_name("second.txt"))
    is_untouched = hidden_files(place) == before
    os.write(let_go, b"x")
    ended = wait(first, place.report)
    for descriptor in (is_paused, tell_paused, may_go, let_go):
        os.close(descriptor)
    is_refused = second.code == 1 and _is_refusal(second) and is_untouched
    is_alone = not (place.work / f"other.{case.format}").exists()
    return _outcome(ended.code == 0 and is_refused and is_alone, case, place, expected, [ended, second])


def _at_once(case: ScoreCase, place: Place, expected: list[bytes | None]) -> str:
    """Two runs start together: each completes or is rejected, and at least one completes."""
    reports = [place.report, place.report.with_name("second.txt")]
    processes = [start(case.arguments(place), Counted(), report) for report in reports]
    ended = [wait(process, report) for process, report in zip(processes, reports, strict=True)]
    is_right = all(child.code == 0 or (child.code == 1 and _is_refusal(child)) for child in ended)
    return _outcome(is_right and any(child.code == 0 for child in ended), case, place, expected, ended)


def _second(case: ScoreCase, place: Place, *, is_other: bool) -> list[str]:
    words = case.arguments(place)
    if is_other:
        rejected = str(case.outputs(place)[1])
        words[words.index("-o") + 1] = str(place.work / f"other.{case.format}")
        words += ["--rejected", rejected]
    return words


def _is_refusal(child: Child) -> bool:
    return len(child.said.splitlines()) == 1 and _REFUSED in child.said


def _outcome(
    is_right: bool, case: ScoreCase, place: Place, expected: list[bytes | None], children: list[Child]
) -> str:
    if is_right and case.result(place) == expected and not hidden_files(place):
        return "one whole"
    said = [f"{child.code}: {child.said}" for child in children]
    return f"lost: {said}, {sorted(hidden_files(place))}"
