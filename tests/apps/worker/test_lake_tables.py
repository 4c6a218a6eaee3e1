"""Tables that live events fill beside ``events``: orders, customers, consents, decisions."""

from __future__ import annotations

import contextlib
import json

from shopkeeper.apps.worker import stream
from shopkeeper.collect.live.envelope import VERSION, Envelope, pack
from shopkeeper.core.errors import StorageFullError
from shopkeeper.core.tables import (
    CONSENTS,
    CUSTOMERS,
    DECISIONS,
    EVENTS,
    ORDER_LINES,
    ORDERS,
)

LINES = [{"product_id": "tea", "price": 10, "quantity": 2}, {"product_id": "cup", "price": 5.5}]


def orders(shop):
    return {x["order_id"]: x["amount_minor"] for x in shop.rows(ORDERS)}


def lines(shop):
    return sorted((x["line_id"], x["amount_minor"]) for x in shop.rows(ORDER_LINES))


def test_an_order_told_by_browser_and_server_is_one_order(shop):
    told = {"order_id": "o1", "total": 25.5, "products": LINES}
    shop.send(shop.track(1, event="Order Completed", **told))
    shop.work()
    shop.send(shop.track(2, event="purchase", **told), source="server")
    shop.send(shop.track(3, event="purchase", **told), source="server", key="other")
    shop.work()
    assert orders(shop) == {"o1": 2550}
    assert lines(shop) == [("o1:1", 2000), ("o1:2", 550)]
    assert len(shop.event_ids()) == 3


def test_a_refund_after_a_restart_finds_the_order(shop):
    shop.send(shop.track(1, event="Order Completed", order_id="o1", total=25.5, products=LINES))
    shop.work()
    shop.send(shop.track(2, event="Order Refunded", order_id="o1"))
    shop.work()
    assert orders(shop) == {"o1": 2550, "o1:return": -2550}
    assert sum(x["amount_minor"] for x in shop.rows(ORDER_LINES)) == 0


def test_a_changed_order_replaces_row_and_lines_and_keeps_its_day(shop):
    first = shop.track(1, event="Order Completed", order_id="o1", total=25.5, products=LINES)
    first["timestamp"] = "2026-03-01T10:00:00Z"
    shop.send(first)
    shop.work()
    shop.send(shop.track(2, event="Order Updated", order_id="o1", total=5.5, products=LINES[1:]))
    shop.work()
    (row,) = shop.rows(ORDERS)
    assert (row["amount_minor"], row["day"].isoformat(), row["status"]) == (
        550, "2026-03-01", "completed",
    )  # fmt: skip
    assert lines(shop) == [("o1:1", 550)]


def test_orders_survive_a_crash_between_any_two_tables(shop, monkeypatch):
    append = shop.runtime.tables.append
    for number in range(1, 7):
        shop.send(
            shop.track(f"{number}a", event="purchase", order_id=f"o{number}", total=25.5,
                       products=LINES),
            shop.track(f"{number}b", event="refund", order_id=f"o{number}"),
            {"type": "track", "messageId": f"bad{number}", "userId": "u1"},
        )  # fmt: skip
        left = iter([True] * (number - 1))

        def dying(*args, left=left, **kwargs):
            if not next(left, False):
                raise KeyboardInterrupt
            return append(*args, **kwargs)

        monkeypatch.setattr(shop.runtime.tables, "append", dying)
        dead = shop.slow_worker()
        dead.step(0.0)
        dead._begin(save=False)
        with contextlib.suppress(KeyboardInterrupt):
            dead._finish(wait_s=None)
        monkeypatch.setattr(shop.runtime.tables, "append", append)
        dead.leave()
        shop.work()
    whole = {f"o{x}": 2550 for x in range(1, 7)} | {f"o{x}:return": -2550 for x in range(1, 7)}
    assert orders(shop) == whole
    assert len(shop.rows(ORDERS)) == 12
    assert len(shop.rows(ORDER_LINES)) == 24
    assert len(shop.event_ids()) == 12
    assert len(shop.quarantined()) == 6


