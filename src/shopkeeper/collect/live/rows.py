"""Live events as rows of the lake: one event, one row of ``events`` or of ``quarantine``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shopkeeper.collect.dates import local_parts
from shopkeeper.collect.live.bots.clients import fingerprint
from shopkeeper.collect.live.envelope import Arrived, Refused, Violation
from shopkeeper.core import columns as c
from shopkeeper.core.tables import ARROW_TYPES, EVENTS, QUARANTINE

Int64s = npt.NDArray[np.int64]

POSITION_BITS: int = 15
PARTITION_BITS: int = 8
"""Places in one envelope, and partitions, that a row number has room for."""
KEPT_CONTEXT = (
    "locale", "timezone", "campaign", "page", "library", "clock", "app", "os",
)  # fmt: skip
"""What of the context stays with the row beside its columns."""
MAX_RAW = 1_000_000
"""Characters of a refused event that are kept."""

_TEXTS = {
    str(x): attrgetter(str(x))
    for x in (
        c.EVENT_ID, c.KIND, c.CUSTOMER_REF, c.ANONYMOUS_ID, c.SESSION_ID, c.PRODUCT_ID, c.CATEGORY,
        c.PAGE, c.QUERY, c.CHANNEL, c.DEVICE, c.CAMPAIGN_ID, c.CURRENCY, c.SOURCE, c.STORE_ID,
        c.INVALID,
    )
}  # fmt: skip
"""Columns that lie in fields of the same name."""
_encode = msgspec.json.Encoder().encode


def load_id(partition: int) -> str:
    """Load under which the rows of a partition lie in the lake; also the writer's name.

    Examples
    --------
    >>> load_id(3)
    'live-3'
    """
    return f"live-{partition}"


def when(ts_us: Int64s, zone_name: str) -> dict[str, pa.Array]:
    """Columns of a moment: UTC, and day, month, weekday and hour in the shop's zone.

    Parameters
    ----------
    ts_us
        UTC microseconds.
    zone_name
        IANA zone of the shop.

    Returns
    -------
    dict
        Column name to array.
    """
    days, hours = local_parts(ts_us, zone_name)
    distinct, at = np.unique(days, return_inverse=True)
    months = distinct.astype("datetime64[D]").astype("datetime64[M]").astype(str)
    return {
        str(c.OCCURRED_AT): pa.array(ts_us, pa.int64()).cast(ARROW_TYPES["timestamp"]),
        str(c.TS_US): pa.array(ts_us, pa.int64()),
        str(c.DAY): pa.array(days.astype(np.int32), pa.int32()).cast(pa.date32()),
        str(c.MONTH): pa.array(months.tolist(), pa.string()).take(pa.array(at)),
        str(c.DOW): pa.array(((days + 3) % 7 + 1).astype(np.int8)),
        str(c.HOUR): pa.array(hours.astype(np.int8)),
    }


def event_rows(events: Sequence[Arrived], *, zone_name: str) -> pa.Table:
    """Rows of ``events``.

    Parameters
    ----------
    events
        Admitted, in any order.
    zone_name
        IANA zone of the shop.

    Returns
    -------
    pa.Table
        Under the contract, one row an event in the order given. ``properties`` holds the
        event's properties and, under ``$name``, ``$traits``, ``$context``, ``$group`` and
        ``$previous``, what else was told.
    """
    loads = {x: load_id(x) for x in {y.partition for y in events}}
    columns: dict[str, pa.Array] = {
        name: pa.array(list(map(read, events)), pa.string()) for name, read in _TEXTS.items()
    }
    columns[str(c.LOAD_ID)] = pa.array([loads[x.partition] for x in events], pa.string())
    columns |= when(np.array([x.occurred_us for x in events], dtype=np.int64), zone_name)
    columns[str(c.RECEIVED_AT)] = pa.array([x.received_us for x in events], pa.int64()).cast(
        ARROW_TYPES["timestamp"]
    )
    columns[str(c.IP)] = pa.array([x.ip or None for x in events], pa.string())
    columns[str(c.AGENT)] = pa.array([x.agent or None for x in events], pa.string())
    columns[str(c.CLIENT)] = pa.array([fingerprint(x) for x in events], pa.string())
    columns[str(c.AMOUNT_MINOR)] = pa.array([x.amount_minor for x in events], pa.int64())
    columns[str(c.PROPERTIES)] = pa.array([_described(x) for x in events], pa.binary()).cast(
        pa.string()
    )
    return EVENTS.cast(pa.table(columns), fill=True)


def quarantine_rows(refused: Sequence[Refused], *, table: str = "events") -> pa.Table:
    """Rows of ``quarantine`` for events that were not admitted.

    Parameters
    ----------
    refused
        Each with its reasons.
    table
        Table the event did not come into.

    Returns
    -------
    pa.Table
        Under the contract. The load is ``live-`` and the source, the path names the event,
        the row number its place in the log.
    """
    first = [x.violations[0] if x.violations else NO_REASON for x in refused]
    columns: dict[str, Any] = {
        str(c.LOAD_ID): [f"live-{x.event.source}" for x in refused],
        str(c.TABLE_NAME): [table] * len(refused),
        str(c.ROW_NUMBER): [row_number(x.event) for x in refused],
        str(c.PATH): [f"live/{x.event.source}/{x.event.event_id}" for x in refused],
        str(c.FIELD): [x.field for x in first],
        str(c.REASON): [x.reason for x in first],
        str(c.REASON_ZH): ["；".join(v.zh for v in x.violations) for x in refused],
        str(c.REASON_EN): ["; ".join(v.en for v in x.violations) for x in refused],
        str(c.NEXT_STEP): [x.next_step for x in first],
        str(c.RAW): [x.event.raw.decode("utf-8", "replace")[:MAX_RAW] for x in refused],
    }
    arrays = {
        name: pa.array(values, QUARANTINE.arrow_schema.field(name).type)
        for name, values in columns.items()
    }
    received = pa.array([x.event.received_us for x in refused], pa.int64())
    arrays[str(c.CREATED_AT)] = received.cast(ARROW_TYPES["timestamp"])
    return QUARANTINE.cast(pa.table(arrays))


def row_number(event: Arrived) -> int:
    """Place of an event in the whole log, in order of offsets; from 1.

    Below 2^53, which JSON numbers keep, up to a thousand million records a partition.

    Examples
    --------
    >>> def at(partition, offset, position):
    ...     return Arrived(
    ...         event_id="",
    ...         type="",
    ...         kind="",
    ...         name="",
    ...         occurred_us=0,
    ...         received_us=0,
    ...         source="",
    ...         partition=partition,
    ...         offset=offset,
    ...         position=position,
    ...     )
    >>> row_number(at(0, 0, 0)), row_number(at(1, 0, 2)) < row_number(at(0, 1, 0))
    (1, True)
    """
    place = (event.offset << PARTITION_BITS) + event.partition
    return (place << POSITION_BITS) + min(event.position, (1 << POSITION_BITS) - 1) + 1


def place_of(number: int) -> tuple[int, int, int]:
    """Partition, offset and position that a row number stands for.

    Examples
    --------
    >>> place_of(1)
    (0, 0, 0)
    """
    place, position = divmod(number - 1, 1 << POSITION_BITS)
    offset, partition = divmod(place, 1 << PARTITION_BITS)
    return partition, offset, position


NO_REASON = Violation(
    "", "step_failed", "处理失败", "it could not be worked off", "查看日志 / See the log"
)


def failed(event: Arrived, step: str, error: BaseException) -> Refused:
    """An event that made a step fail, on its way into quarantine.

    Parameters
    ----------
    event
        The event.
    step
        Which step.
    error
        What it raised.

    Returns
    -------
    Refused
        Reason ``step_failed``.
    """
    what = f"{type(error).__name__}: {error}"[:300].encode("utf-8", "replace").decode()
    violation = Violation(
        "",
        "step_failed",
        f"“{step}”一步处理该事件时出错：{what}",
        f"step {step} failed on this event: {what}",
        "把原因报告给维护者；修复后可重放 / Report it; the event can be replayed once it is mended",
    )
    return Refused(event, [violation])


def _described(event: Arrived) -> bytes:
    told: dict[str, Any] = dict(event.properties)
    if event.name:
        told["$name"] = event.name
    if event.traits:
        told["$traits"] = event.traits
    context = _essentials(event)
    if context:
        told["$context"] = context
    if event.group_id:
        told["$group"] = event.group_id
    if event.previous_id:
        told["$previous"] = event.previous_id
    return _encode(told)


def _essentials(event: Arrived) -> Mapping[str, Any]:
    context = event.context
    return {x: context[x] for x in KEPT_CONTEXT if x in context} if context else {}
