"""Segment's HTTP API as its clients use it, and what then lies in the log."""

from __future__ import annotations

import base64
import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from door_shop import KEY, NOW, OpenDoor, open_door, track

from shopkeeper.apps.door.segment import MAX_EVENTS
from shopkeeper.apps.flows.sources import add_source, change_source
from shopkeeper.core.clock import to_us

CALLS = {
    "track": {"event": "Product Viewed", "userId": "u1"},
    "identify": {"userId": "u1", "traits": {"email": "a@b.example"}},
    "page": {"anonymousId": "a1", "name": "Home"},
    "screen": {"anonymousId": "a1", "name": "Home"},
    "group": {"userId": "u1", "groupId": "g"},
    "alias": {"userId": "u1", "previousId": "a1"},
}


@pytest.mark.parametrize("call", CALLS)
def test_single_calls_are_stored_as_sent_with_their_type(shop: OpenDoor, call: str) -> None:
    for path in (f"/v1/{call}", f"/v1/{call[0]}"):
        answer = shop.send(path, CALLS[call])
        assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert shop.events() == [{"type": call, **CALLS[call]}] * 2


def test_a_batch_keeps_every_byte_and_the_order_of_each_customer(shop: OpenDoor) -> None:
    events = [
        track(f"m{n}", userId=f"u{n % 7}", properties={"n": n, "名": "咖啡"}) for n in range(100)
    ]
    body = {"batch": events, "sentAt": "2026-03-01T12:00:00Z", "context": {"app": {"name": "x"}}}
    answer = shop.send("/v1/batch", body, headers={"user-agent": "sdk/1"})
    assert (answer.status_code, answer.content) == (200, b'{"success":true}')
    assert sorted(shop.events(), key=lambda x: x["properties"]["n"]) == events
    for user in range(7):
        mine = [x["properties"]["n"] for x in shop.events() if x["userId"] == f"u{user}"]
        assert mine == sorted(mine)
    log = shop.runtime.log
    for envelope in shop.envelopes():
        assert (envelope.source, envelope.received_us) == ("web", to_us(NOW))
        assert (envelope.ip, envelope.agent) == ("203.0.113.9", "sdk/1")
        assert envelope.sent_at == "2026-03-01T12:00:00Z"
        assert json.loads(bytes(envelope.context)) == {"app": {"name": "x"}}
        assert len({log.partition_of(json.loads(bytes(x))["userId"]) for x in envelope.events}) == 1


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/b", "/v1/import", "/v1/batch/"])
def test_batches_have_several_addresses(shop: OpenDoor, path: str) -> None:
    assert shop.send(path, {"batch": [track()]}).status_code == 200
    assert shop.ids() == ["m1"]


def test_gzip_bodies(shop: OpenDoor) -> None:
    body = gzip.compress(json.dumps({"batch": [track()]}).encode())
    assert shop.send("/v1/batch", body, headers={"content-encoding": "gzip"}).status_code == 200
    assert shop.ids() == ["m1"]


def basic(user: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(user.encode()).decode()}


@pytest.mark.parametrize(("headers", "key_in_body", "status"), [
    (basic("k:"), None, 200), (basic("k"), None, 200), ({"authorization": "Bearer k"}, None, 200),
    ({}, "k", 200), ({"authorization": "Digest x"}, "k", 200),
    ({}, None, 401), (basic("other:"), None, 401), (basic(""), None, 401), ({}, "forged", 401),
    ({"authorization": "Basic !!!"}, None, 401), (basic("other:"), "k", 401),
])  # fmt: skip
def test_write_keys(
    shop: OpenDoor, headers: dict[str, str], key_in_body: str | None, status: int
) -> None:
    body: dict[str, Any] = {"batch": [track()]} | ({"writeKey": key_in_body} if key_in_body else {})
    answer = shop.send("/v1/batch", body, headers=headers, auth=None)
    assert answer.status_code == status
    assert len(shop.ids()) == (status == 200)
    if status == 401:
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert problem["code"] == "unauthorised"
        assert "write key" in problem["detail"]
        assert problem["next_step"]
        assert problem["detail_text"]["zh"]


