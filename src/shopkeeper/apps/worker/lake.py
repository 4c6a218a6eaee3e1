"""The lake as a sink of the event log: every commit carries the log offset it reaches.

A row is written once whatever happens: a table whose last commit reaches an offset is not
written again below it, and a commit that does not follow the one it expects is refused.
Tables are written in one order, ``events`` last, so that what ``events`` reaches, all reach.

Two tables are changed and not only added to: records of customers and changed orders. Their
changes are merged by key, in the order of the log, and merging again changes nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from shopkeeper.apps.worker.lake_rows import Batch, Builder, Built, Placed
from shopkeeper.collect.live.envelope import Arrived
from shopkeeper.collect.live.orders import Order, line_rows, moved, order_rows
from shopkeeper.collect.live.people import (
    Key,
    Row,
    customer_rows,
    filled,
    record_of,
    together,
)
from shopkeeper.collect.live.rows import load_id
from shopkeeper.core import columns as c
from shopkeeper.core.errors import ConflictError
from shopkeeper.core.ports import TableStore
from shopkeeper.core.tables import (
    CONSENTS,
    CUSTOMERS,
    DECISIONS,
    EVENTS,
    ORDER_LINES,
    ORDERS,
    QUARANTINE,
    TableContract,
)

log = logging.getLogger(__name__)

ORDER: tuple[TableContract, ...] = (
    ORDER_LINES, ORDERS, CONSENTS, DECISIONS, QUARANTINE, EVENTS,
)  # fmt: skip
"""Tables that rows are appended to, in the order in which they are written. Whether an order
is known is asked of ``orders``, which comes after its lines."""
KEPT = tuple(str(x) for x in (c.CUSTOMER_REF, c.KIND, c.SOURCE, c.LOAD_ID))
"""What an order keeps from its first row."""
OPTIONAL = tuple(str(x) for x in (c.CHANNEL, c.STORE_ID, c.COUPON_ID))
"""What it keeps where the change says nothing."""
MERGE_SHARE = 0.05
"""Records of customers are merged so often that it takes at most this share of the time."""

Clean = Callable[[pa.Table, TableContract], tuple[pa.Table, pa.Table]]
"""Cleaning of typed rows, as the loader uses it."""


class LakeSink:
    """Writes batches; knows how far each table has each partition.

    Parameters
    ----------
    tables
        The lake.
    zone_name, currency
        Of the shop.
    clean
        Brings records of customers to the standards; None leaves them as they are told.
    """

    def __init__(
        self, tables: TableStore, *, zone_name: str, currency: str, clean: Clean | None = None
    ) -> None:
        self._tables, self._zone = tables, zone_name
        self._builder = Builder(tables, zone_name=zone_name, currency=currency)
        self._clean = clean
        self._reached: dict[tuple[str, int], int] = {}
        self._people: dict[int, dict[Key, Row]] = {}
        self._merge_at = 0.0
        self._building: tuple[Batch, Built] | None = None

    def gain(self, partition: int) -> int:
        """Look up how far each table has a partition.

        Parameters
        ----------
        partition
            Of the log.

        Returns
        -------
        int
            Last offset that any table has committed; -1 if none has.
        """
        for contract in ORDER:
            reached = self._tables.committed(contract, load_id(partition))
            self._reached[contract.name, partition] = reached
        self._people.pop(partition, None)
        return max(self._reached[x.name, partition] for x in ORDER)

    def lose(self, partition: int) -> None:
        """Leave a partition to somebody else."""
        self._people.pop(partition, None)

    def events_reached(self, partition: int) -> int:
        """Last offset that every table has; -1 if none has."""
        return self._reached.get((EVENTS.name, partition), -1)

    def waiting(self, partition: int) -> list[Any]:
        """Records of customers that are told and not merged yet, as JSON values."""
        return [[*k, v] for k, v in self._people.get(partition, {}).items()]

    def resume(self, partition: int, waiting: Sequence[Sequence[Any]]) -> None:
        """Take over records that an earlier worker had not merged yet."""
        self._people[partition] = {(ref, source): row for ref, source, row in waiting}

    def write(self, batch: Batch, *, last: bool = False) -> Mapping[str, int]:
        """Write what the tables do not have yet.

        Parameters
        ----------
        batch
            Not changed. Writing it again after a failure goes on where it stopped.
        last
            Whether to merge records of customers now, however long that takes.

        Returns
        -------
        Mapping
            Rows written by table.

        Raises
        ------
        ConflictError
            If another worker has taken over a partition.
        StoreError, OSError
            If the lake refused; what was committed stays.
        """
        written: dict[str, int] = {}
        built = self._built_once(batch)
        if built.changed:
            self._still_ours(batch)
        self._tell(batch.events)
        for placed in built.appended:
            if placed.contract == EVENTS:
                # Whatever events reaches must be known elsewhere, also what is merged by key.
                _count(written, ORDERS, self._change(built.changed))
            for partition in np.unique(placed.partition).tolist():
                rows = self._append(placed, partition, batch.positions[partition] - 1)
                _count(written, placed.contract, rows)
        self._building = None
        if any(self._people.values()) and (last or time.monotonic() >= self._merge_at):
            self._still_ours(batch)
            _count(written, CUSTOMERS, self._merge_people())
        return written

    def _built_once(self, batch: Batch) -> Built:
        """The same rows on every attempt: what was stated before is remembered while building."""
        if self._building is None or self._building[0] is not batch:
            self._building = (batch, self._builder.build(batch, batch.events))
        return self._building[1]

    def _append(self, placed: Placed, partition: int, last: int) -> int:
        contract, place = placed.contract, (placed.contract.name, partition)
        after = self._reached[place]
        new = (placed.partition == partition) & (placed.offset > after)
        count = int(new.sum())
        if not count:
            return 0
        rows = placed.rows if count == placed.rows.num_rows else placed.rows.filter(pa.array(new))
        self._tables.append(contract, rows, token=(load_id(partition), last), after=after)
        self._reached[place] = last
        return count

    def _still_ours(self, batch: Batch) -> None:
        """What is merged carries no offset, so ask whether somebody else went on."""
        for partition in batch.positions:
            reached = self._tables.committed(EVENTS, load_id(partition))
            if reached != self.events_reached(partition):
                raise ConflictError(
                    f"partition {partition} of the log stands at {reached} in the lake, "
                    f"not at {self.events_reached(partition)}",
                    next_step="Drop this work; another worker has taken over",
                    partition=partition,
                )

    # --- orders that change ------------------------------------------------------------------

    def _change(self, orders: Sequence[Order]) -> int:
        """Replace stored orders and their lines."""
        if not orders:
            return 0
        stored = self._tables.table(ORDERS)
        mine = stored.filter(stored[c.ORDER_ID].isin([x.order_id for x in orders]))
        first = {x["order_id"]: x for x in self._tables.run(mine).to_pylist()}
        orders = [
            moved(x, first[x.order_id]["ts_us"]) if x.order_id in first else x for x in orders
        ]
        rows = order_rows(orders, zone_name=self._zone).to_pylist()
        for row in rows:
            old = first.get(row["order_id"], {})
            row |= {x: old[x] for x in KEPT if old.get(x) is not None}
            row |= {x: old.get(x) for x in OPTIONAL if row[x] is None}
        self._tables.merge(ORDERS, pa.Table.from_pylist(rows, schema=ORDERS.arrow_schema))
        self._tables.merge(ORDER_LINES, line_rows(orders, zone_name=self._zone))
        for order in orders:
            self._drop_further_lines(order)
        return len(orders)

    def _drop_further_lines(self, order: Order) -> None:
        stored = self._tables.table(ORDER_LINES)
        mine = stored.filter(stored[c.ORDER_ID] == order.order_id).select(c.LINE_ID)
        kept = {f"{order.order_id}:{n}" for n in range(1, len(order.lines) + 1)}
        for line in self._tables.run(mine).column(0).to_pylist():
            if line not in kept:
                self._tables.delete(ORDER_LINES, {c.LINE_ID: line})

    # --- customers ---------------------------------------------------------------------------

    def _tell(self, events: Sequence[Arrived]) -> None:
        for event in events:
            if event.type != "identify":
                continue
            try:
                found = record_of(event)
            except Exception as error:
                log.warning("event %s tells nothing", event.event_id, exc_info=error)
                continue
            if found is not None:
                key, row = found
                mine = self._people.setdefault(event.partition, {})
                mine[key] = together(mine[key], row) if key in mine else row

    def _merge_people(self) -> int:
        began = time.monotonic()
        records: dict[Key, Row] = {}
        for mine in self._people.values():
            for key, row in mine.items():
                records[key] = together(records[key], row) if key in records else row
        told = customer_rows(records, zone_name=self._zone)
        if self._clean is not None:
            told, _ = self._clean(told, CUSTOMERS)
        else:
            told = told.drop_columns([str(c.GENDER), str(c.BIRTH_DATE)])
        rows = filled(told, self._stored(told))
        self._tables.merge(CUSTOMERS, rows)
        self._people.clear()
        self._merge_at = time.monotonic() + (time.monotonic() - began) / MERGE_SHARE
        return int(rows.num_rows)

    def _stored(self, told: pa.Table) -> pa.Table:
        if not self._tables.exists(CUSTOMERS):
            return CUSTOMERS.empty()
        stored = self._tables.table(CUSTOMERS)
        refs = told.column(str(c.CUSTOMER_REF)).to_pylist()
        mine = stored.filter(stored[c.CUSTOMER_REF].isin(refs))
        return CUSTOMERS.cast(self._tables.run(mine.select(*[str(x) for x in CUSTOMERS.columns])))


def _count(written: dict[str, int], contract: TableContract, rows: int) -> None:
    if rows:
        written[contract.name] = written.get(contract.name, 0) + rows
