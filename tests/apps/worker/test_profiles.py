"""Live profiles: what a micro-batch changes, what time changes, and that each counts once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from shopkeeper.apps.worker.profiles import CONSUMER, LiveProfiles
from shopkeeper.backends.open import open_runtime
from shopkeeper.backends.runtime import Runtime
from shopkeeper.collect.live.envelope import Arrived
from shopkeeper.collect.live.rows import event_rows
from shopkeeper.core.errors import ConflictError
from shopkeeper.core.ports import ProfileUpdate
from shopkeeper.core.settings import load_settings
from shopkeeper.core.tables import EVENTS, ORDERS
from shopkeeper.unify.identifiers import customer_id_of

NOW = 1_750_000_000_000_000
SECOND = 1_000_000
DAY = 86_400 * SECOND


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    opened = open_runtime(load_settings(flags={"store.folder": str(tmp_path)}))
    yield opened
    opened.close()


@pytest.fixture
def event() -> Callable[..., Arrived]:
    count = iter(range(1_000_000))

    def make(kind: str = "page_view", at: int = 0, user: str | None = "1", **more: Any) -> Arrived:
        n = next(count)
        fields: dict[str, Any] = {
            "event_id": f"e{n}", "type": "track", "kind": kind, "name": kind, "source": "web",
            "occurred_us": NOW + at * SECOND, "received_us": NOW + at * SECOND, "offset": n,
            "customer_ref": None if user is None else f"user:{user}",
        }  # fmt: skip
        return Arrived(**(fields | more))

    return make


def _live(runtime: Runtime, identifier: str) -> dict[str, Any]:
    customer = runtime.profiles.resolve([identifier])[identifier]
    return runtime.profiles.section("live", [customer])[customer]


def _values(runtime: Runtime, identifier: str) -> dict[str, Any]:
    return {k: v[0] for k, v in _live(runtime, identifier)["traits"].items()}


def test_an_event_changes_its_customers_profile(runtime: Runtime, event: Any) -> None:
    live = LiveProfiles(runtime)
    done = live.apply(
        [
            event("view_item", 0, product_id="p1", page="/p1", device="mobile"),
            event("add_to_cart", 5, product_id="p1"),
            event("view_item", 6, user="2", product_id="p9"),
        ],
        {0: 3},
        NOW + 10 * SECOND,
    )
    assert (done.events, done.skipped, done.invalid, done.nobody) == (3, 0, 0, 0)
    assert set(done.customers) == {customer_id_of("user:1"), customer_id_of("user:2")}
    values = _values(runtime, "user:1")
    assert values["last_product_viewed"] == "p1"
    assert values["carts_24h"] == 1
    assert values["cart_open"] is True
    assert values["active_session"] is True
    assert values["session_events"] == 2
    assert values["first_seen"] == NOW
    one = _live(runtime, "user:1")
    assert one["traits"]["carts_24h"] == [1, NOW + 5 * SECOND, "web"]
    assert [x[1] for x in one["timeline"]] == ["add_to_cart", "view_item"]
    assert _values(runtime, "user:2")["last_product_viewed"] == "p9"


def test_a_batch_applied_again_counts_once(runtime: Runtime, event: Any) -> None:
    batch = [event("view_item", i, product_id="p") for i in range(5)]
    LiveProfiles(runtime).apply(batch, {0: 5}, NOW + 9 * SECOND)
    again = LiveProfiles(runtime).apply(batch, {0: 5}, NOW + 9 * SECOND)
    assert (again.events, again.skipped) == (0, 5)
    assert _values(runtime, "user:1")["views_1h"] == 5
    # A longer batch that overlaps: only what is new counts.
    longer = [*batch, event("view_item", 7, product_id="p")]
    LiveProfiles(runtime).apply(longer, {0: 6}, NOW + 9 * SECOND)
    assert _values(runtime, "user:1")["views_1h"] == 6
    assert runtime.profiles.position(CONSUMER, 0) == 6


def test_a_worker_that_lost_its_partition_stores_nothing(runtime: Runtime, event: Any) -> None:
    stale, owner = LiveProfiles(runtime), LiveProfiles(runtime)
    batch = [event("view_item", 0, product_id="p")]
    owner.apply(batch, {0: 1}, NOW + SECOND)
    with pytest.raises(ConflictError, match="stand at offset 1 of partition 0"):
        stale.apply(batch, {0: 1}, NOW + SECOND)
    assert _values(runtime, "user:1")["views_1h"] == 1
    done = stale.apply(batch, {0: 1}, NOW + SECOND)
    assert done.skipped == 1, "it has read the positions again"


def test_what_failed_leaves_nothing_behind(runtime: Runtime, event: Any) -> None:
    live = LiveProfiles(runtime)
    bad = event("identify", 0, traits={"x": 1}, device=object())
    with pytest.raises(Exception, match="cannot be stored as JSON"):
        live.apply([event("view_item", 0, product_id="p"), bad], {0: 2}, NOW + SECOND)
    assert runtime.profiles.count() == 0
    live.apply([event("view_item", 0, product_id="p", offset=0)], {0: 2}, NOW + SECOND)
    assert _values(runtime, "user:1")["views_1h"] == 1


def test_windowed_truths_flip_without_an_event(runtime: Runtime, event: Any) -> None:
    live = LiveProfiles(runtime)
    live.apply([event("purchase", 0, properties={"order_id": "o1"}, amount_minor=990)], {0: 1}, NOW)
    flip = NOW + 30 * DAY
    _tick_to(live, flip - SECOND)
    assert _values(runtime, "user:1")["no_order_30d"] is False
    assert _values(runtime, "user:1")["orders_30d"] == 1
    mark = runtime.profiles.last_change()
    assert live.tick(flip) == (customer_id_of("user:1"),)
    values = _values(runtime, "user:1")
    assert (values["no_order_30d"], values["orders_30d"], values["spend_30d_minor"]) == (True, 0, 0)
    assert values["orders_life"] == 1
    (change,) = runtime.profiles.changes(mark)
    assert change.at_us == flip
    assert change.change["traits"]["no_order_30d"] == [False, True]
    assert live.tick(flip) == (), "nothing is due twice"


def _tick_to(live: LiveProfiles, now_us: int) -> None:
    while live.tick(now_us):
        pass


def test_an_invalid_event_changes_nothing(runtime: Runtime, event: Any) -> None:
    live = LiveProfiles(runtime)
    done = live.apply([event("view_item", 0, product_id="p", invalid="bot")], {0: 1}, NOW)
    assert (done.events, done.invalid) == (0, 1)
    assert runtime.profiles.count() == 0
    assert runtime.profiles.resolve(["user:1"]) == {}
    assert runtime.profiles.position(CONSUMER, 0) == 1


def test_an_order_told_twice_counts_once(runtime: Runtime, event: Any) -> None:
    live = LiveProfiles(runtime)
    order = {"properties": {"order_id": "o1"}, "amount_minor": 500, "currency": "CNY"}
    live.apply([event("purchase", 0, **order), event("purchase", 60, **order)], {0: 2}, NOW + DAY)
    live.apply([event("purchase", 90, **order)], {0: 3}, NOW + DAY)
    assert _values(runtime, "user:1")["orders_30d"] == 1
    refund = {"properties": {"order_id": "o1"}, "amount_minor": 200, "currency": "CNY"}
    foreign = {"properties": {"order_id": "o2"}, "amount_minor": 70_000, "currency": "USD"}
    live.apply([event("refund", 95, **refund), event("purchase", 96, **foreign)], {0: 5}, NOW + DAY)
    values = _values(runtime, "user:1")
    assert values["spend_30d_minor"] == 300, "a refund counts against, another currency not at all"
    assert values["orders_30d"] == 2


def test_a_device_brings_its_past_to_who_logs_in(runtime: Runtime, event: Any) -> None:
    live = LiveProfiles(runtime)
    device = {"anonymous_id": "d1"}
    live.apply([event("view_item", 0, user=None, product_id="p1", **device)], {0: 1}, NOW + SECOND)
    alone = customer_id_of("anonymous_id:d1")
    assert runtime.profiles.resolve(["anonymous_id:d1"]) == {"anonymous_id:d1": alone}
    done = live.apply([event("view_item", 9, product_id="p2", **device)], {0: 2}, NOW + DAY)
    known = customer_id_of("user:1")
    assert done.merged == {alone: known}
    assert runtime.profiles.get(alone) is None
    values = _values(runtime, "anonymous_id:d1")
    assert (values["views_7d"], values["products_viewed_7d"]) == (2, 2)
    assert values["first_seen"] == NOW
    assert [x.change.get("from") for x in runtime.profiles.changes(0)][-1] == alone
    # Somebody else on the same device: it is nobody's from now on.
    done = live.apply([event("view_item", 20, user="2", **device)], {0: 3}, NOW + DAY)
    assert runtime.profiles.resolve(["anonymous_id:d1"]) == {"anonymous_id:d1": alone}
    assert runtime.profiles.queued() == sorted([alone, known])


def test_a_phone_joins_two_references(runtime: Runtime, event: Any) -> None:
    live = LiveProfiles(runtime)
    phone = {"traits": {"phone": "138 1234 5678", "name": "李雷"}, "type": "identify"}
    live.apply([event("identify", 0, **phone)], {0: 1}, NOW)
    done = live.apply(
        [event("view_item", 1, user="2"), event("identify", 2, user="2", **phone)],
        {0: 3},
        NOW + DAY,
    )
    first = customer_id_of("user:1")
    assert done.merged == {}, "in one batch the second reference never had a section of its own"
    found = runtime.profiles.resolve(["user:1", "user:2", "phone:+8613812345678"])
    assert set(found.values()) == {first}
    assert _live(runtime, "user:2")["stated"]["name"][0] == "李雷"


def test_consents_stated_by_events_hold_at_once(runtime: Runtime, event: Any) -> None:
    live = LiveProfiles(runtime)
    live.apply(
        [
            event("consent_granted", 0, properties={"channel": "email"}),
            event("unsubscribed", 50),
            event("consent_granted", 20, properties={"channel": "sms", "purpose": "service"}),
            event("consent_updated", 60, properties={"channel": "email", "status": "nonsense"}),
            event("email_unsubscribed", 10, properties={"purpose": "service"}),
        ],
        {0: 5},
        NOW + DAY,
    )
    permits = _live(runtime, "user:1")["permits"]
    assert permits["marketing/email"] == ["REVOKED", NOW + 50 * SECOND]
    assert permits["marketing/wecom"][0] == "REVOKED"
    assert permits["service/sms"][0] == "GRANT"
    assert permits["service/email"] == ["REVOKED", NOW + 10 * SECOND]


def test_an_alias_ties_the_device_to_its_user(runtime: Runtime, event: Any) -> None:
    live = LiveProfiles(runtime)
    live.apply([event("view_item", 0, user=None, anonymous_id="d1", product_id="p")], {0: 1}, NOW)
    live.apply([event("alias", 1, type="alias", previous_id="d1")], {0: 2}, NOW + SECOND)
    assert runtime.profiles.resolve(["anonymous_id:d1"]) == {
        "anonymous_id:d1": customer_id_of("user:1")
    }
    assert _values(runtime, "user:1")["last_product_viewed"] == "p"


def test_late_events_find_their_place(runtime: Runtime, event: Any) -> None:
    live = LiveProfiles(runtime)
    live.apply([event("page_view", 100, page="/b")], {0: 1}, NOW + 101 * SECOND)
    live.apply([event("page_view", 50, page="/a")], {0: 2}, NOW + 102 * SECOND)
    one = _live(runtime, "user:1")
    assert one["traits"]["last_page"][0] == "/b"
    assert [x[2] for x in one["timeline"]] == ["/b", "/a"]
    assert one["traits"]["session_started_at"][0] == NOW + 50 * SECOND


def test_the_timeline_keeps_the_latest_fifty(runtime: Runtime, event: Any) -> None:
    live = LiveProfiles(runtime)
    events = [event("page_view", i, page=f"/{i}") for i in range(80)]
    live.apply(events, {0: 80}, NOW + DAY)
    lines = _live(runtime, "user:1")["timeline"]
    assert [x[2] for x in lines] == [f"/{i}" for i in range(79, 29, -1)]


def test_a_section_of_another_writer_is_left_alone(runtime: Runtime, event: Any) -> None:
    customer = customer_id_of("user:1")
    runtime.profiles.put_many({customer: {"city": "上海"}})
    runtime.profiles.apply(replace(ProfileUpdate("features"), profiles={customer: {"x": 1}}))
    LiveProfiles(runtime).apply([event("page_view", 0)], {0: 1}, NOW)
    found = runtime.profiles.get(customer)
    assert found is not None
    assert (found["base"], found["features"]) == ({"city": "上海"}, {"x": 1})


def _to_lake(runtime: Runtime, events: list[Arrived], *, upto: int) -> None:
    rows = event_rows(events, zone_name="Asia/Shanghai")
    runtime.tables.append(EVENTS, rows, token=("live-0", upto))


def test_a_split_customer_is_rebuilt_from_lake_and_memory(runtime: Runtime, event: Any) -> None:
    live = LiveProfiles(runtime)
    first = [
        event("view_item", 0, product_id="p1", anonymous_id="d1"),
        event("view_item", 5, user=None, product_id="p2", anonymous_id="d1"),
    ]
    live.apply(first, {0: 2}, NOW + DAY)
    later = [event("view_item", 9, user="2", product_id="p3", anonymous_id="d1")]
    live.apply(later, {0: 3}, NOW + DAY)
    assert live.rebuild(NOW + DAY) != (), "everything is remembered, the lake may be empty"
    _to_lake(runtime, first, upto=1)
    runtime.profiles.queue([customer_id_of("user:1")])
    assert live.rebuild(NOW + DAY) == (customer_id_of("user:1"),)
    assert _values(runtime, "user:1")["views_30d"] == 1
    assert _values(runtime, "anonymous_id:d1")["views_30d"] == 1
    assert _values(runtime, "anonymous_id:d1")["last_product_viewed"] == "p2"
    assert _values(runtime, "user:2")["views_30d"] == 1
    assert runtime.profiles.queued() == []


def test_nothing_is_rebuilt_while_the_lake_lacks_what_was_forgotten(
    runtime: Runtime, event: Any
) -> None:
    LiveProfiles(runtime).apply([event("view_item", 0)], {0: 5}, NOW)
    again = LiveProfiles(runtime)
    late = event("view_item", 9, offset=5)
    again.apply([late], {0: 6}, NOW + DAY)
    runtime.profiles.queue([customer_id_of("user:1")])
    assert again.rebuild(NOW + DAY) == ()
    _to_lake(runtime, [event("view_item", 0)], upto=4)
    assert again.rebuild(NOW + DAY) == (customer_id_of("user:1"),)
    assert _values(runtime, "user:1")["views_30d"] == 2


def test_who_is_new_here_but_not_to_the_shop_gets_the_past(runtime: Runtime, event: Any) -> None:
    customer = customer_id_of("user:1")
    runtime.profiles.put_many({customer: {"as_of_us": 1}})
    moment = datetime.fromtimestamp((NOW - 10 * DAY) / 1e6, UTC)
    order = {
        "order_id": "o9", "customer_ref": "user:1", "kind": "sale", "occurred_at": moment,
        "ts_us": NOW - 10 * DAY, "day": moment.date(), "month": f"{moment:%Y-%m}", "dow": 1,
        "hour": 1, "amount_minor": 700, "currency": "CNY", "source": "pos", "load_id": "l1",
    }  # fmt: skip
    rows = pa.Table.from_pylist([order], schema=pa.schema(
        [f for f in ORDERS.arrow_schema if f.name in order]))  # fmt: skip
    runtime.tables.append(ORDERS, ORDERS.cast(rows, fill=True))
    live = LiveProfiles(runtime)
    live.apply([event("page_view", 0)], {0: 1}, NOW)
    assert "orders_30d" not in _values(runtime, "user:1")
    assert live.rebuild(NOW) == (customer,)
    values = _values(runtime, "user:1")
    assert (values["orders_30d"], values["no_order_30d"]) == (1, False)
    assert values["last_seen"] == NOW
