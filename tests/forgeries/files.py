"""Damage of the file itself: its bytes, its members, and the headers of the zip around them."""

from __future__ import annotations

import struct
from random import Random

from tests.anomaly_vae.forging import zipped
from tests.forgeries.models import Sample

_LOCAL = b"PK\x03\x04"
_CENTRAL = b"PK\x01\x02"
_END = b"PK\x05\x06"
# Fields of the headers: offset and format.
_FIELDS = {
    _LOCAL: dict(zip((4, 6, 8, 14, 18, 22, 26, 28), "HHHIIIHH", strict=True)),
    _CENTRAL: dict(zip((6, 8, 10, 16, 20, 24, 28, 30, 32, 34, 38, 42), "HHHIIIHHHHII", strict=True)),
    _END: dict(zip((4, 6, 8, 10, 12, 16, 20), "HHHHIIH", strict=True)),
}


def bits(random: Random, sample: Sample, others: list[Sample]) -> bytes:
    """The file with one to eight bytes or bits changed, cut off, doubled or filled in."""
    content = bytearray(sample.content)
    for _ in range(random.choice((1, 1, 1, 2, 8))):
        _damage(random, content)
    return bytes(content)


def repaired(random: Random, sample: Sample, others: list[Sample]) -> bytes:
    """The same damage inside one member, under checksums that are right."""
    members = sample.members
    name = random.choice(sorted(members))
    content = bytearray(members[name])
    for _ in range(random.choice((1, 1, 1, 2, 8))):
        _damage(random, content)
    return zipped(members | {name: bytes(content)})


def members(random: Random, sample: Sample, others: list[Sample]) -> bytes:
    """Members dropped, doubled, renamed or swapped, also with those of other files; or wrong headers."""
    return random.choice((_dropped, _added, _swapped, _foreign, _doubled, _headers, _headers, _headers))(
        random, sample, others
    )


def _damage(random: Random, content: bytearray) -> None:
    if not content:
        return
    place, length = random.randrange(len(content)), random.choice((1, 4, 64, 4096))
    kind = random.randrange(6)
    if kind <= 1:
        content[place] ^= 1 << random.randrange(8)
    elif kind == 2:
        content[place] = random.randrange(256)
    elif kind == 3:
        del content[place : place + length]
    elif kind == 4:
        content[place:place] = content[place : place + length]
    else:
        content[place : place + length] = random.choice((b"\x00", b"\xff")) * length


def _dropped(random: Random, sample: Sample, others: list[Sample]) -> bytes:
    found = sample.members
    for name in random.sample(sorted(found), min(len(found), random.choice((1, 1, 2)))):
        del found[name]
    return zipped(found)


def _added(random: Random, sample: Sample, others: list[Sample]) -> bytes:
    names = (
        "0.npy",
        "00.npy",
        "9.npy",
        "../1.npy",
        "1.NPY",
        "schema.json ",
        "schema.json/",
        " ",
        "a/b",
        "x" * 65_000,
    )
    content = random.choice((b"", b"{}", b"\x80\x04.", sample.members["schema.json"]))
    return zipped(sample.members | {random.choice(names): content})


def _swapped(random: Random, sample: Sample, others: list[Sample]) -> bytes:
    found = sample.members
    arrays = [name for name in sorted(found) if name.endswith(".npy")]
    one, other = random.sample(arrays if random.random() < 0.8 else sorted(found), 2)
    found[one], found[other] = found[other], found[one]
    return zipped(found)


def _foreign(random: Random, sample: Sample, others: list[Sample]) -> bytes:
    """A member of another file in the place of one of this; arrays take any array's place."""
    found, theirs = sample.members, random.choice(others).members
    name = random.choice(sorted(found))
    same = [other for other in sorted(theirs) if other.rpartition(".")[2] == name.rpartition(".")[2]]
    return zipped(found | {name: theirs[random.choice(same)]})


def _doubled(random: Random, sample: Sample, others: list[Sample]) -> bytes:
    """Two members of one name: written under another of the same length, and renamed in the bytes."""
    found = sample.members
    name = random.choice(sorted(found))
    mask = "#" * len(name)
    content = random.choice((found[name], b"{}", b""))
    order = random.choice(({**found, mask: content}, {mask: content, **found}))
    data = zipped(order)
    where = random.choice((1, 2, 2))
    return data.replace(mask.encode(), name.encode(), where)


def _headers(random: Random, sample: Sample, others: list[Sample]) -> bytes:
    """One to three fields changed in local headers, the directory, or its end: they contradict each other."""
    content = bytearray(sample.content)
    for _ in range(random.choice((1, 1, 2, 3))):
        magic = random.choice((_LOCAL, _CENTRAL, _END))
        offset, kind = random.choice(list(_FIELDS[magic].items()))
        start = random.choice(_starts(content, magic)) + offset
        largest = 2 ** (8 * struct.calcsize(f"<{kind}")) - 1
        (old,) = struct.unpack_from(f"<{kind}", content, start)
        new = random.choice(
            (0, 1, 8, old + 1, max(old - 1, 0), old ^ 0x800, old * 2, largest, random.randint(0, largest))
        )
        struct.pack_into(f"<{kind}", content, start, min(new, largest))
    return bytes(content)


def _starts(content: bytes | bytearray, magic: bytes) -> list[int]:
    starts, place = [], content.find(magic)
    while place >= 0:
        starts.append(place)
        place = content.find(magic, place + 4)
    return starts or [0]
