"""Shopify's webhooks as events: orders placed, changed, cancelled and refunded.

The order's amount is ``total_price``: it stays when something is given back, and what is given
back is a refund of its own. Each order also carries an anonymous id of its own number, so that
a refund, which names no customer, is still known to be the customer's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from shopkeeper.core.errors import InputError
from shopkeeper.core.money import EXPONENTS

UNPAID = frozenset({"pending", "voided", "expired"})
"""Financial states of an order that nobody has paid (yet)."""
TOPICS: Mapping[str, str] = {
    "orders/create": "Order Completed",
    "orders/updated": "Order Updated",
    "orders/cancelled": "Order Cancelled",
    "refunds/create": "Order Refunded",
}
"""What each topic is called in Segment's vocabulary."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


def events_of(topic: str, webhook_id: str, body: bytes) -> list[bytes]:
    """Events in Segment's shape.

    Parameters
    ----------
    topic
        ``X-Shopify-Topic``.
    webhook_id
        ``X-Shopify-Webhook-Id``: the same for every delivery of one message, and so the
        message id by which repetitions are dropped.
    body
        JSON as Shopify sent it.

    Returns
    -------
    list of bytes
        JSON: the order's event, before it an ``identify`` where the customer is told of.

    Raises
    ------
    InputError
        If the topic is not one of :data:`TOPICS`, the message has no id, or a field is missing
        or no amount.
    """
    if topic not in TOPICS:
        raise InputError(
            f"topic {topic or '(none)'} is not taken",
            next_step=f"Subscribe to {', '.join(TOPICS)} only",
            topic=topic,
        )
    if not webhook_id:
        raise InputError(
            "the request has no X-Shopify-Webhook-Id", next_step="Send it as Shopify does"
        )
    try:
        content = _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(
            f"the body is no JSON object: {error}", next_step="Send the order as Shopify does"
        ) from error
    if topic == "refunds/create":
        return [_encode(_refund(content, webhook_id))]
    return [_encode(x) for x in _order(content, topic, webhook_id)]


def _order(order: Mapping[str, Any], topic: str, webhook_id: str) -> list[dict[str, Any]]:
    number = _text(order, "id")
    event = TOPICS[topic]
    currency = _currency(order)
    place = order.get("location_id")
    if topic == "orders/create":
        if order.get("financial_status") in UNPAID:
            event = "Order Pending"
        elif order.get("source_name") == "pos":
            event = "POS Order Completed"
    elif topic == "orders/updated" and order.get("financial_status") in UNPAID:
        event = "Order Pending"
    elif topic == "orders/cancelled" and _has_paid(order):
        # The money goes back by refunds/create; a cancellation beside it would give it back twice.
        event = "Order Updated"
    properties: dict[str, Any] = {
        "order_id": number,
        "order_number": order.get("name"),
        "total": _money(order, "total_price", currency),
        "subtotal": _money(order, "subtotal_price", currency, needed=False),
        "tax": _money(order, "total_tax", currency, needed=False),
        "discount": _money(order, "total_discounts", currency, needed=False),
        "currency": currency,
        "coupon": next((x.get("code") for x in _objects(order, "discount_codes")), None),
        "status": order.get("financial_status"),
        "channel": "store" if order.get("source_name") == "pos" else "web",
        "products": [_product(x, currency) for x in _objects(order, "line_items")],
    }
    if place is not None:
        properties["store_id"] = str(place)
    if topic == "orders/cancelled":
        properties |= {"reason": order.get("cancel_reason"), "status": "cancelled"}
    if event == "Order Cancelled":
        # Without an amount it undoes an order that was counted, and nothing where none was.
        properties |= {"total": None, "products": None}
    moment = "processed_at" if event in {"Order Completed", "POS Order Completed"} else "updated_at"
    if topic == "orders/cancelled":
        moment = "cancelled_at"
    at = order.get(moment) or order.get("created_at")
    who = _who(order, number)
    made: list[dict[str, Any]] = []
    traits = _traits(order)
    if traits and topic == "orders/create":
        made.append(
            {"type": "identify", "messageId": f"{webhook_id}:who", "timestamp": at,
             "traits": traits, **who}
        )  # fmt: skip
    made.append(
        {"type": "track", "event": event, "messageId": webhook_id, "timestamp": at,
         "properties": _told(properties), **who}
    )  # fmt: skip
    return made


def _has_paid(order: Mapping[str, Any]) -> bool:
    paid = {"paid", "partially_paid", "partially_refunded", "refunded"}
    return bool(_objects(order, "refunds")) or order.get("financial_status") in paid


