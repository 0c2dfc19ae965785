"""Watchers of files that grow and of directories that receive files."""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil
from pathlib import Path

import pytest

from anomaly_vae import load
from anomaly_vae_pipelines.dialects.dialect import NOTHING
from anomaly_vae_pipelines.dialects.reading import Reading
from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.runs.observing import Observing
from anomaly_vae_pipelines.runs.watch import Watcher
from anomaly_vae_pipelines.scoring.tables import Scorer
from anomaly_vae_pipelines.sources import TableArrivals
from tests.anomaly_vae_pipelines.conftest import COLUMNS, orders
from tests.anomaly_vae_pipelines.runs.test_score import Watching

HEADER = ",".join(COLUMNS) + "\n"


def lines_of(n_rows: int, seed: int = 0) -> list[str]:
    return [",".join([f"{i:03d}", *row[1:]]) + "\n" for i, row in enumerate(orders(n_rows, seed=seed))]


class Watch:
    """A watcher that can be restarted, with its messages."""

    def __init__(self, model: str, source, tmp_path) -> None:
        self.scorer, self.source = Scorer(load(model)), str(source)
        self.checkpoint, self.rejected, self.troubles = tmp_path / "checkpoint.json", [], []
        self.seen: list[str] = []
        self.reading: Reading | None = None
        self.restart()

    def restart(self) -> None:
        self.observer = Watching()
        observing = Observing(
            self.scorer,
            self.observer,
            self.checkpoint,
            on_rejected=self.rejected.extend,
            on_trouble=self.troubles.append,
        )
        self.watcher = Watcher(observing, self.source, TableArrivals(Path(self.source), None, self.reading))

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


def test_only_complete_lines_are_read(watch, tmp_path):
    """An incomplete line is not read."""
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
def test_a_truncated_file_is_read_from_its_start(watch, tmp_path, n_after):
    """Whether the new content is shorter than the old or longer."""
    path = tmp_path / "app.csv"
    following = watch(path)
    path.write_text(HEADER + "".join(lines_of(10)))
    following.poll()
    path.write_text(HEADER.replace("code", "code") + "".join(lines_of(n_after, seed=5)))
    assert following.poll()[10:] == [f"{i:03d}" for i in range(n_after)]
    assert "was truncated or replaced" in following.troubles[0]


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


def test_bad_rows_are_reported_and_others_are_read(watch, tmp_path):
    """A row or file that cannot be read is reported once."""
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
    counts = following.watcher.observing.counts
    assert (counts.n_rows, counts.rejected.total()) == (3, 1)


@pytest.mark.parametrize(
    "content",
    [
        *["", "{}", "\0", '{"files": 3, "observer": {}}', '{"files": {}}'],
        *['{"files": {}, "observer": 5}', '{"files": {}, "observer": {}}'],
    ],
)
def test_an_invalid_checkpoint_is_refused(watch, tmp_path, content):
    """Starting over would repeat rows."""
    (tmp_path / "checkpoint.json").write_text(content)
    with pytest.raises(SourceError, match=r"json: is not a valid checkpoint; delete it to start over$"):
        watch(tmp_path / "app.csv")


class Vanishing(TableArrivals):
    """Files of which ``a.csv`` is deleted after it was listed."""

    def needs_complete_file(self, path):
        if path.name == "a.csv":
            path.unlink(missing_ok=True)
        return super().needs_complete_file(path)


def test_a_file_that_cannot_be_opened_is_reported_and_others_are_read(watch, tmp_path):
    directory = tmp_path / "in"
    directory.mkdir()
    following = watch(directory)
    following.watcher._arrivals = Vanishing(directory, None, None)
    for name in "ab":
        (directory / f"{name}.csv").write_text(HEADER + lines_of(1)[0])
    assert following.poll() == ["000"]
    (trouble,) = following.troubles
    assert trouble.startswith(f"{directory / 'a.csv'}: cannot be read (No such file or directory)")


def test_a_first_line_of_any_length_is_read(watch, tmp_path):
    path = tmp_path / "app.csv"
    path.write_text(HEADER.strip() + "," + "x" * (1 << 20) + "\n" + lines_of(1)[0].strip() + ",1\n")
    following = watch(path)
    assert following.poll() == ["000"]
    assert not following.troubles


WIDE = "".join(f",more_{i}" for i in range(300)) + "\n"


