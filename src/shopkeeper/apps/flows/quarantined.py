"""Live events in quarantine: which there are, why, and what became of those sent again.

The quarantine is never rewritten. Whether an event was mended follows from the lake: its id is
among the events, or it is not.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Literal

import ibis
import pyarrow as pa
from sqlalchemy import Engine, select, tuple_

from shopkeeper.apps.flows.replayed import PREFIX, replays
from shopkeeper.collect.live.rows import PARTITION_BITS, POSITION_BITS
from shopkeeper.core import columns as c
from shopkeeper.core.errors import InputError, NotFoundError
from shopkeeper.core.ports import TableStore
from shopkeeper.core.tables import EVENTS, QUARANTINE

Status = Literal["open", "edited", "requested", "admitted", "refused"]
"""``edited``: a person changed it; ``requested``: sent again, not yet judged; ``refused``: refused
again after it was sent."""
STATUSES: tuple[Status, ...] = ("open", "edited", "requested", "admitted", "refused")


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One live event in quarantine.

    Parameters
    ----------
    number
        Row number: its place in the log, and what people call it by.
    source, event_id
        Where it came from, and its message id.
    field, reason, zh, en, next_step
        Why it was refused.
    raw
        JSON as sent.
    quarantined_at
        When it arrived.
    status
        What became of it.
    edited
        The event as last edited; None if never.
    replays
        How often it was sent again.
    """

    number: int
    source: str
    event_id: str
    field: str
    reason: str
    zh: str
    en: str
    next_step: str
    raw: str
    quarantined_at: dt.datetime
    status: Status
    edited: str | None
    replays: int

    @property
    def load_id(self) -> str:
        """Load in the quarantine."""
        return PREFIX + self.source

    @property
    def place(self) -> tuple[int, int, int]:
        """Partition, offset of the envelope, and place in it."""
        number = self.number - 1
        position = number & (2**POSITION_BITS - 1)
        partition = number >> POSITION_BITS & (2**PARTITION_BITS - 1)
        return partition, number >> (POSITION_BITS + PARTITION_BITS), position

    @property
    def content(self) -> str:
        """The event as it would be sent again."""
        return self.raw if self.edited is None else self.edited


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events are asked for; None takes all.

    Parameters
    ----------
    reason, source, field
        As in the quarantine.
    status
        What became of them; ``None`` means everything but ``admitted``.
    """

    reason: str | None = None
    source: str | None = None
    field: str | None = None
    status: Status | None = None


def rows(
    tables: TableStore, engine: Engine, wanted: Filter, *, limit: int, offset: int = 0
) -> list[Quarantined]:
    """Events in quarantine, newest first; of one refused several times, the last time.

    Parameters
    ----------
    tables
        The lake.
    engine
        The state.
    wanted
        Which.
    limit, offset
        Which of them.

    Returns
    -------
    list of Quarantined
    """
    expr, inputs = _chosen(tables, engine, wanted)
    expr = expr.order_by([expr[c.CREATED_AT].desc(), expr[c.ROW_NUMBER].desc()])
    found = tables.run(expr.limit(limit, offset=offset), inputs).to_pylist()
    return _with_status(engine, found)


def count(tables: TableStore, engine: Engine, wanted: Filter) -> int:
    """How many events a filter gives.

    Parameters
    ----------
    tables
        The lake.
    engine
        The state.
    wanted
        Which.

    Returns
    -------
    int
    """
    expr, inputs = _chosen(tables, engine, wanted)
    (total,) = tables.run(expr.aggregate(n=expr.count()), inputs).column("n").to_pylist()
    return int(total)


def counts(tables: TableStore, engine: Engine, wanted: Filter) -> list[dict[str, Any]]:
    """Events by reason, field and source.

    Parameters
    ----------
    tables
        The lake.
    engine
        The state.
    wanted
        Which.

    Returns
    -------
    list of dict
        ``reason``, ``field``, ``source``, ``zh`` and ``en`` of one of them, and ``rows``; most
        first.
    """
    expr, inputs = _chosen(tables, engine, wanted)
    groups = expr.group_by([c.REASON, c.FIELD, c.LOAD_ID]).aggregate(
        rows=expr.count(), zh=expr[c.REASON_ZH].min(), en=expr[c.REASON_EN].min()
    )
    found = tables.run(groups, inputs).to_pylist()
    for row in found:
        row["source"] = row.pop(str(c.LOAD_ID)).removeprefix(PREFIX)
    return sorted(found, key=lambda x: (-x["rows"], x["reason"] or "", x["field"] or ""))


def one(tables: TableStore, engine: Engine, number: int) -> Quarantined:
    """One event in quarantine.

    Parameters
    ----------
    tables
        The lake.
    engine
        The state.
    number
        Its row number.

    Returns
    -------
    Quarantined

    Raises
    ------
    NotFoundError
        If no live event has that number.
    InputError
        If the row came from a file.
    """
    table = tables.table(QUARANTINE)
    found = tables.run(table.filter(table[c.ROW_NUMBER] == number).limit(50)).to_pylist()
    live = [x for x in found if x["load_id"].startswith(PREFIX) and x["table_name"] == EVENTS.name]
    if live:
        return _with_status(engine, live[:1])[0]
    if found:
        raise InputError(
            f"row {number} was refused while a file was loaded; only live events can be replayed",
            next_step="Correct it at the source and load it again: shopkeeper collect PATH",
            load_id=found[0]["load_id"],
        )
    raise NotFoundError(
        f"no live event in quarantine has the number {number}",
        next_step="shopkeeper quarantine list",
        number=number,
    )


def _chosen(
    tables: TableStore, engine: Engine, wanted: Filter
) -> tuple[ibis.Table, dict[str, pa.Table]]:
    """Rows of the quarantine that a filter gives, the newest of each event."""
    table = tables.table(QUARANTINE)
    table = table.filter(table[c.LOAD_ID].startswith(PREFIX), table[c.TABLE_NAME] == EVENTS.name)
    if wanted.source is not None:
        table = table.filter(table[c.LOAD_ID] == PREFIX + wanted.source)
    newest = ibis.row_number().over(
        ibis.window(group_by=[c.LOAD_ID, c.PATH], order_by=ibis.desc(c.ROW_NUMBER))
    )
    table = table.mutate(_turn=newest).filter(lambda t: t["_turn"] == 0).drop("_turn")
    for column, value in ((c.REASON, wanted.reason), (c.FIELD, wanted.field)):
        if value is not None:
            table = table.filter(table[column] == value)
    with engine.connect() as connection:
        known = connection.execute(
            select(replays.c.load_id, replays.c.event_id, replays.c.status)
        ).all()
    by_event: dict[tuple[str, str], Status] = {}
    for load_id, event_id, status in known:
        key = (load_id, f"live/{load_id.removeprefix(PREFIX)}/{event_id}")
        by_event[key] = _stronger(by_event.get(key), status)
    return _of_status(table, by_event, wanted.status)


def _of_status(
    table: ibis.Table, by_event: dict[tuple[str, str], Status], status: Status | None
) -> tuple[ibis.Table, dict[str, pa.Table]]:
    if status in (None, "open"):  # what nobody touched is not in the state: take the others away
        keys = [x for x, y in by_event.items() if status == "open" or y == "admitted"]
        if not keys:
            return table, {}
    else:
        keys = [x for x, y in by_event.items() if y == status]
    given = pa.table({
        str(c.LOAD_ID): pa.array([x[0] for x in keys], pa.string()),
        str(c.PATH): pa.array([x[1] for x in keys], pa.string()),
    })  # fmt: skip
    asked = ibis.table({str(c.LOAD_ID): "string", str(c.PATH): "string"}, name="touched_events")
    on = [str(c.LOAD_ID), str(c.PATH)]
    join = table.anti_join if status in (None, "open") else table.semi_join
    return join(asked, on), {"touched_events": given}


_STRENGTH: tuple[Status, ...] = ("open", "refused", "edited", "requested", "admitted")


def _stronger(one_status: Status | None, other: Status) -> Status:
    """Of several replays of one event: in the lake stays in the lake; a new edit follows a refusal."""
    return other if one_status is None else max(one_status, other, key=_STRENGTH.index)


def _with_status(engine: Engine, found: list[dict[str, Any]]) -> list[Quarantined]:
    ids = [_event_id(row) for row in found]
    pairs = [(row["load_id"], event_id) for row, event_id in zip(found, ids, strict=True)]
    touched: dict[tuple[str, str], list[Any]] = {}
    for start in range(0, len(pairs), 400):
        mine = tuple_(replays.c.load_id, replays.c.event_id).in_(pairs[start : start + 400])
        with engine.connect() as connection:
            for x in connection.execute(select(replays).where(mine).order_by(replays.c.created_at)):
                touched.setdefault((x.load_id, x.event_id), []).append(x)
    result = []
    for row, pair in zip(found, pairs, strict=True):
        mine_too = touched.get(pair, [])
        status: Status = "open"
        for x in mine_too:
            status = _stronger(status, x.status)
        edits = [x.payload for x in mine_too]
        result.append(
            Quarantined(
                number=row["row_number"], source=row["load_id"].removeprefix(PREFIX),
                event_id=pair[1], field=row["field"] or "", reason=row["reason"] or "",
                zh=row["reason_zh"] or "", en=row["reason_en"] or "",
                next_step=row["next_step"] or "", raw=row["raw"] or "",
                quarantined_at=row["created_at"], status=status,
                edited=edits[-1] if edits else None,
                replays=sum(x.status != "edited" for x in mine_too),
            )
        )  # fmt: skip
    return result


def _event_id(row: dict[str, Any]) -> str:
    source = row["load_id"].removeprefix(PREFIX)
    return str(row["path"] or "").removeprefix(f"live/{source}/")
