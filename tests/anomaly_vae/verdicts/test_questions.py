"""Questions: worst rows first, and unlike each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from anomaly_vae.verdicts.questions import next_questions
from tests.anomaly_vae.verdicts.judged import features, log, scores, taught, untaught

ROWS = scores(60, 7), features(60, 7)


def test_the_worst_row_is_first_and_no_row_is_asked_twice() -> None:
    """All rows are asked at last."""
    chosen = next_questions(untaught(), *ROWS, 60)
    assert chosen[0] == ROWS[0].argmin()
    np.testing.assert_array_equal(np.sort(chosen), np.arange(60))


def test_fewer_questions_are_the_first_of_more() -> None:
    """The choice is greedy."""
    np.testing.assert_array_equal(
        next_questions(untaught(), *ROWS, 5), next_questions(untaught(), *ROWS, 9)[:5]
    )


def test_of_equal_rows_one_is_asked() -> None:
    """Even if they are the worst ones."""
    alike, nats = ROWS[1].copy(), ROWS[0].copy()
    alike[:10], nats[:10] = alike[0], nats.min() - 5.0
    chosen = next_questions(untaught(), nats, alike, 6)
    assert (chosen < 10).sum() == 1
    assert chosen[0] < 10


def test_a_row_that_was_judged_comes_last() -> None:
    """Its verdict is known."""
    worst = int(ROWS[0].argmin())
    judged = replace(log(1), scores=ROWS[0][[worst]], features=ROWS[1][[worst]])
    assert next_questions(taught(judged), *ROWS, 60)[-1] == worst
