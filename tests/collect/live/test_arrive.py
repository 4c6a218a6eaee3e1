from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopkeeper.collect.live.arrive import ArriveSettings, arrive, minor_units, moment_us
from shopkeeper.collect.live.envelope import VERSION, Arrived, Envelope, Refused
from shopkeeper.core.clock import to_us
from shopkeeper.core.money import Money

RECEIVED = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Mobile/15E148"


def envelope(**change: Any) -> Envelope:
    return Envelope(VERSION, "events", "web", to_us(RECEIVED), [], **change)


def read(event: dict[str, Any] | bytes, **change: Any) -> Arrived | Refused:
    place = {x: change.pop(x) for x in ("partition", "offset", "position") if x in change}
    settings = change.pop("settings", ArriveSettings(user_kind="crm"))
    raw = event if isinstance(event, bytes) else msgspec.json.encode(event)
    return arrive(raw, envelope(**change), settings=settings, **place)


def track(**fields: Any) -> dict[str, Any]:
    return {"type": "track", "event": "Product Viewed", "userId": "7", "messageId": "m"} | fields


def ok(event: dict[str, Any], **change: Any) -> Arrived:
    result = read(event, **change)
    assert isinstance(result, Arrived), result
    return result


def iso(moment: datetime) -> str:
    return moment.isoformat()


@pytest.mark.parametrize("off", [timedelta(0), timedelta(days=4000), timedelta(days=-9000)])
def test_a_wrong_clock_is_corrected_by_sent_at(off: timedelta) -> None:
    """The event happened 90 s before it was sent, whatever year the device believes in."""
    sent = RECEIVED + off
    told = iso(sent - timedelta(seconds=90))
    assert ok(track(timestamp=told), sent_at=iso(sent)).occurred_us == to_us(RECEIVED) - 90_000_000
    assert ok(track(timestamp=told, sentAt=iso(sent))).occurred_us == to_us(RECEIVED) - 90_000_000
    own = ok(track(originalTimestamp=told, timestamp="2001-01-01T00:00:00Z", sentAt=iso(sent)))
    assert own.occurred_us == to_us(RECEIVED) - 90_000_000


def test_without_sent_at_the_client_is_believed_and_without_a_time_the_arrival() -> None:
    told = RECEIVED - timedelta(days=30)
    assert ok(track(timestamp=iso(told))).occurred_us == to_us(told)
    assert ok(track()).occurred_us == to_us(RECEIVED)
    assert ok(track(timestamp="")).occurred_us == to_us(RECEIVED)
    assert ok(track(timestamp="2026-02-01T08:00:00+08:00")).occurred_us == to_us(
        datetime(2026, 2, 1, tzinfo=UTC)
    )


def test_nothing_happens_after_it_arrived() -> None:
    arrived = ok(track(timestamp="2031-01-01T00:00:00Z"))
    assert arrived.occurred_us == to_us(RECEIVED)
    assert arrived.context["clock"] == {"rule": "future", "told": "2031-01-01T00:00:00Z"}


@pytest.mark.parametrize(("fields", "fault"), [
    ({"timestamp": "yesterday"}, ("timestamp", "bad_timestamp")),
    ({"timestamp": "1970-01-01T00:00:00Z"}, ("timestamp", "ancient_timestamp")),
    ({"originalTimestamp": 0.0}, ("originalTimestamp", "ancient_timestamp")),
    ({"timestamp": 1e300}, ("timestamp", "bad_timestamp")),
    ({"properties": {"total": "free"}}, ("properties.total", "bad_amount")),
    ({"properties": {"value": [1]}}, ("properties.value", "bad_amount")),
    ({"properties": {"revenue": 1e14}}, ("properties.revenue", "absurd_amount")),
    ({"properties": {"price": 3, "currency": "XXQ"}}, ("properties.currency", "unknown_currency")),
])  # fmt: skip
def test_what_cannot_be_understood_goes_to_quarantine(
    fields: dict[str, Any], fault: tuple[str, str]
) -> None:
    result = read(track(**fields))
    assert isinstance(result, Refused)
    assert [(x.field, x.reason) for x in result.violations] == [fault]
    assert result.event.event_id == "m"
    assert result.event.raw == msgspec.json.encode(track(**fields))


def test_identity_and_names() -> None:
    arrived = ok(track(anonymousId="a-1"), partition=3, offset=9, position=2)
    assert (arrived.customer_ref, arrived.anonymous_id) == ("crm:7", "a-1")
    assert (arrived.kind, arrived.name) == ("view_item", "Product Viewed")
    assert (arrived.partition, arrived.offset, arrived.position) == (3, 9, 2)
    assert ok(track(userId=7)).customer_ref == ok(track(userId=7.0)).customer_ref == "crm:7"
    assert ok(track(userId=None, anonymousId="x")).customer_ref is None


