"""find_encoding: the encoding of a text from its first bytes, or a question if several fit.

A text in a single-byte encoding fits all of them. It is read as cp1252, which extends Latin-1, only if its
bytes beyond ASCII are what texts of Western Europe have: single letters within words, and signs beside them.
"""

from __future__ import annotations

import codecs
import re

from anomaly_vae_pipelines.errors import AmbiguousError, SourceError

_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_LETTERS = "A-Za-zÀ-ÖØ-öø-ÿŒœŠšŽžŸ"
_RARE = "ÐðÞþÝý"
_SIGNS = "€£§°µ²³±×·«»–—‘’“”„…¼½¾®©™ªº¿¡¢¥‰‚‹›´¨ˆ˜¹"
_STRANGE = re.compile(
    f"[{_RARE}]"  # rather Polish, Czech or Icelandic
    "|[^\x00-\x7f]{3}"  # rather Cyrillic or Greek
    f"|[{_LETTERS}][€£§±×–—“”„…¼½¾®©™¢¥‰‚‹›¨ˆ˜¹´¿¡][{_LETTERS}]"  # a letter of another encoding
    f"|(?<=[{_LETTERS}])[³¹ª](?=[a-z])"
    f"|[£¥¢¿¡](?=[a-zà-ÿ])|(?<=[a-z])[ŸŒŠŽ]"
    f"|[^\x00-\x7f{_LETTERS[6:]}{_SIGNS}\xa0]"
)


def find_encoding(sample: bytes, name: str) -> str:
    """The encoding of the bytes at the start of a file; raises AmbiguousError if it is not certain."""
    for mark, encoding in _MARKS.items():
        if sample.startswith(mark):
            return encoding
    if (wide := _wide(sample)) is not None:
        return wide
    if b"\0" in sample:
        line = sample.count(b"\n", 0, sample.index(b"\0")) + 1
        raise SourceError(name, line, "contains a NUL byte; wanted text, not a binary file")
    if is_encoded(sample, "utf-8"):
        return "utf-8"
    text = sample.decode("cp1252", errors="replace")
    _refuse_mixture(sample, name)
    strange = _STRANGE.search(text) or re.search("\ufffd", text)
    if strange is None:
        return "cp1252"
    raise _unknown(sample, name)


def is_encoded(sample: bytes, encoding: str) -> bool:
    """Whether the bytes are valid in an encoding, except for a character that is cut at their end."""
    try:
        codecs.getincrementaldecoder(encoding)().decode(sample)
    except UnicodeDecodeError:
        return False
    return True


def mark_of(sample: bytes) -> bytes:
    """The byte order mark at the start of the bytes, if there is one."""
    return next((mark for mark in _MARKS if sample.startswith(mark)), b"")


def is_single_byte(encoding: str) -> bool:
    """Whether each byte is a character and those of ASCII mean themselves, so that lines can be split."""
    try:
        is_ascii = bytes(range(128)).decode(encoding) == bytes(range(128)).decode("ascii")
        pairs = [bytes([byte, 0x41]).decode(encoding, errors="replace") for byte in range(128, 256)]
    except (LookupError, UnicodeDecodeError):
        return False
    n_known = sum(len(pair) == 2 and pair[1] == "A" and pair[0] != "\ufffd" for pair in pairs)
    return is_ascii and all(len(pair) == 2 for pair in pairs) and n_known > 64


def _wide(sample: bytes) -> str | None:
    """UTF-16 without a mark, in which every other byte of ASCII text is zero."""
    pairs = sample[: len(sample) // 2 * 2][:2000]
    if len(pairs) < 4:
        return None
    for encoding, zeros, others in (
        ("utf-16-le", pairs[1::2], pairs[::2]),
        ("utf-16-be", pairs[::2], pairs[1::2]),
    ):
        if zeros.count(0) > 0.7 * len(zeros) and 0 not in others:
            return encoding
    return None


def _refuse_mixture(sample: bytes, name: str) -> None:
    """Raise SourceError if some lines have letters in UTF-8, and others have letters in another encoding."""
    lines = [line if line.endswith((b"\n", b"\r")) else b"" for line in sample.splitlines(keepends=True)]
    is_wide = {i: is_encoded(line, "utf-8") for i, line in enumerate(lines) if not line.isascii()}
    others = [i for i, wide in is_wide.items() if not wide]
    if others and len(others) < len(is_wide):
        raise SourceError(
            name, others[0] + 1, "is not UTF-8, and other lines are; write the whole file in one encoding"
        )


def _unknown(sample: bytes, name: str) -> AmbiguousError:
    """The question which encoding a file has, with the first word that tells them apart."""
    found = re.search(rb"[\x80-\xff]", sample)
    assert found is not None  # otherwise it would be UTF-8
    line = sample.count(b"\n", 0, found.start()) + 1
    word = re.findall(rb"[^\s;,|\"]*\Z", sample[: found.start()])[0]
    word += re.findall(rb"^[^\s;,|\"]*", sample[found.start() :])[0]
    readings = []
    for encoding in ("cp1252", "cp1250", "cp1251", "cp850"):
        text = word[:40].decode(encoding, errors="replace")
        if "\ufffd" not in text and text.isprintable():
            readings.append(f"{text!r} with --encoding {encoding}")
    return AmbiguousError(
        name, line, f"is not UTF-8, and its encoding is not certain: it has {', '.join(readings)}; add the "
        "option that reads the words right"
    )  # fmt: skip
