"""Files that grow, and directories that receive files."""

from __future__ import annotations

import gzip
import random

import pytest

from anomaly_vae import load
from pipelines.errors import SourceError
from pipelines.scoring import Scorer
from pipelines.streaming import Watcher
from tests.pipelines.conftest import COLUMNS, orders
from tests.pipelines.test_score_run import Watching

HEADER = ",".join(COLUMNS) + "\n"


def lines_of(n_rows: int, seed: int = 0) -> list[str]:
    return [",".join([f"{i:03d}", *row[1:]]) + "\n" for i, row in enumerate(orders(n_rows, seed=seed))]


class Watch:
    """A watcher that can be started again, and what it said."""

    def __init__(self, model: str, source, tmp_path) -> None:
        self.scorer, self.source = Scorer(load(model)), str(source)
        self.checkpoint, self.rejected, self.troubles = tmp_path / "place.json", [], []
        self.seen: list[str] = []
        self.restart()

    def restart(self) -> None:
        self.observer = Watching()
        self.watcher = Watcher(
            self.scorer,
            self.source,
            self.observer,
            self.checkpoint,
            on_rejected=self.rejected.extend,
            on_trouble=self.troubles.append,
        )

    def poll(self) -> list[str]:
        """Codes of all rows so far."""
        self.watcher.poll()
        return self.observer.seen


@pytest.fixture
def watch(model, tmp_path):
    return lambda source: Watch(model, source, tmp_path)


@pytest.mark.parametrize("seed", range(5))
def test_every_row_is_seen_once_however_it_comes(watch, tmp_path, seed):
    """Bytes come in any pieces, the watcher is restarted at any time: rows are neither lost nor repeated."""
    draw, path = random.Random(seed), tmp_path / "app.csv"
    content = (HEADER + "".join(lines_of(60))).encode()
    following, written = watch(path), 0
    while written < len(content):
        size = draw.randint(1, 400)
        with path.open("ab") as stream:
            stream.write(content[written : written + size])
        written += size
        if draw.random() < 0.3:
            following.restart()
        following.poll()
    assert following.poll() == [f"{i:03d}" for i in range(60)]
    assert not following.rejected
    assert not following.troubles


def test_a_line_counts_when_it_is_whole(watch, tmp_path):
    """What a writer has begun is not judged."""
    path = tmp_path / "app.csv"
    first, second = lines_of(2)
    following = watch(path)
    assert following.poll() == []
    path.write_text(HEADER[:10])
    assert following.poll() == []
    path.write_text(HEADER + first + second[:5])
    assert following.poll() == ["000"]
    path.write_text(HEADER + first + second)
    assert following.poll() == ["000", "001"]


@pytest.mark.parametrize("restart", [False, True])
def test_a_rotated_file_is_read_to_its_end(watch, tmp_path, restart):
    """Renamed in the middle of writing, with another file in its place."""
    path, lines = tmp_path / "app.csv", lines_of(6)
    following = watch(path)
    path.write_text(HEADER + "".join(lines[:3]))
    following.poll()
    with path.open("a") as stream:
        stream.write(lines[3])
    path.rename(tmp_path / "app.csv.1")
    path.write_text(HEADER + "".join(lines[4:]))
    if restart:
        following.restart()
    assert following.poll() == [f"{i:03d}" for i in range(6)]
    assert following.poll() == [f"{i:03d}" for i in range(6)]


@pytest.mark.parametrize("n_after", [1, 50])
def test_a_cut_file_is_begun_anew(watch, tmp_path, n_after):
    """Whether the new content is shorter than the old or longer."""
    path = tmp_path / "app.csv"
    following = watch(path)
    path.write_text(HEADER + "".join(lines_of(10)))
    following.poll()
    path.write_text(HEADER.replace("code", "code") + "".join(lines_of(n_after, seed=5)))
    assert following.poll()[10:] == [f"{i:03d}" for i in range(n_after)]
    assert "was cut or replaced" in following.troubles[0]


def test_a_directory_is_watched_for_files(watch, tmp_path):
    """Each file is read once, compressed ones when they no longer change, others as they grow."""
    directory = tmp_path / "in"
    directory.mkdir()
    following = watch(directory)
    assert following.poll() == []
    lines = lines_of(9)
    (directory / "a.csv").write_text(HEADER + "".join(lines[:3]))
    (directory / "b.csv.gz").write_bytes(gzip.compress((HEADER + "".join(lines[3:6])).encode()))
    (directory / "notes.txt").write_text("no rows")
    assert following.poll() == ["000", "001", "002"]
    assert following.poll() == [f"{i:03d}" for i in range(6)]
    following.restart()
    with (directory / "a.csv").open("a") as stream:
        stream.write("".join(lines[6:]))
    for _ in range(3):
        following.poll()
    assert following.observer.seen == [f"{i:03d}" for i in range(9)]
    (directory / "a.csv").unlink()
    following.poll()
    following.watcher.save()
    assert len(following.checkpoint.read_text()) > 2


def test_bad_rows_are_said_and_others_go_on(watch, tmp_path):
    """A row that cannot be read is handed over once; a file that cannot be, is told of once."""
    directory = tmp_path / "in"
    directory.mkdir()
    following = watch(directory)
    (directory / "good.csv").write_text(HEADER + "1,2\n" + "".join(lines_of(2)))
    (directory / "other.csv").write_text("x,y\n1,2\n")
    for _ in range(3):
        following.poll()
    assert following.observer.seen == ["000", "001"]
    assert [row.number for row in following.rejected] == [2]
    assert len(following.troubles) == 1
    assert "there is no column" in following.troubles[0]
    counts = following.watcher.counts
    assert (counts.n_rows, counts.rejected.total()) == (3, 1)


@pytest.mark.parametrize("content", ["", "{}", '{"files": 3, "observer": {}}', "\0"])
def test_a_checkpoint_that_is_none_is_refused(watch, tmp_path, content):
    """Rather than begun anew: rows would be repeated."""
    (tmp_path / "place.json").write_text(content)
    with pytest.raises(SourceError, match="remove it to begin anew"):
        watch(tmp_path / "app.csv")
