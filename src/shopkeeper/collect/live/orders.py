"""Orders told by events: purchases, changes, cancellations and refunds as rows of the lake.

An order exists once however many events tell of it: the first that has its id makes the row. A
refund or cancellation is a row of its own with negative amounts, as returns are everywhere.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa

from shopkeeper.collect.live.envelope import Arrived
from shopkeeper.collect.live.order_facts import Line, Told
from shopkeeper.collect.live.rows import load_id, when
from shopkeeper.core import columns as c
from shopkeeper.core.tables import ORDER_LINES, ORDERS, TableContract


@dataclass(frozen=True, slots=True)
class Order:
    """One row of ``orders`` with its lines.

    Parameters
    ----------
    order_id
        The shop's number; a return has one of its own.
    kind
        ``sale`` or ``return``.
    amount_minor, discount_minor, currency
        Money; negative for returns.
    lines
        Products.
    coupon, status
        As told.
    event
        Tells who, when and where.
    """

    order_id: str
    kind: str
    amount_minor: int
    currency: str
    lines: tuple[Line, ...]
    event: Arrived
    discount_minor: int | None = None
    coupon: str | None = None
    status: str | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """An order that the lake has.

    Parameters
    ----------
    amount_minor, currency
        Money.
    lines
        Products; empty if the source stated none.
    """

    amount_minor: int
    currency: str
    lines: tuple[Line, ...] = ()


@dataclass(slots=True)
class Orders:
    """What becomes of some events.

    Parameters
    ----------
    new
        Rows to append.
    changed
        Rows that take the place of stored ones.
    unknown
        Events about orders that nobody told of, without an amount of their own.
    """

    new: list[Order] = field(default_factory=list)
    changed: list[Order] = field(default_factory=list)
    unknown: list[Arrived] = field(default_factory=list)


def mentioned(facts: Iterable[Told]) -> list[str]:
    """Ids that the lake must be asked for: the orders, and the returns they would make.

    Parameters
    ----------
    facts
        What events say.

    Returns
    -------
    list of str
        Distinct.
    """
    asked: dict[str, None] = {}
    for fact in facts:
        asked[fact.order_id] = None
        if fact.act == "undo":
            asked[return_id(fact)] = None
    return list(asked)


def return_id(fact: Told) -> str:
    """Number of the return that a refund or cancellation makes.

    A whole order is undone once, whoever says so; parts of it once for each event.
    """
    if not _partial(fact):
        return f"{fact.order_id}:return"
    digest = hashlib.blake2b(fact.event.event_id.encode("utf-8", "replace"), digest_size=5)
    return f"{fact.order_id}:return:{digest.hexdigest()}"


def settle(facts: Sequence[Told], known: Mapping[str, Known]) -> Orders:
    """Rows of what events say, in their order.

    Parameters
    ----------
    facts
        In the order of the log.
    known
        Orders and returns that the lake has, by id.

    Returns
    -------
    Orders
        A purchase of a known order is no second one. A change of an order of the same
        batch is taken into its row; of a known one it replaces the row; of an unknown one it
        makes it. A return takes what the event does not state from the order.
    """
    result = Orders()
    mine: dict[str, Order] = {}
    changed: dict[str, Order] = {}
    for fact in facts:
        if fact.act == "undo":
            number = return_id(fact)
            if number in known or number in mine:
                continue
            order = _returned(fact, number, _state(fact.order_id, known, mine, changed))
            if order is None:
                result.unknown.append(fact.event)
                continue
        else:
            number = fact.order_id
            stored, fresh = known.get(number), mine.get(number)
            if fact.act == "place" and (stored or fresh):
                continue
            order = _sale(fact)
            if fresh:
                order = moved(order, fresh.event.occurred_us)
            elif stored:
                changed[number] = order
                continue
        mine[number] = order
    result.new, result.changed = list(mine.values()), list(changed.values())
    return result


def order_rows(orders: Sequence[Order], *, zone_name: str) -> pa.Table:
    """Rows of ``orders``.

    Parameters
    ----------
    orders
        Sales and returns.
    zone_name
        IANA zone of the shop.

    Returns
    -------
    pa.Table
        Under the contract, in the order given.
    """
    columns: dict[str, list[Any]] = {
        str(c.ORDER_ID): [x.order_id for x in orders],
        str(c.AMOUNT_MINOR): [x.amount_minor for x in orders],
        str(c.DISCOUNT_MINOR): [x.discount_minor for x in orders],
        str(c.CURRENCY): [x.currency for x in orders],
        str(c.QUANTITY): [
            math.fsum(y.quantity for y in x.lines) if x.lines else None for x in orders
        ],
        str(c.COUPON_ID): [x.coupon for x in orders],
        str(c.STATUS): [x.status for x in orders],
    }
    return _table(ORDERS, columns, orders, zone_name)


def line_rows(orders: Sequence[Order], *, zone_name: str) -> pa.Table:
    """Rows of ``order_lines``, the lines of each order numbered from 1.

    Parameters
    ----------
    orders
        Sales and returns.
    zone_name
        IANA zone of the shop.

    Returns
    -------
    pa.Table
        Under the contract.
    """
    flat = [(order, n, line) for order in orders for n, line in enumerate(order.lines, 1)]
    columns: dict[str, list[Any]] = {
        str(c.LINE_ID): [f"{x.order_id}:{n}" for x, n, _ in flat],
        str(c.ORDER_ID): [x.order_id for x, _, _ in flat],
        str(c.PRODUCT_ID): [x.product_id for _, _, x in flat],
        str(c.QUANTITY): [x.quantity for _, _, x in flat],
        str(c.AMOUNT_MINOR): [x.amount_minor for _, _, x in flat],
        str(c.DISCOUNT_MINOR): [x.discount_minor for _, _, x in flat],
        str(c.CURRENCY): [x.currency for x, _, _ in flat],
        str(c.COUPON_ID): [line.coupon or x.coupon for x, _, line in flat],
    }
    return _table(ORDER_LINES, columns, [x for x, _, _ in flat], zone_name)


def _table(
    contract: TableContract, own: Mapping[str, list[Any]], orders: Sequence[Order], zone_name: str
) -> pa.Table:
    events = [x.event for x in orders]
    columns = {
        **own,
        str(c.CUSTOMER_REF): [who(x) for x in events],
        str(c.KIND): [x.kind for x in orders],
        str(c.CHANNEL): [x.channel for x in events],
        str(c.STORE_ID): [x.store_id for x in events],
        str(c.SOURCE): [x.source for x in events],
        str(c.LOAD_ID): [load_id(x.partition) for x in events],
    }
    arrays = {
        name: pa.array(values, contract.arrow_schema.field(name).type)
        for name, values in columns.items()
    }
    arrays |= when(np.array([x.occurred_us for x in events], dtype=np.int64), zone_name)
    return contract.cast(pa.table(arrays), fill=True)


def who(event: Arrived) -> str:
    """Reference of the customer of an event; the device where nobody is logged in."""
    return event.customer_ref or f"anonymous_id:{event.anonymous_id}"


def moved(order: Order, occurred_us: int) -> Order:
    """The same order at another moment: one that changed happened when it was first told of.

    Parameters
    ----------
    order
        As changed.
    occurred_us
        When it was first told of.

    Returns
    -------
    Order
    """
    event = copy(order.event)
    event.occurred_us = occurred_us
    return replace(order, event=event)


def _state(
    order_id: str,
    known: Mapping[str, Known],
    mine: Mapping[str, Order],
    changed: Mapping[str, Order],
) -> Known | None:
    order = changed.get(order_id) or mine.get(order_id)
    if order is not None:
        return Known(order.amount_minor, order.currency, order.lines)
    return known.get(order_id)


def _sale(fact: Told) -> Order:
    amount = fact.amount_minor
    discount = fact.discount_minor
    if discount is None:
        given = [x.discount_minor for x in fact.lines if x.discount_minor is not None]
        discount = sum(given) if given else None
    if amount is None:
        amount = sum(x.amount_minor for x in fact.lines) - (fact.discount_minor or 0)
    return Order(
        fact.order_id, "sale", amount, fact.currency, fact.lines, fact.event,
        discount, fact.coupon, "completed",
    )  # fmt: skip


def _partial(fact: Told) -> bool:
    """Whether only a part is given back: some products, or an amount without any."""
    return fact.event.kind == "refund" and bool(fact.lines)


def _returned(fact: Told, number: str, order: Known | None) -> Order | None:
    lines = fact.lines
    if not lines and order is not None:
        lines = order.lines
    prices = {x.product_id: x.amount_minor / x.quantity for x in order.lines if x.quantity} if (
        order
    ) else {}  # fmt: skip
    lines = tuple(
        replace(x, amount_minor=round(prices.get(x.product_id, 0) * x.quantity))
        if not x.amount_minor
        else x
        for x in lines
    )
    amount = fact.amount_minor
    if amount is None and _partial(fact):
        amount = sum(x.amount_minor for x in lines)
    if amount is None:
        if order is None:
            return None
        amount = order.amount_minor
    back = tuple(
        replace(x, quantity=-abs(x.quantity), amount_minor=-abs(x.amount_minor)) for x in lines
    )
    currency = order.currency if order is not None else fact.currency
    status = "cancelled" if fact.event.kind == "order_cancelled" else "refunded"
    return Order(number, "return", -abs(amount), currency, back, fact.event, None, None, status)
