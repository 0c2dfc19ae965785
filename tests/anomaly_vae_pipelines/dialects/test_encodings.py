"""The encoding of a text is certain, or asked about."""

from __future__ import annotations

import pytest

from anomaly_vae_pipelines.dialects.encodings import find_encoding, is_encoded, is_single_byte, mark_of
from anomaly_vae_pipelines.errors import AmbiguousError, SourceError

GERMAN = "Straße;Größe;Öl\nKöln;1,80 €;süß\n"


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16-le", "utf-16-be"])
def test_western_text_is_decoded_as_it_was_encoded(encoding):
    """The found encoding gives the same text, whichever it was."""
    assert GERMAN.encode(encoding).decode(find_encoding(GERMAN.encode(encoding), "a.csv")) == GERMAN


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_decides(encoding):
    data = GERMAN.encode(encoding)
    assert data[len(mark_of(data)) :].decode(find_encoding(data, "a.csv")) == GERMAN


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Łódź,1", "cp1250"),
        ("Москва,1", "cp1251"),
        ("Köln,1", "cp850"),
        ("Αθήνα,1", "cp1253"),
        ("日本,1", "shift_jis"),
    ],
)
def test_other_encodings_are_asked_about(text, encoding):
    """Read as cp1252 they would be other words, without a sign that something is wrong."""
    with pytest.raises(AmbiguousError, match="--encoding"):
        find_encoding(f"a,b\n{text}\n".encode(encoding), "a.csv")


def test_the_question_shows_the_word_in_each_encoding():
    with pytest.raises(AmbiguousError, match=r"a.csv, line 2: .*'Łódź' with --encoding cp1250"):
        find_encoding("a,b\nŁódź,1\n".encode("cp1250"), "a.csv")


def test_a_binary_file_is_refused():
    with pytest.raises(SourceError, match="NUL byte"):
        find_encoding(bytes(range(256)), "a.csv")


def test_a_character_that_is_cut_at_the_end_is_no_error():
    assert is_encoded("aä".encode()[:-1], "utf-8")
    assert not is_encoded(b"\xe4b", "utf-8")


def test_single_byte_encodings_are_those_whose_lines_can_be_split_before_decoding():
    assert all(map(is_single_byte, ["cp1252", "latin-1", "cp850", "koi8-r"]))
    assert not any(map(is_single_byte, ["utf-8", "utf-16-le", "shift_jis", "cp037", "no-such-codec"]))