def identify(number, user="u1", context=None, **traits):
    return {"type": "identify", "messageId": f"i{number}", "userId": user, "traits": traits,
            "context": context or {}}  # fmt: skip


def test_traits_are_cleaned_and_kept_until_something_newer_is_told(shop):
    shop.send(identify(1, phone="138 1234 5678", gender="先生", birthday="1990-02-03"))
    shop.work()
    shop.send(identify(2, email="A.B@Example.CN ", city="上海"))
    shop.work()
    (row,) = shop.rows(CUSTOMERS)
    assert (row["customer_ref"], row["source"]) == ("user:u1", "web")
    assert (row["phone"], row["gender"], row["birth_date"].isoformat()) == (
        "+8613812345678", 1, "1990-02-03",
    )  # fmt: skip
    assert (row["email"], row["city"]) == ("a.b@example.cn", "上海")


def test_traits_told_before_a_crash_are_not_lost(shop, monkeypatch):
    monkeypatch.setattr(stream, "CHECKPOINT_S", 0.0)
    shop.send(identify(1, city="上海"))
    dead = shop.slow_worker()
    dead.step(0.0)
    dead._work.sink._merge_at = 1e18  # the merge is not due yet
    dead._begin(save=True)
    dead._finish(wait_s=None)
    dead.leave()
    assert len(shop.rows(EVENTS)) == 1
    assert not shop.runtime.tables.exists(CUSTOMERS)
    shop.send(identify(2, name="张三"))
    shop.work()
    (row,) = shop.rows(CUSTOMERS)
    assert (row["city"], row["person_name"]) == ("上海", "张三")


def test_consents_come_from_traits_and_from_the_banner(shop):
    banner = {"consent": {"categoryPreferences": {"Advertising": False}}}
    shop.send(identify(1, consents={"email": True}), identify(2, context=banner, city="x"))
    shop.work()
    found = {(x["customer_ref"], x["channel"], x["status"]) for x in shop.rows(CONSENTS)}
    assert found == {("user:u1", "email", "GRANT"), ("user:u1", "all", "DENY")}


def test_a_statement_survives_a_commit_that_fails_at_first(shop, monkeypatch):
    append = shop.runtime.tables.append
    refusals = iter([True])

    def full(contract, *args, **kwargs):
        if next(refusals, False):
            raise StorageFullError("no room", next_step="make some")
        return append(contract, *args, **kwargs)

    monkeypatch.setattr(shop.runtime.tables, "append", full)
    banner = {"consent": {"categoryPreferences": {"Advertising": False}}}
    shop.send(shop.track(1, event="purchase", order_id="o", total=5), identify(2, context=banner))
    worker = shop.worker()
    while worker.step(0.0):
        pass
    worker.flush()
    worker.close()
    assert [x["status"] for x in shop.rows(CONSENTS)] == ["DENY"]
    assert orders(shop) == {"o": 500}


def test_decisions_are_ledger_rows_and_bad_ones_are_quarantined(shop):
    good = {
        "decision_id": "d1", "plan_id": "live", "customer_id": "c_1",
        "as_of": "2026-06-01T08:00:00+00:00", "action": "show", "probability": 0.5,
        "policy_version": "p1", "holdout": False, "reason": "value",
    }  # fmt: skip
    import msgspec

    def raw(row):
        return msgspec.Raw(json.dumps(row).encode())

    payload = pack(
        Envelope(
            VERSION, "decision", "decide", 5, [raw(good), raw({"decision_id": "d2"}), raw(good)]
        )
    )
    shop.append(payload)
    shop.append(payload)
    shop.work()
    (row,) = shop.rows(DECISIONS)
    assert (row["decision_id"], row["probability"]) == ("d1", 0.5)
    (bad,) = shop.quarantined()
    assert (bad["table_name"], bad["raw"]) == ("decisions", '{"decision_id": "d2"}')
