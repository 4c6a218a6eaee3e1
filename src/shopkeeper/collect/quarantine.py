"""Rows that are not admitted: which, why, and how that reads."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.collect.mapping import SourceMapping
from shopkeeper.collect.reasons import CODES, NUMBER, REASONS
from shopkeeper.collect.sources.base import RawBatch, Refused
from shopkeeper.collect.text import json_objects
from shopkeeper.core import columns as c
from shopkeeper.core.tables import ARROW_TYPES, QUARANTINE

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
SHOWN = 80
"""Characters of a value that a sentence quotes."""


class Faults:
    """Faults of the rows of one chunk; the first found of a row is the one that counts.

    Parameters
    ----------
    batch
        The chunk as read.
    mapping
        Names the headers by which people know the fields.
    """

    def __init__(self, batch: RawBatch, mapping: SourceMapping) -> None:
        self._batch = batch
        self._mapping = mapping
        self._reason = np.zeros(batch.rows.num_rows, dtype=np.int16)
        self._field = np.zeros(batch.rows.num_rows, dtype=np.int16)
        self._fields: list[str] = []
        self._values: list[tuple[Int64s, pa.Array]] = []
        self._later: list[pa.Table] = []

    def add(self, where: Bools, reason: str, field: str, values: pa.Array | None) -> None:
        """Note a fault.

        Parameters
        ----------
        where
            Rows it holds for; those with an earlier fault keep that.
        reason
            Code.
        field
            Column of the contract.
        values
            What the sentence quotes, for all rows; None quotes nothing.
        """
        where = where & (self._reason == 0)
        if not where.any():
            return
        name = " + ".join(self._mapping.columns.get(field, (str(field),)))
        if name not in self._fields:
            self._fields.append(name)
        self._reason[where] = NUMBER[reason]
        self._field[where] = self._fields.index(name)
        if values is not None:
            at = np.flatnonzero(where)
            self._values.append((at, values.take(pa.array(at))))

    def good(self) -> Bools:
        """Rows without fault."""
        return np.asarray(self._reason == 0)

    def add_later(
        self, numbers: Int64s, raw: pa.Table, reason: str, field: str, values: pa.Array
    ) -> None:
        """Note rows that were refused after parsing (duplicates).

        Parameters
        ----------
        numbers
            Their row numbers.
        raw
            Their columns as read.
        reason
            Code.
        field
            Key of the contract.
        values
            What the sentence quotes.
        """
        if not len(numbers):
            return
        name = " + ".join(self._mapping.columns.get(field, (str(field),)))
        codes = np.full(len(numbers), NUMBER[reason], dtype=np.int16)
        fields = pa.repeat(pa.scalar(name), len(numbers))
        self._later.append(_table(numbers, codes, fields, values, json_objects(raw)))

    def table(self) -> pa.Table:
        """All refused rows by row number: the quarantine's columns without load, table and time."""
        parts = [self._parsed(), _unsplit(self._batch.refused), *self._later]
        joined = pa.concat_tables([x for x in parts if x.num_rows] or parts[:1])
        order = pc.sort_indices(joined, sort_keys=[(str(c.ROW_NUMBER), "ascending")])
        return joined.take(order)

    def _parsed(self) -> pa.Table:
        bad = np.flatnonzero(self._reason != 0)
        values = np.full(len(self._reason), None, dtype=object)
        for at, shown in self._values:
            values[at] = shown.cast(pa.string()).to_numpy(zero_copy_only=False)
        names = np.array([*self._fields, ""], dtype=object)
        return _table(
            self._batch.numbers[bad],
            self._reason[bad],
            pa.array(names[self._field[bad]], pa.string()),
            pa.array(values[bad], pa.string()),
            json_objects(self._batch.rows.take(pa.array(bad))),
        )


def stamped(faults: pa.Table, *, load_id: str, table: str, path: str, now: dt.datetime) -> pa.Table:
    """Refused rows as the quarantine keeps them.

    Parameters
    ----------
    faults
        From :meth:`Faults.table`.
    load_id, table, path
        Which load.
    now
        Moment of the load.

    Returns
    -------
    pa.Table
        Under the contract ``QUARANTINE``.
    """
    n = faults.num_rows
    fixed = {
        str(c.LOAD_ID): pa.repeat(pa.scalar(load_id), n),
        str(c.TABLE_NAME): pa.repeat(pa.scalar(table), n),
        str(c.PATH): pa.repeat(pa.scalar(path), n),
        str(c.CREATED_AT): pa.repeat(pa.scalar(now, ARROW_TYPES["timestamp"]), n),
    }
    for name, values in fixed.items():
        faults = faults.append_column(name, values)
    return QUARANTINE.cast(faults.drop_columns(["value"]))


def _unsplit(refused: Sequence[Refused]) -> pa.Table:
    return _table(
        np.array([x.number for x in refused], dtype=np.int64),
        np.array([NUMBER[x.reason] for x in refused], dtype=np.int16),
        pa.array([""] * len(refused), pa.string()),
        pa.array([x.detail for x in refused], pa.string()),
        json_objects(pa.table({"line": pa.array([x.raw for x in refused], pa.string())})),
    )


def _table(
    numbers: Int64s, codes: npt.NDArray[np.int16], fields: pa.Array, values: pa.Array, raw: pa.Array
) -> pa.Table:
    reason = pa.array(np.array(CODES, dtype=object)[codes], pa.string())
    shown = pc.utf8_slice_codeunits(pc.fill_null(values, ""), 0, SHOWN)
    return pa.table(
        {
            str(c.ROW_NUMBER): pa.array(numbers, pa.int64()),
            str(c.FIELD): fields,
            str(c.REASON): reason,
            str(c.REASON_ZH): _sentences(codes, fields, shown, "zh"),
            str(c.REASON_EN): _sentences(codes, fields, shown, "en"),
            str(c.NEXT_STEP): pa.array(
                [REASONS[x].next_step if x else "" for x in CODES], pa.string()
            ).take(pa.array(codes)),
            str(c.RAW): pc.fill_null(raw, "{}"),
            "value": shown,
        }
    )


def _sentences(
    codes: npt.NDArray[np.int16], fields: pa.Array, values: pa.Array, language: str
) -> pa.Array:
    result = pa.nulls(len(codes), pa.string())
    for code in np.unique(codes):
        text = getattr(REASONS[CODES[code]], language)
        for name, filler in (("{field}", fields), ("{value}", values)):
            text = (
                _filled(text, name, filler)
                if isinstance(text, str)
                else _filled_all(text, name, filler)
            )
        mine = pa.array(codes == code)
        result = pc.if_else(mine, text, result)
    return result


def _filled(text: str, name: str, filler: pa.Array) -> str | pa.Array:
    if name not in text:
        return text
    before, after = text.split(name, 1)
    return pc.binary_join_element_wise(before, filler, after, "")


def _filled_all(texts: pa.Array, name: str, filler: pa.Array) -> pa.Array:
    """The same for texts that already differ by row; they share what follows the mark."""
    parts = pc.split_pattern(texts, name, max_splits=1)
    if (pc.max(pc.list_value_length(parts)).as_py() or 0) < 2:
        return texts
    return pc.binary_join_element_wise(
        pc.list_element(parts, 0), filler, pc.list_element(parts, 1), ""
    )
