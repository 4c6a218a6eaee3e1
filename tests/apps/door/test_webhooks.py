"""Webhooks at the door: signed, once, as events in the log; everything else says why."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from shopkeeper.apps.door.app import create_door
from shopkeeper.apps.flows import connect
from shopkeeper.backends.open import open_runtime
from shopkeeper.backends.runtime import Runtime
from shopkeeper.collect.connectors.signatures import check_standard, standard_signature
from shopkeeper.collect.live.arrive import ArriveSettings, arrive
from shopkeeper.collect.live.envelope import Arrived, unpack
from shopkeeper.core.errors import InputError
from shopkeeper.core.settings import load_settings

SECRET = "hush"


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runtime]:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    opened = open_runtime(load_settings(flags={"store.folder": str(tmp_path / "shop")}))
    now = opened.clock.now()
    for name, given in {
        "web": {"kind": "shopify", "secret": "${HOOK_SECRET}"},
        "crm": {
            "kind": "webhook", "secret": "${HOOK_SECRET}", "events": {"visit": "Store Visited"},
            "user": "$.member.id", "time": "$.at", "properties": {"store_id": "$.shop"},
        },
    }.items():  # fmt: skip
        connect.save(opened.state, connect.definition_of(name, given), now=now)
    yield opened
    opened.close()


async def sent(runtime: Runtime, name: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
    transport = httpx.ASGITransport(app=create_door(runtime))
    async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
        return await client.post(f"/v1/webhooks/{name}", content=body, headers=headers)


def post(runtime: Runtime, name: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
    import asyncio

    return asyncio.run(sent(runtime, name, body, headers))


def shopify(
    topic: str, content: dict[str, Any], number: str = "w1"
) -> tuple[bytes, dict[str, str]]:
    body = json.dumps(content).encode()
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).digest()
    return body, {
        "X-Shopify-Topic": topic, "X-Shopify-Webhook-Id": number,
        "X-Shopify-Hmac-Sha256": base64.b64encode(digest).decode(),
    }  # fmt: skip


def events(runtime: Runtime) -> list[Arrived]:
    found = []
    for partition in range(runtime.log.partitions):
        for record in runtime.log.read(partition, 0):
            envelope = unpack(record.payload)
            for position, raw in enumerate(envelope.events):
                kind = {"web": "shopify"}.get(envelope.source, "user")
                one = arrive(
                    bytes(raw), envelope, settings=ArriveSettings(user_kind=kind), partition=partition,
                    offset=record.offset, position=position,
                )  # fmt: skip
                assert isinstance(one, Arrived), one
                found.append(one)
    return sorted(found, key=lambda x: x.event_id)


ORDER = {
    "id": 820982911946154508, "name": "#9999", "currency": "CNY", "total_price": "388.00",
    "subtotal_price": "388.00", "total_tax": "0.00", "total_discounts": "20.00",
    "financial_status": "paid", "source_name": "web", "email": "jon@example.com",
    "created_at": "2026-02-01T10:00:00+08:00", "processed_at": "2026-02-01T10:00:00+08:00",
    "updated_at": "2026-02-01T10:00:00+08:00", "discount_codes": [{"code": "SPRING"}],
    "customer": {"id": 115310627314723954, "email": "jon@example.com", "first_name": "Jon", "phone": "+8613912345678"},
    "shipping_address": {"city": "上海"},
    "line_items": [
        {"id": 1, "product_id": 632910392, "title": "Tea", "price": "199.00", "quantity": 1, "discount_allocations": []},
        {"id": 2, "product_id": 788032119, "title": "Cup", "price": "104.50", "quantity": 2,
         "discount_allocations": [{"amount": "20.00"}]},
    ],
}  # fmt: skip


def test_an_order_becomes_a_purchase_with_its_lines(runtime: Runtime) -> None:
    assert post(runtime, "web", *shopify("orders/create", ORDER)).status_code == 200
    order, who = events(runtime)
    assert (order.kind, order.event_id, order.source) == ("purchase", "w1", "web")
    assert (order.amount_minor, order.currency) == (38_800, "CNY")
    assert order.customer_ref == "shopify:115310627314723954"
    assert order.properties["order_id"] == "820982911946154508"
    assert [(x["product_id"], x["price"], x["quantity"]) for x in order.properties["products"]] == [
        ("632910392", "199.00", 1), ("788032119", "94.50", 2),
    ]  # fmt: skip
    assert order.properties["coupon"] == "SPRING"
    assert (who.type, who.traits["email"], who.traits["phone"]) == (
        "identify",
        "jon@example.com",
        "+8613912345678",
    )
    assert order.anonymous_id == who.anonymous_id == "order-820982911946154508"
    found = connect.connector(runtime.state, "web")
    assert (found.status, found.rows_total) == ("ok", 2)


def test_a_repetition_is_one_message(runtime: Runtime) -> None:
    for _ in range(3):
        assert post(runtime, "web", *shopify("orders/create", ORDER)).status_code == 200
    assert len(events(runtime)) == 2


@pytest.mark.parametrize(
    ("topic", "change", "kind"),
    [
        ("orders/create", {"source_name": "pos", "location_id": 7}, "pos_order_completed"),
        ("orders/create", {"financial_status": "pending"}, "order_pending"),
        ("orders/updated", {}, "order_updated"),
        (
            "orders/cancelled",
            {"cancelled_at": "2026-02-02T00:00:00Z", "financial_status": "voided"},
            "order_cancelled",
        ),
        ("orders/cancelled", {"refunds": [{"id": 1}]}, "order_updated"),
    ],
)
def test_each_topic(runtime: Runtime, topic: str, change: dict[str, Any], kind: str) -> None:
    assert post(runtime, "web", *shopify(topic, ORDER | change)).status_code == 200
    order = events(runtime)[0]
    assert order.kind == kind
    if kind == "pos_order_completed":
        assert (order.store_id, order.channel) == ("7", "store")
    if kind == "order_cancelled":
        assert "total" not in order.properties


def test_a_refund_is_known_by_its_order(runtime: Runtime) -> None:
    refund = {
        "id": 5, "order_id": 820982911946154508, "created_at": "2026-02-03T00:00:00Z",
        "refund_line_items": [{"quantity": 1, "subtotal": "94.50", "line_item": ORDER["line_items"][1]}],
        "transactions": [{"kind": "refund", "status": "success", "amount": "94.50", "currency": "CNY"}],
    }  # fmt: skip
    assert post(runtime, "web", *shopify("refunds/create", refund, "w2")).status_code == 200
    (one,) = events(runtime)
    assert (one.kind, one.amount_minor) == ("refund", 9_450)
    assert one.anonymous_id == "order-820982911946154508"
    assert one.properties["products"][0]["product_id"] == "788032119"
    assert one.properties["products"][0]["price"] == "94.50"


def test_a_wrong_signature_is_turned_away(runtime: Runtime) -> None:
    body, headers = shopify("orders/create", ORDER)
    answer = post(runtime, "web", body.replace(b"388.00", b"1.00"), headers)
    assert answer.status_code == 401
    assert "does not fit the body" in answer.text
    del headers["X-Shopify-Hmac-Sha256"]
    assert "no X-Shopify-Hmac-Sha256" in post(runtime, "web", body, headers).text
    assert events(runtime) == []


@pytest.mark.parametrize(
    ("topic", "change", "number", "match"),
    [
        ("carts/update", {}, "w", "topic carts/update is not taken"),
        ("orders/create", {"id": None}, "w", "the message has no id"),
        ("orders/create", {"total_price": "a lot"}, "w", "total_price is 'a lot'"),
        ("orders/create", {"total_tax": "NaN"}, "w", "total_tax is 'NaN'"),
        ("refunds/create", {}, "w", "the message has no order_id"),
        ("orders/create", {}, "", "no X-Shopify-Webhook-Id"),
    ],
)
def test_what_is_no_order_says_why(
    runtime: Runtime, topic: str, change: dict[str, Any], number: str, match: str
) -> None:
    answer = post(runtime, "web", *shopify(topic, ORDER | change, number))
    assert answer.status_code == 422
    assert match in answer.text
    assert answer.json()["next_step"]


def test_a_body_that_is_no_json(runtime: Runtime) -> None:
    for body in (b"{", b"[1]", b"\xff\xfe"):
        digest = hmac.new(SECRET.encode(), body, hashlib.sha256).digest()
        headers = shopify("orders/create", ORDER)[1] | {
            "X-Shopify-Hmac-Sha256": base64.b64encode(digest).decode()
        }
        assert "no JSON object" in post(runtime, "web", body, headers).text


def test_a_connector_that_is_not_there_or_off(runtime: Runtime) -> None:
    assert post(runtime, "nobody", *shopify("orders/create", ORDER)).status_code == 404
    connect.enable(runtime.state, "web", enabled=False, now=runtime.clock.now())
    answer = post(runtime, "web", *shopify("orders/create", ORDER))
    assert answer.status_code == 404
    assert "it is off" in answer.text


def signed(content: Any, **change: str) -> tuple[bytes, dict[str, str]]:
    body = json.dumps(content).encode()
    stamp = change.pop("stamp", str(int(time.time())))
    signature = standard_signature(SECRET, "msg_1", stamp, body)
    return body, {
        "webhook-id": "msg_1", "webhook-timestamp": stamp, "webhook-signature": f"v1,AAAA {signature}",
        **change,
    }  # fmt: skip


VISIT = {
    "type": "visit",
    "member": {"id": 42},
    "shop": "S1",
    "at": "2026-02-01T10:00:00Z",
    "note": "x",
}


def test_any_signed_message_by_its_mapping(runtime: Runtime) -> None:
    assert post(runtime, "crm", *signed(VISIT)).status_code == 200
    (one,) = events(runtime)
    assert (one.kind, one.customer_ref, one.store_id) == ("store_visited", "user:42", "S1")
    assert one.properties == {"store_id": "S1"}


@pytest.mark.parametrize(
    ("content", "headers", "status", "match"),
    [
        (VISIT, {"webhook-signature": "v1,AAAA"}, 401, "no signature"),
        (VISIT, {"stamp": "1000000000"}, 401, "more than 300 seconds off"),
        (VISIT, {"webhook-id": ""}, 401, "is missing"),
        (VISIT | {"type": "dance"}, {}, 422, "event 'dance' is not taken"),
        ({"member": {"id": 1}}, {}, 422, "names no event"),
        ({"type": "visit"}, {}, 422, "says nobody at $.member.id"),
        ([1], {}, 422, "no JSON object"),
    ],
)
def test_what_is_not_right_says_why(
    runtime: Runtime, content: Any, headers: dict[str, str], status: int, match: str
) -> None:
    answer = post(runtime, "crm", *signed(content, **headers))
    assert (answer.status_code, match in answer.text) == (status, True), answer.text


def test_the_vector_of_standard_webhooks() -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    message, stamp = "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330"
    signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert standard_signature(secret, message, stamp, body) == signature
    check_standard(secret, message, stamp, body, signature, now_s=1614265330)
    with pytest.raises(InputError, match="not base64"):
        standard_signature("whsec_?", message, stamp, body)
