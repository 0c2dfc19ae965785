"""Bad input gets a clear error, and nothing is lost: every case through the real command line."""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import pytest

from anomaly_vae import load
from tests.anomaly_vae_pipelines.conftest import COLUMNS, orders, read_rows, write_table

GOOD = "040,20.0,3,red,true,2026-01-05T10:00:00,good"
HEADER = ",".join(COLUMNS)


@pytest.fixture
def refused(run, model, tiny, tmp_path):
    """Give a file to fit, score and evaluate: each refuses it in one line and writes nothing."""

    def check(source: str, *words: str, commands: tuple[str, ...] = ("fit", "score", "evaluate")) -> None:
        output = tmp_path / "output"
        arguments = {
            "fit": ["fit", source, "-o", str(output), "--config", tiny],
            "score": ["score", model, source, "-o", str(output)],
            "evaluate": ["evaluate", model, source, "--label", "label", "--normal", "good"],
        }
        for command in commands:
            ended = run(*arguments[command])
            assert (ended.code, ended.out) == (2, "")
            assert ended.err.startswith(f"anomaly-vae: error: {source}")
            assert ended.err.count("\n") == 1
            for word in words:
                assert word in ended.err
            assert not output.exists()
            assert not list(tmp_path.glob(".*"))

    return check


@pytest.fixture
def file(tmp_path):
    """Write bytes to a file and give its path."""

    def write(content: bytes, name: str = "table.csv") -> str:
        (tmp_path / name).write_bytes(content)
        return str(tmp_path / name)

    return write


class TestFilesThatAreNoTables:
    """No such file, empty file, header only, one row, double names, ragged line."""

    def test_no_such_file(self, refused, tmp_path):
        """A missing file is named."""
        refused(str(tmp_path / "missing.csv"), "No such file")

    def test_a_directory(self, refused, tmp_path):
        """A directory without tables is not a valid input."""
        refused(str(tmp_path), "directory")

    def test_an_empty_file(self, refused, file):
        """Nothing at all has no columns."""
        refused(file(b""), "is empty; wanted a line of column names and rows below it")
        refused(file(gzip.compress(b""), "table.csv.gz"), "is empty")

    def test_a_header_only(self, refused, file):
        """Nothing can be learned from no rows."""
        refused(file(HEADER.encode() + b"\n"), "wanted at least 2 rows to fit on, got 0", commands=("fit",))

    def test_a_header_only_is_scored_to_a_header(self, run, model, file):
        """No rows in, no rows out: an empty input is not an error."""
        ended = run("score", model, file(HEADER.encode() + b"\n"), "-o", "-")
        assert ended.code == 0
        assert ended.out == f"{HEADER},score,p_value,severity,is_anomaly,top_columns\n"

    def test_a_header_only_cannot_be_evaluated(self, run, model, file):
        """Shares of no rows mean nothing."""
        source = file(HEADER.encode() + b"\n")
        ended = run("evaluate", model, source, "--label", "label", "--normal", "good")
        assert ended.code == 2
        assert "0 of 0 labelled rows" in ended.err

    def test_one_row(self, refused, file):
        """One row has nothing to be compared with."""
        refused(
            file(f"{HEADER}\n{GOOD}\n".encode()),
            "wanted at least 2 rows to fit on, got 1",
            commands=("fit",),
        )

    def test_one_row_is_scored(self, run, model, file):
        """A fitted model needs no company for a row."""
        assert run("score", model, file(f"{HEADER}\n{GOOD}\n".encode()), "-o", "-").code == 0

    def test_one_normal_row(self, run, tiny, file, tmp_path):
        """Rows are counted after the label has chosen them."""
        source = file(f"{HEADER}\n{GOOD}\n{GOOD.replace('good', 'bad')}\n".encode())
        options = ["--label", "label", "--normal", "good", "--config", tiny]
        ended = run("fit", source, "-o", str(tmp_path / "m"), *options)
        assert ended.code == 2
        assert "wanted at least 2 rows with 'good' in column 'label' to fit on, got 1" in ended.err

    def test_double_column_names(self, refused, file):
        """A name means one column."""
        refused(file(f"{HEADER},amount\n{GOOD},1\n".encode()), "line 1: 2 columns are named 'amount'")

    @pytest.mark.parametrize(("cells", "n_cells"), [("1,2", 2), (GOOD + ",x", 8)], ids=["short", "long"])
    def test_a_ragged_line(self, refused, file, cells, n_cells):
        """A line that is not as wide as the header is named by its number."""
        content = f"{HEADER}\n{GOOD}\n{cells}\n{GOOD}\n".encode()
        refused(file(content), f"line 3: wanted 7 cells as in the header, got {n_cells}")

    def test_a_ragged_line_after_many(self, refused, tmp_path):
        """What was scored before the bad line is not kept as if it were all."""
        rows = [*orders(300), ["1", "2"]]
        refused(write_table(tmp_path / "table.csv", COLUMNS, rows), "line 302: wanted 7 cells")

    def test_what_is_no_text(self, refused, file):
        """Uncertain encodings, binary files and damaged archives are told apart from tables."""
        refused(file(f"{HEADER}\n{GOOD}\nŁódź\n".encode("cp1250")), "line 3", "--encoding cp1250")
        refused(file(f"{HEADER}\n\x00{GOOD}\n".encode()), "line 2", "NUL")
        refused(file(gzip.compress(HEADER.encode() * 500)[:-9], "cut.csv.gz"), "gzip")

    def test_a_quote_that_is_never_closed(self, refused, file):
        """The line on which the cell begins is named, not the end of the file."""
        refused(file(f'{HEADER}\n{GOOD}\n"{GOOD}\n{GOOD}\n'.encode()), "line 3: not CSV")


