"""Progress of a scoring run."""

from __future__ import annotations

from dataclasses import replace

from anomaly_vae_pipelines.cli import progress
from anomaly_vae_pipelines.cli.progress import shown_progress
from anomaly_vae_pipelines.scoring.options import Progress, WorstRow

HALF = Progress(n_rows=1200, n_anomalies=7, n_bytes=50, total_bytes=100)


def test_quiet_runs_show_nothing():
    """They have no callback at all."""
    with shown_progress(False, on_terminal=True) as on_progress:
        assert on_progress is None


def test_a_log_gets_a_line_every_ten_seconds(capsys, monkeypatch):
    """With rows, anomalies, speed and the share of the bytes, if their number is known."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with shown_progress(None, on_terminal=False) as on_progress:
        on_progress(HALF)
        now[0] += 9.0
        on_progress(HALF)
        assert capsys.readouterr().err == ""
        now[0] += 1.0
        on_progress(HALF)
        assert capsys.readouterr().err == "1,200 rows, 7 anomalous, 120 rows/s, 50%\n"
        now[0] += 10.0
        on_progress(Progress(1200, 7, 50, None))
        assert capsys.readouterr().err == "1,200 rows, 7 anomalous, 60 rows/s\n"


def test_the_worst_rows_stay_below_each_other(capsys):
    """Worst first, each on one line, without control characters of the file."""
    worst = (
        WorstRow("line 7", -90.0, 41.2, "a\x1b[31m:-80.0 (90 %)"),
        WorstRow("line 2", -50.0, 9.0, "b:-1.0"),
    )
    with shown_progress(True, on_terminal=True) as on_progress:
        on_progress(replace(HALF, worst=worst))
    lines = [line.split() for line in capsys.readouterr().err.splitlines() if "line" in line][-2:]
    assert [line[:3] for line in lines] == [["41.2", "line", "7"], ["9.0", "line", "2"]]
    assert lines[0][3] == "a\N{REPLACEMENT CHARACTER}[31m:-80.0"


def test_a_bar_leaves_standard_output_alone(capsys):
    """It is drawn on stderr and removed at the end."""
    with shown_progress(True, on_terminal=True) as on_progress:
        on_progress(HALF)
    assert capsys.readouterr().out == ""
