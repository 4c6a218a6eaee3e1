"""Words of scenes: band of the day, device, place and purpose, as expressions and with names."""

from __future__ import annotations

from collections.abc import Mapping

import ibis

BANDS: Mapping[str, tuple[int, str, str]] = {
    "night": (0, "深夜", "Night"), "early": (5, "清晨", "Early morning"),
    "morning": (9, "上午", "Morning"), "noon": (11, "午间", "Noon"),
    "afternoon": (14, "下午", "Afternoon"), "evening": (18, "晚间", "Evening"),
    "late": (22, "夜间", "Late evening"),
}  # fmt: skip
"""First hour of each band of the day, shop's zone, with its name in Chinese and English."""

PURPOSES: Mapping[str, tuple[tuple[str, ...], str, str]] = {
    "buying": (
        ("purchase", "begin_checkout", "add_payment_info", "add_shipping_info",
         "pos_order_completed", "order_completed", "checkout_started", "payment_info_entered"),
        "下单", "Buying",
    ),
    "service": (("chat_message_received", "chat_message_sent"), "咨询", "Asking"),
    "choosing": (
        ("add_to_cart", "view_cart", "add_to_wishlist", "product_added", "cart_viewed",
         "product_added_to_wishlist"),
        "挑选", "Choosing",
    ),
    "searching": (("search", "products_searched", "product_list_filtered"), "搜索", "Searching"),
    "looking": (
        ("view_item", "view_item_list", "select_item", "product_viewed", "product_list_viewed"),
        "浏览", "Looking around",
    ),
}  # fmt: skip
"""Events that show what a session is for, most telling first, with names in both languages."""

OTHER = "passing"
"""Purpose of a session that shows none."""

DEVICES: Mapping[str, str] = {
    "mobile": "mobile", "phone": "mobile", "ios": "mobile", "iphone": "mobile",
    "android": "mobile", "miniapp": "mobile", "tablet": "tablet", "ipad": "tablet",
    "desktop": "desktop", "pc": "desktop", "web": "desktop", "pos": "till",
}  # fmt: skip
"""Kind of device by its other words, lower case."""

STORE_CHANNELS = ("store", "pos", "offline", "retail")
"""Channels that are a place one walks into."""

Words = tuple[tuple[str, str, str], ...]
"""Code, Chinese and English name of each value."""

WORDS: Mapping[str, Words] = {
    "time": tuple((code, zh, en) for code, (_, zh, en) in BANDS.items()),
    "device": (
        ("mobile", "手机", "Mobile"), ("tablet", "平板", "Tablet"),
        ("desktop", "电脑", "Computer"), ("till", "收银台", "Till"),
    ),
    "place": (("store", "门店", "In a store"), ("online", "线上", "Online")),
    "purpose": (
        *((code, zh, en) for code, (_, zh, en) in PURPOSES.items()),
        (OTHER, "路过", "Passing by"),
    ),
}  # fmt: skip
"""Values of each side of a scene."""


def time_band(hour: ibis.Value) -> ibis.Value:
    """Band of the day.

    Parameters
    ----------
    hour
        0 to 23, shop's zone.

    Returns
    -------
    ibis.Value
        A key of `BANDS`.
    """
    steps = sorted(((first, name) for name, (first, _, _) in BANDS.items()), reverse=True)
    return ibis.cases(*((hour >= first, name) for first, name in steps[:-1]), else_=steps[-1][1])


def device_kind(device: ibis.Value) -> ibis.Value:
    """Kind of device.

    Parameters
    ----------
    device
        As it was sent.

    Returns
    -------
    ibis.Value
        A value of `DEVICES`; null where it is none of them.
    """
    word = device.lower()
    return ibis.cases(*((word == name, kind) for name, kind in DEVICES.items()))


def place_kind(channel: ibis.Value) -> ibis.Value:
    """Whether somebody is in a store.

    Parameters
    ----------
    channel
        Channel of the event.

    Returns
    -------
    ibis.Value
        ``store`` or ``online``; null where no channel is told.
    """
    there = channel.lower().isin(STORE_CHANNELS)
    return ibis.cases((there, "store"), (channel.notnull(), "online"))


def purpose_rank(kind: ibis.Value) -> ibis.Value:
    """How telling an event is about what somebody is here for.

    Parameters
    ----------
    kind
        Kind of the event.

    Returns
    -------
    ibis.Value
        0 is the most telling; the lowest of a session is its purpose.
    """
    cases = [(kind.isin(list(kinds)), at) for at, (kinds, _, _) in enumerate(PURPOSES.values())]
    return ibis.cases(*cases, else_=len(PURPOSES))


def purpose_of(rank: ibis.Value) -> ibis.Value:
    """Purpose by its rank.

    Parameters
    ----------
    rank
        Of :func:`purpose_rank`.

    Returns
    -------
    ibis.Value
        A key of `PURPOSES`, or `OTHER`.
    """
    return ibis.cases(*((rank == at, name) for at, name in enumerate(PURPOSES)), else_=OTHER)
