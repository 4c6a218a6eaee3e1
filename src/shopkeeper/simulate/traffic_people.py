# ruff: noqa: E501  one call, one line
"""People of simulated traffic, those that are easily taken for programs among them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from shopkeeper.simulate.traffic_clients import (
    CARRIERS,
    CENTRES,
    HOMES,
    SERVER_AGENTS,
    Client,
    address,
    app_browser,
    browser,
    old_phone,
    pick,
)
from shopkeeper.simulate.traffic_scene import SECOND_US, Scene

PRODUCTS = 3000
REFERRERS = ("", "", "https://www.baidu.com/link", "https://www.google.com/", "https://m.weibo.cn/", "https://www.xiaohongshu.com/explore")  # fmt: skip


def product(scene: Scene) -> str:
    """A product; few are seen by many."""
    return f"p{int(PRODUCTS * scene.rng.beta(0.35, 2.2)):05d}"


def visit(
    scene: Scene,
    label: str,
    actor: str,
    client: Client,
    ip: str,
    start_us: float,
    length: int,
    *,
    gap_s: float,
    spread: float,
    anonymous: str,
    user: str | None = None,
    buys: float = 0.15,
    delay_s: float | None = None,
) -> float:
    """One visit with pauses of a lognormal length; returns the moment it ends.

    Parameters
    ----------
    scene
        Where it happens.
    label, actor
        The truth about who visits.
    client, ip
        What with and where from.
    start_us
        First event.
    length
        How many events.
    gap_s, spread
        Median pause in seconds and the standard deviation of its logarithm.
    anonymous, user
        Identifiers.
    buys
        Chance that something is put into the cart after a product is seen.
    delay_s
        Time events take to arrive; None draws it.
    """
    rng = scene.rng
    at, seen, referrer = start_us, product(scene), str(pick(rng, REFERRERS))
    carted = False
    steps = rng.choice(4, length, p=[0.15, 0.2, 0.1, 0.55])
    pauses = rng.lognormal(np.log(gap_s), spread, length)
    said: dict[str, Any] = {"ip": ip, "agent": client.agent, "anonymous": anonymous, "user": user}
    for n in range(length):
        step = 0 if n == 0 else int(steps[n])
        path, event, properties = _step(scene, step)
        if step == 3:
            seen = properties["product_id"]
        scene.emit(
            label, actor, at, event, properties=properties, context=client.context, path=path,
            referrer=referrer if n == 0 else "https://shop.example/", delay_s=delay_s, **said,
        )  # fmt: skip
        at += max(pauses[n], 0.12) * SECOND_US
        if step == 3 and rng.random() < buys:
            scene.emit(label, actor, at, "Product Added", properties={"product_id": seen, "quantity": 1},
                       context=client.context, path=f"/products/{seen}", delay_s=delay_s, **said)  # fmt: skip
            carted, at = True, at + max(rng.lognormal(np.log(gap_s), spread), 0.3) * SECOND_US
    if carted and rng.random() < 0.5:
        at = checkout(scene, label, actor, client, ip, at, seen, anonymous, user, gap_s * 1.5)
    return at


def checkout(
    scene: Scene,
    label: str,
    actor: str,
    client: Client,
    ip: str,
    at: float,
    bought: str,
    anonymous: str | None,
    user: str | None,
    gap_s: float,
) -> float:
    """Begin to pay, and pay; returns the moment it ends."""
    order = {"order_id": "o" + scene.hex(5), "total": round(scene.uniform(20, 900), 2), "currency": "CNY",
             "products": [{"product_id": bought, "quantity": 1}]}  # fmt: skip
    steps: tuple[tuple[str, Mapping[str, Any]], ...] = (
        ("Checkout Started", {"products": order["products"]}),
        ("Order Completed", order),
    )
    for event, properties in steps:
        scene.emit(label, actor, at, event, ip=ip, agent=client.agent, anonymous=anonymous, user=user,
                   properties=properties, context=client.context, path="/checkout")  # fmt: skip
        at += scene.rng.lognormal(np.log(gap_s), 0.6) * SECOND_US
    return at


def _step(scene: Scene, step: int) -> tuple[str, str, dict[str, Any]]:
    if step == 0:
        return str(pick(scene.rng, ("/", "/sale", "/about", "/account"))), "", {}
    if step == 1:
        number = int(scene.rng.integers(0, 40))
        return f"/c/{number}", "Product List Viewed", {"category": f"c{number}"}
    if step == 2:
        return "/search", "Products Searched", {"query": f"词{int(scene.rng.zipf(1.6)) % 500}"}
    wanted = product(scene)
    return f"/products/{wanted}", "Product Viewed", {"product_id": wanted}


def _people(scene: Scene, share: float) -> range:
    return range(max(int(scene.spec.people * share), 2))


def _user(scene: Scene, chance: float) -> str | None:
    return f"u{int(scene.rng.integers(1, 900_000))}" if scene.rng.random() < chance else None


def shopper(scene: Scene) -> None:
    """Ordinary visitors: a visit or two, a few to thirty events each."""
    gap, phones = scene.uniform(9, 22), scene.uniform(0.5, 0.8)
    for _ in _people(scene, 0.45):
        client = browser(scene.rng, phone=scene.rng.random() < phones)
        ip, anonymous = address(scene.rng, HOMES), scene.hex()
        user = _user(scene, 0.3)
        for _visit in range(1 + int(scene.rng.poisson(0.4))):
            length = 1 + int(scene.rng.geometric(0.12))
            visit(scene, "shopper", anonymous, client, ip, scene.when(), length,
                  gap_s=gap, spread=scene.uniform(0.8, 1.3), anonymous=anonymous, user=user)  # fmt: skip


def power_shopper(scene: Scene) -> None:
    """Regulars who know what they want and click fast for a long time."""
    for _ in _people(scene, 0.03):
        client, anonymous = browser(scene.rng, phone=scene.rng.random() < 0.4), scene.hex()
        visit(scene, "power_shopper", anonymous, client, address(scene.rng, HOMES), scene.when(),
              int(scene.rng.integers(60, 220)), gap_s=scene.uniform(1.2, 3.5), spread=scene.uniform(0.45, 0.8),
              anonymous=anonymous, user=_user(scene, 0.8), buys=0.2)  # fmt: skip


def office_nat(scene: Scene) -> None:
    """Colleagues behind one address, many on the same image of the same machine."""
    people = len(_people(scene, 0.12))
    while people > 0:
        size = min(int(scene.rng.integers(25, 120)), people)
        people -= size
        ip, image = address(scene.rng, HOMES), browser(scene.rng, phone=False)
        lunch = scene.spec.start_us + int(scene.uniform(11.7, 12.6) * 3600 * SECOND_US)
        for _ in range(size):
            client = image if scene.rng.random() < 0.7 else browser(scene.rng, phone=False)
            anonymous, rush = scene.hex(), scene.rng.random() < 0.5
            start = lunch + int(scene.uniform(0, 1800) * SECOND_US) if rush else scene.when()
            visit(scene, "office_nat", anonymous, client, ip, start, 1 + int(scene.rng.geometric(0.12)),
                  gap_s=scene.uniform(6, 16), spread=1.0, anonymous=anonymous, user=_user(scene, 0.3))  # fmt: skip


def assistive(scene: Scene) -> None:
    """People with switch access or a screen reader: slow and far more regular than others."""
    for _ in _people(scene, 0.015):
        client, anonymous = browser(scene.rng, phone=scene.rng.random() < 0.5), scene.hex()
        visit(scene, "assistive", anonymous, client, address(scene.rng, HOMES), scene.when(),
              int(scene.rng.integers(15, 60)), gap_s=scene.uniform(3, 12), spread=scene.uniform(0.18, 0.4),
              anonymous=anonymous, buys=0.1)  # fmt: skip


def in_app(scene: Scene) -> None:
    """Visitors out of chat and video apps; events come in bundles."""
    for _ in _people(scene, 0.14):
        client, anonymous = app_browser(scene.rng), scene.hex()
        visit(scene, "in_app", anonymous, client, address(scene.rng, (*HOMES, *CARRIERS)), scene.when(),
              1 + int(scene.rng.geometric(0.15)), gap_s=scene.uniform(4, 14), spread=1.0,
              anonymous=anonymous, delay_s=scene.uniform(0.2, 20))  # fmt: skip


def old_android(scene: Scene) -> None:
    """Old phones that describe themselves poorly."""
    for _ in _people(scene, 0.03):
        client, anonymous = old_phone(scene.rng), scene.hex()
        visit(scene, "old_android", anonymous, client, address(scene.rng, CARRIERS), scene.when(),
              1 + int(scene.rng.geometric(0.15)), gap_s=scene.uniform(10, 25), spread=1.0, anonymous=anonymous)  # fmt: skip


def server_sdk(scene: Scene) -> None:
    """Orders and sign-ups told by the shop's own servers: no browser, one address, many people."""
    for _ in range(3):
        ip, (agent, library) = address(scene.rng, CENTRES), pick(scene.rng, SERVER_AGENTS)
        context = {"library": {"name": library, "version": "2"}} if library else {}
        nightly = scene.spec.start_us + int(scene.uniform(1, 5) * 3600 * SECOND_US)
        for n in _people(scene, 0.1):
            user = f"u{int(scene.rng.integers(1, 900_000))}"
            # A third is a nightly export, sent as fast as the server can.
            at = nightly + n * scene.uniform(0.01, 0.05) * SECOND_US if n % 3 == 0 else scene.when()
            event, properties = ("Order Completed", {"order_id": "o" + scene.hex(5), "total": round(scene.uniform(20, 900), 2),
                                 "currency": "CNY"}) if scene.rng.random() < 0.6 else ("Signed Up", {})  # fmt: skip
            scene.emit("server_sdk", user, at, event, ip=ip, agent=agent, user=user, properties=properties, context=context)  # fmt: skip


