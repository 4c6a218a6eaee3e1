"""Collect as a flow: find the mapping, load every source, remember what worked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy import Engine, delete, insert

from shopkeeper.apps.flows.collect_mapping import Prepared, guessed, prepare
from shopkeeper.collect.ledger import finished
from shopkeeper.collect.load import (
    CHUNK_ROWS,
    Clean,
    LoadPlan,
    Progress,
    load,
    plan_load,
)
from shopkeeper.collect.mapping import SourceMapping
from shopkeeper.collect.remembered import (
    beside,
    save_mapping,
    write_beside,
)
from shopkeeper.collect.report import LoadReport, total
from shopkeeper.collect.sources.arrow import ArrowSource
from shopkeeper.collect.sources.open import locate
from shopkeeper.core import state
from shopkeeper.core.errors import InputError, MappingError, SourceError
from shopkeeper.core.ports import TableStore
from shopkeeper.core.settings import Settings
from shopkeeper.core.tables import TableContract
from shopkeeper.core.tables import contract as contract_of
from shopkeeper.govern.rules import clean as clean_rows

COMPACT_FROM = 20
"""Loads into one table after which its small parts are put together."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A source that could not be loaded at all."""

    location: str
    code: str
    message: str
    next_step: str


@dataclass(frozen=True, slots=True)
class CollectReport:
    """What a whole ``collect`` did.

    Parameters
    ----------
    loads
        One report for each source, in order.
    failures
        Sources that could not be read or mapped.
    mapping_files
        Where mappings were written for people to edit.
    """

    loads: tuple[LoadReport, ...]
    failures: tuple[Failure, ...]
    mapping_files: tuple[Path, ...] = ()

    @property
    def useful(self) -> bool:
        """Whether some row was admitted or was already known."""
        return any(x.rows_admitted + x.rows_repeated for x in self.loads)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            **total(self.loads),
            "loads": [x.to_dict() for x in self.loads],
            "failures": [
                {
                    "location": x.location,
                    "code": x.code,
                    "message": x.message,
                    "next_step": x.next_step,
                }
                for x in self.failures
            ],
            "mapping_files": [str(x) for x in self.mapping_files],
        }


def cleaning(settings: Settings, now: datetime) -> Clean:
    """Cleaning rules as the loader calls them."""

    def apply(rows: pa.Table, contract: TableContract) -> tuple[pa.Table, pa.Table]:
        return clean_rows(rows, contract, settings=settings, today=now.date())

    return apply


def collect(
    locations: Sequence[str],
    *,
    tables: TableStore,
    engine: Engine,
    settings: Settings,
    now: datetime,
    table: str | None = None,
    mapping_file: Path | None = None,
    source_name: str | None = None,
    check: bool = False,
    confirm: Callable[[Prepared], bool] = lambda _: True,
    progress: Callable[[Progress], None] | None = None,
    chunk_rows: int = CHUNK_ROWS,
) -> CollectReport:
    """Load files, folders and databases.

    A source that cannot be read or mapped is reported and the others go on; a
    store that refuses stops the whole, and running again completes it.

    Parameters
    ----------
    locations
        Files, folders, addresses.
    tables, engine
        The shop's lake and state.
    settings
        The shop's zone, currency and country.
    now
        The moment of the load.
    table, mapping_file, source_name
        As for :func:`prepare`.
    check
        Read, map, parse and compare, but write nothing.
    confirm
        Asked once for each new mapping that was guessed; False leaves the source out.
    progress
        Called after each chunk.
    chunk_rows
        Records of one chunk.

    Returns
    -------
    CollectReport
    """
    reports: list[LoadReport] = []
    failures: list[Failure] = []
    files: list[Path] = []
    agreed: dict[tuple[str, ...], SourceMapping] = {}
    clean = cleaning(settings, now)
    known = finished(tables)
    for location in [x for given in locations for x in _located(given, failures)]:
        try:
            ready = prepare(
                location, settings=settings, engine=engine, table=table,
                mapping_file=mapping_file, source_name=source_name,
            )  # fmt: skip
            ready = _agreed(ready, agreed, confirm)
            plan = plan_load(ready.source, ready.mapping, settings=settings, chunk_rows=chunk_rows)
            report = load(
                plan, tables, now=now, clean=clean, check=check, known=known,
                progress=_remembering(progress, plan, None if check else engine, now),
            )  # fmt: skip
        except InputError as error:
            failures.append(Failure(location, error.code, error.message, error.next_step))
            continue
        reports.append(report)
        if not check and report.status == "done":
            known[report.load_id] = {
                "rows_in": report.rows_in,
                "rows_quarantined": report.rows_quarantined,
            }
            _progress_row(engine, plan, report.rows_in, "done", now)
            if ready.origin == "guessed" and ready.source.columns not in agreed:
                files.append(_remember(ready, plan, engine, settings, now))
        agreed[ready.source.columns] = ready.mapping
    if not check:
        _compact(reports, tables)
    return CollectReport(tuple(reports), tuple(failures), tuple(files))


