"""Arrow arrays from numpy arrays and texts, and back, without pandas.

``pyarrow.array``, ``pyarrow.scalar`` and ``to_numpy`` import pandas, to see whether they were given or should
return something of pandas. That takes longer than scoring a small table.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_TYPES = {np.dtype(np.float64): pa.float64(), np.dtype(np.int64): pa.int64()}


def arrow_numbers(values: NDArray[Any], *, nan_as_null: bool = False) -> pa.Array:
    """An array of float64 or int64, shape (n_rows,), which shares its memory."""
    buffers = [None, pa.py_buffer(np.ascontiguousarray(values))]
    array = pa.Array.from_buffers(_TYPES[values.dtype], len(values), buffers)
    return pc.if_else(pc.is_nan(array), null(array.type), array) if nan_as_null else array


def arrow_booleans(values: NDArray[np.bool_]) -> pa.Array:
    """An array of booleans, shape (n_rows,)."""
    return pa.Array.from_buffers(pa.bool_(), len(values), [None, _bits(values)])


def arrow_texts(cells: Sequence[str | None], kind: pa.DataType | None = None) -> pa.Array:
    """Texts as an array, null for None; ``kind`` is a type of text with 32-bit or 64-bit offsets."""
    return _pieces([None if cell is None else cell.encode() for cell in cells], kind or pa.string())


def arrow_bytes(cells: Sequence[bytes]) -> pa.Array:
    """Bytes as an array of large binary."""
    return _pieces(cells, pa.large_binary())


def null(kind: pa.DataType) -> pa.Scalar:
    """A null of a type."""
    return pa.nulls(1, kind)[0]


def numpy_floats(column: pa.Array | pa.ChunkedArray) -> NDArray[np.float64]:
    """A column of float64 as numbers, shape (n_rows,), NaN where it is null."""
    pieces = [_floats(chunk) for chunk in getattr(column, "chunks", [column])]
    return pieces[0] if len(pieces) == 1 else np.concatenate([np.zeros(0), *pieces])


def _floats(array: pa.Array) -> NDArray[np.float64]:
    values = np.frombuffer(array.buffers()[1] or b"", dtype=np.float64)
    values = values[array.offset : array.offset + len(array)]
    if not array.null_count:
        return values
    valid = array.is_valid().cast(pa.uint8())
    is_valid = np.frombuffer(valid.buffers()[1], dtype=np.uint8)[valid.offset : valid.offset + len(valid)]
    return np.where(is_valid == 1, values, np.nan)


def _pieces(cells: Sequence[bytes | None], kind: pa.DataType) -> pa.Array:
    """Pieces of bytes as an array of a type of texts or bytes; raises ArrowInvalid if they are too long."""
    is_large = pa.types.is_large_string(kind) or pa.types.is_large_binary(kind)
    offsets = np.zeros(len(cells) + 1, dtype=np.int64)
    np.cumsum([len(cell or b"") for cell in cells], out=offsets[1:])
    if not is_large and offsets[-1] > np.iinfo(np.int32).max:
        raise pa.ArrowInvalid(f"{offsets[-1]:,} bytes do not fit in one array of {kind}")
    content = pa.py_buffer(b"".join(cell or b"" for cell in cells))
    present = np.array([cell is not None for cell in cells], dtype=bool)
    mask = None if present.all() else _bits(present)
    where = pa.py_buffer(offsets if is_large else offsets.astype(np.int32))
    return pa.Array.from_buffers(kind, len(cells), [mask, where, content])


def _bits(values: NDArray[np.bool_]) -> pa.Buffer:
    return pa.py_buffer(np.packbits(values, bitorder="little"))