def test_a_new_disabled_or_rotated_key_counts_soon(shop: OpenDoor) -> None:
    shop.send("/v1/track", track())
    add_source(shop.runtime.state, "app", now=NOW, write_key="k2", kind="app")
    shop.door.context.sources._read_at -= 0.3  # an unknown key may cause a look this often
    assert shop.send("/v1/track", track("m2"), auth=("k2", "")).status_code == 200
    change_source(shop.runtime.state, "app", enabled=False)
    shop.door.context.sources._read_at -= 2.1
    answer = shop.send("/v1/track", track("m3"), auth=("k2", ""))
    assert answer.status_code == 401
    assert "shopkeeper source enable app" in answer.json()["next_step"]
    key = change_source(shop.runtime.state, "app", enabled=True, rotate=True)["write_key"]
    shop.door.context.sources._read_at -= 2.1
    assert shop.send("/v1/track", track("m4"), auth=("k2", "")).status_code == 401
    assert shop.send("/v1/track", track("m5"), auth=(key, "")).status_code == 200


def test_a_repeated_message_is_stored_once(shop: OpenDoor, tmp_path: Path) -> None:
    first = {"batch": [track("a"), track("b"), track("a"), track(None), track(None)]}
    assert shop.send("/v1/batch", first).status_code == 200
    assert shop.ids() == ["", "", "a", "b"]
    assert shop.send("/v1/batch", {"batch": [track("b"), track("c")]}).status_code == 200
    assert shop.send("/v1/batch", {"batch": [track("b"), track("c")]}).status_code == 200
    assert shop.ids() == ["", "", "a", "b", "c"]
    add_source(shop.runtime.state, "other", now=NOW, write_key="k2")
    shop.door.context.sources._read_at -= 0.3
    assert shop.send("/v1/track", track("b"), auth=("k2", "")).status_code == 200
    assert shop.ids() == ["", "", "a", "b", "b", "c"]
    shop.runtime.close()
    again = open_door(tmp_path)
    assert again.send("/v1/batch", {"batch": [track("c"), track("d")]}).status_code == 200
    assert again.ids() == ["", "", "a", "b", "b", "c", "d"]
    again.runtime.close()


def test_the_same_batch_from_many_connections_at_once(shop: OpenDoor) -> None:
    bodies = [
        json.dumps({"batch": [track(f"m{x}", userId=f"u{x}") for x in range(n, n + 40)]}).encode()
        for n in (0, 0, 20, 20, 40, 10, 0, 30)
    ]
    answers = shop.ask(
        *(lambda c, b=body: c.post("/v1/batch", content=b, auth=(KEY, "")) for body in bodies * 6)
    )
    assert {x.status_code for x in answers} == {200}
    assert Counter(shop.ids()) == dict.fromkeys([f"m{x}" for x in range(80)], 1)


def test_events_that_break_the_shape_are_kept_for_quarantine(shop: OpenDoor) -> None:
    broken = [track("a", userId=None), track("b", properties=[1]), {"type": 3}, 4, "x", None]
    assert shop.send("/v1/batch", {"batch": [*broken, track("ok")]}).status_code == 200
    kept = [json.loads(bytes(x)) for e in shop.envelopes() for x in e.events]
    assert sorted(map(str, kept)) == sorted(map(str, [*broken, track("ok")]))


def test_strict_mode_says_why_and_stores_nothing(shop: OpenDoor) -> None:
    batch = {"batch": [track("a"), track("b", userId=None)]}
    answer = shop.send("/v1/batch?strict=1", batch)
    assert answer.status_code == 400
    good, bad = answer.json()["events"]
    assert (good["accepted"], good["kind"], good["message_id"]) == (True, "view_item", "a")
    assert (bad["accepted"], bad["violations"][0]["reason"]) == (False, "missing_identity")
    assert {"field", "zh", "en", "next_step"} < set(bad["violations"][0])
    assert shop.ids() == []
    stored = shop.send("/v1/track", track("a"), headers={"x-strict": "1"})
    assert (stored.status_code, stored.json()["stored"]) == (200, True)
    assert shop.ids() == ["a"]