def collect_table(
    rows: pa.Table,
    name: str,
    mapping: SourceMapping | None,
    *,
    tables: TableStore,
    settings: Settings,
    now: datetime,
    table: str | None = None,
    progress: Callable[[Progress], None] | None = None,
    chunk_rows: int = CHUNK_ROWS,
    known: Mapping[str, Mapping[str, int]] | None = None,
) -> LoadReport:
    """Load an Arrow table by the same path as a file.

    Parameters
    ----------
    rows
        Any column types.
    name
        What reports call it.
    mapping
        How its columns become a table's; None guesses.
    tables
        The lake.
    settings
        The shop's zone, currency and country.
    now
        The moment of the load.
    table
        Which table it is, if the mapping is guessed.
    progress
        Called after each chunk.
    chunk_rows
        Records of one chunk.
    known
        Loads that were finished, as for ``load``; an empty one looks nothing up.

    Returns
    -------
    LoadReport
    """
    source = ArrowSource(rows, name)
    chosen = mapping or guessed(source, settings, table).mapping
    plan = plan_load(source, chosen, settings=settings, chunk_rows=chunk_rows)
    return load(
        plan, tables, now=now, clean=cleaning(settings, now), progress=progress, known=known
    )


def _compact(reports: Sequence[LoadReport], tables: TableStore) -> None:
    """Many small files leave many small parts; put them together once at the end."""
    changed = Counter(x.table for x in reports if x.status == "done" and x.rows_admitted)
    for name, loads in changed.items():
        if loads >= COMPACT_FROM:
            tables.maintain(contract_of(name))


def _located(given: str, failures: list[Failure]) -> tuple[str, ...]:
    try:
        return locate(given)
    except SourceError as error:
        failures.append(Failure(given, error.code, error.message, error.next_step))
        return ()


def _agreed(
    ready: Prepared,
    agreed: dict[tuple[str, ...], SourceMapping],
    confirm: Callable[[Prepared], bool],
) -> Prepared:
    """Files of one folder share the first one's mapping, so that days add up to the whole."""
    if ready.origin != "guessed":
        return ready
    if ready.source.columns in agreed:
        return replace(ready, mapping=agreed[ready.source.columns])
    ready.mapping.check(ready.source.columns)
    if not confirm(ready):
        raise MappingError(
            f"the guessed mapping of {ready.location} was not confirmed",
            next_step="Write the right one to a file and give it by --mapping FILE",
        )
    return ready


def _remember(
    ready: Prepared, plan: LoadPlan, engine: Engine, settings: Settings, now: datetime
) -> Path:
    if ready.source.has_header:
        save_mapping(engine, ready.source.columns, plan.mapping, now=now)
    own = beside(ready.location)
    if own is not None and own.exists():
        return own
    return write_beside(ready.location, plan.mapping, settings.store.folder / "mappings")


def _remembering(
    progress: Callable[[Progress], None] | None,
    plan: LoadPlan,
    engine: Engine | None,
    now: datetime,
) -> Callable[[Progress], None]:
    def note(at: Progress) -> None:
        if engine is not None:
            _progress_row(engine, plan, at.rows_in, "running", now)
        if progress is not None:
            progress(at)

    return note


def _progress_row(engine: Engine, plan: LoadPlan, rows: int, status: str, now: datetime) -> None:
    table = state.load_progress
    with engine.begin() as connection:
        connection.execute(delete(table).where(table.c.load_id == plan.load_id))
        connection.execute(
            insert(table).values(
                load_id=plan.load_id,
                path=plan.source.name,
                table_name=plan.mapping.table,
                status=status,
                rows_done=rows,
                updated_at=now,
            )
        )
