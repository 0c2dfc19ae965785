"""What the service keeps of the rows that it scored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from anomaly_vae import TabularVAEDetector
from anomaly_vae_pipelines.records import NumberRows
from anomaly_vae_pipelines.service.models.history import MOST, MOST_AT_ONCE, Anomaly, History
from anomaly_vae_pipelines.service.models.registry import ServedModel

ODD = [0.1, 90.0, 0.2]


def number_rows(values: list[list[float]]) -> NumberRows:
    """Rows of the model of numbers."""
    numbers = np.arange(len(values), dtype=np.int64)
    return NumberRows("here", ("x", "y", "z"), pa.table({}), numbers, values=np.array(values))


def scored(history: History, served: ServedModel, *rows: list[float]) -> list[Anomaly]:
    """The anomalies of a history after it saw some rows."""
    history.open_model(served.name)
    history.add(served, served.score(number_rows(list(rows)), explain=False)[0])
    return history.anomalies(served.name)


def test_an_anomaly_has_its_cells_and_the_reasons_of_its_score(number_model: TabularVAEDetector) -> None:
    served = ServedModel("numbers", "1", number_model)
    history = History()
    (anomaly,) = scored(history, served, [0.1, 0.2, 0.3], ODD)
    assert anomaly.cells == {"x": 0.1, "y": 90.0, "z": 0.2}
    assert anomaly.costs[0].column == "y"
    assert anomaly.score < number_model.offset_
    assert history.activity("numbers").hours()[0].rows == 2


def test_memory_is_bounded_and_the_lowest_scores_of_a_batch_are_kept(
    number_model: TabularVAEDetector,
) -> None:
    served = ServedModel("numbers", "1", number_model)
    history = History()
    rows = [[0.1, 50.0 + number, 0.2] for number in range(100)]
    kept = scored(history, served, *rows)
    assert sorted(one.cells["y"] for one in kept) == [150.0 - number for number in range(20, 0, -1)]
    for _ in range(12):
        kept = scored(history, served, *rows)
    assert len(kept) == MOST
    assert MOST_AT_ONCE == 20


def test_a_file_has_the_anomalies_after_a_restart(number_model: TabularVAEDetector, tmp_path: Path) -> None:
    served = ServedModel("numbers", "1", number_model)
    first = History(str(tmp_path / "history.db"))
    before = scored(first, served, ODD)
    first.add(served, served.score(number_rows([ODD]), explain=False)[0])
    first.close()
    second = History(str(tmp_path / "history.db"))
    second.open_model("numbers")
    after = second.anomalies("numbers")
    assert after[1:] == before
    assert len(after) == 2
    second.close()


def test_no_row_is_kept_where_rows_are_private(number_model: TabularVAEDetector) -> None:
    """Counts are; nothing that holds a row is reachable."""
    history = History("off")
    assert scored(history, ServedModel("numbers", "1", number_model), ODD) == []
    assert history.activity("numbers").hours()[0].anomalies == 1
    held = [value for kept in vars(history).values() if isinstance(kept, dict) for value in kept.values()]
    assert not any(len(value) for value in held if hasattr(value, "__len__"))


def test_reloads_are_listed_newest_first() -> None:
    history = History()
    history.reloaded("a", "1")
    history.reloaded("a", "2", "a.avae: is not a model")
    assert [(one.version, one.reason) for one in history.reloads()] == [
        ("2", "a.avae: is not a model"),
        ("1", ""),
    ]
    assert history.revision == 2
