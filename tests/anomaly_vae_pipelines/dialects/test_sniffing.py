"""The dialect of a file from its first bytes; see test_cases for the files."""

from __future__ import annotations

import pytest

from anomaly_vae_pipelines.dialects.dialect import NOTHING, Given
from anomaly_vae_pipelines.dialects.sniffing import sniff, with_given
from anomaly_vae_pipelines.errors import SourceError


def test_a_cut_line_is_not_a_row():
    """The last line of a sample may be half of a line of the file."""
    assert len(sniff(b"a,b\n1,2\n3,4\n5", "a.csv", NOTHING, is_cut=True).layout.rows) == 2


def test_what_the_user_said_is_not_questioned():
    found = sniff(b"a;b\n1,5;2\n", "a.csv", Given(separator=",", header=False))
    assert found.dialect.separator == ","
    assert not found.dialect.header


def test_a_decimal_comma_that_was_said_can_be_within_quotes():
    """Between commas; without quotes the separator is another."""
    quoted = b'a,b\n"1.234,5","2,5"\n"12,25","3,5"\n"7,5","1,0"\n'
    for given in (NOTHING, Given(decimal=","), Given(decimal=",", thousands=".")):
        assert sniff(quoted, "a.csv", given).dialect.separator == ","
    assert sniff(b"a\n1,5\n2,5\n", "a.csv", Given(decimal=",")).dialect.separator == ";"


def test_an_encoding_that_does_not_fit_is_refused():
    with pytest.raises(SourceError, match="is not in --encoding utf-8"):
        sniff(b"a,b\n\xe4,2\n", "a.csv", Given(encoding="utf-8"))


def test_found_words_are_kept_beside_given_ones():
    """A word that the user calls a value is not missing."""
    found = sniff(b"a,b\n1,?\n2,n.d.\n", "a.csv", Given(missing=("-999",), values=("n.d.",))).dialect
    assert found.missing == ("-999", "?")
    assert with_given(found, NOTHING).missing == ("-999", "?")