def test_debug_judges_without_storing(shop: OpenDoor) -> None:
    bot = {"user-agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"}
    body = {"batch": [track("a", userId=None, anonymousId="v"), track("b", timestamp="soon")]}
    answer = shop.send("/v1/debug", body, headers=bot)
    assert answer.status_code == 200
    marked, refused = answer.json()["events"]
    assert (marked["accepted"], marked["invalid"]) == (True, "declared_bot")
    assert refused["violations"][0] | {"zh": ""} == {
        "field": "timestamp", "reason": "bad_timestamp", "zh": "",
        "en": "timestamp is “soon”, which is no moment",
        "next_step": "使用 ISO 8601，如 2026-01-31T08:00:00Z / Use ISO 8601, such as 2026-01-31T08:00:00Z",
    }  # fmt: skip
    single = shop.send("/v1/debug", {"userId": "u"}).json()
    assert single["events"][0]["violations"][0]["reason"] == "missing_type"
    assert shop.ids() == []


def test_browsers_of_other_sites(shop: OpenDoor) -> None:
    page = {"origin": "https://shop.example"}
    asked = page | {"access-control-request-headers": "authorization,x-retry-count"}
    before = shop.send("/v1/t", b"", method="OPTIONS", headers=asked, auth=None)
    assert before.status_code == 204
    assert before.headers["access-control-allow-origin"] == "https://shop.example"
    assert before.headers["access-control-allow-headers"] == "authorization,x-retry-count"
    sent = shop.send("/v1/t", track(), headers=page | {"content-type": "text/plain"})
    assert (sent.status_code, sent.headers["access-control-allow-origin"]) == (
        200,
        "https://shop.example",
    )
    change_source(shop.runtime.state, "web", origins=["https://shop.example"])
    shop.door.context.sources._read_at -= 2.1
    assert shop.send("/v1/t", track("m2"), headers=page).status_code == 200
    foreign = shop.send("/v1/t", track("m3"), headers={"origin": "https://evil.example"})
    assert foreign.status_code == 403
    assert foreign.headers["access-control-allow-origin"] == "https://evil.example"
    assert shop.send("/v1/t", track("m4")).status_code == 200  # no browser, no origin
    assert shop.ids() == ["m1", "m2", "m4"]


def test_what_the_debugger_and_the_metrics_see(shop: OpenDoor) -> None:
    shop.send("/v1/batch", {"batch": [track("a"), track("b"), track("a", event="X")]})
    shop.send("/v1/batch", b"{")
    shop.send("/v1/batch", {"batch": []}, auth=("forged", ""))
    arrivals = shop.door.context.arrivals
    stored, broken, forged = arrivals.latest()
    assert (stored.source, stored.status, stored.accepted, stored.duplicates) == ("web", 200, 2, 1)
    assert dict(stored.events) == {"Product Viewed": 2, "X": 1}
    assert json.loads(stored.sample) == track("a")
    assert (broken.status, broken.reason) == (400, "malformed")
    assert (forged.status, forged.reason) == (401, "unauthorised")
    assert all(x.zh and x.en and x.next_step for x in (broken, forged))
    assert arrivals.latest(after=stored.number) == [broken, forged]
    lines = arrivals.lines(0.25)
    assert 'shopkeeper_events_accepted_total{source="web"} 2' in lines
    assert 'shopkeeper_events_duplicate_total{source="web"} 1' in lines
    assert 'shopkeeper_requests_refused_total{source="",reason="malformed"} 1' in lines
    assert "shopkeeper_log_pressure 0.2500" in lines
    assert "shopkeeper_commit_seconds_count 1" in lines


def test_a_batch_of_too_many_events(shop: OpenDoor) -> None:
    assert shop.send("/v1/batch", {"batch": [{}] * MAX_EVENTS}).status_code == 200
    answer = shop.send("/v1/batch", {"batch": [{}] * (MAX_EVENTS + 1)})
    assert (answer.status_code, answer.json()["facts"]["limit"]) == (413, MAX_EVENTS)


@pytest.mark.parametrize(("method", "path", "status"), [
    ("GET", "/v1/batch", 405), ("PUT", "/v1/track", 405), ("POST", "/v1/tracks", 404),
    ("POST", "/v1/", 404), ("GET", "/v1/../etc", 404), ("DELETE", "/mp/collect", 405),
    ("POST", "/v1/merge", 404),
])  # fmt: skip
def test_other_addresses(shop: OpenDoor, method: str, path: str, status: int) -> None:
    answer = shop.send(path, {}, method=method)
    assert (answer.status_code, bool(answer.json()["next_step"])) == (status, True)