class TestColumnsThatDoNotFit:
    """A column missing at scoring, or of another kind; extra columns."""

    def test_a_missing_column_is_named(self, refused, tmp_path):
        """The nearest name in the file is offered."""
        columns = ["Amount" if name == "amount" else name for name in COLUMNS]
        source = write_table(tmp_path / "table.csv", columns, orders(3))
        refused(source, "no column 'amount'", "did you mean 'Amount'?", commands=("score", "evaluate"))

    @pytest.mark.parametrize(
        ("column", "value", "wanted"),
        [
            ("amount", "twenty", "a number"),
            ("count", "1,000", "a number"),
            ("count", "2026-01-05", "a number"),
            ("open", "perhaps", "true or false"),
            ("day", "last week", "a date and time"),
        ],
    )
    def test_a_cell_of_another_kind_is_named(self, refused, tmp_path, column, value, wanted):
        """Column, line and value are in the message, and what was wanted."""
        rows = orders(8)
        rows[5][COLUMNS.index(column)] = value
        source = write_table(tmp_path / "table.csv", COLUMNS, rows)
        words = [f"line 7: column {column!r}", repr(value), f"wanted {wanted}"]
        refused(source, *words, commands=("score", "evaluate"))

    def test_extra_columns_pass_through_untouched(self, run, model, tmp_path):
        """What the model does not know does not disturb it, wherever it stands."""
        plain = write_table(tmp_path / "plain.csv", COLUMNS, orders(4))
        wide = write_table(tmp_path / "wide.csv", ["note", *COLUMNS], [[" 0x ", *row] for row in orders(4)])
        outputs = []
        for source in (plain, wide):
            out = str(tmp_path / "out.csv")
            assert run("score", model, source, "-o", out, "--force").code == 0
            outputs.append(read_rows(out))
        assert [row.pop("note") for row in outputs[1]] == [" 0x "] * 4
        assert outputs[0] == outputs[1]


