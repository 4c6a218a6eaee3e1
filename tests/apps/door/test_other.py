"""The other ways in: Measurement Protocol, CloudEvents, pixel, browser settings, honeypot."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from door_shop import KEY, OpenDoor, track

PURCHASE = {
    "client_id": "1.2",
    "events": [
        {"name": "purchase", "params": {"transaction_id": "T", "value": 3, "currency": "CNY"}}
    ],
}
CLOUD = {
    "specversion": "1.0",
    "id": "1",
    "source": "/pos",
    "type": "order.completed",
    "subject": "c1",
}


def test_measurement_protocol(shop: OpenDoor) -> None:
    answer = shop.send(f"/mp/collect?measurement_id=G-1&api_secret={KEY}", PURCHASE, auth=None)
    assert (answer.status_code, answer.content) == (204, b"")
    (event,) = shop.events()
    assert (event["event"], event["anonymousId"]) == ("purchase", "1.2")
    assert event["properties"] == {"order_id": "T", "value": 3, "currency": "CNY"}
    assert shop.send("/mp/collect?api_secret=forged", PURCHASE, auth=None).status_code == 401
    assert shop.send(f"/mp/collect?api_secret={KEY}", b"{", auth=None).status_code == 400
    many = {"client_id": "1", "events": [{"name": "a"}] * 26}
    assert shop.send(f"/mp/collect?api_secret={KEY}", many, auth=None).status_code == 413
    assert len(shop.events()) == 1


def test_measurement_protocol_debug_stores_nothing(shop: OpenDoor) -> None:
    good = shop.send("/debug/mp/collect", PURCHASE, auth=None)
    assert (good.status_code, good.json()) == (200, {"validationMessages": []})
    bad = shop.send("/debug/mp/collect", {"events": [{"name": "a"}]}, auth=None).json()
    assert bad["validationMessages"][0]["fieldPath"] == "client_id"
    broken = shop.send("/debug/mp/collect", b"{", auth=None).json()
    assert "no payload" in broken["validationMessages"][0]["description"]
    assert shop.events() == []


def test_cloudevents_in_three_modes_are_one_event(shop: OpenDoor) -> None:
    structured = {"content-type": "application/cloudevents+json"}
    batch = {"content-type": "application/cloudevents-batch+json"}
    binary = {f"ce-{k}": v for k, v in CLOUD.items()} | {"content-type": "application/json"}
    data = {"total": 5}
    for body, headers in (
        (CLOUD | {"data": data}, structured), ([CLOUD | {"data": data}], batch), (data, binary),
    ):  # fmt: skip
        answer = shop.send("/v1/cloudevents", body, headers=headers)
        assert (answer.status_code, answer.json()) == (200, {"success": True})
    (event,) = shop.events()  # the same source and id: one message
    assert (event["event"], event["userId"], event["properties"]) == ("order_completed", "c1", data)
    wrong = shop.send("/v1/cloudevents", {}, headers=structured)
    assert (wrong.status_code, wrong.json()["facts"]) == (400, {"field": "id"})


def test_pixel(shop: OpenDoor) -> None:
    data = base64.b64encode(json.dumps({"writeKey": KEY, **track()}).encode()).decode().rstrip("=")
    answer = shop.send(f"/v1/pixel/track?data={data}", b"", method="GET", auth=None)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/gif")
    assert answer.content.startswith(b"GIF89a")
    assert shop.ids() == ["m1"]
    assert shop.send("/v1/pixel/track?data=!", b"", method="GET", auth=None).status_code == 400
    assert shop.send("/v1/pixel/track", b"", method="GET", auth=None).status_code == 400


def test_browser_settings_name_this_host(shop: OpenDoor) -> None:
    answer = shop.send(f"/v1/projects/{KEY}/settings", b"", method="GET", auth=None,
                       headers={"host": "events.shop.example", "origin": "https://shop.example"})  # fmt: skip
    target = answer.json()["integrations"]["Segment.io"]
    assert (target["apiKey"], target["apiHost"], target["protocol"]) == (
        KEY, "events.shop.example/v1", "http",
    )  # fmt: skip
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    for path in ("/v1/projects/forged/settings", "/v1/projects/", f"/v1/projects/{KEY}"):
        assert shop.send(path, b"", method="GET", auth=None).status_code == 401
    assert shop.send("/v1/m", {"series": []}, auth=None).status_code == 200


@pytest.mark.parametrize(("query", "headers", "visitor"), [
    ("?a=v1", {}, "v1"), ("?anonymousId=v2", {}, "v2"),
    ("", {"cookie": 'ajs_anonymous_id="v3"; x=1'}, "v3"), ("", {}, "ip:203.0.113.9"),
])  # fmt: skip
def test_the_honeypot_notes_who_followed_it(
    shop: OpenDoor, query: str, headers: dict[str, str], visitor: str
) -> None:
    path = f"/v1/honeypot/{KEY}/sale{query}"
    answer = shop.send(path, b"", method="GET", auth=None, headers=headers | {"user-agent": "bot"})
    assert (answer.status_code, answer.headers["x-robots-tag"]) == (204, "noindex, nofollow")
    (event,) = shop.events()
    assert (event["event"], event["anonymousId"]) == ("Honeypot", visitor)
    verdict = shop.send("/v1/debug", event).json()["events"][0]
    assert (verdict["kind"], verdict["accepted"], bool(verdict["invalid"])) == (
        "honeypot",
        True,
        True,
    )
    assert shop.send("/v1/honeypot/forged/", b"", method="GET", auth=None).status_code == 401


@pytest.fixture
def served(shop: OpenDoor) -> Iterator[tuple[str, int]]:
    """The door behind a real server."""
    shop.door.context.body_seconds = 0.3
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        shop.door, http="httptools", loop="uvloop", lifespan="off", log_level="error"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    yield listener.getsockname()
    server.should_exit = True
    thread.join(10)
    listener.close()


def talk(place: tuple[str, int], *parts: bytes, pause: float = 0.0) -> bytes:
    """Everything a server says until it hangs up or is silent."""
    with socket.create_connection(place, timeout=3) as connection:
        for part in parts:
            connection.sendall(part)
            time.sleep(pause)
        said = b""
        try:
            while chunk := connection.recv(65536):
                said += chunk
        except TimeoutError:
            said += b"<still open>"
    return said


def request(body: bytes, *, length: int | None = None) -> bytes:
    user = base64.b64encode(f"{KEY}:".encode()).decode()
    head = (
        f"POST /v1/batch HTTP/1.1\r\nHost: d\r\nAuthorization: Basic {user}\r\n"
        f"Content-Length: {len(body) if length is None else length}\r\n\r\n"
    )
    return head.encode() + body


def test_over_a_real_connection(served: tuple[str, int], shop: OpenDoor) -> None:
    body = json.dumps({"batch": [track()]}).encode()
    said = talk(served, request(body) + request(body))  # two requests in one piece
    assert said.count(b'{"success":true}') == 2
    assert shop.ids() == ["m1"]


def test_a_slow_loris_is_hung_up_on(served: tuple[str, int], shop: OpenDoor) -> None:
    said = talk(served, request(b'{"bat', length=5000), b"c", b"h", pause=0.1)
    assert said.startswith(b"HTTP/1.1 408")
    assert not said.endswith(b"<still open>")


def test_a_declared_giant_is_refused_before_it_is_sent(
    served: tuple[str, int], shop: OpenDoor
) -> None:
    said = talk(served, request(b"{", length=10_000_000_000))
    assert said.startswith(b"HTTP/1.1 413")
    assert not said.endswith(b"<still open>")


def test_what_is_no_http(served: tuple[str, int], shop: OpenDoor) -> None:
    for scrap in (
        b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\r\n\r\n",
        b"GET\r\n\r\n",
        b"\x00" * 100,
    ):
        assert talk(served, scrap)[:12] in {b"HTTP/1.1 400", b""}
    assert talk(served, request(b'{"batch":[]}')).startswith(b"HTTP/1.1 200")


def test_a_door_without_any_source(shop: OpenDoor) -> None:
    answers: list[Any] = [shop.send(x, {}, auth=None) for x in ("/v1/track", "/v1/batch")]
    assert {x.status_code for x in answers} <= {400, 401}
