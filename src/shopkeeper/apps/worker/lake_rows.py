"""Rows of every table that a batch of events makes, each with its place in the log."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

import ibis
import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shopkeeper.apps.worker.judging import DecisionRow, Judged
from shopkeeper.collect.live.envelope import Arrived, Refused
from shopkeeper.collect.live.order_facts import Line, Told, told
from shopkeeper.collect.live.orders import (
    Known,
    Order,
    Orders,
    line_rows,
    mentioned,
    order_rows,
    settle,
)
from shopkeeper.collect.live.people import Statements, may_state
from shopkeeper.collect.live.rows import event_rows, failed, quarantine_rows
from shopkeeper.core import columns as c
from shopkeeper.core.ports import TableStore
from shopkeeper.core.tables import (
    CONSENTS,
    DECISIONS,
    EVENTS,
    ORDER_LINES,
    ORDERS,
    QUARANTINE,
    TableContract,
)

log = logging.getLogger(__name__)

Int64s = npt.NDArray[np.int64]
Item = TypeVar("Item")


@dataclass(slots=True)
class Batch:
    """What waits for the lake.

    Parameters
    ----------
    events, refused, decisions
        As judged.
    positions
        First offset that is not covered, by partition.
    """

    events: list[Arrived] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    decisions: list[DecisionRow] = field(default_factory=list)
    positions: dict[int, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.events) + len(self.refused) + len(self.decisions)

    def add(self, judged: Judged) -> None:
        """Take over what was judged next."""
        self.events += judged.events
        self.refused += judged.refused
        self.decisions += judged.decisions
        self.positions.update(judged.positions)

    def drop(self, partition: int) -> None:
        """Leave a partition to somebody else."""
        self.events = [x for x in self.events if x.partition != partition]
        self.refused = [x for x in self.refused if x.event.partition != partition]
        self.decisions = [x for x in self.decisions if x.partition != partition]
        self.positions.pop(partition, None)


@dataclass(frozen=True, slots=True)
class Placed:
    """Rows of one table with the place in the log that each came from."""

    contract: TableContract
    rows: pa.Table
    partition: Int64s
    offset: Int64s


@dataclass(frozen=True, slots=True)
class Built:
    """Everything that a batch makes.

    Parameters
    ----------
    appended
        In the order of writing.
    changed
        Orders that take the place of stored ones.
    """

    appended: Sequence[Placed]
    changed: Sequence[Order]


class Builder:
    """Makes rows of batches.

    Parameters
    ----------
    tables
        Asked for orders that events mention.
    zone_name
        IANA zone of the shop.
    currency
        Of the shop.
    """

    def __init__(self, tables: TableStore, *, zone_name: str, currency: str) -> None:
        self._tables, self._zone, self._currency = tables, zone_name, currency
        self._statements = Statements()

    def build(self, batch: Batch, events: Sequence[Arrived]) -> Built:
        """Rows of every table; what cannot be a row is refused.

        Parameters
        ----------
        batch
            Not changed.
        events
            Those of the batch that some table does not have yet.

        Returns
        -------
        Built
        """
        refused = list(batch.refused)
        undecided: list[Refused] = []

        def refuse(event: Arrived, error: Exception) -> None:
            log.warning("event %s makes no row", event.event_id, exc_info=error)
            refused.append(failed(event, "rows", error))

        def undecide(row: DecisionRow, error: Exception) -> None:
            log.warning("a decision of %s makes no row", row.source, exc_info=error)
            undecided.append(failed(_as_event(row), "decision", error))

        good, rows = sound(
            events, lambda x: event_rows(x, zone_name=self._zone), refuse, EVENTS.empty()
        )
        decisions, decided = sound(batch.decisions, decision_rows, undecide, DECISIONS.empty())
        orders = self._orders(good)
        stated, consents = self._consents(good)
        new = orders.new
        of_lines = [x.event for x in new for _ in x.lines]
        placed = [
            _placed(ORDER_LINES, line_rows(new, zone_name=self._zone), of_lines),
            _placed(ORDERS, order_rows(new, zone_name=self._zone), [x.event for x in new]),
            _placed(CONSENTS, consents, stated),
            _placed(DECISIONS, decided, decisions),
            _placed(QUARANTINE, _quarantine(refused, undecided),
                    [x.event for x in (*refused, *undecided)]),
            _placed(EVENTS, rows, good),
        ]  # fmt: skip
        return Built([x for x in placed if x.rows.num_rows], orders.changed)

    def _orders(self, events: Sequence[Arrived]) -> Orders:
        facts: list[Told] = []
        for event in events:
            try:
                fact = told(event, currency=self._currency)
            except Exception as error:
                log.warning("event %s makes no order", event.event_id, exc_info=error)
                continue
            if fact is not None:
                facts.append(fact)
        if not facts:
            return Orders()
        asked = [x.order_id for x in facts if x.act == "undo"]
        found = settle(facts, known_orders(self._tables, mentioned(facts), asked))
        for event in found.unknown:
            log.info("event %s is about an order that nobody told of", event.event_id)
        return found

    def _consents(self, events: Sequence[Arrived]) -> tuple[list[Arrived], pa.Table]:
        kept: list[Arrived] = []
        rows: list[pa.Table] = []
        maybe = [x for x in events if may_state(x)]

        def skip(event: Arrived, error: Exception) -> None:
            log.warning("event %s states no consent", event.event_id, exc_info=error)

        def build(some: Sequence[Arrived]) -> pa.Table:
            stated, table = self._statements.rows(some)
            kept.extend(stated)
            rows.append(table)
            return table

        sound(maybe, build, skip, CONSENTS.empty())
        return kept, pa.concat_tables(rows) if rows else CONSENTS.empty()


def known_orders(
    tables: TableStore, ids: Sequence[str], with_lines: Sequence[str]
) -> Mapping[str, Known]:
    """Orders that the lake has.

    Parameters
    ----------
    tables
        The lake.
    ids
        Asked for.
    with_lines
        Those whose products are needed.

    Returns
    -------
    Mapping
        By id.
    """
    if not ids or not tables.exists(ORDERS):
        return {}
    stored = tables.table(ORDERS)
    wanted = ibis.table({"order_id": "string"}, name="wanted_orders")
    rows = tables.run(
        stored.semi_join(wanted, "order_id").select(c.ORDER_ID, c.AMOUNT_MINOR, c.CURRENCY),
        {"wanted_orders": pa.table({"order_id": pa.array(ids, pa.string())})},
    ).to_pylist()
    lines: dict[str, list[Line]] = {}
    if with_lines and tables.exists(ORDER_LINES):
        stored = tables.table(ORDER_LINES)
        found = tables.run(
            stored.semi_join(wanted, "order_id").order_by(c.LINE_ID),
            {"wanted_orders": pa.table({"order_id": pa.array(with_lines, pa.string())})},
        )
        for row in found.to_pylist():
            line = Line(
                row["product_id"], row["quantity"], row["amount_minor"], row["discount_minor"],
                row["coupon_id"],
            )  # fmt: skip
            lines.setdefault(row["order_id"], []).append(line)
    return {
        x["order_id"]: Known(x["amount_minor"], x["currency"], tuple(lines.get(x["order_id"], ())))
        for x in rows
    }


def decision_rows(rows: Sequence[DecisionRow]) -> pa.Table:
    """Rows of the decision ledger as the decision API wrote them.

    Parameters
    ----------
    rows
        JSON objects by column; moments as ISO text.

    Returns
    -------
    pa.Table
        Under the contract ``decisions``.
    """
    found = [msgspec.json.decode(x.raw) for x in rows]
    for row in found:
        for name in (str(c.AS_OF), str(c.SEND_AT)):
            if isinstance(row.get(name), str):
                row[name] = datetime.fromisoformat(row[name])
    names = dict.fromkeys(x for row in found for x in row)
    columns = {
        x: pa.array([row.get(x) for row in found], DECISIONS.arrow_schema.field(x).type)
        if x in DECISIONS.arrow_schema.names
        else pa.array([None] * len(found))
        for x in names
    }
    return DECISIONS.cast(pa.table(columns), fill=True)


def sound(
    items: Sequence[Item],
    build: Callable[[Sequence[Item]], pa.Table],
    refuse: Callable[[Item, Exception], None],
    empty: pa.Table,
) -> tuple[list[Item], pa.Table]:
    """Build rows; of items that make it fail each is found and refused, the rest is built.

    Parameters
    ----------
    items
        One or more rows each.
    build
        Makes rows of several items.
    refuse
        Told of each that fails alone.
    empty
        What no items give.

    Returns
    -------
    tuple
        The items that did not fail, and their rows.

    Examples
    --------
    >>> def build(numbers):
    ...     return pa.table({"x": [1 // n for n in numbers]})
    >>> bad, empty = [], build([1]).slice(0, 0)
    >>> good, rows = sound([1, 0, -1], build, lambda n, error: bad.append(n), empty)
    >>> good, rows["x"].to_pylist(), bad
    ([1, -1], [1, -1], [0])
    """
    if not items:
        return [], empty
    try:
        return list(items), build(items)
    except Exception as error:  # noqa: BLE001  the one at fault is found and refused
        if len(items) == 1:
            refuse(items[0], error)
            return [], empty
    half = len(items) // 2
    one, first = sound(items[:half], build, refuse, empty)
    other, second = sound(items[half:], build, refuse, empty)
    return one + other, pa.concat_tables([first, second])


def _quarantine(refused: Sequence[Refused], undecided: Sequence[Refused]) -> pa.Table:
    rows = quarantine_rows(refused)
    if not undecided:
        return rows
    return pa.concat_tables([rows, quarantine_rows(undecided, table=DECISIONS.name)])


def _as_event(row: DecisionRow) -> Arrived:
    return Arrived(
        event_id=f"decision-{row.partition}-{row.offset}-{row.position}",
        type="",
        kind="",
        name="",
        occurred_us=row.received_us,
        received_us=row.received_us,
        source=row.source,
        partition=row.partition,
        offset=row.offset,
        position=row.position,
        raw=row.raw,
    )


def _placed(
    contract: TableContract, rows: pa.Table, items: Sequence[Arrived] | Sequence[DecisionRow]
) -> Placed:
    return Placed(
        contract,
        rows,
        np.array([x.partition for x in items], dtype=np.int64),
        np.array([x.offset for x in items], dtype=np.int64),
    )
