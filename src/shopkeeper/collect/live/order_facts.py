"""What one event says about an order: number, money and products, in either vocabulary."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from shopkeeper.collect.live.arrive import LARGEST_MINOR, minor_units
from shopkeeper.collect.live.columns import PRODUCT
from shopkeeper.collect.live.envelope import Arrived
from shopkeeper.core.errors import InputError
from shopkeeper.core.money import currency_code

PURCHASES = frozenset({"purchase", "pos_order_completed"})
CHANGES = frozenset({"order_updated"})
RETURNS = frozenset({"refund", "order_cancelled"})
KINDS = PURCHASES | CHANGES | RETURNS
"""Kinds of event that tell of orders."""

ORDER_IDS = ("order_id", "transaction_id", "orderId", "order_number")
STATED = ("total", "revenue", "value")
COUPONS = ("coupon", "coupon_id", "couponId")
MAX_ID = 200
MAX_QUANTITY = 1e6

Act = Literal["place", "change", "undo"]


@dataclass(frozen=True, slots=True)
class Line:
    """One product of an order; amounts in minor units."""

    product_id: str
    quantity: float
    amount_minor: int
    discount_minor: int | None = None
    coupon: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What one event says about an order."""

    act: Act
    order_id: str
    amount_minor: int | None
    currency: str
    lines: tuple[Line, ...]
    event: Arrived
    discount_minor: int | None = None
    coupon: str | None = None


def told(event: Arrived, *, currency: str) -> Told | None:
    """What an event says about an order.

    Parameters
    ----------
    event
        Of one of :data:`KINDS`; others say nothing.
    currency
        Of the shop, where the event names none.

    Returns
    -------
    Told or None
        None if it is about no order: another kind, or a change or return without an order id.
    """
    if event.kind not in KINDS:
        return None
    properties = event.properties
    order_id = _first(properties, ORDER_IDS)
    if event.kind in PURCHASES:
        order_id = order_id or f"event:{event.event_id}"
    elif order_id is None:
        return None
    act: Act = "place" if event.kind in PURCHASES else "change"
    if event.kind in RETURNS:
        act = "undo"
    money = event.currency or _currency(properties, currency)
    stated = next((properties[x] for x in STATED if properties.get(x) is not None), None)
    amount = None if stated is None else _minor(stated, money)
    lines = _lines(event, money, amount)
    discount = _minor(properties.get("discount"), money)
    coupon = _first(properties, COUPONS)
    return Told(act, order_id, amount, money, lines, event, discount, coupon)


def _lines(event: Arrived, currency: str, amount: int | None) -> tuple[Line, ...]:
    listed = event.properties.get("products")
    if not isinstance(listed, list):
        listed = event.properties.get("items")
    if not isinstance(listed, list):
        listed = [event.properties] if event.product_id else []
    lines, priced = [], True
    for each in listed:
        if not isinstance(each, dict):
            continue
        product = _first(each, (*PRODUCT, "id"))
        if product is None:
            continue
        quantity = _number(each.get("quantity"), 1.0)
        price = _minor(each.get("price"), currency)
        priced = priced and price is not None
        discount = _minor(each.get("discount"), currency) if each is not event.properties else None
        lines.append(
            Line(
                product,
                quantity,
                round((price or 0) * quantity),
                None if discount is None else round(discount * quantity),
                _first(each, COUPONS),
            )
        )
    if lines and not priced and amount is not None and not any(x.amount_minor for x in lines):
        return _spread(lines, amount)
    return tuple(lines)


def _spread(lines: Sequence[Line], amount: int) -> tuple[Line, ...]:
    """Lines without a price share the order's amount by quantity, to the last unit."""
    whole = math.fsum(x.quantity for x in lines)
    if whole <= 0:
        return tuple(lines)
    upto, before, shared = 0.0, 0, []
    for line in lines:
        upto += line.quantity
        reached = round(amount * upto / whole)
        shared.append(replace(line, amount_minor=reached - before))
        before = reached
    return tuple(shared)


def _first(values: Mapping[str, Any], names: Sequence[str]) -> str | None:
    for name in names:
        value = values.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()[:MAX_ID]
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
    return None


def _currency(properties: Mapping[str, Any], fallback: str) -> str:
    try:
        return currency_code(str(properties["currency"]))
    except (KeyError, InputError):
        return fallback


def _minor(value: object, currency: str) -> int | None:
    found = minor_units(value, currency)
    return None if found is None or abs(found) > LARGEST_MINOR else found


def _number(value: object, fallback: float) -> float:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return fallback
    if isinstance(value, bool) or not isinstance(value, int | float):
        return fallback
    number = float(value)
    return number if math.isfinite(number) and abs(number) <= MAX_QUANTITY else fallback
