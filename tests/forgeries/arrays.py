"""Forged arrays: headers of npy members, and values of another size, order or type inside."""

from __future__ import annotations

import io
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.anomaly_vae.forging import npy, zipped
from tests.forgeries.models import Sample
from tests.forgeries.trees import Tree

_DESCRIPTIONS = [
    *("'|O'", "'<f8'", "'>f8'", "'<f2'", "'<c16'", "'<f16'", "'<i8'", "'<u1'", "'|b1'", "'<T'", "'x'", "''"),
    *("'<U0'", "'<U5'", "'<U2000000000'", "'|S3'", "'|V8'", "'<M8'", "'<M8[ns]'", "'<M8[us]'", "'<m8[D]'"),
    *("[('a', '<f4'), ('b', '<i4')]", "('<f4', (2,))", "None", "'<f8" + " " * 500 + "'"),
]
_SHAPES = [
    *("()", "(0,)", "(1,)", "(-1,)", "(0, -1)", "(-2, -3)", "(1, 1, 1)", "(True,)", "(1.0,)", "[1]", "1"),
    *("(2**33,)", "(10**5000,)", "(4294967296, 4294967296)", "(9223372036854775807,)", "('1',)"),
    *("(0, 9223372036854775807)", "(0, " + "99999999, " * 8 + ")", "(" + "1, " * 65 + ")"),
]
_EXTREMES = [
    np.nan,
    np.inf,
    -np.inf,
    1e38,
    -1e38,
    3e38,
    1e308,
    1e-40,
    5e-324,
    0.0,
    -1.0,
    -1e-3,
    2.0**31,
    2.0**33,
]


def headers(random: Random, sample: Sample, others: list[Sample]) -> bytes:
    """One array under a forged header: another dtype, shape, order, version, or an invalid header."""
    members = sample.members
    name = random.choice(sorted(name for name in members if name.endswith(".npy")))
    return zipped(members | {name: _headed(random, members[name])})


def values(random: Random, sample: Sample, others: list[Sample]) -> bytes:
    """One array with other values, or of another size or dtype, under a header that is right."""
    members = sample.members
    name = random.choice(sorted(name for name in members if name.endswith(".npy")))
    tree = Tree(sample)
    tree.members[name] = npy(forged(random, loaded(members[name])))
    return tree.sealed(random)


def loaded(content: bytes) -> NDArray[Any]:
    """The array of an npy member."""
    return np.asarray(np.load(io.BytesIO(content), allow_pickle=False))


def forged(random: Random, array: NDArray[Any]) -> NDArray[Any]:
    """An array like another, but for its values, size, or dtype."""
    array = np.array(array)
    change = random.choice((_extreme, _extreme, _extreme, _filled, _shaped, _typed, _ordered))
    with np.errstate(all="ignore"):
        return change(random, array)


def _extreme(random: Random, array: NDArray[Any]) -> NDArray[Any]:
    """One or several extreme values."""
    if array.dtype.kind not in "fiub" or not array.size:
        return _typed(random, array)
    flat = array.reshape(-1)
    for _ in range(random.choice((1, 1, 3))):
        flat[random.randrange(flat.size)] = _as(random.choice(_EXTREMES), array.dtype)
    return array


def _filled(random: Random, array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype.kind not in "fiub":
        return _typed(random, array)
    return np.full(array.shape, _as(random.choice(_EXTREMES), array.dtype), dtype=array.dtype)


def _shaped(random: Random, array: NDArray[Any]) -> NDArray[Any]:
    shapes = (array.reshape(-1), array[None], array.T, array.ravel()[:1], array.ravel()[:0], array[..., None])
    longer = np.concatenate([np.atleast_1d(array)] * 2) if array.size < 10_000 else array[:0]
    shorter = array[:-1] if array.ndim and len(array) else array.reshape(-1)
    return np.array(random.choice((*shapes, longer, shorter, shorter, longer)))


def _typed(random: Random, array: NDArray[Any]) -> NDArray[Any]:
    dtype = random.choice(("f2", ">f8", "f8", "i1", "u1", "i8", "?", "c16", "U5", "S5", "M8[s]", "m8[ns]"))
    try:
        return array.astype(dtype)
    except (TypeError, ValueError, OverflowError):
        return np.zeros(array.shape, dtype)


def _ordered(random: Random, array: NDArray[Any]) -> NDArray[Any]:
    if array.ndim == 0:
        return array[None]
    return random.choice(
        (
            array[::-1],
            np.sort(array, axis=0)[::-1],
            np.asfortranarray(array),
            -array if array.dtype.kind in "fi" else array[::-1],
        )
    )


def _as(value: float, dtype: np.dtype[Any]) -> Any:
    """A value as a dtype has it; of whole numbers the largest where it is too large."""
    if dtype.kind in "iu":
        bounds = np.iinfo(dtype)
        return int(np.clip(np.nan_to_num(value, nan=-1.0), float(bounds.min), float(bounds.max) / 2))
    return value


def _headed(random: Random, content: bytes) -> bytes:
    array = loaded(content)
    shape, description = str(array.shape), repr(array.dtype.str)
    order, magic = "False", b"\x93NUMPY\x01\x00"
    kind = random.randrange(6)
    if kind in (0, 3):
        description = random.choice(_DESCRIPTIONS)
    if kind in (1, 3):
        shape = random.choice(_SHAPES)
    if kind == 2:
        order = random.choice(("True", "None", "1", "0", "'x'"))
    if kind == 4:
        magic = random.choice(
            (b"\x93NUMPY\x02\x00", b"\x93NUMPY\x03\x00", b"\x93NUMPY\x09\x00", b"\x80\x04", b"NUMPY")
        )
    header = f"{{'descr': {description}, 'fortran_order': {order}, 'shape': {shape}, }}"
    if kind == 5:
        header = random.choice(
            ("", "{", "[" * 9_000, "{}", "None", "__import__('os')", header + "x", "(" * 3_000)
        )
    size = len(header).to_bytes(4 if magic[6:7] in (b"\x02", b"\x03") else 2, "little")
    return magic + size + header.encode() + array.tobytes()
