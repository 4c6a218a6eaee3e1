"""How each kind of connector reads and admits, one reading at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.apps.flows.collect import collect_table
from shopkeeper.apps.flows.collect_mapping import guessed
from shopkeeper.apps.flows.connect import Definition
from shopkeeper.backends.runtime import Runtime
from shopkeeper.collect.connectors import sql, undone
from shopkeeper.collect.connectors.kinds import Reads, Sql
from shopkeeper.collect.connectors.position import Mark
from shopkeeper.collect.connectors.spool import SpoolWriter, drop_spool, read_spool
from shopkeeper.collect.guess import SURE
from shopkeeper.collect.mapping import SourceMapping
from shopkeeper.collect.remembered import save_mapping, saved_mapping
from shopkeeper.collect.report import LoadReport
from shopkeeper.collect.sources.arrow import ArrowSource
from shopkeeper.core.errors import MappingError, ShopkeeperError

AUDIT_SECONDS = 3600.0
"""How often rows that a cursor cannot show are counted."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a reader gets.

    Parameters
    ----------
    runtime
        The open shop.
    definition
        Of the connector.
    config
        Checked, references replaced.
    folder
        Of the connector in the shop.
    now
        The moment of the run.
    fresh
        Whether these rows were surely never loaded before, so that nothing is looked up.
    """

    runtime: Runtime
    definition: Definition
    config: Reads
    folder: Path
    now: datetime
    fresh: bool = False

    @property
    def spool(self) -> Path:
        """Where rows lie until they are admitted."""
        return self.folder / "rows.arrow"

    @property
    def name(self) -> str:
        """Name of the system in the lake."""
        return self.config.source or self.definition.connector_id

    def admitted(self) -> None:
        """Forget what is in the lake and in the position."""
        drop_spool(self.spool)


@dataclass(frozen=True, slots=True)
class Brought:
    """What one reading brought.

    Parameters
    ----------
    cursor
        Position after it.
    rows, admitted, repeated, quarantined
        What was read and what became of it.
    drained
        Whether nothing was left.
    loads
        Their ids.
    notes
        What was noticed.
    refused
        Why the whole delivery is not used.
    facts
        Further figures, such as scores.
    """

    cursor: Mapping[str, Any] = field(default_factory=dict)
    rows: int = 0
    admitted: int = 0
    repeated: int = 0
    quarantined: int = 0
    drained: bool = True
    loads: tuple[str, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()
    refused: ShopkeeperError | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    def plus(self, later: Brought) -> Brought:
        """Both together; position and end are those of the later one."""
        return Brought(
            later.cursor, self.rows + later.rows, self.admitted + later.admitted,
            self.repeated + later.repeated, self.quarantined + later.quarantined, later.drained,
            (*self.loads, *later.loads), (*self.notes, *later.notes), later.refused or self.refused,
            {**self.facts, **later.facts},
        )  # fmt: skip


Reader = Callable[[Context, Mapping[str, Any]], Brought]


def counted(reports: Sequence[LoadReport], cursor: Mapping[str, Any], **more: Any) -> Brought:
    """Loads summed up."""
    notes = tuple(n for x in reports for n in x.notes)
    return Brought(
        cursor,
        rows=sum(x.rows_in for x in reports),
        admitted=sum(x.rows_admitted for x in reports),
        repeated=sum(x.rows_repeated for x in reports),
        quarantined=sum(x.rows_quarantined for x in reports),
        loads=tuple(x.load_id for x in reports),
        notes=(*notes, *more.pop("notes", ())),
        **more,
    )


@dataclass(frozen=True, slots=True)
class Admitted:
    """What became of rows as read.

    Parameters
    ----------
    reports
        Of the loads.
    refused
        Why the whole is not used; None if it is.
    facts
        Further figures, such as scores.
    """

    reports: Sequence[LoadReport] = ()
    refused: ShopkeeperError | None = None
    facts: dict[str, Any] = field(default_factory=dict)


Admit = Callable[[Context, pa.Table], Admitted]
"""Turns rows as read into rows of the lake."""


def read_sql(context: Context, cursor: Mapping[str, Any], admit: Admit) -> Brought:
    """New rows of a database, admitted by the kind.

    Parameters
    ----------
    context
        Of the run.
    cursor
        Position of the connector.
    admit
        What the kind makes of rows.

    Returns
    -------
    Brought
    """
    left = read_spool(context.spool)
    if left is not None and left.after.get("reads") == context.definition.config.get("cursor"):
        reports = admit(context, left.rows).reports
        return counted(reports, left.after["cursor"], drained=False)
    context.admitted()
    config = context.config
    question = sql.Question(
        config.url, config.cursor, config.table, config.query, config.overlap, config.batch_rows,
        config.timeout_seconds,
    )  # fmt: skip
    audited = cursor.get("audited_at")
    audit = audited is None or (
        (context.now - datetime.fromisoformat(audited)).total_seconds() >= AUDIT_SECONDS
    )
    with SpoolWriter(context.spool) as spool:
        found = sql.fetch(question, sql.Position.from_dict(cursor), spool, audit=audit)
        after: dict[str, Any] = {**cursor, **found.position.to_dict()}
        if audit and found.position.audit:
            after["audited_at"] = context.now.isoformat()
        if found.drained:
            after["caught_up"] = True
        spool.finish({"cursor": after, "reads": config.cursor})
    brought = read_spool(context.spool)
    # Until it has caught up, a second reading of the same source may meet loads it knows.
    own = replace(context, fresh=bool(cursor.get("caught_up")))
    reports = () if brought is None else admit(own, brought.rows).reports
    return counted(reports, after, drained=found.drained, notes=found.notes)


def mapping_for(context: Context, rows: pa.Table, table: str) -> SourceMapping:
    """The mapping given, saved for the same headers, or guessed and saved.

    Raises
    ------
    MappingError
        If it must be guessed and the guess is not sure.
    """
    config = context.config
    if config.mapping:
        given = SourceMapping.from_dict(config.mapping)
        return replace(given, source=context.name)
    runtime, headers = context.runtime, rows.column_names
    saved = saved_mapping(runtime.state, headers)
    if saved is not None and table in {"", saved.table}:
        return replace(saved, source=context.name)
    source = ArrowSource(rows, context.definition.connector_id)
    guess = guessed(source, runtime.settings, table or None)
    guess.mapping.check(headers)
    if guess.confidence < SURE:
        shown = "; ".join(f"{x.column} ← {x.header} ({x.confidence:.0%})" for x in guess.matches)
        raise MappingError(
            f"{context.definition.connector_id}: not sure which column is which: {shown}",
            next_step="Write it as mapping: {table: …, columns: {…}} in the definition",
            connector=context.definition.connector_id,
            mapping=guess.mapping.to_dict(),
        )
    save_mapping(runtime.state, headers, guess.mapping, now=context.now)
    return replace(guess.mapping, source=context.name)


def load_rows(context: Context, rows: pa.Table, mapping: SourceMapping) -> LoadReport | None:
    """Admit rows by the same path as a file; None for no row."""
    if not rows.num_rows:
        return None
    return collect_table(
        rows, f"connector:{context.definition.connector_id}", mapping,
        tables=context.runtime.tables, settings=context.runtime.settings, now=context.now,
        known={} if context.fresh else None,
    )  # fmt: skip


def _admit_records(context: Context, rows: pa.Table) -> Admitted:
    """Rows of a CRM or a till: the source's latest word replaces what we have."""
    config = context.config
    assert isinstance(config, Sql)
    mapping = mapping_for(context, rows, config.into)
    if not mapping.changed:
        mapping = replace(mapping, changed="replace")

    def stored(ids: pa.Array) -> pa.Array:
        return _stored(context.runtime, mapping, ids)

    parts = undone.split(rows, mapping, deleted_column=config.deleted_column, stored=stored)
    changed_at = config.cursor if _is_time(rows, config.cursor) else ""
    reports = [
        load_rows(context, parts.plain, mapping),
        load_rows(context, parts.sales, undone.as_sale(mapping)),
        load_rows(context, parts.reversals, undone.as_reversal(mapping, changed_at)),
    ]
    return Admitted([x for x in reports if x is not None])


def _stored(runtime: Runtime, mapping: SourceMapping, ids: pa.Array) -> pa.Array:
    """Which ids the lake has."""
    column = undone.id_column(mapping)
    asked = pa.table({column: pc.drop_null(pc.unique(ids))})
    incoming = ibis.table({column: "string"}, name="incoming_ids")
    table = runtime.tables.table(mapping.contract)
    found = runtime.tables.run(
        table.select(column).semi_join(incoming, column).distinct(), {"incoming_ids": asked}
    )
    known = found.column(column).combine_chunks()
    return pc.fill_null(pc.is_in(ids, value_set=known), fill_value=False)


def _is_time(rows: pa.Table, column: str) -> bool:
    if column not in rows.column_names or not rows.num_rows:
        return False
    return Mark.of(rows.column(column)[0].as_py() or "", column).kind == "written_time"


def records(context: Context, cursor: Mapping[str, Any]) -> Brought:
    """Kind ``sql``."""
    return read_sql(context, cursor, _admit_records)
