"""A week of a simulated shop, told live: late, shuffled, twice, before and after a login."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.apps.flows.profiles import refresh_identities
from shopkeeper.apps.flows.unify import run_unify
from shopkeeper.apps.worker.online import OnlineFeatures
from shopkeeper.apps.worker.profiles import LiveProfiles
from shopkeeper.backends.runtime import Runtime
from shopkeeper.collect.live.envelope import Arrived
from shopkeeper.core import columns as c
from shopkeeper.core.clock import MICROSECONDS_PER_DAY as DAY_US
from shopkeeper.core.clock import from_us, to_us
from shopkeeper.core.tables import EVENTS, ORDER_LINES, ORDERS, TOUCHES, contract
from shopkeeper.simulate.shop import generate
from shopkeeper.simulate.spec import ShopSpec

Places = npt.NDArray[np.int64]

DAYS = 7
LIVE = (ORDERS, ORDER_LINES, EVENTS, TOUCHES)
SHARES = {"device": 0.4, "nobody": 0.1, "returned": 0.15, "corrected": 0.1, "invalid": 0.03,
          "late": 0.05, "repeated": 0.05}  # fmt: skip
"""Of customers: seen on a device before they log in, never logged in; of orders: returned,
told again with another amount; of events: marked invalid, up to a day late; of batches:
delivered twice."""


@dataclass
class Now:
    """A clock that stands where it is put."""

    moment: datetime

    def now(self) -> datetime:
        """The moment it stands at."""
        return self.moment


@dataclass(frozen=True)
class Replay:
    """A shop until a moment, and the week after it.

    Parameters
    ----------
    spec
        The shop.
    before
        Rows of the history, by table.
    batches
        What arrives in the week, batch after batch: moment, events, rows by table.
    final
        Rows of the week as they end up in the lake, by table.
    """

    spec: ShopSpec
    before: Mapping[str, pa.Table]
    batches: tuple[tuple[int, list[Arrived], Mapping[str, pa.Table]], ...]
    final: Mapping[str, pa.Table]

    @property
    def starts(self) -> datetime:
        """When the week begins."""
        return self.spec.as_of - timedelta(days=DAYS)


def simulate(spec: ShopSpec, *, batches: int = 40) -> Replay:
    """Draw the shop and decide what arrives when.

    Parameters
    ----------
    spec
        The shop; its last week is told live.
    batches
        In how many pieces the week arrives.

    Returns
    -------
    Replay
    """
    rng = np.random.default_rng([spec.seed, 77])
    tables: dict[str, list[pa.Table]] = {}
    for table, rows in generate(spec):
        tables.setdefault(table.name, []).append(table.cast(rows, fill=True))
    shop = {name: pa.concat_tables(parts) for name, parts in tables.items()}
    start_us = to_us(spec.as_of) - DAYS * DAY_US
    shop[TOUCHES.name] = _later(shop[TOUCHES.name], rng)
    shop[EVENTS.name] = _on_devices(shop[EVENTS.name], start_us, rng)
    before, week = {}, {}
    for name, rows in shop.items():
        if name in {x.name for x in LIVE}:
            early = pc.less(rows[str(c.TS_US)], start_us)
            before[name], week[name] = rows.filter(early), rows.filter(pc.invert(early))
        else:
            before[name] = rows
    for name, rows in _returns(week, to_us(spec.as_of), rng).items():
        week[name] = pa.concat_tables([week[name], rows])
    week[EVENTS.name] = pa.concat_tables([_marked(week[EVENTS.name], rng), _bought(week)])
    return Replay(spec, before, tuple(_arrivals(week, start_us, batches, rng)), week)


def prepare(runtime: Runtime, replay: Replay) -> None:
    """Load and unify the history, and take over the identities.

    Parameters
    ----------
    runtime
        An empty shop.
    replay
        What is loaded.
    """
    for name, rows in replay.before.items():
        runtime.tables.append(contract(name), rows)
    run_unify(runtime, as_of=replay.starts, run_id="before")
    refresh_identities(runtime)


def run_live(
    runtime: Runtime,
    replay: Replay,
    clock: Now,
    online: OnlineFeatures,
    *,
    every: int = 1,
    without: Mapping[str, tuple[str, str]] | None = None,
) -> set[str]:
    """Tell the week: identities, rows and rounds, batch after batch.

    Parameters
    ----------
    runtime
        Prepared.
    replay
        What arrives.
    clock
        The runtime's; put forward.
    online
        What is under test.
    every
        After how many batches a round follows; 0 is never.
    without
        Rows that do not arrive: key column and key by table.

    Returns
    -------
    set of str
        Every customer whom anything happened to.
    """
    profiles = LiveProfiles(runtime)
    touched: set[str] = set()
    offset = 0
    for number, (at_us, events, tables) in enumerate(replay.batches, 1):
        clock.moment = from_us(at_us)
        for event in events:
            event.offset = offset = offset + 1
        applied = profiles.apply(events, {0: offset + 1}, at_us)
        moved = {*applied.merged, *applied.merged.values()}
        online.touch(_but(tables, without), {}, moved=moved)
        touched |= {*applied.customers, *moved}
        if every and number % every == 0:
            online.round(at_us)
    return touched


def _but(
    tables: Mapping[str, pa.Table], without: Mapping[str, tuple[str, str]] | None
) -> Mapping[str, pa.Table]:
    if not without:
        return tables
    left = dict(tables)
    for name, (column, key) in without.items():
        if name in left:
            left[name] = left[name].filter(pc.not_equal(left[name][column], key))
    return left


def finish(runtime: Runtime, replay: Replay) -> None:
    """Bring the week into the lake and unify it, as the next night would.

    Parameters
    ----------
    runtime
        Prepared.
    replay
        What arrived.
    """
    for name, rows in replay.final.items():
        runtime.tables.append(contract(name), rows)
    run_unify(runtime, as_of=replay.spec.as_of, run_id="after")


def _on_devices(events: pa.Table, start_us: int, rng: np.random.Generator) -> pa.Table:
    """Some customers are known by a device alone until they log in within the week, some never."""
    refs = events[str(c.CUSTOMER_REF)]
    coded = pc.dictionary_encode(refs.combine_chunks())
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    size = len(coded.dictionary)
    draw = rng.random(size)
    device, never = draw < SHARES["device"], draw < SHARES["nobody"]
    login = start_us + (rng.random(size) * DAYS * DAY_US * 0.8).astype(np.int64)
    login[never] = np.iinfo(np.int64).max
    who = coded.indices.to_numpy()
    ts = events[str(c.TS_US)].to_numpy()
    # Of the history only some events were on that device: the others logged in elsewhere.
    there = device[who] & ((ts >= start_us) | (rng.random(len(who)) < 0.2))
    unknown = there & (ts < login[who])
    names = pc.binary_join_element_wise("d-", coded.dictionary, "")
    devices = pc.if_else(pa.array(there), names.take(coded.indices), None)
    known = pc.if_else(pa.array(unknown), None, refs.combine_chunks())
    return _with(_with(events, c.ANONYMOUS_ID, devices), c.CUSTOMER_REF, known)


def _with(rows: pa.Table, column: str, values: pa.Array) -> pa.Table:
    at = rows.schema.get_field_index(str(column))
    return rows.set_column(at, rows.schema.field(at), values)


def _later(touches: pa.Table, rng: np.random.Generator) -> pa.Table:
    """The simulated shop writes to nobody in its last week; here a third of it happens then."""
    shift = np.where(rng.random(touches.num_rows) < 1 / 3, DAYS * DAY_US, 0)
    ts = pc.add(touches[str(c.TS_US)], pa.array(shift))
    sent = ts.cast(pa.timestamp("us", tz="UTC"))
    moved = _with(_with(touches, c.TS_US, ts), c.SENT_AT, sent)
    return _with(moved, c.DAY, sent.cast(pa.date32()))


def _returns(
    week: Mapping[str, pa.Table], end_us: int, rng: np.random.Generator
) -> dict[str, pa.Table]:
    """Some orders of the week come back a day later."""
    orders, lines = week[ORDERS.name], week[ORDER_LINES.name]
    back = orders.filter(pa.array(rng.random(orders.num_rows) < SHARES["returned"]))
    back = back.filter(pc.less(back[str(c.TS_US)], end_us - DAY_US))
    sent = lines.filter(pc.is_in(lines[str(c.ORDER_ID)], back[str(c.ORDER_ID)].combine_chunks()))
    found = {}
    for contract_, rows in ((ORDERS, back), (ORDER_LINES, sent)):
        ts = pc.add(rows[str(c.TS_US)], DAY_US)
        moved = _with(rows, c.TS_US, ts)
        moved = _with(moved, c.OCCURRED_AT, ts.cast(pa.timestamp("us", tz="UTC")))
        moved = _with(moved, c.AMOUNT_MINOR, pc.negate(rows[str(c.AMOUNT_MINOR)]))
        moved = _with(moved, c.KIND, pa.array(["return"] * rows.num_rows, pa.string()))
        for key in {c.ORDER_ID, *contract_.key}:
            named = pc.binary_join_element_wise(rows[str(key)], "-back", "")
            moved = _with(moved, key, named)
        found[contract_.name] = moved.cast(rows.schema)
    return found


def _marked(events: pa.Table, rng: np.random.Generator) -> pa.Table:
    marked = pa.array(rng.random(events.num_rows) < SHARES["invalid"])
    return _with(events, c.INVALID, pc.if_else(marked, "rate", pa.scalar(None, pa.string())))


def _bought(week: Mapping[str, pa.Table]) -> pa.Table:
    """The event that tells of each order."""
    orders = week[ORDERS.name]
    moments = {str(x): orders[str(x)] for x in (c.OCCURRED_AT, c.TS_US, c.DAY, c.MONTH, c.DOW,
                                                c.HOUR)}  # fmt: skip
    n = orders.num_rows
    columns = {
        str(c.EVENT_ID): pc.binary_join_element_wise("order-", orders[str(c.ORDER_ID)], ""),
        str(c.KIND): pa.array(["purchase"] * n, pa.string()),
        str(c.CUSTOMER_REF): orders[str(c.CUSTOMER_REF)],
        **moments,
        str(c.RECEIVED_AT): orders[str(c.OCCURRED_AT)],
        str(c.CHANNEL): orders[str(c.CHANNEL)],
    }
    return EVENTS.cast(pa.table(columns), fill=True)


def _arrivals(
    week: Mapping[str, pa.Table], start_us: int, batches: int, rng: np.random.Generator
) -> Iterator[tuple[int, list[Arrived], Mapping[str, pa.Table]]]:
    """Rows by the batch they arrive in; an order comes with its lines."""
    step = DAYS * DAY_US // batches
    parts: list[dict[str, pa.Table]] = [{} for _ in range(batches)]
    orders = week[ORDERS.name]
    place = _batch(orders, start_us, step, batches, rng)
    of_order = dict(zip(orders[str(c.ORDER_ID)].to_pylist(), place.tolist(), strict=True))
    for contract_ in LIVE:
        rows = week[contract_.name]
        if contract_ is ORDERS:
            at = place
        elif contract_ is ORDER_LINES:
            ids = rows[str(c.ORDER_ID)].to_pylist()
            at = np.array([of_order[x] for x in ids], dtype=np.int64)
        else:
            at = _batch(rows, start_us, step, batches, rng)
        for number in range(batches):
            mine = rows.filter(pa.array(at == number))
            shuffled = mine.take(pa.array(rng.permutation(mine.num_rows)))
            parts[number][contract_.name] = shuffled
    repeated = rng.random(batches) < SHARES["repeated"]
    for number, part in enumerate(parts):
        at_us = start_us + (number + 1) * step
        early = part
        if number + 1 < batches:
            early = {**part, ORDERS.name: _wrong(part[ORDERS.name], rng)}
        yield at_us, _told(part[EVENTS.name]), early
        if early is not part:
            yield at_us, [], {ORDERS.name: part[ORDERS.name]}
        if repeated[number]:
            yield at_us, [], part


def _batch(
    rows: pa.Table, start_us: int, step: int, batches: int, rng: np.random.Generator
) -> Places:
    late = rng.random(rows.num_rows) < SHARES["late"]
    lag = np.where(late, rng.random(rows.num_rows) * DAY_US, 0).astype(np.int64)
    at = (rows[str(c.TS_US)].to_numpy() + lag - start_us) // step
    placed: Places = np.minimum(at, batches - 1).astype(np.int64)
    return placed


def _wrong(orders: pa.Table, rng: np.random.Generator) -> pa.Table:
    """What some orders looked like when they were first told."""
    wrong = pa.array(rng.random(orders.num_rows) < SHARES["corrected"])
    amount = orders[str(c.AMOUNT_MINOR)]
    return _with(orders, c.AMOUNT_MINOR, pc.if_else(wrong, pc.add(amount, 100), amount))


def _told(rows: pa.Table) -> list[Arrived]:
    return [
        Arrived(
            event_id=x["event_id"], type="track", kind=x["kind"], name=x["kind"],
            occurred_us=x["ts_us"], received_us=x["ts_us"], source="replay",
            customer_ref=x["customer_ref"], anonymous_id=x["anonymous_id"],
            session_id=x["session_id"], product_id=x["product_id"], category=x["category"],
            invalid=x["invalid"],
        )
        for x in rows.to_pylist()
    ]  # fmt: skip
