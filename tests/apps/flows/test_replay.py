from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from live_quarantine import NOW, LiveShop, open_live, order

from shopkeeper.apps.flows import quarantined as flow
from shopkeeper.apps.flows import replayed
from shopkeeper.apps.flows.edited import edited
from shopkeeper.apps.flows.replay import _send, edit, ready, replay
from shopkeeper.core.errors import InputError, NotFoundError
from shopkeeper.core.tables import ORDERS, QUARANTINE

MEND = [{"op": "add", "path": "/properties/order_id", "value": "o1"}]
AT = datetime(2026, 3, 1, 8, tzinfo=UTC)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[LiveShop]:
    opened = open_live(tmp_path / "shop")
    opened.plan()
    yield opened
    opened.runtime.close()


def send_again(shop: LiveShop, patch: list[dict[str, Any]] | None = None, **more: Any) -> Any:
    (row,) = shop.quarantined()
    if patch:
        edit(shop.desk, row, edited(row, patch=patch), by="mei")
        (row,) = shop.quarantined()
    return replay(shop.desk, [row], by="mei", **more)[0]


def test_quarantine_edit_and_five_replays_make_one_row(shop: LiveShop) -> None:
    shop.send(order(), order("m2", order_id="o2"))
    shop.work()
    (row,) = shop.quarantined()
    assert (row.status, row.event_id, row.source, row.field) == (
        "open", "m1", "web", "properties.order_id",
    )  # fmt: skip
    assert len(shop.events()) == 1

    verdict = edit(shop.desk, row, edited(row, patch=MEND), by="mei")
    assert verdict.violations == ()
    (row,) = shop.quarantined()
    assert row.status == "edited"
    assert json.loads(row.content)["properties"]["order_id"] == "o1"

    for _ in range(3):  # before the worker sees the first
        assert replay(shop.desk, [row], by="mei")[0].outcome == "requested"
    shop.work()
    for _ in range(2):  # after: nothing is sent, and if it were, the worker would know it
        assert replay(shop.desk, [row], by="mei")[0].outcome == "admitted"
        _send(shop.desk, [ready(shop.desk, row, row.content)], "mei")
    shop.work()
    (found,) = shop.events(event_id="m1")
    assert (found["kind"], found["occurred_at"]) == ("purchase", AT)
    assert json.loads(found["properties"])["order_id"] == "o1"
    tables = shop.runtime.tables
    orders = tables.run(tables.table(ORDERS)).to_pylist()
    assert sorted(x["order_id"] for x in orders) == ["o1", "o2"]
    assert shop.quarantined() == []
    (done,) = shop.quarantined(status="admitted")
    assert (done.event_id, done.status) == ("m1", "admitted")


def test_five_replays_with_different_customers_make_one_row(shop: LiveShop) -> None:
    shop.send(order())
    shop.work()
    for n in range(5):
        user = {"op": "replace", "path": "/userId", "value": f"other{n}"}
        assert send_again(shop, [*MEND, user]).outcome == "requested"
    shop.work()
    assert len(shop.events(event_id="m1")) == 1
    assert len(shop.events()) == 1


def test_what_would_be_refused_is_not_sent_unless_forced(shop: LiveShop) -> None:
    shop.send(order())
    shop.work()
    told = send_again(shop)
    assert (told.outcome, told.replay_id) == ("would_be_refused", None)
    assert [x.field for x in told.violations] == ["properties.order_id"]
    assert [x.status for x in shop.quarantined()] == ["open"]

    assert send_again(shop, force=True).outcome == "requested"
    assert [x.status for x in shop.quarantined()] == ["requested"]
    shop.work()
    (row,) = shop.quarantined()  # refused twice, shown once
    assert (row.status, row.replays) == ("refused", 1)
    assert send_again(shop, MEND).outcome == "requested"
    shop.work()
    assert len(shop.events(event_id="m1")) == 1
    assert shop.quarantined() == []


def test_a_looser_plan_lets_a_whole_reason_pass(shop: LiveShop) -> None:
    shop.send(*(order(f"m{x}") for x in range(20)), order("m20", total="much"))
    shop.work()
    assert len(shop.quarantined()) == 21
    rows = shop.quarantined(reason="plan_missing")
    assert {x.outcome for x in replay(shop.desk, rows, by="mei")} == {"would_be_refused"}
    shop.plan("version: 1")
    shop.work()  # the worker takes notice
    for _ in range(2):
        rows = shop.quarantined(reason="plan_missing")
        assert {x.outcome for x in replay(shop.desk, rows, by="mei")} == {"requested"}
    shop.work()
    assert len(shop.events()) == 20
    assert [x.event_id for x in shop.quarantined()] == ["m20"]