class TestStrangeValues:
    """Infinity, 1e300, a row of nothing, an unseen category: finite scores."""

    @pytest.mark.parametrize(
        "change",
        [{"amount": "inf"}, {"amount": "-inf"}, {"amount": "1e300"}, {"amount": "-1e300"}, {"count": "1e999"},
         {"color": "ultraviolet"}, {"color": "ultraviolet", "amount": "inf", "count": "-1e300", "open": ""},
         dict.fromkeys(COLUMNS, ""), dict.fromkeys(COLUMNS, "NaN")],
        ids=lambda change: ",".join(f"{k}={v}" for k, v in change.items())[:40],
    )  # fmt: skip
    def test_the_score_is_finite(self, run, model, tmp_path, change):
        """Whatever a row holds that its columns may hold, it gets a number."""
        row = [change.get(name, cell) for name, cell in zip(COLUMNS, GOOD.split(","), strict=True)]
        source = write_table(tmp_path / "table.csv", COLUMNS, [GOOD.split(","), row])
        out = str(tmp_path / "out.csv")
        assert run("score", model, source, "-o", out, "--explain", "all").code == 0
        scored = read_rows(out)[1]
        assert math.isfinite(float(scored["score"]))
        assert 0 < float(scored["p_value"]) <= 1

    def test_strange_values_are_anomalous(self, run, model, tmp_path):
        """A number far outside is flagged, and its column is the first reason."""
        row = [{"amount": "1e300"}.get(name, c) for name, c in zip(COLUMNS, GOOD.split(","), strict=True)]
        out = str(tmp_path / "out.csv")
        run("score", model, write_table(tmp_path / "table.csv", COLUMNS, [row]), "-o", out)
        (scored,) = read_rows(out)
        assert scored["is_anomaly"] == "true"
        assert scored["top_columns"].startswith("amount:-")

    def test_strange_values_can_be_learned_from(self, run, tiny, tmp_path):
        """Infinities and huge numbers in training rows spoil neither the fit nor other rows."""
        rows = orders(60)
        rows[3][1], rows[4][1], rows[5][1:6] = "inf", "1e300", [""] * 5
        model, out = str(tmp_path / "m.avae"), str(tmp_path / "out.csv")
        source = write_table(tmp_path / "table.csv", COLUMNS, rows)
        ended = run("fit", source, "-o", model, "--id", "code", "--ignore", "label", "--config", tiny)
        assert ended.code == 0, ended.err
        assert run("score", model, source, "-o", out).code == 0
        assert all(math.isfinite(float(row["score"])) for row in read_rows(out))


class TestOutputsThatExist:
    """The output exists and --force is absent; the disk is full. (Signals: see test_endings.)"""

    @pytest.fixture(params=["fit", "score", "threshold", "sample", "export"])
    def writing(self, request, run, model, train, unseen, tiny):
        """Run a command that writes to a given path."""
        arguments = {
            "fit": ["fit", train, "--config", tiny, "--id", "code"],
            "score": ["score", model, unseen],
            "threshold": ["threshold", model, "--offset", "0"],
            "sample": ["sample", model, "-n", "3"],
            "export": ["export", model],
        }[request.param]
        return lambda path, *options: run(*arguments, "-o", str(path), *options)

    def test_nothing_is_replaced_unasked(self, writing, tmp_path):
        """The old output is intact, and --force is offered."""
        path = tmp_path / "output"
        path.write_text("old")
        ended = writing(path)
        assert ended.code == 2
        assert ended.err == (
            f"anomaly-vae: error: {path}: exists already; use --force to replace it, or choose another name\n"
        )
        assert path.read_text() == "old"

    def test_force_replaces(self, writing, tmp_path):
        """Asked to, a command replaces the file, and leaves nothing beside it."""
        path = tmp_path / "output"
        path.write_text("old")
        assert writing(path, "--force").code == 0
        assert path.read_bytes() != b"old"
        assert {item.name for item in tmp_path.iterdir()} <= {"output", "output.summary.json"}

    def test_a_directory_that_is_not_there_is_named(self, writing, tmp_path):
        """Before any work is done."""
        ended = writing(tmp_path / "missing" / "output")
        assert ended.code == 2
        assert "does not exist; create it first" in ended.err

    def test_a_full_disk_leaves_the_old_file(self, writing, full_disk):
        """Exit code 1, one line, the old output, and no half file."""
        ended = writing(full_disk / "output", "--force")
        assert ended.code == 1
        assert ended.err.count("\n") == 1
        assert "cannot be written" in ended.err
        assert (full_disk / "output").read_text() == "old"
        assert [item.name for item in full_disk.iterdir()] == ["output"]

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
    def test_a_full_device_is_a_failure(self, run, model, unseen):
        """What cannot be written is exit code 1, wherever to."""
        ended = run("score", model, unseen, "-o", "/dev/full")
        assert ended.code == 1
        assert ended.err.startswith("anomaly-vae: error: /dev/full: cannot be written (No space left")
        assert ended.err.count("\n") == 1


