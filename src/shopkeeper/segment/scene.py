"""Scenes: when, where, on what, in which weather and to what end somebody is with the shop.

Expressions over events, so that a scene is a set of columns of any engine: countable, filterable,
and context for a ranking.
"""

from __future__ import annotations

import ibis

from shopkeeper.core.scenes import device_kind, purpose_of, purpose_rank, time_band

PLACELESS, UNKNOWN = "online", "unknown"
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
    marked = events.mutate(scene_session=session, scene_rank=purpose_rank(events.kind))
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
        scene_device=ibis.coalesce(device_kind(seen.device), UNKNOWN),
        scene_purpose=purpose_of(seen.scene_best),
    ).select(*events.columns, *COLUMNS)
