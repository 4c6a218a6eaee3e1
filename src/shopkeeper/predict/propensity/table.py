"""Any table as numbers and words: which columns can be learned from, and how they are read.

The layout is decided once, on the training table, and read again for every later one: a word
never seen then counts as unknown, a column that is absent as empty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.core.errors import InputError
from shopkeeper.predict.history import DAY_US, Floats, Ints
from shopkeeper.predict.propensity.parse import as_day, as_number, day_format

Kind = Literal["number", "category", "date"]
MOST_LEVELS = 400
"""Further words of a column, the rarest ones, count as unknown."""

WHY_DROPPED: dict[str, tuple[str, str]] = {
    "empty": ("没有任何取值", "it holds no value"),
    "constant": ("所有行取值相同", "it has the same value in every row"),
    "id": ("几乎每行都不同，像是编号", "it differs in nearly every row, like an id"),
    "excluded": ("已被排除", "it was excluded"),
    "nested": ("不是单个值", "it does not hold single values"),
}
"""Reasons for leaving a column out, in Chinese and English."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column that is learned from.

    Parameters
    ----------
    name : str
        As in the table.
    kind : Kind
        How it is read; a date becomes the days before the reference moment.
    levels : tuple[str, ...]
        Known words of a category, in order.
    day_format : str
        How a date is written, where it is text.
    """

    name: str
    kind: Kind
    levels: tuple[str, ...] = ()
    day_format: str = ""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a table is read.

    Parameters
    ----------
    columns : tuple[Column, ...]
        Numbers and dates first, then categories.
    reference_us : int
        Moment that dates are counted back from, microseconds UTC.
    dropped : Mapping[str, str]
        Columns left out, with a key of `WHY_DROPPED`.
    """

    columns: tuple[Column, ...]
    reference_us: int
    dropped: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Columns in order."""
        return tuple(x.name for x in self.columns)

    @property
    def numbers(self) -> int:
        """How many columns are numbers or dates."""
        return sum(x.kind != "category" for x in self.columns)

    def read(self, table: pa.Table) -> Sheet:
        """Read a table.

        Parameters
        ----------
        table : pa.Table
            Columns by name; further ones are ignored, absent ones are empty.

        Returns
        -------
        Sheet
            Its rows, in order.
        """
        rows = table.num_rows
        values = np.full((rows, self.numbers), np.nan)
        codes = np.full((rows, len(self.columns) - self.numbers), -1, dtype=np.int64)
        for at, column in enumerate(self.columns):
            if column.name not in table.column_names:
                continue
            given = table.column(column.name)
            if column.kind == "category":
                codes[:, at - self.numbers] = _codes(given, column.levels)
            elif column.kind == "date":
                day_us = as_day(given, column.day_format)
                values[:, at] = (self.reference_us - day_us) / DAY_US
            else:
                values[:, at] = as_number(given)
        return Sheet(self, values, codes)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        columns = [{k: getattr(x, k) for k in Column.__slots__} for x in self.columns]
        return {
            "columns": columns, "reference_us": self.reference_us, "dropped": dict(self.dropped)
        }  # fmt: skip

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Layout:
        """Read what `to_json` wrote.

        Parameters
        ----------
        stored : Mapping[str, Any]
            The JSON object.

        Returns
        -------
        Layout
            The same.
        """
        columns = tuple(Column(**{**x, "levels": tuple(x["levels"])}) for x in stored["columns"])
        return cls(columns, stored["reference_us"], stored["dropped"])


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table as read.

    Parameters
    ----------
    layout : Layout
        Its columns.
    values : Floats
        Numbers and dates; shape (rows, numbers); NaN where missing.
    codes : Ints
        Place of each word among its column's levels; -1 where missing or unknown.
    """

    layout: Layout
    values: Floats
    codes: Ints

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.values)

    def take(self, rows: Any) -> Sheet:
        """Return some rows.

        Parameters
        ----------
        rows : Any
            Positions or a mask.

        Returns
        -------
        Sheet
            Those rows.
        """
        return Sheet(self.layout, self.values[rows], self.codes[rows])

    def matrix(self) -> Floats:
        """Return numbers and codes side by side, words as codes with NaN for unknown."""
        words = np.where(self.codes < 0, np.nan, self.codes.astype(np.float64))
        return np.column_stack([self.values, words])


