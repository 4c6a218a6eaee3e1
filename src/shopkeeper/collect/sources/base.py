"""What every reader hands on, and how readers are told to read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shopkeeper.core.errors import MappingError

Int64s = npt.NDArray[np.int64]

MAX_LINE_BYTES = 1 << 20
"""A physical line above this is refused without being kept."""
HEAD_BYTES = 200
"""How much of a refused line is shown."""


@dataclass(frozen=True, slots=True)
class Refused:
    """One record that could not be split into columns.

    Parameters
    ----------
    number
        Row number in the source, from 1, header excluded.
    reason
        Code in :data:`shopkeeper.collect.reasons.REASONS`.
    raw
        The record as far as it was kept.
    detail
        What exactly was seen, such as ``3 of 8 columns``.
    """

    number: int
    reason: str
    raw: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class RawBatch:
    """Records as read: text (or the source's own types) and where they stood.

    Parameters
    ----------
    rows
        One column per header; text unless the source is typed.
    numbers
        Row number of each row, ascending; shape ``(rows,)``.
    refused
        Records of the same stretch that did not become rows.
    """

    rows: pa.Table
    numbers: Int64s
    refused: tuple[Refused, ...] = ()

    @property
    def records(self) -> int:
        """Rows and refused records together."""
        return int(self.rows.num_rows) + len(self.refused)

    @property
    def last(self) -> int:
        """Highest row number; 0 without records."""
        rows = int(self.numbers[-1]) if len(self.numbers) else 0
        return max(rows, max((x.number for x in self.refused), default=0))


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read a source; every field has a working default.

    Parameters
    ----------
    header
        Whether the first record names the columns; None finds out.
    delimiter
        One character, ``whitespace`` for runs of blanks, or None to find out.
    encoding
        A codec name, or None to find out.
    sheet
        Sheet of a workbook; None takes the one with most rows.
    skip_lines
        Physical lines above the header to leave out.
    columns
        Names for a source without a header; empty means ``column_1`` and so on.
    layout
        ``rows``, or ``baskets`` for one basket a line, its items separated.
    query
        SQL text or table name when the source is a database.
    max_line_bytes
        Longest physical line accepted.
    """

    header: bool | None = None
    delimiter: str | None = None
    encoding: str | None = None
    sheet: str | None = None
    skip_lines: int = 0
    columns: tuple[str, ...] = ()
    layout: Literal["rows", "baskets"] = "rows"
    query: str | None = None
    max_line_bytes: int = MAX_LINE_BYTES

    @classmethod
    def from_dict(cls, given: dict[str, Any]) -> ReadOptions:
        """Read the ``file`` part of a mapping.

        Raises
        ------
        MappingError
            If a key is unknown.
        """
        known = {x.name for x in fields(cls)}
        unknown = sorted(set(given) - known)
        if unknown:
            raise MappingError(
                f"the mapping's file section has no option {', '.join(unknown)}",
                next_step=f"Known options: {', '.join(sorted(known))}",
                options=unknown,
            )
        values = dict(given)
        if "columns" in values:
            values["columns"] = tuple(str(x) for x in values["columns"])
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Only what differs from the defaults."""
        plain = ReadOptions()
        found = {x.name: getattr(self, x.name) for x in fields(self)}
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in found.items()
            if value != getattr(plain, key)
        }


@dataclass(slots=True)
class Reading:
    """What became known while a source was read.

    Parameters
    ----------
    bytes_done
        Bytes of the source consumed so far.
    notes
        Sentences (Chinese, English) for the report.
    """

    bytes_done: int = 0
    notes: list[tuple[str, str]] = field(default_factory=list)


class Source(Protocol):
    """One thing that is loaded as a whole: a file, a sheet, a query, a frame."""

    @property
    def name(self) -> str:
        """Path or address, without secrets."""
        ...

    @property
    def format(self) -> str:
        """csv, excel, parquet, jsonl, sql or arrow."""
        ...

    @property
    def size(self) -> int:
        """Bytes known at the start; 0 when unknown."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """Headers in order, unique; for JSON lines those of the first records."""
        ...

    @property
    def has_header(self) -> bool:
        """Whether the names come from the source itself."""
        ...

    @property
    def notes(self) -> Sequence[tuple[str, str]]:
        """What the reader had to find out or choose, as (Chinese, English) sentences."""
        ...

    def digest(self) -> str:
        """Hexadecimal digest of the content known at the start."""
        ...

    def batches(self, reading: Reading) -> Iterator[RawBatch]:
        """Records in order, in bounded memory; may be called again."""
        ...


def unique_names(headers: Sequence[str]) -> tuple[str, ...]:
    """Headers made usable: trimmed, never empty, never twice.

    Examples
    --------
    >>> unique_names(["id", " id ", ""])
    ('id', 'id_2', 'column_3')
    """
    seen: dict[str, int] = {}
    names = []
    for position, header in enumerate(headers, start=1):
        base = header.strip().lstrip("\ufeff").strip() or f"column_{position}"
        seen[base] = seen.get(base, 0) + 1
        names.append(base if seen[base] == 1 else f"{base}_{seen[base]}")
    return tuple(names)


def rechunk(batches: Iterator[RawBatch], chunk_rows: int) -> Iterator[RawBatch]:
    """Gather and cut batches so that each holds ``chunk_rows`` records, the last one fewer.

    The result depends on the content alone, so that a repeated load meets the
    same chunks.

    Parameters
    ----------
    batches
        In source order.
    chunk_rows
        Row numbers of one chunk.

    Yields
    ------
    RawBatch
    """
    held: list[RawBatch] = []
    start, last = 1, 0
    for batch in batches:
        if not batch.records:
            continue
        held.append(batch)
        last = max(last, batch.last)
        while last - start + 1 >= chunk_rows:
            whole, rest = _cut(_joined(held), start + chunk_rows - 1)
            start += chunk_rows
            held = [rest] if rest.records else []
            yield whole
    if held:
        yield _joined(held)


def _cut(batch: RawBatch, number: int) -> tuple[RawBatch, RawBatch]:
    """Everything up to a row number, and the rest."""
    at = int(np.searchsorted(batch.numbers, number, side="right"))
    return (
        RawBatch(
            batch.rows.slice(0, at),
            batch.numbers[:at],
            tuple(x for x in batch.refused if x.number <= number),
        ),
        RawBatch(
            batch.rows.slice(at),
            batch.numbers[at:],
            tuple(x for x in batch.refused if x.number > number),
        ),
    )


def _joined(held: list[RawBatch]) -> RawBatch:
    if len(held) == 1:
        return held[0]
    rows = pa.concat_tables([x.rows for x in held], promote_options="permissive")
    return RawBatch(
        rows.combine_chunks(),
        np.concatenate([x.numbers for x in held]),
        tuple(r for x in held for r in x.refused),
    )
