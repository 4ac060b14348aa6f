"""Rows in COPY's binary format, by columns: numpy lays out many rows at once, where Python would take microseconds for each. Pure.

Source: https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
END = b"\xff\xff"


@dataclass(frozen=True)
class Ragged:
    """Bytes of n rows that differ in length.

    raw  n x the longest, left-aligned; lengths  how many bytes of each row count
    """

    raw: NDArray[np.uint8]
    lengths: NDArray[np.int64]


def table(texts: Sequence[str]) -> Ragged:
    """Texts to pick from, in UTF-8."""
    held = [text.encode() for text in texts]
    lengths = np.array([len(one) for one in held], dtype=np.int64)
    # Not by way of `S`, as which numpy cuts bytes off at a zero.
    raw = np.frombuffer(b"".join(one.ljust(int(lengths.max())) for one in held), dtype=np.uint8)
    return Ragged(raw.reshape(len(held), -1), lengths)


def pick(of: Ragged, which: NDArray[np.int64]) -> Ragged:
    """The texts with these places in the table, one a row."""
    return Ragged(of.raw[which], of.lengths[which])


def digits(numbers: NDArray[np.int64]) -> Ragged:
    """Numbers from 0 up, as people write them."""
    written = numbers.astype("S20")
    return Ragged(written.view(np.uint8).reshape(len(numbers), 20), np.char.str_len(written))


def text(*pieces: Ragged) -> list[Ragged]:
    """A field of text whose pieces follow each other."""
    return [_whole(sum(piece.lengths for piece in pieces).astype(">i4")), *pieces]  # type: ignore[union-attr]


def same_text(said: str, count: int) -> list[Ragged]:
    """A field that says the same in each row."""
    return text(pick(table([said]), np.zeros(count, dtype=np.int64)))


def fixed(values: NDArray[np.generic]) -> list[Ragged]:
    """A field of one length: ids of 16 bytes, or integers that are big-endian already."""
    return [_whole(np.full(len(values), values.itemsize, dtype=">i4")), _whole(values)]


def fixed_or_null(values: NDArray[np.generic], is_null: NDArray[np.bool_]) -> list[Ragged]:
    """The same, where some rows have none."""
    size = np.where(is_null, -1, values.itemsize)
    return [_whole(size.astype(">i4")), Ragged(_whole(values).raw, np.maximum(size, 0))]


def join(*fields: list[Ragged]) -> bytes:
    """Whole rows, without head and end."""
    columns = [column for field in fields for column in field]
    columns.insert(0, _whole(np.full(len(columns[0].lengths), len(fields), dtype=">i2")))
    raw = np.concatenate([column.raw for column in columns], axis=1)
    whole: NDArray[np.uint8] = raw[np.concatenate([_counting(column) for column in columns], axis=1)]
    return whole.tobytes()


def _counting(of: Ragged) -> NDArray[np.bool_]:
    width = of.raw.shape[1]
    # Of all that is done here, comparing takes longest: bytes take a tenth of what 64 bits do.
    kind = np.min_scalar_type(width)
    return np.arange(width, dtype=kind) < of.lengths.astype(kind)[:, None]


def _whole(values: NDArray[np.generic]) -> Ragged:
    raw = np.ascontiguousarray(values).view(np.uint8).reshape(len(values), values.itemsize)
    return Ragged(raw, np.full(len(values), values.itemsize, dtype=np.int64))