@pytest.mark.parametrize("n_before", [1, 3, 400])
@pytest.mark.parametrize("in_place", [True, False])
def test_a_replaced_file_is_recognised_however_long_its_header_is(watch, tmp_path, n_before, in_place):
    """With a header of more than a thousand bytes, and a longer file in the place of the old one."""
    path, header = tmp_path / "app.csv", HEADER.rstrip() + WIDE
    assert len(header) > 2048
    rest = WIDE.replace("more_", "")
    old = [line.rstrip() + rest for line in lines_of(n_before)]
    new = [line.rstrip() + rest for line in lines_of(n_before + 20, seed=7)]
    following = watch(path)
    path.write_text(header + "".join(old))
    assert len(following.poll()) == n_before
    following.restart()
    if not in_place:
        path.unlink()
    path.write_text(header + "".join(new))
    assert following.poll()[n_before:] == [f"{i:03d}" for i in range(n_before + 20)]
    assert following.watcher.n_lost == 1


def test_a_checkpoint_of_an_older_version_is_resumed(watch, tmp_path):
    """It has a hash of the first 1,024 bytes alone."""
    path, lines = tmp_path / "app.csv", lines_of(6)
    following = watch(path)
    path.write_text(HEADER + "".join(lines[:3]))
    following.poll()
    state = json.loads(following.checkpoint.read_text())
    for place in state["files"].values():
        del place["tail"], place["tail_at"]
    following.checkpoint.write_text(json.dumps(state))
    with path.open("a") as stream:
        stream.write("".join(lines[3:]))
    following.restart()
    assert following.poll() == [f"{i:03d}" for i in range(6)]
    assert not following.troubles


def rotate(folder, style: str, number: int) -> None:
    """Rename, copy or compress the log once, as logrotate and logging libraries do."""
    path = folder / "app.csv"
    if style.startswith("counted"):
        packed = ".gz" if style == "counted gz" else ""
        for i in range(12, 0, -1):
            if (folder / f"app.csv.{i}{packed}").exists():
                (folder / f"app.csv.{i}{packed}").rename(folder / f"app.csv.{i + 1}{packed}")
        target = folder / "app.csv.1"
    elif style == "dated":
        target = folder / f"app.csv-2026112{number}"
    else:
        target = folder / f"app-2026-11-2{number}.csv"
    if style == "counted copy":
        shutil.copy2(path, target)
        os.truncate(path, 0)
        return
    path.rename(target)
    if style.endswith("gz"):
        status = target.stat()
        (packed := target.with_name(target.name + ".gz")).write_bytes(gzip.compress(target.read_bytes()))
        os.utime(packed, ns=(status.st_atime_ns, status.st_mtime_ns))
        target.unlink()


STYLES = ["counted", "counted gz", "counted copy", "dated", "infix", "infix gz"]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("n_rotations", [1, 2, 3])
@pytest.mark.parametrize("restart", [True, False])
def test_no_rotation_loses_a_row(watch, tmp_path, style, n_rotations, restart):
    """However often the file is rotated between two polls, the rest of each is read once, oldest first."""
    path, lines = tmp_path / "app.csv", lines_of(40)
    following = watch(path)
    path.write_text(HEADER + "".join(lines[:3]))
    following.poll()
    for number in range(n_rotations + 1):
        begin = 3 + 4 * number
        with path.open("a") as stream:
            stream.write(("" if stream.tell() else HEADER) + "".join(lines[begin : begin + 4]))
        if number < n_rotations:
            rotate(tmp_path, style, number)
    if restart:
        following.restart()
    expected = [f"{i:03d}" for i in range(3 + 4 * (n_rotations + 1))]
    for _ in range(6):
        following.poll()
    assert following.observer.seen == expected
    following.restart()
    for _ in range(3):
        following.poll()
    assert following.observer.seen == expected
    assert not following.troubles
    assert following.watcher.n_lost == 0


def test_what_was_rotated_before_the_watch_began_is_not_read(watch, tmp_path):
    """Nor what was rotated before the file that the checkpoint names."""
    path, lines = tmp_path / "app.csv", lines_of(9)
    (tmp_path / "app.csv.1").write_text(HEADER + "".join(lines[:3]))
    path.write_text(HEADER + "".join(lines[3:6]))
    following = watch(path)
    assert following.poll() == ["003", "004", "005"]
    for _ in range(2):
        rotate(tmp_path, "counted", 0)
        path.write_text(HEADER + "".join(lines[6:9]))
        following.restart()
        following.poll()
        lines = lines_of(9, seed=3)
    assert following.observer.seen == ["003", "004", "005"] + ["006", "007", "008"] * 2


def test_a_file_that_is_gone_is_reported_and_counted(watch, tmp_path):
    """With the line up to which it was read; what was rotated since then is read."""
    path, lines = tmp_path / "app.csv", lines_of(9)
    following = watch(path)
    path.write_text(HEADER + "".join(lines[:3]))
    following.poll()
    for number in range(2):
        rotate(tmp_path, "counted", number)
        path.write_text(HEADER + "".join(lines[3 + 3 * number : 6 + 3 * number]))
    (tmp_path / "app.csv.2").unlink()
    following.restart()
    assert following.poll() == [f"{i:03d}" for i in range(9)]
    assert following.poll() == [f"{i:03d}" for i in range(9)]
    (trouble,) = following.troubles
    assert "is gone" in trouble
    assert "up to line 4" in trouble
    assert following.watcher.n_lost == 1


