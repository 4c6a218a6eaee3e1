"""Columns of EVENTS that are found in an event's properties and context.

Names differ between Segment, GA4 and mini-program SDKs; the first one present wins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from shopkeeper.collect.live.envelope import Arrived
from shopkeeper.collect.live.spec import Event

MAX_TEXT = 500
"""Longest value kept in a column; the whole value stays in the properties."""

PRODUCT = ("product_id", "item_id", "productId", "sku")
CATEGORY = ("category", "item_category", "product_category")
QUERY = ("query", "search_term", "q", "keyword")
STORE = ("store_id", "storeId", "location_id")
CAMPAIGN = ("campaign_id", "utm_campaign", "utm_id", "promotion_id")
SESSION = ("session_id", "sessionId", "ga_session_id")
PAGE = ("path", "page_path", "page_location", "url", "screen_name")

CHANNELS = {
    "browser": "web", "client": "web", "website": "web", "mobile": "app", "ios": "app",
    "android": "app", "mini_program": "miniapp", "miniprogram": "miniapp", "pos": "store",
    "offline": "store", "retail": "store",
}  # fmt: skip
"""Channel by other words for it."""

STORE_KINDS = frozenset({"store_visited", "pos_order_completed", "coupon_redeemed_offline"})
"""Kinds that only happen in a store."""

DEVICES = {
    "iphone": "mobile", "phone": "mobile", "smartphone": "mobile", "ipad": "tablet",
    "pc": "desktop", "computer": "desktop", "web": "desktop",
}  # fmt: skip


def column_values(event: Event, arrived: Arrived) -> Iterator[tuple[str, str | None]]:
    """Columns of an event, name and value.

    Parameters
    ----------
    event
        The fields as sent.
    arrived
        The same event with its kind, context and properties; not changed.

    Yields
    ------
    tuple
        Name of a field of ``Arrived`` and its value, None when not told.
    """
    properties, context = arrived.properties, arrived.context
    page = _mapping(context.get("page"))
    only = _only_product(properties)
    product = _first(properties, PRODUCT) or _first(only, (*PRODUCT, "id"))
    yield "product_id", product
    yield "category", _first(properties, CATEGORY) or _first(only, CATEGORY)
    yield "query", _first(properties, QUERY)
    yield "store_id", _first(properties, STORE) or _first(_mapping(context.get("store")), ("id",))
    yield "page", _page(event, properties, page)
    yield "session_id", _session(event, properties, context)
    yield "campaign_id", _campaign(properties, context, page)
    device = device_of(_mapping(context.get("device")), arrived.agent)
    yield "device", device
    yield "channel", _channel(event, arrived, properties, context)


def device_of(told: Mapping[str, Any], agent: str) -> str | None:
    """Kind of device.

    Parameters
    ----------
    told
        ``context.device``.
    agent
        User agent.

    Returns
    -------
    str or None
        What the client says, else ``mobile``, ``tablet`` or ``desktop`` for a browser.

    Examples
    --------
    >>> device_of({"type": "iPhone"}, ""), device_of({}, "Mozilla/5.0 (Linux; Android 14) Mobile")
    ('mobile', 'mobile')
    """
    said = _text(told.get("type"))
    if said:
        low = said.lower()
        return DEVICES.get(low, low)
    if not agent.startswith("Mozilla/"):
        return None
    if "iPad" in agent or "Tablet" in agent:
        return "tablet"
    if "Mobile" in agent or "Android" in agent or "iPhone" in agent:
        return "mobile"
    return "desktop"


def _channel(
    event: Event, arrived: Arrived, properties: Mapping[str, Any], context: Mapping[str, Any]
) -> str | None:
    said = _text(properties.get("channel")) or _text(context.get("channel")) or event.channel
    if said:
        low = said.lower()
        return CHANNELS.get(low, low)[:MAX_TEXT]
    if arrived.kind in STORE_KINDS:
        return "store"
    if arrived.type == "screen" or "app" in context:
        return "app"
    if arrived.type == "page" or "page" in context:
        return "web"
    return None


def _page(event: Event, properties: Mapping[str, Any], page: Mapping[str, Any]) -> str | None:
    found = _first(page, ("path", "url")) or _first(properties, PAGE)
    if found is None:
        return _text(event.name) if event.type in {"page", "screen"} else None
    if "://" in found:
        try:
            return urlsplit(found).path or "/"
        except ValueError:
            return found
    return found


def _session(event: Event, properties: Mapping[str, Any], context: Mapping[str, Any]) -> str | None:
    nested = _mapping(context.get("session"))
    return (
        _first(context, SESSION)
        or _first(nested, ("id", *SESSION))
        or _text(event.sessionId)
        or _first(properties, SESSION)
    )


def _campaign(
    properties: Mapping[str, Any], context: Mapping[str, Any], page: Mapping[str, Any]
) -> str | None:
    told = _first(_mapping(context.get("campaign")), ("id", "name")) or _first(properties, CAMPAIGN)
    if told:
        return told
    search = _text(page.get("search"))
    if not search or "utm_" not in search:
        return None
    asked = parse_qs(search.lstrip("?"), max_num_fields=None)
    return next((_text(asked[x][0]) for x in ("utm_id", "utm_campaign") if asked.get(x)), None)


def _only_product(properties: Mapping[str, Any]) -> Mapping[str, Any]:
    """The one product of a list; a list of several names no single one."""
    products = properties.get("products") or properties.get("items")
    if isinstance(products, list) and len(products) == 1:
        return _mapping(products[0])
    return {}


def _first(values: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    # Called a dozen times an event, mostly in vain: nothing is read that is not there.
    if values:
        for name in names:
            if name in values:
                found = _text(values[name])
                if found:
                    return found
    return None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return value.strip()[:MAX_TEXT] or None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return None
