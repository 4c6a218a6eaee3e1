"""Web log, contacts with known effect, consents and customer records of a simulated shop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.core import tables
from shopkeeper.core.clock import MICROSECONDS_PER_DAY, to_us
from shopkeeper.simulate.latent import Latent, customer_refs, numbered
from shopkeeper.simulate.orders import OrderDraw, draw_products, local_times, order_numbers
from shopkeeper.simulate.spec import (
    CATEGORIES,
    CHANNEL_COST_MINOR,
    CHANNELS,
    RESPONSE_DAYS,
    Floats,
    Ints,
    ShopSpec,
)

STEPS = ("page_viewed", "product_viewed", "product_added", "checkout_started", "products_searched")
DEVICES = ("phone", "desktop", "tablet")


@dataclass(frozen=True, slots=True)
class Contacts:
    """Randomised contacts of one chunk.

    Parameters
    ----------
    member
        Position of the customer in the chunk.
    moment
        Days since the start.
    channel
        Index into ``CHANNELS``.
    sent
        The coin: False is the control of the same experiment.
    gained, lost
        Whether the contact brought an extra order, or cost the next one.
    """

    member: Ints
    moment: Floats
    channel: Ints
    sent: np.ndarray
    gained: np.ndarray
    lost: np.ndarray


def draw_contacts(spec: ShopSpec, truth: Latent, chunk: int) -> Contacts:
    """Toss a fair coin for each planned contact and decide what it causes.

    A contact of somebody who has left causes nothing. A positive effect is the
    chance of one extra order within ``RESPONSE_DAYS``; a negative one is the
    chance that the orders of that window are not made.
    """
    rng = spec.rng("touches", chunk)
    counts = rng.poisson(spec.touches_per_customer, len(truth.number))
    member = np.repeat(np.arange(len(truth.number)), counts)
    room = np.clip(spec.days - RESPONSE_DAYS - truth.joined_day, 0, None)
    moment = truth.joined_day[member] + rng.random(len(member)) * room[member]
    channel = rng.integers(0, len(CHANNELS), len(member))
    sent = rng.random(len(member)) < 0.5
    effect = truth.effect[member, channel]
    chance = spec.rng("effects", chunk).random(len(member))
    works = sent & (moment < truth.death_day[member])
    return Contacts(
        member, moment, channel, sent, works & (chance < effect), works & (chance < -effect)
    )


def with_effects(
    spec: ShopSpec, truth: Latent, draw: OrderDraw, contacts: Contacts, chunk: int
) -> OrderDraw:
    """The orders as the contacts changed them."""
    rng = spec.rng("effects", chunk + 500_000)
    lost = contacts.lost
    keep = np.ones(len(draw.member), dtype=bool)
    if lost.any():
        # Orders are sorted by (member, moment): a window is a slice of that order.
        key = draw.member * (spec.days + 1.0) + draw.moment
        begin = contacts.member[lost] * (spec.days + 1.0) + contacts.moment[lost]
        left = np.searchsorted(key, begin)
        right = np.searchsorted(key, begin + RESPONSE_DAYS)
        change = np.zeros(len(key) + 1, dtype=np.int64)
        np.add.at(change, left, 1)
        np.add.at(change, right, -1)
        keep = (np.cumsum(change[:-1]) == 0) | draw.first
    gained = contacts.gained
    member = np.r_[draw.member[keep], contacts.member[gained]]
    extra = contacts.moment[gained] + rng.random(gained.sum()) * RESPONSE_DAYS
    moment = np.r_[draw.moment[keep], extra]
    amount = rng.gamma(spec.p, 1.0, gained.sum()) * truth.mean_spend[contacts.member[gained]]
    value = np.maximum(np.rint(amount / spec.p * 100), 1).astype(np.int64)
    order = np.lexsort((moment, member))
    return OrderDraw(
        member[order],
        moment[order],
        np.r_[draw.amount_minor[keep], value][order],
        np.r_[draw.first[keep], np.zeros(gained.sum(), dtype=bool)][order],
    )


def touch_table(spec: ShopSpec, truth: Latent, contacts: Contacts, chunk: int) -> pa.Table:
    """Contacts under the TOUCHES contract; controls carry status ``held_out``."""
    times = local_times(spec, contacts.moment, truth.night[contacts.member], chunk + 1_000_000)
    cost = np.array([CHANNEL_COST_MINOR[x] for x in CHANNELS])[contacts.channel]
    columns = {
        "touch_id": numbered("t", order_numbers(len(contacts.member), chunk)),
        "customer_ref": customer_refs(truth.number[contacts.member]),
        "campaign_id": pa.array(np.full(len(contacts.member), "randomised")),
        "channel": pa.array(np.array(CHANNELS)[contacts.channel]),
        "status": pa.array(np.where(contacts.sent, "sent", "held_out")),
        "sent_at": times["occurred_at"],
        "ts_us": times["ts_us"],
        "day": times["day"],
        "cost_minor": pa.array(np.where(contacts.sent, cost, 0)),
        "currency": pa.array(np.full(len(contacts.member), spec.currency)),
        "source": pa.array(np.full(len(contacts.member), "simulated")),
    }
    return tables.TOUCHES.cast(pa.table(columns), fill=True)


def event_table(spec: ShopSpec, truth: Latent, draw: OrderDraw, chunk: int) -> pa.Table:
    """Sessions of one chunk under the EVENTS contract.

    Half of the sessions lead up to an order (its session ends in a checkout),
    the rest browse; each session has one device and draws its steps.
    """
    rng = spec.rng("events", chunk)
    n = len(truth.number)
    per_session = 6.0
    wanted = spec.events_per_customer * n / per_session
    buying = rng.random(len(draw.member)) < min(0.5, 0.5 * wanted / max(len(draw.member), 1))
    browse_total = max(wanted - buying.sum(), 0)
    alive = np.clip(np.minimum(truth.death_day, spec.days) - truth.joined_day, 0.05, None)
    weight = np.sqrt(truth.rate + 1e-6) * alive
    counts = rng.poisson(browse_total * weight / weight.sum())
    idle = np.repeat(np.arange(n), counts)
    start = truth.joined_day[idle] + rng.random(len(idle)) * np.minimum(alive[idle], spec.days)
    member = np.r_[draw.member[buying], idle]
    moment = np.minimum(np.r_[draw.moment[buying], start], spec.days - 1e-4)
    bought = np.r_[np.ones(buying.sum(), dtype=bool), np.zeros(len(idle), dtype=bool)]
    length = 1 + rng.poisson(per_session - 1, len(member))
    session = np.repeat(np.arange(len(member)), length)
    position = np.arange(len(session)) - np.repeat(np.cumsum(length) - length, length)
    step = rng.choice([0, 1, 2, 4], len(session), p=[0.3, 0.5, 0.1, 0.1])
    step[(position == length[session] - 1) & bought[session]] = 3
    product = draw_products(spec, truth.tastes, member[session], rng)
    times = local_times(spec, moment, truth.night[member], chunk + 2_000_000)
    ts = np.asarray(times["ts_us"])[session] + position * 20_000_000
    return _events(spec, truth, chunk, member, session, step, product, ts, rng)


def _events(
    spec: ShopSpec,
    truth: Latent,
    chunk: int,
    member: Ints,
    session: Ints,
    step: Ints,
    product: Ints,
    ts: Ints,
    rng: np.random.Generator,
) -> pa.Table:
    taken = pa.array(session)
    with_product = np.isin(step, (1, 2))
    moment = pa.array(ts).cast(pa.timestamp("us", tz="UTC"))
    # A session may run past midnight: its later events keep their own day and hour.
    wall = pc.local_timestamp(moment.cast(pa.timestamp("us", tz=spec.time_zone)))
    device = rng.choice(len(DEVICES), len(member), p=[0.7, 0.22, 0.08])
    columns = {
        "event_id": numbered("e", order_numbers(len(session), chunk)),
        "kind": pa.array(np.array(STEPS)).take(pa.array(step)),
        "customer_ref": customer_refs(truth.number[member]).take(taken),
        "session_id": numbered("v", order_numbers(len(member), chunk)).take(taken),
        "occurred_at": moment,
        "ts_us": pa.array(ts),
        "day": wall.cast(pa.date32()),
        "month": pc.strftime(wall, format="%Y-%m"),
        "dow": pc.add(pc.day_of_week(wall), 1).cast(pa.int8()),
        "hour": pc.hour(wall).cast(pa.int8()),
        "received_at": moment,
        "product_id": pc.if_else(pa.array(with_product), numbered("p", product, width=5), None),
        "category": pc.if_else(
            pa.array(with_product),
            pa.array(np.array(CATEGORIES)).take(pa.array(product % len(CATEGORIES))),
            None,
        ),
        "channel": pa.array(np.full(len(session), "web")),
        "device": pa.array(np.array(DEVICES)).take(pa.array(device[session])),
        "source": pa.array(np.full(len(session), "simulated")),
    }
    rows = tables.EVENTS.cast(pa.table(columns), fill=True)
    # The last sessions may run past the end of the history, which nobody has seen yet.
    return rows.filter(pc.less(rows.column("ts_us"), to_us(spec.as_of)))


def customer_table(spec: ShopSpec, truth: Latent, chunk: int) -> pa.Table:
    """Customer records under the CUSTOMERS contract; addresses end in example.com."""
    rng = spec.rng("profiles", chunk)
    n = len(truth.number)
    joined = spec.as_of.timestamp() * 1e6 + (truth.joined_day - spec.days) * MICROSECONDS_PER_DAY
    email = pc.binary_join_element_wise(numbered("c", truth.number), "example.com", "@")
    phone = numbered("+86139", truth.number, width=8)
    has_phone, has_email = rng.random(n) < 0.8, rng.random(n) < 0.7
    columns = {
        "customer_ref": customer_refs(truth.number),
        "gender": pa.array(rng.choice([1, 2, 9], n, p=[0.42, 0.5, 0.08]).astype(np.int8)),
        "phone": pc.if_else(pa.array(has_phone), phone, None),
        "email": pc.if_else(pa.array(has_email), email, None),
        "city": pa.array(np.array(["上海", "杭州", "成都", "武汉"])[rng.integers(0, 4, n)]),
        "member_level": pa.array(np.array(["普通", "银卡", "金卡"])[rng.integers(0, 3, n)]),
        "joined_at": pa.array(joined.astype(np.int64)).cast(pa.timestamp("us", tz="UTC")),
        "time_zone": pa.array(np.full(n, spec.time_zone)),
        "language": pa.array(np.full(n, "zh-CN")),
        "source": pa.array(np.full(n, "simulated")),
    }
    return tables.CUSTOMERS.cast(pa.table(columns), fill=True)


def consent_table(refs: pa.Array, stated_us: int, rng: np.random.Generator) -> pa.Table:
    """One statement per customer and channel; four in five say yes.

    Parameters
    ----------
    refs
        Customers, one entry each.
    stated_us
        Moment of every statement, microseconds since 1970.
    rng
        Random stream.
    """
    n = len(refs)
    who = np.repeat(np.arange(n), len(CHANNELS))
    status = rng.choice(["GRANT", "DENY", "REVOKED"], len(who), p=[0.8, 0.15, 0.05])
    columns = {
        "customer_ref": refs.take(pa.array(who)),
        "purpose": pa.array(np.full(len(who), "marketing")),
        "channel": pa.array(np.tile(np.array(CHANNELS), n)),
        "status": pa.array(status),
        "basis": pa.array(np.full(len(who), "consent")),
        "status_at": pa.array(np.full(len(who), stated_us)).cast(pa.timestamp("us", tz="UTC")),
        "source": pa.array(np.full(len(who), "simulated")),
    }
    return tables.CONSENTS.cast(pa.table(columns), fill=True)