def test_columns_of_a_segment_order() -> None:
    arrived = ok(
        track(
            event="Order Completed",
            properties={
                "order_id": "o1", "total": 59.85, "revenue": 50, "currency": "usd",
                "products": [{"product_id": "p1", "category": "coffee", "price": 19.95, "quantity": 3}],
            },
            context={
                "page": {"path": "/done", "url": "https://s.example/done?x=1", "search": "?utm_campaign=c1"},
                "userAgent": PHONE, "sessionId": 1700000000, "ip": "10.0.0.9",
            },
        ),
        ip="1.2.3.4", agent="server",
    )  # fmt: skip
    assert (arrived.kind, arrived.amount_minor, arrived.currency) == ("purchase", 5985, "USD")
    assert (arrived.product_id, arrived.category) == ("p1", "coffee")
    assert (arrived.page, arrived.campaign_id) == ("/done", "c1")
    assert (arrived.session_id, arrived.channel) == ("1700000000", "web")
    assert (arrived.device, arrived.agent, arrived.ip) == ("mobile", PHONE, "10.0.0.9")
    assert arrived.properties["products"][0]["quantity"] == 3


def test_columns_of_a_ga4_event_and_of_a_store() -> None:
    viewed = ok(track(event="view_item", properties={
        "item_id": "p9", "item_category": "tea", "price": 10, "quantity": 2, "ga_session_id": 5,
        "page_location": "https://s.example/p/9?q=1"}))  # fmt: skip
    assert (viewed.product_id, viewed.category, viewed.amount_minor) == ("p9", "tea", 2000)
    assert (viewed.session_id, viewed.page) == ("5", "/p/9")
    visit = ok(track(event="Store Visited", properties={"store_id": 12}))
    assert (visit.kind, visit.store_id, visit.channel) == ("store_visited", "12", "store")
    searched = ok(track(event="Products Searched", properties={"query": " 咖啡 "}))
    assert (searched.kind, searched.query) == ("search", "咖啡")


def test_batch_context_holds_for_events_without_their_own() -> None:
    shared = msgspec.Raw(b'{"campaign":{"name":"spring"},"device":{"type":"ios"}}')
    arrived = ok(track(context={"device": {"type": "iPad"}}), context=shared)
    assert (arrived.campaign_id, arrived.device) == ("spring", "tablet")


def test_ids_that_the_client_did_not_give() -> None:
    timed = track(messageId=None, timestamp=iso(RECEIVED))
    assert ok(timed, offset=1).event_id == ok(timed, offset=2).event_id
    bare = track(messageId=None)
    assert ok(bare, offset=1).event_id != ok(bare, offset=2).event_id
    assert ok(bare, offset=1).event_id == ok(bare, offset=1).event_id
    assert ok(timed).event_id != ok(timed | {"userId": "8"}).event_id


@given(st.decimals(min_value=-(10**6), max_value=10**6, places=2, allow_nan=False))
def test_money_is_exact(amount: Any) -> None:
    assert minor_units(float(amount), "CNY") == Money.parse(amount, "CNY").minor
    assert minor_units(str(amount), "CNY") == Money.parse(amount, "CNY").minor


@given(st.datetimes(datetime(2001, 1, 1), datetime(2090, 1, 1)))
def test_moments_read_back(moment: datetime) -> None:
    exact = moment.replace(tzinfo=UTC)
    assert moment_us(exact.isoformat()) == moment_us(moment.isoformat()) == to_us(exact)
    assert moment_us(exact.isoformat().replace("+00:00", "Z")) == to_us(exact)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=10),
    lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=6), x, max_size=3),
    max_leaves=12,
)  # fmt: skip
FIELDS = ("type", "event", "userId", "anonymousId", "messageId", "timestamp", "sentAt", "properties",
          "context", "traits", "previousId", "groupId", "name", "sessionId", "channel")  # fmt: skip
KNOWN = ("total", "price", "quantity", "currency", "products", "items", "store_id", "session_id",
         "page", "campaign", "device", "path", "search", "url", "channel")  # fmt: skip
objects = st.dictionaries(st.sampled_from(KNOWN), json_values, max_size=5)


@given(st.dictionaries(st.sampled_from(FIELDS), json_values | objects, max_size=8), objects)
def test_any_object_arrives_or_is_refused(event: dict[str, Any], shared: dict[str, Any]) -> None:
    context = msgspec.Raw(msgspec.json.encode(shared))
    first = read(event, context=context, sent_at="2026-03-01T12:00:00Z")
    again = read(event, context=context, sent_at="2026-03-01T12:00:00Z")
    assert first == again
    arrived = first.event if isinstance(first, Refused) else first
    assert arrived.occurred_us <= to_us(RECEIVED)
    msgspec.json.encode(first)
    if isinstance(first, Arrived):
        assert arrived.customer_ref or arrived.anonymous_id


@given(st.binary(max_size=200))
def test_any_bytes_arrive_or_are_refused(raw: bytes) -> None:
    read(raw)
