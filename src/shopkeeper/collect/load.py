"""Load a source: chunk by chunk, once each, whatever happens in between.

A load is named by its content and its mapping. Every chunk is written under the
load's name and the chunk's number, so that a load that was cut off anywhere can
simply be run again: what was committed is passed over, the rest follows.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shopkeeper.collect.corrections import of_rows, unreadable
from shopkeeper.collect.duplicates import (
    Fate,
    Memory,
    against_store,
    with_derived_keys,
)
from shopkeeper.collect.hashing import Seen
from shopkeeper.collect.ledger import finished, known_report, loads_row
from shopkeeper.collect.mapping import SourceMapping
from shopkeeper.collect.parse import Parsed, parse
from shopkeeper.collect.quarantine import stamped
from shopkeeper.collect.report import LoadReport, Tally
from shopkeeper.collect.sources.base import RawBatch, Reading, Source, rechunk
from shopkeeper.collect.text import words
from shopkeeper.collect.vocabulary import GENDERS
from shopkeeper.core import columns as c
from shopkeeper.core.clock import to_us
from shopkeeper.core.errors import SourceError
from shopkeeper.core.ids import content_id
from shopkeeper.core.ports import TableStore
from shopkeeper.core.settings import Settings
from shopkeeper.core.tables import CORRECTIONS, LOADS, QUARANTINE, TableContract

CHUNK_ROWS = 200_000
"""Records of one chunk; part of a load's name."""
FORMAT = "1"
"""Raised when readers would cut or read records differently."""

