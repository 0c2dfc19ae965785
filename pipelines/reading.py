"""Reading: what a model reads and who scores it, told by the kind of the model."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.score_terms import Explain
from pipelines.scoring import Model, Scorer
from pipelines.sources import Inputs, TableInputs

AnyScorer = Scorer


def make_scorer(
    model: Model, *, explain: Explain = "flagged", expected: bool = False, offset: float | None = None
) -> AnyScorer:
    """The scorer of a fitted model; parameters are those of ``Scorer``."""
    return Scorer(model, explain=explain, expected=expected, offset=offset)


def open_inputs(model: Model, paths: Sequence[str], given_format: str | None = None) -> Inputs:
    """What a fitted model is to read; raises SourceError for patterns and directories without files."""
    return TableInputs(paths, given_format)