def _refund(refund: Mapping[str, Any], webhook_id: str) -> dict[str, Any]:
    number = _text(refund, "order_id")
    paid = [
        x for x in _objects(refund, "transactions")
        if x.get("kind") == "refund" and x.get("status", "success") == "success"
    ]  # fmt: skip
    currency = _currency(paid[0]) if paid else None
    lines = []
    for each in _objects(refund, "refund_line_items"):
        line = each.get("line_item")
        if not isinstance(line, dict):
            continue
        product = _product({**line, "quantity": each.get("quantity", 1)}, currency)
        back, count = _decimal(each.get("subtotal")), _decimal(each.get("quantity"))
        if back is not None and count:
            product["price"] = str(back / count)
        lines.append(product)
    properties: dict[str, Any] = {
        "order_id": number,
        "refund_id": str(refund.get("id", "")),
        "currency": currency,
        "reason": refund.get("note"),
        "products": lines,
    }
    if paid:
        total = sum((_decimal(x.get("amount")) or Decimal(0) for x in paid), Decimal(0))
        properties["total"] = str(total)
    elif lines:
        shares = (_decimal(x.get("price")) or Decimal(0) for x in lines)
        counts = (_decimal(x.get("quantity")) or Decimal(0) for x in lines)
        properties["total"] = str(
            sum((x * y for x, y in zip(shares, counts, strict=True)), Decimal(0))
        )
    return {
        "type": "track", "event": TOPICS["refunds/create"], "messageId": webhook_id,
        "timestamp": refund.get("processed_at") or refund.get("created_at"),
        "anonymousId": f"order-{number}", "properties": _told(properties),
    }  # fmt: skip


def _product(line: Mapping[str, Any], currency: str | None) -> dict[str, Any]:
    """Price of one unit after the line's own discounts."""
    count = _decimal(line.get("quantity")) or Decimal(1)
    price = _decimal(line.get("price"))
    given = [_decimal(x.get("amount")) for x in _objects(line, "discount_allocations")]
    off = sum((x for x in given if x is not None), Decimal(0))
    unit = None if price is None else price - off / count
    product = line.get("product_id") or line.get("sku") or line.get("variant_id") or line.get("id")
    return _told({
        "product_id": None if product is None else str(product),
        "sku": line.get("sku") or None,
        "variant": None if line.get("variant_id") is None else str(line["variant_id"]),
        "name": line.get("title"),
        "brand": line.get("vendor"),
        "price": None if unit is None else _plain(unit, currency),
        "discount": _plain(off / count, currency) if off else None,
        "quantity": int(count) if count == count.to_integral_value() else float(count),
    })  # fmt: skip


def _plain(value: Decimal, currency: str | None) -> str:
    """As money is written; parts of a smallest unit are kept until the line is summed."""
    places = EXPONENTS.get(currency or "", 2)
    rounded = value.quantize(Decimal(1).scaleb(-places))
    return str(rounded if rounded == value else value.quantize(Decimal(1).scaleb(-places - 4)))


def _who(order: Mapping[str, Any], number: str) -> dict[str, str]:
    customer = order.get("customer")
    found = {"anonymousId": f"order-{number}"}
    if isinstance(customer, dict) and customer.get("id") is not None:
        found["userId"] = str(customer["id"])
    return found


def _traits(order: Mapping[str, Any]) -> dict[str, Any]:
    own = order.get("customer")
    customer: Mapping[str, Any] = own if isinstance(own, dict) else {}
    address = order.get("shipping_address") or customer.get("default_address")
    place: Mapping[str, Any] = address if isinstance(address, dict) else {}
    return _told({
        "email": order.get("email") or customer.get("email"),
        "phone": order.get("phone") or customer.get("phone") or place.get("phone"),
        "firstName": customer.get("first_name"),
        "lastName": customer.get("last_name"),
        "createdAt": customer.get("created_at"),
        "address": _told({"city": place.get("city"), "country": place.get("country_code")}) or None,
    })  # fmt: skip


def _objects(given: Mapping[str, Any], key: str) -> Sequence[Mapping[str, Any]]:
    found = given.get(key)
    return [x for x in found if isinstance(x, dict)] if isinstance(found, list) else []


def _told(given: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in given.items() if v is not None and v != ""}


def _text(given: Mapping[str, Any], key: str) -> str:
    found = given.get(key)
    if isinstance(found, bool) or not isinstance(found, int | str) or not str(found):
        raise InputError(
            f"the message has no {key}", next_step="Send it as Shopify does", field=key
        )
    return str(found)


def _currency(given: Mapping[str, Any]) -> str | None:
    found = given.get("currency")
    return found if isinstance(found, str) and found else None


def _decimal(value: Any) -> Decimal | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def _money(
    given: Mapping[str, Any], key: str, currency: str | None, *, needed: bool = True
) -> str | None:
    """A money string, checked: what is no amount must not become one."""
    value = _decimal(given.get(key))
    if value is None:
        if needed or given.get(key) is not None:
            raise InputError(
                f"{key} is {given.get(key)!r}, which is no amount",
                next_step='Send it as Shopify does, such as "12.50"',
                field=key,
            )
        return None
    return _plain(value, currency)
