"""What a real order history lacks, invented and labelled: web log, visitors, addresses, consents."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.core import tables
from shopkeeper.core.ids import content_id
from shopkeeper.simulate.behaviour import consent_table
from shopkeeper.simulate.latent import numbered
from shopkeeper.simulate.orders import time_columns

SOURCE = "simulated"


def contact_points(refs: pa.Array, time_zone: str, seed: int) -> pa.Table:
    """Customer records that carry only simulated addresses (example.com, test numbers).

    Parameters
    ----------
    refs
        Customers of the real history, one entry each.
    time_zone
        Zone given to all of them.
    seed
        Decides who has which address.
    """
    rng = np.random.default_rng([seed, 1])
    n = len(refs)
    number = np.arange(n)
    email = pc.binary_join_element_wise(numbered("household", number), "example.com", "@")
    phone = numbered("+1555", number, width=7)
    columns = {
        "customer_ref": refs,
        "email": pc.if_else(pa.array(rng.random(n) < 0.8), email, None),
        "phone": pc.if_else(pa.array(rng.random(n) < 0.75), phone, None),
        "time_zone": pa.array(np.full(n, time_zone)),
        "language": pa.array(np.where(rng.random(n) < 0.8, "en", "zh-CN")),
        "source": pa.array(np.full(n, SOURCE)),
    }
    return tables.CUSTOMERS.cast(pa.table(columns), fill=True)


def consents(refs: pa.Array, stated_us: int, seed: int) -> pa.Table:
    """Simulated statements of consent for every channel."""
    return consent_table(refs, stated_us, np.random.default_rng([seed, 2]))


def web_log(lines: pa.Table, time_zone: str, seed: int, *, share: float = 0.2) -> pa.Table:
    """A web log that could have led to some of the orders.

    A part of the orders is preceded, within two days, by a session that views
    some of the products bought; a third of the views reach the cart.

    Parameters
    ----------
    lines
        customer_ref, order_id, product_id, ts_us of real order lines.
    time_zone
        Zone of the shop.
    seed
        Decides which orders had a session.
    share
        Part of the orders with a session, in (0, 1].

    Returns
    -------
    pa.Table
        EVENTS rows with source ``simulated``.
    """
    rng = np.random.default_rng([seed, 3])
    lines = lines.sort_by([("order_id", "ascending"), ("product_id", "ascending")])
    codes = np.asarray(lines.column("order_id").combine_chunks().dictionary_encode().indices)
    orders = int(codes.max()) + 1 if len(codes) else 0
    has_session = rng.random(orders) < share
    lead_us = (rng.random(orders) * 2 * 86_400_000_000).astype(np.int64) + 600_000_000
    chosen = np.flatnonzero(has_session[codes] & (rng.random(len(codes)) < 0.5))
    kept = lines.take(pa.array(chosen))
    code = codes[chosen]
    starts = np.r_[True, code[1:] != code[:-1]] if len(code) else np.zeros(0, dtype=bool)
    first = np.maximum.accumulate(np.where(starts, np.arange(len(code)), 0)) if len(code) else code
    since_start = (np.arange(len(code)) - first) * 25_000_000
    ts = np.asarray(kept.column("ts_us")) - lead_us[code] + since_start
    added = rng.random(len(code)) < 0.33
    moment = pa.array(ts).cast(pa.timestamp("us", tz="UTC"))
    wall = pc.local_timestamp(moment.cast(pa.timestamp("us", tz=time_zone)))
    times = time_columns(time_zone, np.asarray(wall.cast(pa.int64())))
    # Ambiguous autumn hours: the true moment is the one already known.
    times["occurred_at"], times["ts_us"] = moment, pa.array(ts)
    columns = {
        "event_id": numbered(content_id("web_log", seed, length=8) + "-", np.arange(len(code))),
        "kind": pa.array(np.where(added, "product_added", "product_viewed")),
        "customer_ref": kept.column("customer_ref"),
        "session_id": numbered("web-", code),
        **times,
        "received_at": moment,
        "product_id": kept.column("product_id"),
        "channel": pa.array(np.full(len(code), "web")),
        "device": pa.array(np.where(rng.random(len(code)) < 0.7, "phone", "desktop")),
        "source": pa.array(np.full(len(code), SOURCE)),
    }
    return tables.EVENTS.cast(pa.table(columns), fill=True)


def visitors(lines: pa.Table, time_zone: str, seed: int, *, stores: int = 20) -> pa.Table:
    """Counts at the doors of the busiest stores that could have led to their orders.

    Every hour has at least as many visitors as orders; how many more is drawn for each store
    (it sells to a quarter to nearly half of them) and follows the store's own hours.

    Parameters
    ----------
    lines
        order_id, store_id, ts_us of real order lines.
    time_zone
        Zone of the shop.
    seed
        Decides the counts.
    stores
        How many of the busiest stores are counted.

    Returns
    -------
    pa.Table
        FOOTFALL rows with source ``simulated``, one for each store and open hour.
    """
    rng = np.random.default_rng([seed, 4])
    orders = lines.group_by(["store_id", "order_id"]).aggregate([("ts_us", "min")])
    orders = orders.filter(pc.is_valid(orders.column("store_id")))
    count = orders.group_by("store_id").aggregate([("order_id", "count")])
    count = count.sort_by([("order_id_count", "descending"), ("store_id", "ascending")])
    names = count.column("store_id").combine_chunks().slice(0, stores)
    at = pc.index_in(orders.column("store_id"), value_set=names)
    kept = orders.filter(pc.is_valid(at))
    store = np.asarray(at.drop_null())
    moment = kept.column("ts_us_min").cast(pa.timestamp("us", tz="UTC"))
    wall = pc.local_timestamp(moment.cast(pa.timestamp("us", tz=time_zone)))
    hour = np.asarray(wall.cast(pa.int64())) // 3_600_000_000
    first = int(hour.min()) // 24 if len(hour) else 0
    days = int(hour.max()) // 24 - first + 1 if len(hour) else 0
    sold = np.zeros((len(names), days, 24), dtype=np.int64)
    np.add.at(sold, (store, hour // 24 - first, hour % 24), 1)
    usual = sold.mean(axis=1, keepdims=True)
    others = 1 / rng.uniform(0.25, 0.45, (len(names), 1, 1)) - 1
    came = sold + rng.poisson((0.5 * sold + 0.5 * usual) * others)
    which, day, at_hour = np.nonzero((usual > 0.02) | (sold > 0))
    local = ((first + day) * 24 + at_hour).astype(np.int64) * 3_600_000_000
    times = time_columns(time_zone, local)
    columns = {
        "store_id": names.take(pa.array(which)),
        "sensor": pa.array(np.full(len(which), "all")),
        **times,
        "visitors": pa.array(came[which, day, at_hour]),
        "source": pa.array(np.full(len(which), SOURCE)),
    }
    # The hour that a spring night skips falls on the next one, which is there already.
    rows = pa.table({**columns, "at": pa.array(np.arange(len(which)))})
    once = rows.group_by(["store_id", "ts_us"]).aggregate([("at", "min")]).column("at_min")
    rows = rows.take(once.combine_chunks().sort()).drop_columns(["at"])
    return tables.FOOTFALL.cast(rows, fill=True)
