"""What a live shop adds to the small one: events sent to its own door, a plan, counts, connectors."""

from __future__ import annotations

import base64
import json
import time
from datetime import datetime, timedelta
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

STORE, EMPTY_STORE = "s1", "s2"
PERSON = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/138.0.0.0 Safari/537.36"
)
CRAWLER = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def prepare(runtime: Any, shop: Any) -> None:
    """Before the service starts: identities of the night, footfall (simulated), orders of a store."""
    names = [f"crm:{1000 + i}" for i in range(len(shop.PEOPLE))]
    nobody: list[None] = [None] * len(names)
    runtime.profiles.load_identities(
        [{"identifier": names, "customer_id": list(shop.PEOPLE), "seen_us": nobody,
          "birth_date": nobody, "gender": nobody}]
    )  # fmt: skip
    counts, orders = [], []
    for day in range(14):
        for hour in range(10, 22, 2):
            moment = shop.AS_OF - timedelta(days=day, hours=24 - hour)
            counts.append(
                {"store_id": STORE, "sensor": "door", "visitors": 20 + 3 * (hour % 7) + day,
                 "source": "simulated_doors", "load_id": "doors", **shop.when(moment)}
            )  # fmt: skip
            paid = shop.when(moment + timedelta(minutes=5))
            orders += [
                {"order_id": f"{place}-{day}-{hour}", "customer_ref": "crm:1001", "kind": "sale",
                 "store_id": place, "amount_minor": 9_900 + 100 * hour, "currency": "CNY",
                 "source": "till", "load_id": "load1", **paid}
                for place in (STORE, EMPTY_STORE)
            ]  # fmt: skip
    shop.put(runtime, shop.tables.FOOTFALL, counts)
    shop.put(runtime, shop.tables.ORDERS, orders)


def ask(site: str, method: str, path: str, body: Any = None) -> dict[str, Any]:
    """One question to the API of the console."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"content-type": "application/json"}
    request = Request(f"{site}/api/v1{path}", data=data, headers=headers, method=method)
    with urlopen(request) as answer:
        given: dict[str, Any] = json.load(answer)
    return given


def make_source(site: str, name: str = "web", kind: str = "web") -> str:
    """A source whose user ids are the shop's CRM numbers; its write key."""
    body = {"source_id": name, "kind": kind, "user_kind": "crm"}
    key: str = ask(site, "POST", "/collect/sources", body)["write_key"]
    return key


def send(site: str, key: str, events: list[dict[str, Any]], agent: str = PERSON) -> int:
    """Events as a library sends them; the status of the answer."""
    request = Request(
        f"{site}/v1/batch",
        data=json.dumps({"batch": events}).encode(),
        headers={
            "content-type": "application/json",
            "authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode(),
            "user-agent": agent,
        },
    )
    try:
        with urlopen(request) as answer:
            status: int = answer.status
    except HTTPError as error:
        return error.code
    return status


def track(number: str, name: str, at: datetime, *, who: str = "1000", **properties: Any) -> Any:
    """One event."""
    return {"type": "track", "messageId": number, "event": name, "userId": who,
            "timestamp": at.isoformat(), "properties": properties}  # fmt: skip


def applied(site: str) -> None:
    """Put the standard tracking plan in force."""
    plan = ask(site, "GET", "/collect/tracking")
    body = {"yaml": plan["yaml"], "based_on": plan["version"], "note": "标准方案 standard plan"}
    ask(site, "PUT", "/collect/tracking", body)


def live(site: str, shop: Any) -> None:
    """Send what happened just now, and wait until the worker has judged it."""
    now = shop.NOW
    key = make_source(site)
    make_source(site, "till", "store")
    mini = make_source(site, "mini-program", "miniapp")
    ask(site, "PATCH", "/collect/sources/mini-program", {"enabled": False})
    applied(site)
    seconds = iter(range(600, 0, -20))
    early = lambda: now - timedelta(seconds=next(seconds))  # noqa: E731
    visit = [
        {"type": "identify", "messageId": "m0", "userId": "1000", "timestamp": early().isoformat(),
         "traits": {"nickname": "小王", "size": "XL"}},
        {"type": "page", "messageId": "m1", "userId": "1000", "timestamp": early().isoformat(),
         "properties": {"path": "/tea", "title": "茶"}},
        track("m2", "Product Viewed", early(), product_id="p1", price=15, currency="CNY"),
        track("m3", "Product Added", early(), product_id="p1", price=15, quantity=2),
        track("m4", "Products Searched", early(), query="绿茶"),
    ]  # fmt: skip
    assert send(site, key, visit) == 200
    assert (
        send(site, key, [track("n1", "Product Viewed", early(), who="2001", product_id="p1")])
        == 200
    )
    assert send(site, key, visit[:2]) == 200  # all of it is known by now
    assert (
        send(site, key, [track("b1", "Product Viewed", early(), product_id="p2", price="便宜")])
        == 200
    )
    assert send(site, key, [track("b2", "Order Completed", early(), total=12)]) == 200
    crawl = [{"type": "page", "messageId": f"r{i}", "anonymousId": f"a{i}",
              "properties": {"path": f"/p/{i}"}} for i in range(6)]  # fmt: skip
    assert send(site, key, crawl, CRAWLER) == 200
    assert send(site, "forged", visit) == 401
    assert send(site, mini, visit) == 401
    doors = {"kind": "footfall", "config": {"path": "counts-that-are-not-there.csv"}}
    ask(site, "PUT", "/connectors/doors", doors | {"every_seconds": 300})
    ask(site, "POST", "/connectors/doors/run")
    ask(site, "PUT", "/connectors/shop-orders", {
        "kind": "webhook", "config": {"secret": "${SHOP_SECRET}"}, "enabled": False})  # fmt: skip
    wait(lambda: ask(site, "GET", "/collect/quarantine/events")["total"] >= 1)
    wait(lambda: ask(site, "GET", "/collect/bots?days=366")["marked"] >= 1)


def wait(there: Any, seconds: float = 40.0) -> None:
    """Until it is there."""
    deadline = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.5)
