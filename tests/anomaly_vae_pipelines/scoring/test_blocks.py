"""Reading and scoring the blocks of a source."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly_vae_pipelines.errors import SourceError, UnknownNameError
from anomaly_vae_pipelines.scoring.blocks import ScoredBlock, all_scored, columns_to_read, score_blocks
from anomaly_vae_pipelines.scoring.model_files import open_model
from anomaly_vae_pipelines.sources import SourcePosition
from anomaly_vae_pipelines.sources.delimited import DelimitedSource
from tests.anomaly_vae_pipelines.conftest import COLUMNS, orders, write_table


@pytest.fixture(scope="module")
def scorer(model):
    return open_model(model).adapter.scorer(explain="none")


@pytest.fixture
def table(tmp_path):
    """Sixty rows, of which one has too few cells and one has a cell of another kind."""
    rows = orders(60)
    rows[20], rows[40] = ["1", "2"], [*rows[40][:1], "twenty", *rows[40][2:]]
    return write_table(tmp_path / "table.csv", COLUMNS, rows)


def itself(block: ScoredBlock) -> ScoredBlock:
    return block


def score(scorer, table, **options) -> list[ScoredBlock]:
    with DelimitedSource(table, block_bytes=200) as source:
        return list(score_blocks(scorer, source, itself, **options))


def facts(blocks: list[ScoredBlock]) -> tuple[list[str], list[float], list[int]]:
    codes = [code for block in blocks for code in block.scored.rows.cells("code")]
    scores = np.concatenate([block.scored.scores for block in blocks]).tolist()
    return codes, scores, [row.number for block in blocks for row in block.rejected]


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_the_number_of_threads_changes_no_result(scorer, table, jobs):
    """Blocks come in the order of the file, and every row is scored or rejected once."""
    blocks = score(scorer, table, columns=["code"], jobs=jobs)
    assert len(blocks) > 5
    codes, scores, rejected = facts(blocks)
    assert codes == [f"{i:03d}" for i in range(60) if i not in (20, 40)]
    assert rejected == [22, 42]
    assert scores == facts(score(scorer, table, columns=["code"], jobs=1))[1]


def test_the_end_of_a_block_is_where_the_next_run_starts(scorer, table):
    """Two parts together give what one run gives."""
    blocks = score(scorer, table, columns=["code"])
    end = blocks[2].block.end
    rest = score(scorer, table, columns=["code"], start=SourcePosition(end.offset, end.line))
    assert facts(blocks[:3] + rest) == facts(blocks)


def test_the_result_is_that_of_the_given_function(scorer, table):
    """It receives every block once."""
    with DelimitedSource(table, block_bytes=200) as source:
        sizes = list(score_blocks(scorer, source, lambda b: len(b.scored) + len(b.rejected)))
    assert sum(sizes) == 60


def test_the_first_rejected_row_is_an_error_where_all_are_needed(scorer, table):
    """With its line; a block without rejected rows passes."""
    blocks = score(scorer, table)
    assert all_scored(blocks[0]) is blocks[0].scored
    (bad,) = [block for block in blocks if any(row.number == 22 for row in block.rejected)]
    with pytest.raises(SourceError, match="line 22: wanted 7 cells"):
        all_scored(bad)


def test_columns_are_read_once(scorer, table):
    """Those of the model come first, and an unknown column is an error."""
    with DelimitedSource(table) as source:
        wanted = columns_to_read(scorer, source, ["code", "amount"])
        assert wanted == [*scorer.names, "code"]
        with pytest.raises(UnknownNameError, match="did you mean 'code'"):
            columns_to_read(scorer, source, ["cod"])