Clean = Callable[[pa.Table, TableContract], tuple[pa.Table, pa.Table]]
"""Cleaning: rows and contract in; cleaned rows (same order, same number) and corrections out."""


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """A load that has not begun.

    Parameters
    ----------
    load_id
        The same for the same content, mapping and chunk size.
    source
        What is read.
    mapping
        With zone and currency of the shop filled in.
    chunk_rows
        Records of one chunk.
    digest
        Of the content known at the start.
    """

    load_id: str
    source: Source
    mapping: SourceMapping
    chunk_rows: int
    digest: str


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a load stands.

    Parameters
    ----------
    load_id, path
        Which load.
    bytes_done, bytes_total
        Of the source.
    rows_in, rows_admitted
        So far.
    """

    load_id: str
    path: str
    bytes_done: int
    bytes_total: int
    rows_in: int
    rows_admitted: int


def plan_load(
    source: Source, mapping: SourceMapping, *, settings: Settings, chunk_rows: int = CHUNK_ROWS
) -> LoadPlan:
    """Name a load and make sure its mapping can work.

    Parameters
    ----------
    source
        Opened source; its content is digested once.
    mapping
        How its columns become a table's.
    settings
        Zone and currency where the mapping states none.
    chunk_rows
        Records of one chunk; memory grows with it.

    Returns
    -------
    LoadPlan

    Raises
    ------
    MappingError
        If a required column has no header, constant or default.
    SourceError
        If the source cannot be read.
    """
    resolved = mapping.resolved(settings)
    resolved.check(source.columns)
    digest = source.digest()
    load_id = content_id(
        digest,
        resolved.digest(),
        resolved.table,
        resolved.shop_zone,
        chunk_rows,
        FORMAT,
        prefix="load",
    )
    return LoadPlan(load_id, source, resolved, chunk_rows, digest)


def load(
    plan: LoadPlan,
    tables: TableStore,
    *,
    now: dt.datetime,
    clean: Clean | None = None,
    check: bool = False,
    progress: Callable[[Progress], None] | None = None,
    known: Mapping[str, Mapping[str, int]] | None = None,
) -> LoadReport:
    """Perform a plan.

    Each chunk writes its refused rows, its corrections and its admitted rows, in
    this order, each in one atomic commit that happens once. The row in ``loads``
    comes last; a content whose row is there is not read again.

    Parameters
    ----------
    plan
        From :func:`plan_load`.
    tables
        The lake.
    now
        The moment of the load; rows of the future are refused against it.
    clean
        Cleaning of typed rows before they are compared and stored.
    check
        Read, parse and compare, but write nothing.
    progress
        Called after each chunk.
    known
        Loads that were finished, from :func:`finished`; None looks this one up.

    Returns
    -------
    LoadReport

    Raises
    ------
    SourceError
        If the source cannot be read on, or was rewritten while it was read. What
        earlier chunks brought stays; running again completes.
    StorageFullError
        If there is no room. Running again when there is completes.
    """
    if not check:
        done = finished(tables, plan.load_id) if known is None else known
        if plan.load_id in done:
            return known_report(plan.load_id, plan.mapping, plan.source, done[plan.load_id])
    return _Load(plan, tables, now, clean, check=check).run(progress)


@dataclass(slots=True)
class _Counts:
    rows_in: int = 0
    admitted: int = 0
    repeated: int = 0
    quarantined: int = 0
    corrections: int = 0
    blanked: dict[str, int] = field(default_factory=dict)


class _Load:
    """One load while it runs."""

    def __init__(
        self,
        plan: LoadPlan,
        tables: TableStore,
        now: dt.datetime,
        clean: Clean | None,
        *,
        check: bool,
    ) -> None:
        self._plan = plan
        self._tables = tables
        self._now = now
        self._clean = clean
        self._check = check
        self._mapping = plan.mapping
        self._contract = plan.mapping.contract
        self._memory = Memory(plan.mapping)
        self._seen = Seen()
        self._tally = Tally()
        self._counts = _Counts()
        # A table that is empty now will hold this load's own rows only.
        self._others = tables.exists(self._contract) and tables.count(self._contract) > 0

    def run(self, progress: Callable[[Progress], None] | None) -> LoadReport:
        """All chunks, then the row in ``loads``."""
        reading = Reading()
        source = self._plan.source
        for number, batch in enumerate(self._chunks(reading)):
            self._chunk(number, batch)
            if progress is not None:
                progress(
                    Progress(
                        self._plan.load_id,
                        source.name,
                        reading.bytes_done,
                        source.size,
                        self._counts.rows_in,
                        self._counts.admitted,
                    )
                )
        self._unchanged()
        notes = [*source.notes, *reading.notes]
        if not self._counts.rows_in:
            notes.append(
                (
                    f"{source.name} 只有表头，没有数据行",
                    f"{source.name} has a header and no row",
                )
            )
        report = self._report(notes)
        if not self._check:
            self._tables.append(LOADS, loads_row(report, self._now), token=(report.load_id, 0))
        return report

    def _chunks(self, reading: Reading) -> Iterator[RawBatch]:
        for batch in rechunk(self._plan.source.batches(reading), self._plan.chunk_rows):
            if batch.records:
                yield batch

    def _chunk(self, number: int, batch: RawBatch) -> None:
        parsed = parse(batch, self._mapping, now_us=to_us(self._now))
        rows, corrections = self._cleaned(self._completed(parsed))
        fates = self._memory.judge(rows)
        if self._others:
            fates = against_store(rows, fates, self._mapping, self._tables, self._plan.load_id)
        self._refuse(parsed, rows, fates)
        faults = parsed.faults.table()
        self._tally.add(faults)
        admitted = (fates == Fate.NEW) | (fates == Fate.REPLACES)
        unread = unreadable(parsed, rows, self._contract, self._plan.load_id)
        self._note_blanked(parsed)
        corrections = pa.concat_tables([corrections, unread])
        corrections = of_rows(corrections, rows, self._contract, admitted)
        self._counts.rows_in += batch.records
        self._counts.admitted += int(admitted.sum())
        self._counts.repeated += int((fates == Fate.REPEATED).sum())
        self._counts.quarantined += faults.num_rows
        self._counts.corrections += corrections.num_rows
        if not self._check:
            self._write(number, faults, corrections, rows, fates)

    def _completed(self, parsed: Parsed) -> pa.Table:
        """Keys made, provenance added, optional columns filled up."""
        rows = with_derived_keys(parsed.rows, self._mapping, self._seen)
        n = rows.num_rows
        fixed = {c.SOURCE: self._mapping.source, c.LOAD_ID: self._plan.load_id}
        for name, value in fixed.items():
            column = pa.repeat(pa.scalar(value), n)
            if name in rows.column_names:
                rows = rows.set_column(rows.column_names.index(name), str(name), column)
            else:
                rows = rows.append_column(str(name), column)
        return rows

    def _cleaned(self, rows: pa.Table) -> tuple[pa.Table, pa.Table]:
        corrections = CORRECTIONS.empty()
        if self._clean is not None:
            rows, corrections = self._clean(rows, self._contract)
        if c.GENDER in rows.column_names:
            at = rows.column_names.index(c.GENDER)
            text = rows.column(at)
            if pa.types.is_string(text.type):
                codes = words(text.combine_chunks(), GENDERS)
                rows = rows.set_column(at, str(c.GENDER), codes.cast(pa.int8()))
        return self._contract.cast(rows, fill=True), corrections

    def _refuse(self, parsed: Parsed, rows: pa.Table, fates: npt.NDArray[np.int8]) -> None:
        key = self._contract.key[0]
        for fate, reason in (
            (Fate.CONFLICT, "conflicting_duplicate"),
            (Fate.CHANGED, "changed_since_stored"),
        ):
            at = np.flatnonzero(fates == fate)
            if len(at):
                where = pa.array(at)
                values = rows.column(key).take(where).cast(pa.string()).combine_chunks()
                parsed.faults.add_later(
                    parsed.numbers[at], parsed.raw.take(where), reason, key, values
                )

    def _note_blanked(self, parsed: Parsed) -> None:
        for column, at, _ in parsed.blanked:
            header = " + ".join(self._mapping.columns.get(column, (column,)))
            self._counts.blanked[header] = self._counts.blanked.get(header, 0) + len(at)

    def _write(
        self,
        number: int,
        faults: pa.Table,
        corrections: pa.Table,
        rows: pa.Table,
        fates: npt.NDArray[np.int8],
    ) -> None:
        load_id, tables = self._plan.load_id, self._tables
        token = (load_id, number)
        if faults.num_rows:
            refused = stamped(
                faults, load_id=load_id, table=self._contract.name,
                path=self._plan.source.name, now=self._now,
            )  # fmt: skip
            tables.append(QUARANTINE, refused, token=token)
        if corrections.num_rows:
            tables.append(CORRECTIONS, corrections, token=token)
        new = rows.filter(pa.array(fates == Fate.NEW))
        if new.num_rows:
            tables.append(self._contract, new, token=token)
        replacing = rows.filter(pa.array(fates == Fate.REPLACES))
        if replacing.num_rows:
            tables.merge(self._contract, replacing)

    def _unchanged(self) -> None:
        """Refuse to call a load done whose source was rewritten meanwhile."""
        plan = self._plan
        if plan.source.digest() != plan.digest:
            raise SourceError(
                f"{plan.source.name} was rewritten while it was read",
                next_step="Load it again when nothing writes to it; rows already stored are "
                "recognised by their key",
                path=plan.source.name,
            )

    def _report(self, notes: list[tuple[str, str]]) -> LoadReport:
        plan, counts = self._plan, self._counts
        return LoadReport(
            load_id=plan.load_id,
            table=self._contract.name,
            path=plan.source.name,
            source=self._mapping.source,
            bytes=plan.source.size,
            rows_in=counts.rows_in,
            rows_admitted=counts.admitted,
            rows_repeated=counts.repeated,
            rows_quarantined=counts.quarantined,
            reasons=self._tally.result(),
            blanked=counts.blanked,
            corrections=counts.corrections,
            notes=tuple(notes),
            status="checked" if self._check else "done",
        )