def test_a_replay_long_after_keeps_the_moment_and_the_facts_of_arrival(shop: LiveShop) -> None:
    body = order()
    del body["timestamp"]
    shop.send(body, ip="10.0.0.1", agent="curl/8", context=b'{"locale":"zh-CN"}')
    shop.send(order("m2") | {"timestamp": "2026-03-01T09:00:00Z"}, sent_at="2026-03-02T00:59:00Z")
    shop.work()
    shop.runtime.clock.moment = NOW + timedelta(days=3)
    for row in shop.quarantined():
        edit(shop.desk, row, edited(row, patch=MEND), by="mei")
    replay(shop.desk, shop.quarantined(), by="mei")
    shop.work()
    (first,), (second,) = shop.events(event_id="m1"), shop.events(event_id="m2")
    assert first["occurred_at"] == NOW
    assert (first["ip"], first["agent"]) == ("10.0.0.1", "curl/8")
    assert second["occurred_at"] == datetime(2026, 3, 1, 9, 1, tzinfo=UTC)  # the clock was slow
    assert first["received_at"] == NOW + timedelta(days=3)


def test_an_event_without_message_id_is_doubled_neither(shop: LiveShop) -> None:
    shop.send(order(None))
    shop.work()
    for _ in range(5):
        assert send_again(shop, MEND).outcome == "requested"
    shop.work()
    assert len(shop.events()) == 1
    assert [x.status for x in shop.quarantined(status="admitted")] == ["admitted"]


def test_what_is_no_json_is_mended_as_a_whole(shop: LiveShop) -> None:
    shop.send('"just text"')
    shop.work()
    (row,) = shop.quarantined()
    with pytest.raises(InputError, match="no JSON object, so a patch cannot change it"):
        edited(row, patch=MEND)
    assert ready(shop.desk, row, row.content).violations
    content = edited(row, event={"type": "page", "userId": "u1"})
    assert ready(shop.desk, row, content).violations == ()
    edit(shop.desk, row, content, by="mei")
    for _ in range(3):
        replay(shop.desk, shop.quarantined(), by="mei")
    shop.work()
    assert [x["kind"] for x in shop.events()] == ["page_view"]
    assert shop.quarantined() == []


def test_edits_keep_the_message_id_and_stay_events(shop: LiveShop) -> None:
    shop.send(order())
    shop.work()
    (row,) = shop.quarantined()
    with pytest.raises(InputError, match="messageId must stay 'm1'"):
        edited(row, patch=[{"op": "replace", "path": "/messageId", "value": "m9"}])
    with pytest.raises(InputError, match="an event is a JSON object"):
        edited(row, patch=[{"op": "replace", "path": "", "value": [1]}])
    assert json.loads(edited(row, patch=[{"op": "remove", "path": "/messageId"}])).keys() == {
        "type", "event", "userId", "timestamp", "properties",
    }  # fmt: skip
    send_again(shop, MEND)
    shop.work()
    with pytest.raises(InputError, match="'m1' is in the lake already"):
        edit(shop.desk, row, edited(row, patch=MEND), by="mei")


def test_events_are_found_by_number_reason_source_and_status(shop: LiveShop) -> None:
    shop.send(order(), source="web")
    shop.send(order("m2", total="x"), {"type": "page"}, source="pos", key="u2")
    shop.work()
    r = shop.runtime
    every = shop.quarantined()
    assert {(x.source, x.reason) for x in every} == {
        ("web", "plan_missing"), ("pos", "bad_amount"), ("pos", "missing_identity"),
    }  # fmt: skip
    assert [x.source for x in shop.quarantined(source="web")] == ["web"]
    assert shop.quarantined(field="nowhere") == []
    assert shop.quarantined(status="edited") == []
    assert flow.count(r.tables, r.state, flow.Filter()) == 3
    assert sum(x["rows"] for x in flow.counts(r.tables, r.state, flow.Filter())) == 3
    for row in every:
        assert flow.one(r.tables, r.state, row.number) == row
        assert shop.runtime.log.read(*row.place[:2], limit=1)[0].payload
    with pytest.raises(NotFoundError, match="has the number 7"):
        flow.one(r.tables, r.state, 7)


def test_rows_of_files_are_not_replayed(shop: LiveShop) -> None:
    row = {"load_id": "load_1", "table_name": "events", "row_number": 5, "path": "a.csv",
           "reason": "bad_date", "raw": "{}", "created_at": NOW}  # fmt: skip
    tables = shop.runtime.tables
    tables.append(QUARANTINE, QUARANTINE.cast(_table(row), fill=True))
    with pytest.raises(InputError, match="row 5 was refused while a file was loaded"):
        flow.one(tables, shop.runtime.state, 5)
    assert shop.quarantined() == []


def test_too_many_at_once_are_refused(shop: LiveShop) -> None:
    shop.send(order())
    shop.work()
    (row,) = shop.quarantined()
    with pytest.raises(InputError, match="at most 10000 events"):
        replay(shop.desk, [row] * 10_001, by="mei")


def test_nothing_was_ever_quarantined(shop: LiveShop) -> None:
    assert shop.quarantined() == []
    assert flow.counts(shop.runtime.tables, shop.runtime.state, flow.Filter()) == []
    assert replayed.settle(shop.runtime.tables, shop.runtime.state, shop.runtime.log) == 0


def _table(row: dict[str, Any]) -> Any:
    import pyarrow as pa

    schema = QUARANTINE.arrow_schema
    return pa.table({k: pa.array([v], schema.field(k).type) for k, v in row.items()})