def plan_layout(
    table: pa.Table, *, exclude: Sequence[str] = (), reference_us: int | None = None
) -> Layout:
    """Decide how the columns of a table are read.

    Numbers stay numbers, also where they are written as text; booleans and words are categories;
    dates become days. Empty and constant columns are left out, and so are columns that differ in
    nearly every row and are no measure: ids and free text.

    Parameters
    ----------
    table : pa.Table
        The training rows.
    exclude : Sequence[str]
        Columns to leave out: outcome, customer, moment, and those the user names.
    reference_us : int | None
        Moment that dates are counted back from; None takes the latest date there is.

    Returns
    -------
    Layout
        How to read this table and later ones.

    Raises
    ------
    InputError
        When a name is excluded that is no column, or a date lies after the given moment.
    """
    unknown = [x for x in exclude if x not in table.column_names]
    if unknown:
        raise InputError(
            f"there is no column {unknown[0]!r} to exclude",
            next_step=f"columns are: {', '.join(table.column_names)}",
            column=unknown[0],
        )
    numbers: list[Column] = []
    words: list[Column] = []
    dropped: dict[str, str] = dict.fromkeys(exclude, "excluded")
    latest = reference_us
    for name in table.column_names:
        if name in dropped:
            continue
        found, why, last_us = _plan(name, table.column(name))
        if found is None:
            dropped[name] = why
            continue
        if found.kind == "date":
            _not_later(name, last_us, reference_us)
            latest = max(latest or last_us, last_us)
        (words if found.kind == "category" else numbers).append(found)
    return Layout((*numbers, *words), latest or 0, dropped)


def _plan(name: str, given: pa.ChunkedArray) -> tuple[Column | None, str, int]:
    kind = given.type
    if pa.types.is_nested(kind) or pa.types.is_binary(kind):
        return None, "nested", 0
    if given.null_count == len(given):
        return None, "empty", 0
    if pa.types.is_temporal(kind) and not pa.types.is_time(kind):
        return _date(name, given, "")
    if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        return _number(name, as_number(given), whole=pa.types.is_integer(kind))
    text = pc.utf8_trim_whitespace(given.cast(pa.string()))
    return _text(name, pc.if_else(pc.equal(text, ""), None, text))


def _text(name: str, text: pa.ChunkedArray) -> tuple[Column | None, str, int]:
    seen = len(text) - text.null_count
    if seen == 0:
        return None, "empty", 0
    read = as_number(text)
    if int(np.isfinite(read).sum()) >= 0.98 * seen:
        return _number(name, read, whole=False)
    written = day_format(text)
    if written:
        return _date(name, text, written)
    counted = pc.value_counts(text.combine_chunks().drop_null())
    words = counted.field("values").to_pylist()
    often = counted.field("counts").to_numpy()
    if len(words) == 1 and seen == len(text):
        return None, "constant", 0
    if len(words) > max(0.5 * seen, 20):
        return None, "id", 0
    order = sorted(range(len(words)), key=lambda at: (-int(often[at]), words[at]))
    levels = tuple(sorted(words[at] for at in order[:MOST_LEVELS]))
    return Column(name, "category", levels), "", 0


def _number(name: str, values: Floats, *, whole: bool) -> tuple[Column | None, str, int]:
    seen = values[np.isfinite(values)]
    if not len(seen):
        return None, "empty", 0
    if len(seen) == len(values) and seen.min() == seen.max():
        return None, "constant", 0
    distinct = len(np.unique(seen))
    named_id = name.lower() == "id" or name.lower().endswith(("_id", "id"))
    consecutive = whole and len(seen) > 20 and seen.max() - seen.min() == len(seen) - 1
    if whole and distinct == len(seen) and len(seen) > 20 and (named_id or consecutive):
        return None, "id", 0
    return Column(name, "number"), "", 0


def _date(name: str, given: Any, written: str) -> tuple[Column | None, str, int]:
    day_us = as_day(given, written)
    seen = day_us[np.isfinite(day_us)]
    if not len(seen):
        return None, "empty", 0
    if len(seen) == len(day_us) and seen.min() == seen.max():
        return None, "constant", 0
    return Column(name, "date", day_format=written), "", int(seen.max())


def _not_later(name: str, last_us: int, reference_us: int | None) -> None:
    if reference_us is not None and last_us > reference_us:
        day = np.datetime64(last_us, "us").astype("datetime64[D]")
        raise InputError(
            f"column {name!r} holds dates after the moment of the prediction, such as {day}",
            next_step="exclude it, or give the moment at which it was known",
            column=name,
        )


def _codes(given: pa.ChunkedArray, levels: Sequence[str]) -> Ints:
    text = pc.utf8_trim_whitespace(given.cast(pa.string()))
    found = pc.index_in(text, value_set=pa.array(levels, pa.string()))
    return np.asarray(pc.fill_null(found, -1).to_numpy(zero_copy_only=False), dtype=np.int64)
