from __future__ import annotations

import json
from typing import Any

import pytest

from shopkeeper.collect.live.arrive import ArriveSettings, arrive
from shopkeeper.collect.live.cloudevents import BATCH, STRUCTURED, convert, name_of, read_events
from shopkeeper.collect.live.envelope import VERSION, Arrived, Envelope
from shopkeeper.core.errors import InputError

EVENT: dict[str, Any] = {
    "specversion": "1.0", "id": "e1", "source": "/pos/3", "type": "com.shop.order.completed",
    "time": "2026-03-01T11:00:00Z", "subject": "c7", "data": {"total": "20", "currency": "CNY"},
}  # fmt: skip
BINARY = {f"ce-{k}": v for k, v in EVENT.items() if k != "data"} | {
    "content-type": "application/json"
}


def arrived(event: dict[str, Any]) -> Arrived:
    envelope = Envelope(VERSION, "events", "pos", 1_772_366_400_000_000, [])
    result = arrive(convert(event), envelope, settings=ArriveSettings())
    assert isinstance(result, Arrived), result
    return result


def test_the_three_modes_mean_the_same() -> None:
    (structured,) = read_events(
        json.dumps(EVENT).encode(), {"content-type": f"{STRUCTURED}; charset=utf-8"}
    )
    (batch,) = read_events(json.dumps([EVENT]).encode(), {"content-type": BATCH})
    (binary,) = read_events(json.dumps(EVENT["data"]).encode(), BINARY)
    assert arrived(structured) == arrived(batch)
    assert arrived(binary).event_id == arrived(batch).event_id
    event = arrived(binary)
    assert (event.kind, event.customer_ref, event.amount_minor) == ("purchase", "user:c7", 2000)
    assert event.occurred_us == 1_772_362_800_000_000


def test_who_it_is_about() -> None:
    data = {"user_id": "u1", "anonymous_id": "a1", "x": 1}
    event = arrived(EVENT | {"data": data})
    assert (event.customer_ref, event.anonymous_id, event.properties) == ("user:u1", "a1", {"x": 1})
    told = arrived(EVENT | {"userid": "u2"})
    assert told.customer_ref == "user:u2"


def test_an_event_is_known_by_source_and_id() -> None:
    assert arrived(EVENT).event_id == arrived(EVENT | {"data": {}}).event_id
    assert arrived(EVENT).event_id != arrived(EVENT | {"source": "/pos/4"}).event_id


@pytest.mark.parametrize(("type_", "name"), [
    ("com.example.product.viewed.v2", "product_viewed"), ("Order Completed", "order_completed"),
    ("io.shop/identify", "identify"), ("com.example.loyalty.card-shown", "card_shown"), ("v1", "v1"),
])  # fmt: skip
def test_names_come_from_the_end_of_the_type(type_: str, name: str) -> None:
    assert name_of(type_) == name


def test_data_that_is_no_object_is_a_value() -> None:
    assert arrived(EVENT | {"data": 5}).properties == {"value": 5}


@pytest.mark.parametrize(("change", "message"), [
    ({"id": None}, "lacks the attribute id"), ({"type": ""}, "lacks the attribute type"),
    ({"specversion": "0.3"}, "specversion '0.3'"), ({"data_base64": "AA=="}, "binary data"),
])  # fmt: skip
def test_broken_events_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_events(json.dumps(EVENT | change).encode(), {"content-type": STRUCTURED})


@pytest.mark.parametrize(("body", "media", "message"), [
    (b"{", STRUCTURED, "not JSON"), (b"{}", BATCH, "is a list"), (b"[3]", BATCH, "not an object"),
    (b"[" * 999, BATCH, "nested too deeply"), (b"\xff", STRUCTURED, "not JSON"),
])  # fmt: skip
def test_broken_bodies_are_refused(body: bytes, media: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_events(body, {"content-type": media})
