"""Live sections from the lake: after customers were merged or split, and for who is new here.

What the lake has not taken over yet is added from memory, so that a rebuilt section is what
applying every event one by one would have made.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import ibis
import msgspec
import pyarrow as pa

from shopkeeper.collect.live.envelope import Arrived
from shopkeeper.collect.live.rows import load_id
from shopkeeper.core import columns as c
from shopkeeper.core import tables as t
from shopkeeper.core.clock import to_us
from shopkeeper.core.ports import TableStore

LIVE_LOADS = "live-"
KEPT = 200_000
"""Events remembered until the lake has them; while more wait, nothing is rebuilt."""
_TOUCH_KINDS: Mapping[str, str] = {
    "email": "email_sent", "sms": "sms_sent", "push": "push_sent", "wecom": "wecom_sent",
}  # fmt: skip
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Unsettled:
    """Events applied to profiles that the lake may not have yet.

    Parameters
    ----------
    positions
        First offset that is not applied yet, by partition, at the start.
    """

    def __init__(self, positions: Mapping[int, int]) -> None:
        self._events: deque[Arrived] = deque()
        self._since = dict(positions)

    def add(self, events: Iterable[Arrived], positions: Mapping[int, int]) -> None:
        """Remember a batch, those of it that an earlier batch had applied too."""
        for event in events:
            since = self._since.get(event.partition, event.offset)
            self._since[event.partition] = min(since, event.offset)
            self._events.append(event)
        for partition, position in positions.items():
            self._since.setdefault(partition, position)
        while len(self._events) > KEPT:
            gone = self._events.popleft()
            self._since[gone.partition] = gone.offset + 1

    def settle(self, tables: TableStore) -> bool:
        """Forget what the lake has; says whether everything else is remembered."""
        reached = {x: tables.committed(t.EVENTS, load_id(x)) for x in self._since}
        while self._events and self._events[0].offset <= reached[self._events[0].partition]:
            self._events.popleft()
        # The lake must have everything before the first event remembered.
        return all(reached[x] >= since - 1 for x, since in self._since.items())

    def of(self, references: set[str], devices: set[str]) -> list[Arrived]:
        """Events of some identifiers, in the order in which they were applied."""
        return [
            x for x in self._events
            if (x.customer_ref in references)
            or (x.customer_ref is None and f"anonymous_id:{x.anonymous_id}" in devices)
        ]  # fmt: skip


def history(
    tables: TableStore, owner: Mapping[str, str], since_us: int
) -> dict[str, list[Arrived]]:
    """What the lake knows of some customers, as events.

    Parameters
    ----------
    tables
        The lake.
    owner
        Customer by identifier.
    since_us
        What happened before is left out.

    Returns
    -------
    dict
        By customer, oldest first: events, orders that other sources stated, and contacts.
    """
    asked = pa.table({"identifier": sorted(owner)})
    found: dict[str, list[Arrived]] = {}
    for rows, read in (
        (_events(tables, since_us), _event),
        (_orders(tables, since_us), _order),
        (_touches(tables, since_us), _touch),
    ):
        named = ibis.table({"identifier": "string"}, name="asked")
        mine = rows.semi_join(named, rows["identifier"] == named["identifier"])
        for row in tables.run(mine, {"asked": asked}).to_pylist():
            found.setdefault(owner[row["identifier"]], []).append(read(row))
    for events in found.values():
        events.sort(key=lambda x: (x.occurred_us, x.event_id))
    return found


def _events(tables: TableStore, since_us: int) -> ibis.Table:
    rows = tables.table(t.EVENTS)
    rows = rows.filter((rows[c.TS_US] >= since_us) & rows[c.INVALID].isnull())
    device = ibis.literal("anonymous_id:") + rows[c.ANONYMOUS_ID]
    return rows.mutate(identifier=ibis.coalesce(rows[c.CUSTOMER_REF], device))


def _orders(tables: TableStore, since_us: int) -> ibis.Table:
    # Orders of live loads came as events, and are there as such.
    rows = tables.table(t.ORDERS)
    rows = rows.filter((rows[c.TS_US] >= since_us) & ~rows[c.LOAD_ID].startswith(LIVE_LOADS))
    return rows.mutate(identifier=rows[c.CUSTOMER_REF])


def _touches(tables: TableStore, since_us: int) -> ibis.Table:
    rows = tables.table(t.TOUCHES)
    rows = rows.filter(rows[c.SENT_AT].notnull())
    seconds = rows[c.SENT_AT].epoch_seconds().cast("float64").floor().cast("int64")
    return rows.filter(seconds * 10**6 >= since_us).mutate(identifier=rows[c.CUSTOMER_REF])


def _event(row: Mapping[str, Any]) -> Arrived:
    told = _decode(row["properties"]) if row["properties"] else {}
    traits = told.get("$traits") or {}
    call = row["kind"] if row["kind"] in ("identify", "group", "alias") else "track"
    return Arrived(
        event_id=row["event_id"], type="page" if row["kind"] == "page_view" else call,
        kind=row["kind"], name=told.get("$name", ""), occurred_us=row["ts_us"],
        received_us=row["ts_us"], source=row["source"] or "",
        customer_ref=row["customer_ref"], anonymous_id=row["anonymous_id"],
        properties={k: v for k, v in told.items() if not k.startswith("$")},
        traits=traits, context=told.get("$context") or {},
        session_id=row["session_id"], product_id=row["product_id"], category=row["category"],
        page=row["page"], query=row["query"], channel=row["channel"], device=row["device"],
        campaign_id=row["campaign_id"], store_id=row["store_id"],
        amount_minor=row["amount_minor"], currency=row["currency"],
    )  # fmt: skip


def _order(row: Mapping[str, Any]) -> Arrived:
    sale = row["kind"] != "return"
    return Arrived(
        event_id=f"order:{row['order_id']}", type="track", kind="purchase" if sale else "refund",
        name="", occurred_us=row["ts_us"], received_us=row["ts_us"], source=row["source"] or "",
        customer_ref=row["customer_ref"], properties={"order_id": row["order_id"]},
        channel=row["channel"], store_id=row["store_id"], amount_minor=row["amount_minor"],
        currency=row["currency"],
    )  # fmt: skip


def _touch(row: Mapping[str, Any]) -> Arrived:
    at_us = to_us(row["sent_at"])
    return Arrived(
        event_id=f"touch:{row['touch_id']}", type="", name="",
        kind=_TOUCH_KINDS.get(row["channel"], "message_sent"), occurred_us=at_us,
        received_us=at_us, source=row["source"] or "", customer_ref=row["customer_ref"],
        campaign_id=row["campaign_id"],
    )  # fmt: skip


def both(known: Sequence[Arrived], unsettled: Sequence[Arrived]) -> list[Arrived]:
    """Events of the lake and of memory, each once."""
    seen = {x.event_id for x in known}
    return [*known, *(x for x in unsettled if x.event_id not in seen)]
