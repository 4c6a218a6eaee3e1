"""Profiles, their changes and decisions over HTTP: who may ask, what comes, what is in the log."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import msgspec
import pytest

from shopkeeper.apps.service.app import create_app
from shopkeeper.backends.open import open_runtime
from shopkeeper.backends.runtime import Runtime
from shopkeeper.collect.live.envelope import unpack
from shopkeeper.core.ids import unit_interval
from shopkeeper.core.ports import ProfileUpdate
from shopkeeper.core.settings import load_settings

NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)  # noon in Shanghai
NOW_US = 1_795_320_000_000_000
IN = next(f"c_{i}" for i in range(99) if unit_interval("global", f"c_{i}") >= 0.1)


class StoppedClock:
    def now(self) -> datetime:
        return NOW


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., Runtime]]:
    runtimes = []

    def open_it(**flags: object) -> Runtime:
        given = {"store.folder": str(tmp_path), "decide.explore": 0.0, **flags}
        runtime = open_runtime(load_settings(flags=given), clock=StoppedClock())
        runtimes.append(runtime)
        runtime.profiles.apply(
            ProfileUpdate(
                "features",
                profiles={
                    IN: {
                        "as_of_us": NOW_US,
                        "features": {
                            "avg_order_minor_365d": 80_00,
                            "top_category_365d": "tea",
                            "top_category_share_365d": 0.8,
                        },
                        "scores": {
                            "expected_orders": {"value": 3.0, "unit": "orders", "horizon_days": 60}
                        },
                    }
                },
                identifiers={"user:7": IN, "email:a/b@x.com": IN},
                changes=[(IN, NOW_US, {"kind": "trait", "name": "cart_open", "value": True})],
            )
        )
        runtime.profiles.apply(
            ProfileUpdate("base", profiles={IN: {"permits": {"marketing/email": ["GRANT", 5]}}})
        )
        return runtime

    yield open_it
    for runtime in runtimes:
        runtime.close()


def ask(runtime: Runtime, method: str, path: str, **more: object) -> httpx.Response:
    async def one() -> httpx.Response:
        transport = httpx.ASGITransport(app=create_app(runtime))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.request(method, path, **more)

    return asyncio.run(one())


def logged(runtime: Runtime) -> list[dict[str, object]]:
    rows = []
    for partition in range(runtime.log.partitions):
        for record in runtime.log.read(partition, 0):
            envelope = unpack(record.payload)
            assert envelope.kind == "decision"
            rows += [msgspec.json.decode(x) for x in envelope.events]
    return rows


def test_a_profile_is_found_by_any_identifier(opened):
    runtime = opened()
    for name in ("user:7", "email:a%2Fb@x.com", IN):
        body = ask(runtime, "GET", f"/v1/profiles/{name}").json()
        assert body["customer_id"] == IN
        assert body["traits"]["top_category_365d"]["value"] == "tea"
        assert body["traits"]["top_category_365d"]["as_of"] == "2026-11-22T04:00:00Z"
        assert body["scores"]["expected_orders"]["horizon_days"] == 60


def test_parts_of_a_profile_have_their_own_address(opened):
    runtime = opened()
    body = ask(runtime, "GET", "/v1/profiles/user:7/external_ids").json()
    assert body == {"customer_id": IN, "data": ["email:a/b@x.com", "user:7"]}
    assert ask(runtime, "GET", "/v1/profiles/user:7/shoes").status_code == 404


def test_nobody_answers_to_an_unknown_identifier(opened):
    answer = ask(opened(), "GET", "/v1/profiles/user:404")
    assert answer.status_code == 404
    assert "user:404" in answer.json()["detail_text"]["zh"]


def test_a_batch_names_those_it_does_not_know(opened):
    runtime = opened()
    body = ask(
        runtime, "POST", "/v1/profiles/batch", json={"identifiers": ["user:7", "user:8", "user:7"]}
    ).json()
    assert list(body["profiles"]) == ["user:7"]
    assert body["unknown"] == ["user:8"]
    for wrong in ({"identifiers": ["x"] * 101}, {"ids": []}, [1]):
        assert ask(runtime, "POST", "/v1/profiles/batch", json=wrong).status_code == 400


@pytest.mark.parametrize("path", ["/v1/profiles/user:7", "/v1/changes", "/v1/decide"])
@pytest.mark.parametrize(
    ("flags", "headers", "status"),
    [
        ({"service.token": "secret"}, {}, 401),
        ({"service.token": "secret"}, {"authorization": "Bearer wrong"}, 401),
        ({}, {"host": "evil.example"}, 403),
        ({}, {"origin": "https://evil.example"}, 403),
    ],
)
def test_customers_are_shown_to_nobody_else(opened, path, flags, headers, status):
    method = "POST" if path.endswith("decide") else "GET"
    answer = ask(opened(**flags), method, path, headers=headers)
    assert answer.status_code == status
    assert IN not in answer.text


def test_the_token_opens(opened):
    runtime = opened(**{"service.token": "secret"})
    headers = {"authorization": "Bearer secret"}
    assert ask(runtime, "GET", "/v1/profiles/user:7", headers=headers).status_code == 200


def test_a_decision_is_in_the_log_before_it_is_answered(opened):
    runtime = opened()
    asked = {
        "customer": "user:7",
        "event_id": "page-1",
        "explain": True,
        "candidates": [
            {"id": "mail", "channel": "email", "category": "tea"},
            {"id": "text", "channel": "sms"},
            {"id": "banner", "value_minor": 5},
        ],
    }
    body = ask(runtime, "POST", "/v1/decide", json=asked).json()
    assert [x["id"] for x in body["ranking"]] == ["mail", "banner"]
    assert body["ranking"][0]["probability"] == pytest.approx(0.9)
    assert body["refused"][0]["id"] == "text"
    assert body["refused"][0]["words"]["zh"]
    assert all(x["words"][0]["en"] for x in body["ranking"])
    (row,) = logged(runtime)
    assert row["decision_id"] == body["decision_id"]
    assert (row["customer_id"], row["offer_id"], row["action"]) == (IN, "mail", "send")
    assert row["probability"] == pytest.approx(0.9)


def test_a_repeated_request_is_answered_alike_and_logged_once(opened):
    runtime = opened()
    app = create_app(runtime)

    async def twice() -> list[dict[str, object]]:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            asked = {"customer": "user:7", "event_id": "e", "candidates": [{"id": "a"}]}
            return [(await client.post("/v1/decide", json=asked)).json() for _ in range(2)]

    first, second = asyncio.run(twice())
    assert first == second
    assert len(logged(runtime)) == 1


def test_a_stranger_gets_an_answer_too(opened):
    runtime = opened()
    body = ask(runtime, "POST", "/v1/decide", json={"candidates": [{"id": "a"}]}).json()
    assert body["customer_id"] is None
    assert body["ranking"][0]["reasons"][-1] == {"code": "stranger"}
    assert logged(runtime)[0]["customer_id"] == ""


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b'{"candidates": 1}', b'{"candidates": []}', b'{"candidates": [{"id": 1}]}',
     b'{"candidates": [{"id": "a"}, {"id": "a"}]}', b'{"candidates": [{"id": "a"}], "explore": 2}',
     b'{"candidates": [{"id": "a", "channel": "pigeon"}]}', b"\xff\xfe", b"[" * 5000],
)  # fmt: skip
def test_a_malformed_request_says_what_to_send(opened, body):
    runtime = opened()
    answer = ask(runtime, "POST", "/v1/decide", content=body)
    assert answer.status_code in {400, 422}
    assert answer.json()["next_step"]
    assert logged(runtime) == []


def streamed(runtime: Runtime, path: str, *, until: int, during: Callable[[], None]) -> list[dict]:
    """Changes a subscriber receives until it has enough of them, and hangs up."""
    app = create_app(runtime)
    got: list[dict] = []

    async def listen() -> None:
        hung_up = asyncio.Event()
        begun = asyncio.Event()

        async def receive() -> dict[str, object]:
            await hung_up.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict) -> None:
            begun.set()
            lines = message.get("body", b"").decode().splitlines()
            got.extend(json.loads(x[6:]) for x in lines if x.startswith("data: "))
            if len(got) >= until:
                hung_up.set()

        target, _, query = path.partition("?")
        scope = {
            "type": "http", "method": "GET", "path": target, "raw_path": target.encode(),
            "query_string": query.encode(), "headers": [(b"host", b"127.0.0.1")],
            "client": ("127.0.0.1", 1),
        }  # fmt: skip
        serving = asyncio.create_task(app(scope, receive, send))
        await begun.wait()
        await asyncio.to_thread(during)
        await asyncio.wait_for(serving, 10)

    asyncio.run(listen())
    return got


def change(runtime: Runtime, customer: str, name: str) -> None:
    runtime.profiles.apply(
        ProfileUpdate("live", changes=[(customer, NOW_US, {"kind": "trait", "name": name})])
    )


def test_changes_arrive_while_one_listens(opened):
    runtime = opened()

    def during() -> None:
        change(runtime, IN, "views_7d")
        change(runtime, "c_other", "views_7d")
        change(runtime, IN, "last_page")

    got = streamed(runtime, f"/v1/changes?customer={IN}", until=2, during=during)
    assert [(x["customer_id"], x["name"]) for x in got] == [(IN, "views_7d"), (IN, "last_page")]


def test_who_was_away_gets_what_was_missed_once(opened):
    runtime = opened()
    for i in range(3):
        change(runtime, IN, f"missed_{i}")
    got = streamed(
        runtime, "/v1/changes?after=1", until=4, during=lambda: change(runtime, IN, "now")
    )
    assert [x["name"] for x in got] == ["missed_0", "missed_1", "missed_2", "now"]


def test_a_wrong_sequence_is_named(opened):
    assert ask(opened(), "GET", "/v1/changes?after=yesterday").status_code == 400
