"""More of what a real order history lacks: visits that led nowhere, checkouts, reviews and chats.

Everything carries the source ``simulated``. Reviews are written some days after an order; how good
a product is was drawn once, so that bad products get bad words and few stars.
"""

from __future__ import annotations

import json

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.core import tables
from shopkeeper.core.ids import content_id
from shopkeeper.simulate.latent import numbered
from shopkeeper.simulate.orders import time_columns

SOURCE = "simulated"
DAY_US = 86_400_000_000
Ints = npt.NDArray[np.int64]

PRAISE = (
    "tastes great", "fresh and well packed", "good value for the money", "the staff were friendly",
    "delivered on time", "味道很好", "很新鲜，包装也好", "物超所值", "客服很热情", "送货很快",
)  # fmt: skip
BLAME = (
    "arrived broken", "not fresh at all", "too expensive for what it is", "nobody helped me",
    "the delivery was late", "味道一般，不会再买", "不新鲜", "太贵了，不值", "客服态度很差", "送得太慢",
)  # fmt: skip
OPENING = (
    "Bought it again.",
    "First time.",
    "For my family.",
    "回购了。",
    "第一次买。",
    "给家里买的。",
)
CHATS = (
    "I want to return this, it was broken", "when will my order arrive?", "is there a coupon for this?",
    "do you have this in stock?", "this is the second time it is wrong, I am very unhappy",
    "can I get an invoice?", "我要退货，东西坏了", "什么时候发货？", "有没有优惠券？", "这个还有货吗？",
    "太生气了，又发错了", "可以开发票吗？", "请转人工",
)  # fmt: skip


def idle_visits(lines: pa.Table, time_zone: str, seed: int, *, share: float = 0.12) -> pa.Table:
    """Visits that did not lead to an order: products looked at, seldom a cart.

    Parameters
    ----------
    lines
        customer_ref, order_id, product_id, ts_us of real order lines.
    time_zone
        Zone of the shop.
    seed
        Decides everything random.
    share
        Visits for each order, in (0, 1].

    Returns
    -------
    pa.Table
        EVENTS rows.
    """
    rng = np.random.default_rng([seed, 5])
    orders = _orders(lines)
    who = np.flatnonzero(rng.random(orders.num_rows) < share)
    seen = rng.integers(1, 7, len(who))
    visit = np.repeat(np.arange(len(who)), seen)
    first = np.repeat(np.cumsum(seen) - seen, seen)
    lead = rng.integers(3 * DAY_US, 21 * DAY_US, len(who))
    start = np.asarray(orders.column("ts_us"))[who] - lead
    gap = rng.integers(8_000_000, 70_000_000, len(visit))
    ts = start[visit] + (np.arange(len(visit)) - first) * 40_000_000 + gap
    # People look at what people buy: products are drawn as often as they were sold.
    looked = lines.column("product_id").take(
        pa.array(rng.integers(0, max(lines.num_rows, 1), len(visit)))
    )
    added = rng.random(len(visit)) < 0.07
    return _events(
        content_id("idle", seed, length=8), ts, time_zone,
        kind=pa.array(np.where(added, "product_added", "product_viewed")),
        customer_ref=orders.column("customer_ref").take(pa.array(who[visit])),
        session_id=numbered("idle-", visit), product_id=looked,
        channel=pa.array(np.full(len(visit), "web")),
        device=pa.array(np.where(rng.random(len(visit)) < 0.7, "phone", "desktop")),
    )  # fmt: skip


def checkouts(log: pa.Table, time_zone: str, seed: int) -> pa.Table:
    """Checkouts begun at the end of some sessions that reached the cart.

    Parameters
    ----------
    log
        EVENTS rows of sessions, such as those of `web_log`.
    time_zone
        Zone of the shop.
    seed
        Decides which.

    Returns
    -------
    pa.Table
        EVENTS rows, at most one for each session.
    """
    rng = np.random.default_rng([seed, 6])
    cart = pc.equal(log.column("kind"), "product_added").cast(pa.int64())
    rows = log.select(["session_id", "customer_ref", "ts_us", "device"]).append_column("cart", cart)
    each = rows.group_by(["session_id", "customer_ref"]).aggregate(
        [("ts_us", "max"), ("cart", "sum"), ("device", "min")]
    )
    each = each.sort_by("session_id")
    carts = np.asarray(each.column("cart_sum"))
    begun = rng.random(each.num_rows) < np.where(carts > 0, 0.25 + 0.5 * (carts > 1), 0.0)
    kept = each.filter(pa.array(begun))
    ts = np.asarray(kept.column("ts_us_max")) + rng.integers(15_000_000, 90_000_000, kept.num_rows)
    return _events(
        content_id("checkout", seed, length=8), ts, time_zone,
        kind=pa.array(np.full(kept.num_rows, "begin_checkout")),
        customer_ref=kept.column("customer_ref"), session_id=kept.column("session_id"),
        channel=pa.array(np.full(kept.num_rows, "web")), device=kept.column("device_min"),
    )  # fmt: skip