@pytest.mark.parametrize(
    "seed", [*range(5), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(5, 60))]
)
def test_rows_are_seen_once_in_order_whatever_rotates_when(watch, tmp_path, seed):
    """Writes, rotations, polls and restarts in any order."""
    draw, path, n_written, n_rotations = random.Random(seed), tmp_path / "app.csv", 0, 0
    style, lines = draw.choice(STYLES), lines_of(200)
    path.write_text(HEADER)
    following = watch(path)
    following.poll()
    while n_written < 120:
        act = draw.random()
        if act < 0.4:
            more = "".join(lines[n_written : n_written + 3])
            with path.open("a") as stream:
                stream.write(more if stream.tell() else HEADER + more)
            n_written += 3
        elif act < 0.6 and n_rotations < 9 and path.stat().st_size > len(HEADER):
            rotate(tmp_path, style, n_rotations)
            path.touch()
            n_rotations += 1
        elif act < 0.7:
            following.restart()
        elif len(list(tmp_path.glob("app*"))) < 4 or act < 0.8:
            following.poll()
    for _ in range(25):
        following.poll()
    assert following.observer.seen == [f"{i:03d}" for i in range(n_written)]
    assert not following.troubles


@pytest.mark.parametrize("style", ["counted", "counted gz", "dated", "infix gz"])
@pytest.mark.parametrize("n_before", [0, 3])
def test_rows_that_came_in_the_tick_of_the_last_poll_are_read(watch, tmp_path, style, n_before):
    """A file system notes times to a few milliseconds, so a file may have changed and kept its time."""
    path, lines = tmp_path / "app.csv", lines_of(9)
    following = watch(path)
    if n_before:
        path.write_text(HEADER + "".join(lines[:n_before]))
        following.poll()
        rotate(tmp_path, style, 0)
    path.write_text(HEADER)
    for _ in range(3):
        following.poll()
    status = path.stat()
    path.write_text(HEADER + "".join(lines[n_before:6]))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    rotate(tmp_path, style, 1)
    path.write_text(HEADER + "".join(lines[6:]))
    for _ in range(3):
        following.poll()
    assert following.observer.seen == [f"{i:03d}" for i in range(9)]
    assert not following.troubles


@pytest.mark.parametrize("style", ["counted gz", "infix gz"])
def test_a_file_that_has_the_identity_of_one_that_is_gone_is_another_file(watch, tmp_path, style):
    """A file system gives the inode of a log that was compressed to the next file, such as a rotated one."""
    path, lines = tmp_path / "app.csv", lines_of(12)
    following = watch(path)
    path.write_text(HEADER + "".join(lines[:3]))
    following.poll()
    for number in range(2):
        with path.open("a") as stream:
            stream.write("".join(lines[3 + 3 * number : 6 + 3 * number]))
        rotate(tmp_path, style, number)
        path.write_text(HEADER)
    newest = tmp_path / ("app.csv.1.gz" if style == "counted gz" else "app-2026-11-21.csv.gz")
    state = json.loads(following.checkpoint.read_text())
    (position,) = state["files"].values()
    state["files"] = {f"{newest.stat().st_dev}:{newest.stat().st_ino}": position}
    following.checkpoint.write_text(json.dumps(state))
    following.restart()
    path.write_text(HEADER + "".join(lines[9:]))
    for _ in range(3):
        following.poll()
    assert following.observer.seen == [f"{i:03d}" for i in range(12)]
    assert not following.troubles


def test_rows_of_another_release_are_reported_once(watch, tmp_path):
    source = tmp_path / "a.csv"
    watched = watch(source)
    lines = [line.replace(",red,", ",violet,").replace(",green,", ",violet,") for line in lines_of(40)]
    for end in (20, 40):
        source.write_text(HEADER + "".join(lines[:end]))
        watched.poll()
    (trouble,) = watched.troubles
    assert trouble.startswith(f"{source}: column color: 20 of 20 rows hold a value that training never saw;")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_a_file_in_utf_16_is_refused_by_name(model, tmp_path, encoding):
    """Once, not at each poll: its lines cannot be found by bytes; what is there is not misread."""
    source = tmp_path / "a.csv"
    watched = Watch(model, source, tmp_path)
    watched.reading = Reading.from_json(None, watched.scorer.names, NOTHING)
    watched.restart()
    source.write_bytes((HEADER + "".join(lines_of(5))).encode(encoding))
    assert watched.poll() == watched.poll() == []
    (trouble,) = watched.troubles
    assert trouble == f"{source}: is utf-16-le, which cannot be followed; write it as UTF-8"
