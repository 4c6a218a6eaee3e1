"""Scenes: when, where, on what, in which weather and to what end somebody is with the shop.

Expressions over events, so that a scene is a set of columns of any engine: countable, filterable,
and context for a ranking.
"""

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
    "buying": (("order_completed", "checkout_started", "payment_info_entered"), "下单", "Buying"),
    "service": (("chat_message_received", "chat_message_sent"), "咨询", "Asking"),
    "choosing": (("product_added", "cart_viewed", "product_added_to_wishlist"), "挑选", "Choosing"),
    "searching": (("search", "products_searched", "product_list_filtered"), "搜索", "Searching"),
    "looking": (("product_viewed", "product_list_viewed"), "浏览", "Looking around"),
}
"""Events that show what a session is for, most telling first, with names in both languages."""
OTHER, PLACELESS = "passing", "online"
DEVICES: Mapping[str, str] = {
    "mobile": "mobile", "phone": "mobile", "ios": "mobile", "iphone": "mobile",
    "android": "mobile", "miniapp": "mobile", "tablet": "tablet", "ipad": "tablet",
    "desktop": "desktop", "pc": "desktop", "web": "desktop", "pos": "till",
}  # fmt: skip
COLUMNS = (
    "scene_time", "scene_day", "scene_place", "scene_device", "scene_weather", "scene_purpose",
)  # fmt: skip
"""What `with_scene` adds."""


def with_scene(events: ibis.Table, enrichments: ibis.Table) -> ibis.Table:
    """Add the scene to every event.

    Parameters
    ----------
    events
        EVENTS rows: kind, session_id, day, dow, hour, store_id, channel and device are read.
    enrichments
        ENRICHMENTS rows; the text of `weather` by day (key YYYY-MM-DD) is read.

    Returns
    -------
    ibis.Table
        The events with the columns of `COLUMNS`: band of the day, `weekend` or `weekday`, store or
        `online`, kind of device (`unknown` where it is not told), weather (null where nobody said)
        and purpose of the session; an event without a session stands for itself.
    """
    session = ibis.coalesce(events.session_id, events.event_id)
    marked = events.mutate(scene_session=session, scene_rank=_purpose_rank(events.kind))
    purposes = marked.group_by("scene_session").aggregate(scene_best=marked.scene_rank.min())
    joined = marked.left_join(purposes, "scene_session")
    weather = enrichments.filter((enrichments.key_kind == "day") & (enrichments.name == "weather"))
    said = weather.group_by("key").aggregate(scene_weather=weather.text.max())
    known = joined.mutate(scene_key=joined.day.cast("string"))
    seen = known.left_join(said, known.scene_key == said.key)
    return seen.mutate(
        scene_time=time_band(seen.hour),
        scene_day=ibis.ifelse(seen.dow >= 6, "weekend", "weekday"),
        scene_place=ibis.coalesce(seen.store_id, PLACELESS),
        scene_device=_device(seen.device),
        scene_purpose=_purpose(seen.scene_best),
    ).select(*events.columns, *COLUMNS)


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


def _device(device: ibis.Value) -> ibis.Value:
    word = device.lower()
    cases = [(word == name, kind) for name, kind in DEVICES.items()]
    return ibis.cases(*cases, else_="unknown")


def _purpose_rank(kind: ibis.Value) -> ibis.Value:
    cases = [(kind.isin(list(kinds)), at) for at, (kinds, _, _) in enumerate(PURPOSES.values())]
    return ibis.cases(*cases, else_=len(PURPOSES))


def _purpose(rank: ibis.Value) -> ibis.Value:
    cases = [(rank == at, name) for at, name in enumerate(PURPOSES)]
    return ibis.cases(*cases, else_=OTHER)
