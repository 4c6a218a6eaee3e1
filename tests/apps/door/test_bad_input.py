"""Everything that may come in from outside, and what is answered."""

from __future__ import annotations

import asyncio
import gzip
import json
import sqlite3
import zlib
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import httpx
import pytest
from door_shop import KEY, OpenDoor, open_door, track
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shopkeeper.apps.door.body import inflate
from shopkeeper.core.errors import BusyError, StorageFullError

DEEP = b'{"batch":' + b"[" * 100_000 + b"]" * 100_000 + b"}"


@pytest.mark.parametrize(("body", "said"), [
    (b"", "truncated"), (b"{", "truncated"), (b"nonsense", "invalid character"),
    (b"[]", "Expected `object`"), (b"{}", "missing required field `batch`"),
    (b'{"batch":{}}', "Expected `array`"), (b'{"batch":[{]}', "malformed"),
    (b'{"batch":[{"a":NaN}]}', "invalid character"), (b'{"batch":[],"writeKey":5}', "writeKey"),
    (b'{"batch":[{"userId":"\xff"}]}', "not UTF-8"), (DEEP, "nested too deeply"),
    (b'\xef\xbb\xbf{"batch":[]}', "invalid character"),
])  # fmt: skip
def test_malformed_batches(shop: OpenDoor, body: bytes, said: str) -> None:
    answer = shop.send("/v1/batch", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert said in answer.json()["detail"]
    assert shop.events() == []


@pytest.mark.parametrize("body", [b"", b"[]", b"3", b'"x"', b"{", b"{}}", b'{"a":"\xc3("}'])
def test_malformed_single_events(shop: OpenDoor, body: bytes) -> None:
    answer = shop.send("/v1/track", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert shop.events() == []


def test_bodies_over_the_limit(shop: OpenDoor) -> None:
    ten_mb = b'{"batch":["' + b"x" * 10_000_000 + b'"]}'
    answer = shop.send("/v1/batch", ten_mb)
    assert (answer.status_code, answer.json()["facts"]) == (413, {"limit_bytes": 512_000})
    assert answer.headers["connection"] == "close"

    async def pieces() -> Any:
        for _ in range(100):
            yield b"x" * 100_000

    (chunked,) = shop.ask(lambda c: c.post("/v1/batch", content=pieces(), auth=(KEY, "")))
    assert chunked.status_code == 413
    large = shop.send("/v1/track", track(properties={"text": "x" * 33_000}))
    assert (large.status_code, large.json()["code"]) == (413, "too_large")
    assert shop.events() == []


def test_a_large_event_does_not_cost_the_batch_its_others(shop: OpenDoor) -> None:
    large = track("large", properties={f"p{n}": n for n in range(10_000)})
    assert shop.send("/v1/batch", {"batch": [track("a"), large, track("b")]}).status_code == 200
    assert shop.ids() == ["a", "b", "large"]
    verdicts = shop.send("/v1/debug", {"batch": [large]}).json()["events"]
    assert verdicts[0]["violations"][0]["reason"] == "event_too_large"


def test_gzip_bombs_and_damage(shop: OpenDoor) -> None:
    zipped = {"content-encoding": "gzip"}
    bomb = gzip.compress(b"0" * 100_000_000, 1)
    assert len(bomb) < 512_000
    assert shop.send("/v1/batch", bomb, headers=zipped).status_code == 413
    good = gzip.compress(json.dumps({"batch": [track()]}).encode())
    for body in (b"", b"plain", good[:-9], good[:20] + b"\x00" * 8 + good[28:], good + b"tail"):
        assert shop.send("/v1/batch", body, headers=zipped).status_code == 400
    assert shop.events() == []
    assert shop.send("/v1/batch", good, headers={"content-encoding": "br"}).status_code == 415
    assert shop.send("/v1/batch", good, headers=zipped).status_code == 200


@given(st.lists(st.binary(max_size=200), max_size=4), st.integers(0, 400))
def test_inflating_is_exact_up_to_the_limit(parts: list[bytes], limit: int) -> None:
    packed = b"".join(gzip.compress(x) for x in parts)
    whole = b"".join(parts)
    if len(whole) <= limit:
        assert inflate(packed, limit) == whole
    else:
        with pytest.raises(Exception, match="larger than"):
            inflate(packed, limit)
    assert zlib.crc32(whole) is not None


def test_a_slow_client_is_cut_off(shop: OpenDoor) -> None:
    shop.door.context.body_seconds = 0.05
    told: list[dict[str, Any]] = []

    async def trickle() -> dict[str, Any]:
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b" ", "more_body": True}

    async def answer(message: Any) -> None:
        told.append(message)

    scope = {"type": "http", "method": "POST", "path": "/v1/batch", "headers": [], "client": None}
    asyncio.run(shop.door(scope, trickle, answer))
    assert told[0]["status"] == 408
    assert (b"connection", b"close") in told[0]["headers"]


def test_a_client_that_leaves_gets_no_answer(shop: OpenDoor) -> None:
    async def gone() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def answer(message: Any) -> None:
        raise AssertionError(message)

    scope = {"type": "http", "method": "POST", "path": "/v1/batch", "headers": [], "client": None}
    asyncio.run(shop.door(scope, gone, answer))


def test_years_off_clocks_are_stored_as_told(shop: OpenDoor) -> None:
    events = [
        track("a", timestamp="1970-01-01T00:00:00Z"),
        track("b", timestamp="2999-01-01T00:00:00Z"),
    ]
    assert shop.send("/v1/batch", {"batch": events, "sentAt": 12}).status_code == 200
    assert [x["timestamp"][:4] for x in shop.events()] == ["1970", "2999"]


class Refusing:
    """The event log with a disk that can be filled, for as long as the test wants."""

    def __init__(self, log: Any) -> None:
        self._log = log
        self.error: Exception | None = None
        self.late: list[Future[Any]] = []
        self.hold = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    def submit(self, entries: Any, *, received_us: int) -> Future[Any]:
        if isinstance(self.error, BusyError):
            raise self.error
        if self.error is not None or self.hold:
            future: Future[Any] = Future()
            if self.hold:
                self.late.append(future)
            else:
                future.set_exception(self.error)  # type: ignore[arg-type]
            return future
        return self._log.submit(entries, received_us=received_us)  # type: ignore[no-any-return]


@pytest.fixture
def refusing(shop: OpenDoor) -> Refusing:
    log = Refusing(shop.runtime.log)
    object.__setattr__(shop.runtime, "log", log)
    return log


def test_back_pressure_says_when_to_come_again(shop: OpenDoor, refusing: Refusing) -> None:
    refusing.error = BusyError("the queue is full", next_step="Wait", retry_after_s=2.6)
    answer = shop.send("/v1/batch", {"batch": [track()]})
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "3"
    assert int(answer.headers["x-ratelimit-reset"]) == 1_772_366_403
    assert answer.json()["retryable"]
    refusing.error = None
    assert shop.send("/v1/batch", {"batch": [track()]}).status_code == 200
    assert shop.ids() == ["m1"]


def test_a_full_queue_of_the_log_itself(tmp_path: Path) -> None:
    shop = open_door(tmp_path, **{"live.queue_mb": 1})
    blocker = sqlite3.connect(tmp_path / "log" / "events.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    bodies = [
        json.dumps({"batch": [track(f"{n}-{x}", properties={"t": "x" * 900}) for x in range(400)]})
        for n in range(8)
    ]

    async def burst(client: httpx.AsyncClient) -> list[httpx.Response]:
        waiting = [
            asyncio.ensure_future(client.post("/v1/batch", content=x, auth=(KEY, "")))
            for x in bodies
        ]
        await asyncio.sleep(0.5)
        blocker.execute("COMMIT")
        return list(await asyncio.gather(*waiting))

    (answers,) = shop.ask(burst)
    statuses = [x.status_code for x in answers]
    assert set(statuses) == {200, 429}
    assert all(int(x.headers["retry-after"]) >= 1 for x in answers if x.status_code == 429)
    assert len(shop.ids()) == 400 * statuses.count(200)
    again = [shop.send("/v1/batch", x.encode()).status_code for x in bodies]
    assert set(again) == {200}
    assert len(set(shop.ids())) == len(shop.ids()) == 3200
    blocker.close()
    shop.runtime.close()


def test_a_full_disk_forgets_the_ids(shop: OpenDoor, refusing: Refusing) -> None:
    refusing.error = StorageFullError("the disk is full", next_step="Make room")
    for _ in range(2):
        answer = shop.send("/v1/batch", {"batch": [track()]})
        assert (answer.status_code, answer.json()["code"]) == (507, "storage_full")
    refusing.error = None
    assert shop.send("/v1/batch", {"batch": [track()]}).status_code == 200
    assert shop.ids() == ["m1"]


def test_a_repetition_is_not_confirmed_while_the_original_may_fail(
    shop: OpenDoor, refusing: Refusing
) -> None:
    """The repetition found its ids known, but the group they came with then failed."""
    refusing.hold = True

    async def both(client: httpx.AsyncClient) -> list[int]:
        body = json.dumps({"batch": [track()]})
        first = asyncio.ensure_future(client.post("/v1/batch", content=body, auth=(KEY, "")))
        while not refusing.late:
            await asyncio.sleep(0.001)
        refusing.hold = False  # the barrier of the repetition itself succeeds at once
        second = asyncio.ensure_future(client.post("/v1/batch", content=body, auth=(KEY, "")))
        refusing.late[0].set_exception(StorageFullError("full", next_step="Make room"))
        return [(await first).status_code, (await second).status_code]

    (statuses,) = shop.ask(both)
    assert statuses[0] == 507
    # Either it came after the failure was known and was stored, or it is told to try again.
    assert (statuses[1], shop.ids()) in [(200, ["m1"]), (503, [])]


paths = st.sampled_from(["/v1/batch", "/v1/track", "/v1/debug", "/v1/identify?strict=1", "/v1/b",
                         "/mp/collect?api_secret=k", "/debug/mp/collect", "/v1/cloudevents", "/v1/m"])  # fmt: skip
scraps = st.sampled_from([b'{"batch":[', b"]}", b'{"events":[', b'"userId":', b'{"type":"track"',
                          b",", b":", b"{", b"}", b"[", b"]", b'"\\ud800"', b"null", b"1e999",
                          b"99999999999999999999999", b'"messageId":1', b'"timestamp":"x"', b'"properties":',
                          b'"specversion":"1.0","id":"1","source":"s","type":"t"', b"\xff", b"NaN"])  # fmt: skip
media = st.sampled_from(["application/json", "text/plain", "application/cloudevents+json",
                         "application/cloudevents-batch+json", "x"])  # fmt: skip
encodings = st.sampled_from([{}, {}, {}, {"content-encoding": "gzip"}])


@given(
    paths, st.lists(scraps | st.binary(max_size=20), max_size=12).map(b"".join), media, encodings
)
@settings(
    max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_any_bytes_get_an_answer_that_is_no_500(
    shop: OpenDoor, path: str, body: bytes, media: str, encoding: dict[str, str]
) -> None:
    answer = shop.send(path, body, headers={"content-type": media} | encoding)
    assert answer.status_code in {200, 204, 400, 413}


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
                    lambda x: st.lists(x, max_size=4)
                    | st.dictionaries(st.sampled_from(["type", "event", "userId", "anonymousId", "messageId",
                                                       "timestamp", "properties", "context", "traits", "batch",
                                                       "sentAt", "writeKey", "total", "name", "events", "params",
                                                       "client_id"]), x, max_size=5), max_leaves=20), paths)  # fmt: skip
@settings(
    max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_any_json_gets_an_answer_that_is_no_500(shop: OpenDoor, content: Any, path: str) -> None:
    answer = shop.send(path, json.dumps(content).encode())
    assert answer.status_code in {200, 204, 400, 413}
    body = json.dumps({"batch": [content]}).encode()
    assert shop.send("/v1/debug", body).status_code in {200, 400}
