"""How far a growing table has been read: a value of its cursor column, with its kind."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from shopkeeper.core.errors import SourceError

MarkKind = Literal["number", "time", "written_time", "text"]


@dataclass(frozen=True, slots=True)
class Mark:
    """One value of a cursor column.

    Parameters
    ----------
    kind
        ``number``, ``time`` (the database's own), ``written_time`` (a time kept as text, as in
        SQLite) or ``text``.
    value
        As text; times in ISO 8601.
    """

    kind: MarkKind
    value: str

    @classmethod
    def of(cls, value: Any, column: str) -> Mark:
        """The mark of a value as a driver gave it.

        Raises
        ------
        SourceError
            If the type has no order that can be relied on.
        """
        if isinstance(value, bool) or value is None or isinstance(value, bytes):
            raise SourceError(
                f"cursor column {column} holds {type(value).__name__} values",
                next_step="Choose a column that only grows: a number or a time of change",
                column=column,
            )
        if isinstance(value, int | float | Decimal):
            return cls("number", str(value))
        if isinstance(value, dt.datetime):
            return cls("time", value.isoformat())
        if isinstance(value, dt.date):
            return cls("written_time", value.isoformat())
        text = str(value)
        return cls("written_time" if _written(text) is not None else "text", text)

    @property
    def native(self) -> Any:
        """The value as it is bound to a query."""
        if self.kind == "number":
            return _number(self.value)
        if self.kind == "time":
            return dt.datetime.fromisoformat(self.value)
        return self.value

    def lowered(self, overlap: float) -> Any:
        """Where the next reading begins: this value less the overlap.

        Parameters
        ----------
        overlap
            Seconds for times, steps for numbers; texts have none.

        Returns
        -------
        Any
            A value to bind; equal or earlier rows than this mark's are at or above it.
        """
        if self.kind == "number":
            return _number(self.value) - int(overlap)
        if self.kind == "time":
            return self.native - dt.timedelta(seconds=overlap)
        if self.kind == "written_time":
            return _earlier(self.value, overlap)
        return self.value

    def check_after(self, earlier: Mark, column: str) -> None:
        """Refuse a column whose values do not grow as the database sorts them.

        Raises
        ------
        SourceError
            If kinds differ, or this value lies before ``earlier``.
        """
        if self.kind != earlier.kind:
            raise SourceError(
                f"cursor column {column} mixes values such as {earlier.value!r} and {self.value!r}",
                next_step="Choose a column of one type, or convert it in a query",
                column=column,
            )
        if _order(self) < _order(earlier):
            raise SourceError(
                f"cursor column {column} does not grow: {self.value!r} was sorted after "
                f"{earlier.value!r}",
                next_step="Choose a number or a time of change; convert a text by CAST in a query",
                column=column,
            )

    @property
    def moment(self) -> dt.datetime | None:
        """As a moment, if it is one; without a zone where the source has none."""
        if self.kind == "time":
            return dt.datetime.fromisoformat(self.value)
        return _written(self.value) if self.kind == "written_time" else None


def _number(text: str) -> int | Decimal:
    try:
        return int(text)
    except ValueError:
        return Decimal(text)


def _order(mark: Mark) -> Any:
    """What is compared; digits kept as text sort wrongly and are found by their number."""
    if mark.kind == "text" and mark.value.isdigit():
        try:
            return f"{Decimal(mark.value):040f}"
        except InvalidOperation:
            return mark.value
    return mark.native


def _written(text: str) -> dt.datetime | None:
    # Only whole dates sort as text; "2024" and "20240102" are numbers to everybody else.
    if len(text) < 10 or text[4:5] != "-" or text[7:8] != "-":
        return None
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError:
        return None


def _earlier(text: str, overlap: float) -> str:
    """A shorter text that sorts at or before every form of the earlier moment."""
    moment = _written(text)
    if moment is None:
        return text
    earlier = moment - dt.timedelta(seconds=overlap)
    if len(text) == 10:
        return earlier.date().isoformat()
    if overlap == 0:
        return text
    return f"{earlier:%Y-%m-%d}{text[10]}{earlier:%H:%M:%S}"
