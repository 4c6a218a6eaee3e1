from __future__ import annotations

import json
from typing import Any

import pytest

from shopkeeper.collect.live.arrive import ArriveSettings, arrive
from shopkeeper.collect.live.envelope import VERSION, Arrived, Envelope
from shopkeeper.collect.live.ga4 import convert, faults, read_payload
from shopkeeper.core.errors import InputError

MICROS = 1_772_366_400_000_000  # 2026-03-01T12:00:00Z


def payload(**change: Any) -> bytes:
    event = {"name": "purchase", "params": {
        "transaction_id": "T1", "value": 30.5, "currency": "EUR", "session_id": "9",
        "items": [{"item_id": "p1", "item_name": "Tea", "price": 30.5, "quantity": 1,
                   "item_category": "tea", "custom": 1}]}}  # fmt: skip
    body = {"client_id": "12.34", "timestamp_micros": MICROS, "events": [event]}
    return json.dumps(body | change).encode()


def arrived(raw: bytes) -> Arrived:
    envelope = Envelope(VERSION, "events", "web", MICROS + 5, [])
    result = arrive(raw, envelope, settings=ArriveSettings())
    assert isinstance(result, Arrived), result
    return result


def test_a_purchase_keeps_its_money_products_and_moment() -> None:
    (raw,) = convert(read_payload(payload(user_id="u9")))
    event = arrived(raw)
    assert (event.kind, event.amount_minor, event.currency) == ("purchase", 3050, "EUR")
    assert (event.anonymous_id, event.customer_ref) == ("12.34", "user:u9")
    assert (event.occurred_us, event.session_id, event.product_id) == (MICROS, "9", "p1")
    assert event.properties["order_id"] == "T1"
    assert event.properties["products"] == [
        {
            "product_id": "p1",
            "name": "Tea",
            "price": 30.5,
            "quantity": 1,
            "category": "tea",
            "custom": 1,
        }
    ]


def test_a_page_view_is_a_page_and_user_properties_identify() -> None:
    body = payload(
        user_properties={"tier": {"value": "gold"}},
        events=[{"name": "page_view", "params": {"page_location": "https://s.example/a?b=1"}}],
    )
    first, second = (arrived(x) for x in convert(read_payload(body)))
    assert (first.type, first.traits) == ("identify", {"tier": "gold"})
    assert (second.kind, second.page, second.channel) == ("page_view", "/a", "web")


def test_a_moment_makes_a_repetition_one_event() -> None:
    twice = [arrived(convert(read_payload(payload()))[0]).event_id for _ in range(2)]
    assert twice[0] == twice[1]
    other = payload(timestamp_micros=MICROS - 1)
    assert arrived(convert(read_payload(other))[0]).event_id != twice[0]


@pytest.mark.parametrize(("change", "path", "code"), [
    ({"client_id": None}, "client_id", "VALUE_REQUIRED"),
    ({"events": []}, "events", "VALUE_REQUIRED"),
    ({"events": [{"name": "a"}] * 26}, "events", "VALUE_INVALID"),
    ({"events": [{}]}, "events[0].name", "NAME_INVALID"),
    ({"events": [{"name": "n" * 41}]}, "events[0].name", "NAME_INVALID"),
    ({"events": [{"name": "a", "params": []}]}, "events[0].params", "VALUE_INVALID"),
    ({"events": [{"name": "a", "params": {"value": 1}}]}, "events[0].params.currency", "VALUE_REQUIRED"),
])  # fmt: skip
def test_what_google_would_object_to(change: dict[str, Any], path: str, code: str) -> None:
    assert [
        (x["fieldPath"], x["validationCode"]) for x in faults(read_payload(payload(**change)))
    ] == [(path, code)]
    assert faults(read_payload(payload())) == []


@pytest.mark.parametrize("body", [b"", b"[]", b'{"events":3}', b'{"events":[3]}', b"\xff"])
def test_what_is_no_payload(body: bytes) -> None:
    with pytest.raises(InputError, match="no payload of the Measurement Protocol"):
        read_payload(body)


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(InputError, match="nested too deeply"):
        read_payload(b'{"events":' + b"[" * 5000)
