"""What every watcher does with rows; files and topics are tested with their watchers."""

from __future__ import annotations

import pytest

from anomaly_vae import load
from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.runs.observing import Observing
from anomaly_vae_pipelines.scoring.tables import Scorer
from anomaly_vae_pipelines.sources import open_source
from tests.anomaly_vae_pipelines.conftest import COLUMNS, orders, write_table
from tests.anomaly_vae_pipelines.runs.test_score import Hosts, Watching


@pytest.fixture
def observing(model, tmp_path):
    def make(observer) -> Observing:
        make.rejected, make.troubles = [], []
        return Observing(
            Scorer(load(model)),
            observer,
            tmp_path / "checkpoint",
            on_rejected=make.rejected.extend,
            on_trouble=make.troubles.append,
        )

    return make


def test_a_block_is_given_once_the_observer_has_its_rows(observing, tmp_path):
    """So that a watcher may store its position then."""
    rows = orders(20)
    rows[4][2] = "many"
    path, made = write_table(tmp_path / "a.csv", COLUMNS, rows), observing(Watching())
    with open_source(path) as source:
        (block,) = made.observe(source)
    assert block.end.line == 21
    assert made.observer.seen == [row[0] for i, row in enumerate(rows) if i != 4]
    assert (made.counts.n_rows, made.counts.n_scored) == (20, 19)
    assert [row.number for row in observing.rejected] == [6]


def test_values_that_training_never_saw_are_reported_once(observing, tmp_path):
    """Over all sources."""
    rows = [[*row[:3], "blue", *row[4:]] for row in orders(20)]
    path, made = write_table(tmp_path / "a.csv", COLUMNS, rows), observing(Watching())
    for _ in range(2):
        with open_source(path) as source:
            list(made.observe(source))
    (trouble,) = observing.troubles
    assert trouble.startswith(f"{path}: column color: 20 of 20 rows hold a value that training never saw")


def test_a_column_that_a_rule_reads_must_be_there(observing, unseen):
    with (
        open_source(unseen) as source,
        pytest.raises(InputError, match="no column 'host', which a rule or --id"),
    ):
        observing(Hosts()).check(source)


def test_what_is_saved_is_what_the_next_run_finds(observing):
    """The state of the observer, and whatever the watcher adds."""
    made = observing(Watching())
    assert made.saved == {}
    made.observer.seen.append("007")
    made.save(topic="orders")
    again = observing(Watching())
    assert (again.observer.seen, again.saved["topic"]) == (["007"], "orders")
