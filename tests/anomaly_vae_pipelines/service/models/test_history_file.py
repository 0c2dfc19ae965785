"""The file of anomalies."""

from __future__ import annotations

from pathlib import Path

import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.service.models import history_file
from anomaly_vae_pipelines.service.models.history_file import DAYS, HistoryFile


def test_a_file_returns_the_newest_rows_of_a_model_after_it_was_closed(tmp_path: Path) -> None:
    file = HistoryFile(tmp_path / "history.db", clock=lambda: 100.0)
    file.append("a", [(float(number), b"%d" % number) for number in range(5)])
    file.append("b", [(9.0, b"other")])
    file.close()
    again = HistoryFile(tmp_path / "history.db", clock=lambda: 100.0)
    assert again.newest("a", 3) == [b"2", b"3", b"4"]
    again.close()
    later = HistoryFile(tmp_path / "history.db", clock=lambda: DAYS * 86_400 + 3.0)
    assert later.newest("a", 9) == [b"3", b"4"]
    later.close()


def test_a_file_keeps_a_bounded_number_of_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_file, "MOST", 10)
    file = HistoryFile(tmp_path / "history.db", clock=lambda: 0.0)
    for number in range(7):
        file.append("a", [(0.0, b"%d" % number)] * 3)
    assert len(file.newest("a", 100)) == 10
    file.close()


def test_what_is_not_a_history_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("x,y\n1,2\n" * 100)
    for path in (tmp_path / "rows.csv", tmp_path / "none" / "history.db"):
        with pytest.raises(InputError, match="cannot be used as a history .*--no-history"):
            HistoryFile(path)
