from __future__ import annotations

import datetime as dt
import json
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from shopkeeper.collect.live.envelope import Arrived, Refused, Violation
from shopkeeper.collect.live.rows import (
    event_rows,
    failed,
    place_of,
    quarantine_rows,
    row_number,
    when,
)
from shopkeeper.core.tables import EVENTS, QUARANTINE

T0 = 1_780_000_000_000_000


def event(event_id="m1", **facts) -> Arrived:
    given = {"type": "track", "kind": "view_item", "name": "", "occurred_us": T0,
             "received_us": T0 + 5, "source": "web", "customer_ref": "user:u1"}  # fmt: skip
    return Arrived(event_id=event_id, **{**given, **facts})


@given(st.lists(st.integers(946_684_800, 4_000_000_000), min_size=1, max_size=20),
       st.sampled_from(["Asia/Shanghai", "America/New_York", "Asia/Kolkata", "UTC"]))  # fmt: skip
def test_the_shops_calendar_is_that_of_the_standard_library(seconds, zone):
    columns = when(np.array(seconds, dtype=np.int64) * 1_000_000, zone)
    for at, second in enumerate(seconds):
        local = dt.datetime.fromtimestamp(second, ZoneInfo(zone))
        assert columns["day"][at].as_py() == local.date()
        assert columns["month"][at].as_py() == f"{local:%Y-%m}"
        assert columns["dow"][at].as_py() == local.isoweekday()
        assert columns["hour"][at].as_py() == local.hour


def test_rows_keep_everything_that_was_told():
    rows = event_rows(
        [
            event(name="Product Viewed", properties={"a": [1, {"b": "茶"}]}, traits={"vip": True},
                  context={"locale": "zh-CN", "secret": "x"}, group_id="g", previous_id="p",
                  partition=2, amount_minor=-5, currency="CNY", invalid="program"),
            event("m2", properties={}),
        ],
        zone_name="Asia/Shanghai",
    )  # fmt: skip
    assert rows.schema == EVENTS.arrow_schema
    first, second = rows.to_pylist()
    assert json.loads(first["properties"]) == {
        "a": [1, {"b": "茶"}], "$name": "Product Viewed", "$traits": {"vip": True},
        "$context": {"locale": "zh-CN"}, "$group": "g", "$previous": "p",
    }  # fmt: skip
    assert (first["load_id"], first["amount_minor"], first["invalid"]) == ("live-2", -5, "program")
    assert (second["properties"], second["ip"], second["agent"]) == ("{}", None, None)


def test_no_events_are_no_rows():
    assert event_rows([], zone_name="UTC").num_rows == 0
    assert quarantine_rows([]).schema == QUARANTINE.arrow_schema


@given(st.integers(0, 2**30 - 1), st.integers(0, 255), st.integers(0, 2**15 - 1))
def test_a_row_number_is_a_place_in_the_log_and_fits_a_json_number(offset, partition, position):
    number = row_number(event(offset=offset, partition=partition, position=position))
    assert 0 < number < 2**53
    assert place_of(number) == (partition, offset, position)


def test_every_reason_of_a_refusal_is_told_in_both_languages():
    why = [Violation("properties.x", "missing", "缺少 x", "x is missing", "补上 / Add it"),
           Violation("properties.y", "wrong", "y 不对", "y is wrong")]  # fmt: skip
    bad = event(raw=b'{"x": "\xff"}', offset=3)
    rows = quarantine_rows([Refused(bad, why)]).to_pylist()
    assert [(x["load_id"], x["path"], x["field"], x["reason"]) for x in rows] == [
        ("live-web", "live/web/m1", "properties.x", "missing")
    ]
    assert rows[0]["reason_zh"] == "缺少 x；y 不对"
    assert rows[0]["reason_en"] == "x is missing; y is wrong"
    assert rows[0]["raw"] == '{"x": "\ufffd"}'
    assert rows[0]["created_at"].timestamp() * 1e6 == T0 + 5


def test_a_step_that_failed_is_named_with_its_error():
    refused = failed(event(), "rows", ValueError("no \ud800 text"))
    (row,) = quarantine_rows([refused], table="decisions").to_pylist()
    assert (row["reason"], row["table_name"]) == ("step_failed", "decisions")
    assert "ValueError" in row["reason_en"]
    assert row["reason_zh"]
    assert pa.array([row["reason_en"]]).type == pa.string()