def roaming(scene: Scene) -> None:
    """Phones that change address within a visit; carriers put many behind one."""
    shared = [address(scene.rng, CARRIERS) for _ in range(12)]
    for _ in _people(scene, 0.08):
        client, anonymous = browser(scene.rng, phone=True), scene.hex()
        at: float = scene.when()
        for _part in range(int(scene.rng.integers(2, 6))):
            at = visit(scene, "roaming", anonymous, client, str(pick(scene.rng, tuple(shared))), at,
                       1 + int(scene.rng.geometric(0.3)), gap_s=scene.uniform(5, 15), spread=1.0, anonymous=anonymous)  # fmt: skip
            at += scene.uniform(5, 120) * SECOND_US


def sale_rush(scene: Scene) -> None:
    """A launch at eight: everyone reloads the same page, adds the same product, and pays."""
    opening = scene.spec.start_us + 20 * 3600 * SECOND_US
    wanted = product(scene)
    reload_s = scene.uniform(0.6, 1.6)
    for _ in _people(scene, 0.06):
        client, anonymous = browser(scene.rng, phone=scene.rng.random() < 0.8), scene.hex()
        ip, user = (
            address(scene.rng, (*HOMES, *CARRIERS)),
            f"u{int(scene.rng.integers(1, 900_000))}",
        )
        said: dict[str, Any] = {
            "ip": ip,
            "agent": client.agent,
            "anonymous": anonymous,
            "user": user,
            "context": client.context,
        }
        at: float = opening - scene.uniform(5, 60) * SECOND_US
        while at < opening + scene.uniform(0, 2) * SECOND_US:
            scene.emit("sale_rush", anonymous, at, "Product Viewed", properties={"product_id": wanted}, path=f"/products/{wanted}", **said)  # fmt: skip
            at += scene.rng.lognormal(np.log(reload_s), 0.45) * SECOND_US
        for _try in range(int(scene.rng.integers(1, 5))):
            scene.emit("sale_rush", anonymous, at, "Product Added", properties={"product_id": wanted, "quantity": 1}, path=f"/products/{wanted}", **said)  # fmt: skip
            at += scene.rng.lognormal(np.log(1.0), 0.5) * SECOND_US
        if scene.rng.random() < 0.6:
            checkout(scene, "sale_rush", anonymous, client, ip, at, wanted, anonymous, user, 4)


def tab_opener(scene: Scene) -> None:
    """People who open a handful of products in tabs at once and read them one by one."""
    for _ in _people(scene, 0.05):
        client, anonymous = browser(scene.rng, phone=False), scene.hex()
        ip, at = address(scene.rng, HOMES), float(scene.when())
        for _bunch in range(int(scene.rng.integers(2, 7))):
            for _tab in range(int(scene.rng.integers(3, 9))):
                wanted = product(scene)
                scene.emit("tab_opener", anonymous, at, "Product Viewed", ip=ip, agent=client.agent, anonymous=anonymous,
                           properties={"product_id": wanted}, context=client.context, path=f"/products/{wanted}")  # fmt: skip
                at += scene.uniform(0.15, 0.8) * SECOND_US
            at += scene.rng.lognormal(np.log(60), 0.8) * SECOND_US


PEOPLE: dict[str, Callable[[Scene], None]] = {
    "shopper": shopper, "power_shopper": power_shopper, "office_nat": office_nat, "assistive": assistive,
    "in_app": in_app, "old_android": old_android, "server_sdk": server_sdk, "roaming": roaming,
    "sale_rush": sale_rush, "tab_opener": tab_opener,
}  # fmt: skip
"""Who draws which class of people."""
