from __future__ import annotations

import json

import pyarrow as pa

from shopkeeper.collect.live.envelope import Arrived
from shopkeeper.collect.live.people import (
    Statements,
    customer_rows,
    filled,
    record_of,
    together,
)
from shopkeeper.core.tables import CUSTOMERS

T0 = 1_780_000_000_000_000


def event(type_="identify", *, kind=None, at=T0, ref="user:u1", **facts) -> Arrived:
    return Arrived(
        event_id="m", type=type_, kind=kind or type_, name="", occurred_us=at, received_us=at,
        source="web", customer_ref=ref, anonymous_id="a1", **facts,
    )  # fmt: skip


def test_traits_become_columns_and_the_rest_attributes():
    key, row = record_of(
        event(
            traits={"firstName": "三", "lastName": "张", "phone": "138 1234 5678", "gender": "男",
                    "birthday": "1990-02-03", "address": {"city": "上海"}, "createdAt": "2024-01-02",
                    "vip": True},
            context={"locale": "zh-CN", "timezone": "Asia/Shanghai"},
        )
    )  # fmt: skip
    assert key == ("user:u1", "web")
    assert row["person_name"] == "张三"
    assert (row["city"], row["language"], row["time_zone"]) == ("上海", "zh", "Asia/Shanghai")
    assert json.loads(row["attributes"]) == {"vip": True}
    (stored,) = customer_rows({key: row}, zone_name="UTC").to_pylist()
    assert stored["joined_at"].isoformat() == "2024-01-02T00:00:00+00:00"
    assert stored["updated_at"].timestamp() * 1e6 == T0


def test_other_calls_and_empty_ones_tell_nothing():
    assert record_of(event("track", traits={"email": "a@b.cn"})) is None
    assert record_of(event()) is None


def test_a_device_that_tells_its_name_is_known_by_the_device():
    key, _ = record_of(event(ref=None, traits={"email": "a@b.cn"}))
    assert key == ("anonymous_id:a1", "web")


def test_what_is_told_later_wins_and_what_it_leaves_out_stays():
    _, first = record_of(event(traits={"email": "a@b.cn", "city": "上海", "x": 1}))
    _, second = record_of(event(at=T0 + 5, traits={"email": "c@d.cn", "y": 2}))
    both = together(first, second)
    assert (both["email"], both["city"], both["updated_at"]) == ("c@d.cn", "上海", T0 + 5)
    assert json.loads(both["attributes"]) == {"x": 1, "y": 2}


def test_stored_fields_survive_a_record_that_does_not_tell_them():
    key, row = record_of(event(traits={"email": "c@d.cn"}))
    told = customer_rows({key: row}, zone_name="UTC").drop_columns(["gender", "birth_date"])
    stored = CUSTOMERS.cast(
        pa.table({"customer_ref": ["user:u1"], "source": ["web"], "city": ["上海"],
                  "email": ["a@b.cn"]}), fill=True,
    )  # fmt: skip
    (merged,) = filled(told, stored).to_pylist()
    assert (merged["email"], merged["city"]) == ("c@d.cn", "上海")


def stated(*events):
    _, rows = Statements().rows(events)
    return [(x["purpose"], x["channel"], x["status"]) for x in rows.to_pylist()]


def test_consents_in_every_place_they_are_told():
    assert stated(event("track", kind="consent_changed",
                        properties={"channel": "SMS", "status": "revoked"})) == [
        ("marketing", "sms", "REVOKED")
    ]  # fmt: skip
    assert stated(event(traits={"consents": {"email": True, "sms": "退订", "x": 5}})) == [
        ("marketing", "email", "GRANT"), ("marketing", "sms", "REVOKED"),
    ]  # fmt: skip
    listed = [{"purpose": "analytics", "channel": "all", "status": "拒绝"}]
    assert stated(event(traits={"consent": listed})) == [("analytics", "all", "DENY")]


def test_preferences_that_come_with_every_event_are_stated_when_they_change():
    def page(at, **preferences):
        return event("page", at=at, context={"consent": {"categoryPreferences": preferences}})

    found = stated(
        page(T0, Advertising=True, statistics=False), page(T0 + 1, Advertising=True, statistics=False),
        page(T0 + 2, Advertising=False, statistics=False), page(T0 + 3, Advertising=True, statistics=False),
    )  # fmt: skip
    assert found == [
        ("marketing", "all", "GRANT"), ("analytics", "all", "DENY"),
        ("marketing", "all", "DENY"), ("analytics", "all", "DENY"),
        ("marketing", "all", "GRANT"), ("analytics", "all", "DENY"),
    ]  # fmt: skip


def test_statements_remember_so_many_customers_and_no_more():
    statements = Statements(most=2)

    def page(ref):
        return event("page", ref=ref, context={"consent": {"categoryPreferences": {"ads": True}}})

    assert [len(statements.rows([page(x)])[0]) for x in "abcba"] == [1, 1, 1, 0, 1]
