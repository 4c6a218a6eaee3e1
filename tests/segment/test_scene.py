from __future__ import annotations

from datetime import date

import ibis
import pyarrow as pa
import pytest

from shopkeeper.core.scenes import BANDS
from shopkeeper.segment.scene import COLUMNS, with_scene


def _scenes(run, rows: list[tuple], weather: list[tuple[str, str]] | None = None) -> list[tuple]:
    names = ("event_id", "kind", "session_id", "day", "dow", "hour", "store_id", "device")
    kinds = [pa.string()] * 3 + [pa.date32(), pa.int8(), pa.int8(), pa.string(), pa.string()]
    schema = pa.schema(list(zip(names, kinds, strict=True)))
    events = pa.Table.from_pylist([dict(zip(names, x, strict=True)) for x in rows], schema)
    outside = pa.table(
        {
            "key_kind": pa.array(["day"] * len(weather or []), pa.string()),
            "key": pa.array([x for x, _ in weather or []], pa.string()),
            "name": pa.array(["weather"] * len(weather or []), pa.string()),
            "text": pa.array([x for _, x in weather or []], pa.string()),
        }
    )
    words = dict.fromkeys(names, "string") | {"day": "date", "dow": "int8", "hour": "int8"}
    happened = ibis.table(words, name="happened")
    told_us = ibis.table(dict.fromkeys(outside.column_names, "string"), name="outside")
    found = with_scene(happened, told_us).order_by("event_id")
    told = run(found, happened=events, outside=outside)
    return [tuple(x[name] for name in COLUMNS) for x in told.to_pylist()]


def test_a_session_has_one_purpose_and_each_event_its_moment(run):
    day = date(2026, 2, 28)
    found = _scenes(
        run,
        [
            ("e1", "view_item", "s1", day, 6, 10, None, "iOS"),
            ("e2", "purchase", "s1", day, 6, 11, None, "iOS"),
            ("e3", "page_viewed", None, day, 1, 23, "store7", None),
            ("e4", "search", "s2", date(2026, 3, 1), 7, 4, None, "PC"),
        ],
        [("2026-02-28", "rain")],
    )
    assert found == [
        ("morning", "weekend", "online", "mobile", "rain", "buying"),
        ("noon", "weekend", "online", "mobile", "rain", "buying"),
        ("late", "weekday", "store7", "unknown", "rain", "passing"),
        ("night", "weekend", "online", "desktop", None, "searching"),
    ]


@pytest.mark.parametrize("hour", range(24))
def test_every_hour_is_in_the_last_band_that_began(run, hour: int):
    found = _scenes(run, [("e", "search", "s", date(2026, 1, 1), 1, hour, None, None)])
    assert found[0][0] == max((x for x in BANDS if BANDS[x][0] <= hour), key=lambda x: BANDS[x][0])