class TestTablesOfStrangeShape:
    """Fewer rows than a batch; 2 rows; 1 column; 1,000 columns; all columns constant."""

    @pytest.fixture
    def round_trip(self, run, tiny, tmp_path):
        """Fit on a table and score it; gives the scores."""

        def go(columns: list[str], rows: list[list[str]]) -> list[float]:
            model, out = str(tmp_path / "m.avae"), str(tmp_path / "out.csv")
            source = write_table(tmp_path / "table.csv", columns, rows)
            ended = run("fit", source, "-o", model, "--config", tiny)
            assert ended.code == 0, ended.err
            ended = run("score", model, source, "-o", out)
            assert ended.code == 0, ended.err
            return [float(row["score"]) for row in read_rows(out)]

        return go

    @pytest.mark.parametrize("n_rows", [2, 3, 19])
    def test_few_rows(self, round_trip, n_rows):
        """Two rows are enough to fit on."""
        scores = round_trip(COLUMNS[1:], [row[1:] for row in orders(n_rows)])
        assert len(scores) == n_rows
        assert all(map(math.isfinite, scores))

    @pytest.mark.parametrize("cells", [["1.5", "2.5", "2.0", "9.0"], ["x", "y", "x", ""]])
    def test_one_column(self, round_trip, cells):
        """A column of numbers or of words, missing cells included, is a table."""
        scores = round_trip(["only"], [[cell] for cell in cells * 10])
        assert len(scores) == 40
        assert all(map(math.isfinite, scores))

    @pytest.mark.parametrize("n_columns", [100, pytest.param(1000, marks=pytest.mark.slow)])
    def test_more_columns_than_rows(self, round_trip, n_columns):
        """A wide table is read, fitted and scored."""
        columns = [f"c{i}" for i in range(n_columns)]
        rows = [[str((i * 37 + j * 11) % 101) for j in range(n_columns)] for i in range(25)]
        scores = round_trip(columns, rows)
        assert len(scores) == 25
        assert all(map(math.isfinite, scores))

    def test_constant_columns(self, run, round_trip, tmp_path):
        """Where nothing ever changed, a change is a finding, and a bounded one."""
        scores = round_trip(["a", "b"], [["1", "x"]] * 20)
        assert len(set(scores)) == 1
        changed = write_table(tmp_path / "changed.csv", ["a", "b"], [["1", "x"], ["1.01", "x"], ["1", "y"]])
        out = str(tmp_path / "changed_out.csv")
        assert run("score", str(tmp_path / "m.avae"), changed, "-o", out).code == 0
        same, *others = (float(row["score"]) for row in read_rows(out))
        assert all(-100 < other < same for other in others)

    def test_missing_everywhere(self, round_trip):
        """A table of nothing is a table of constant columns."""
        scores = round_trip(["a", "b"], [["", "NA"]] * 30)
        assert len(set(scores)) == 1
        assert math.isfinite(scores[0])


def test_a_model_file_that_is_none_is_refused(run, unseen, tmp_path):
    """score, evaluate, threshold, sample and export name the file and the reason in one line."""
    label = ["--label", "label", "--normal", "good"]
    for arguments in (
        ["score", unseen, unseen, "-o", str(tmp_path / "o")],
        ["evaluate", unseen, unseen, *label],
        ["threshold", unseen, "--offset", "1", "-o", str(tmp_path / "o")],
        ["sample", unseen, "-n", "1", "-o", str(tmp_path / "o")],
        ["export", unseen, "-o", str(tmp_path / "o")],
    ):
        ended = run(*arguments)
        assert ended.code == 2
        assert ended.err.startswith(f"anomaly-vae: error: {unseen}: ")
        assert ended.err.count("\n") == 1
    assert not (tmp_path / "o").exists()


def test_a_model_is_intact_after_a_refused_fit(run, model, tmp_path, tiny):
    """A fit that fails on its input leaves the model that it was to replace."""
    path = tmp_path / "m.avae"
    path.write_bytes(Path(model).read_bytes())
    source = write_table(tmp_path / "table.csv", COLUMNS, [*orders(30), ["1"]])
    assert run("fit", source, "-o", str(path), "--force", "--config", tiny).code == 2
    assert load(path).feature_names_in_.tolist() == COLUMNS[1:-1]