def reviews(
    lines: pa.Table, time_zone: str, seed: int, until_us: int, *, most: int = 4_000
) -> pa.Table:
    """Reviews with stars, some days after an order.

    Parameters
    ----------
    lines
        customer_ref, order_id, product_id, ts_us of real order lines.
    time_zone
        Zone of the shop.
    seed
        Decides everything random.
    until_us
        Nothing is written at or after this moment, microseconds UTC.
    most
        Reviews at most.

    Returns
    -------
    pa.Table
        EVENTS rows of kind ``product_reviewed``; text in ``query``, stars in ``properties``.
    """
    rng = np.random.default_rng([seed, 7])
    drawn = np.sort(rng.permutation(lines.num_rows)[:most])
    kept = lines.take(pa.array(drawn))
    ts = np.asarray(kept.column("ts_us")) + rng.integers(DAY_US, 11 * DAY_US, kept.num_rows)
    early = ts < until_us
    kept, ts = kept.filter(pa.array(early)), ts[early]
    product = kept.column("product_id").combine_chunks().dictionary_encode()
    quality = rng.beta(6.0, 2.0, len(product.dictionary))[np.asarray(product.indices)]
    good = rng.random(len(ts)) < quality
    stars = np.where(good, rng.integers(4, 6, len(ts)), rng.integers(1, 4, len(ts)))
    texts = [_review(rng, bool(one)) for one in good]
    return _events(
        content_id("review", seed, length=8), ts, time_zone,
        kind=pa.array(np.full(len(ts), "product_reviewed")),
        customer_ref=kept.column("customer_ref"), product_id=kept.column("product_id"),
        query=pa.array(texts, pa.string()),
        properties=pa.array([json.dumps({"rating": int(one)}) for one in stars], pa.string()),
        channel=pa.array(np.full(len(ts), "web")),
    )  # fmt: skip


def _review(rng: np.random.Generator, good: bool) -> str:
    half = len(PRAISE) // 2
    chinese = rng.random() < 0.3
    own, other = (PRAISE, BLAME) if good else (BLAME, PRAISE)
    side = slice(half, None) if chinese else slice(0, half)
    said = [str(x) for x in rng.choice(own[side], 2, replace=False)]
    if rng.random() < 0.2:
        but = "但是" if chinese else "but "
        said.append(but + str(rng.choice(other[side])))
    opening = OPENING[int(rng.integers(0, 3)) + (3 if chinese else 0)]
    return opening + ("" if chinese else " ") + ("，" if chinese else ", ").join(said)


def chats(
    lines: pa.Table, time_zone: str, seed: int, until_us: int, *, most: int = 1_200
) -> pa.Table:
    """Messages to customer service within days of an order.

    Parameters
    ----------
    lines
        customer_ref, order_id, product_id, ts_us of real order lines.
    time_zone
        Zone of the shop.
    seed
        Decides everything random.
    until_us
        Nothing is written at or after this moment, microseconds UTC.
    most
        Messages at most.

    Returns
    -------
    pa.Table
        EVENTS rows of kind ``chat_message_received``; text in ``query``.
    """
    rng = np.random.default_rng([seed, 8])
    orders = _orders(lines)
    kept = orders.take(pa.array(np.sort(rng.permutation(orders.num_rows)[:most])))
    ts = np.asarray(kept.column("ts_us")) + rng.integers(3_600_000_000, 5 * DAY_US, kept.num_rows)
    early = ts < until_us
    kept, ts = kept.filter(pa.array(early)), ts[early]
    said = rng.integers(0, len(CHATS), len(ts))
    return _events(
        content_id("chat", seed, length=8), ts, time_zone,
        kind=pa.array(np.full(len(ts), "chat_message_received")),
        customer_ref=kept.column("customer_ref"), session_id=numbered("chat-", np.arange(len(ts))),
        query=pa.array(np.asarray(CHATS)[said]), channel=pa.array(np.full(len(ts), "web")),
    )  # fmt: skip


def _orders(lines: pa.Table) -> pa.Table:
    """One row for each order, in an order that does not depend on that of the lines."""
    each = lines.group_by(["order_id", "customer_ref"]).aggregate([("ts_us", "min")])
    return each.rename_columns(["order_id", "customer_ref", "ts_us"]).sort_by("order_id")


def _events(prefix: str, ts: Ints, time_zone: str, **columns: pa.Array) -> pa.Table:
    """EVENTS rows at known moments, labelled as simulated."""
    moment = pa.array(ts.astype(np.int64)).cast(pa.timestamp("us", tz="UTC"))
    wall = pc.local_timestamp(moment.cast(pa.timestamp("us", tz=time_zone)))
    times = time_columns(time_zone, np.asarray(wall.cast(pa.int64())))
    # Ambiguous autumn hours: the true moment is the one already known.
    times["occurred_at"], times["ts_us"] = moment, pa.array(ts.astype(np.int64))
    rows = {
        "event_id": numbered(f"{prefix}-", np.arange(len(ts))),
        **columns,
        **times,
        "received_at": moment,
        "source": pa.array(np.full(len(ts), SOURCE)),
    }
    return tables.EVENTS.cast(pa.table(rows), fill=True)
