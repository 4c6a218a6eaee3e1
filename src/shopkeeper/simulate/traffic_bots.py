# ruff: noqa: E501  one call, one line
"""Programs of simulated traffic: declared, clumsy, disguised and deceitful.

Each function adds one actor and at most ``room`` events or so.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from shopkeeper.simulate.traffic_clients import (
    CARRIERS,
    CENTRES,
    CRAWLERS,
    HOMES,
    TOOLS,
    Client,
    address,
    app_browser,
    browser,
    pick,
)
from shopkeeper.simulate.traffic_people import PRODUCTS, product, visit
from shopkeeper.simulate.traffic_scene import SECOND_US, Scene


def _nets(scene: Scene, residential: float) -> tuple[str, ...]:
    return HOMES if scene.rng.random() < residential else CENTRES


def _disguised(scene: Scene, *, phone: bool = False, slips: float = 0.5) -> Client:
    """A driven browser that names itself a person's, and now and then forgets something."""
    client = browser(scene.rng, phone=phone)
    context = dict(client.context)
    slip = scene.rng.random()
    if slip < slips * 0.25:
        context["webdriver"] = True
    elif slip < slips * 0.5:
        context["screen"] = {"width": 800, "height": 600}
    elif slip < slips * 0.65:
        context["timezone"] = "UTC"
        context.pop("locale", None)
    elif slip < slips * 0.8:
        context["os"] = {"name": "Linux"}
    elif slip < slips:
        context.pop("locale", None)
        context.pop("screen", None)
    return Client(client.agent, context)


def _views(
    scene: Scene,
    label: str,
    actor: str,
    client: Client,
    ip: str,
    start_us: float,
    length: int,
    gap_s: float,
    jitter: float,
    anonymous: str,
    first: int,
) -> None:
    """Product after product, at a pace with a normal relative jitter."""
    at = start_us
    for n in range(length):
        wanted = f"p{(first + n) % PRODUCTS:05d}"
        scene.emit(label, actor, at, "Product Viewed", ip=ip, agent=client.agent, anonymous=anonymous,
                   properties={"product_id": wanted}, context=client.context, path=f"/products/{wanted}")  # fmt: skip
        at += max(gap_s * (1 + jitter * scene.rng.standard_normal()), 0.01) * SECOND_US


def crawler(scene: Scene, room: int) -> None:
    """A declared crawler; search engines come from many addresses and forget their cookie."""
    agent, actor = str(pick(scene.rng, CRAWLERS)), scene.hex()
    gap, keeps = scene.uniform(0.5, 20), scene.rng.random() < 0.4
    anonymous, at = scene.hex(), float(scene.when(human=False))
    addresses = [address(scene.rng, CENTRES) for _ in range(int(scene.rng.integers(1, 6)))]
    for _ in range(min(room, int(scene.rng.integers(3, 60)))):
        wanted = product(scene)
        scene.emit("crawler", actor, at, "Product Viewed", ip=str(pick(scene.rng, tuple(addresses))), agent=agent,
                   anonymous=anonymous if keeps else scene.hex(), properties={"product_id": wanted},
                   context={"userAgent": agent}, path=f"/products/{wanted}")  # fmt: skip
        at += scene.rng.exponential(gap) * SECOND_US


def http_tool(scene: Scene, room: int) -> None:
    """A script that names its library."""
    agent, anonymous = str(pick(scene.rng, TOOLS)), scene.hex()
    client = Client(agent, {"userAgent": agent})
    _views(scene, "http_tool", anonymous, client, address(scene.rng, _nets(scene, 0.3)), scene.when(human=False),
           min(room, int(scene.rng.integers(2, 80))), scene.uniform(0.2, 6), scene.uniform(0, 0.6), anonymous, int(scene.rng.integers(PRODUCTS)))  # fmt: skip


def headless(scene: Scene, room: int) -> None:
    """A driven browser on a server, walking like a person but betraying itself."""
    client, anonymous = _disguised(scene, slips=0.9), scene.hex()
    visit(scene, "headless", anonymous, client, address(scene.rng, _nets(scene, 0.2)), scene.when(human=False),
          min(room, int(scene.rng.integers(5, 60))), gap_s=scene.uniform(1, 8), spread=scene.uniform(0.2, 0.7),
          anonymous=anonymous, buys=0.02)  # fmt: skip


def price_scraper(scene: Scene, room: int) -> None:
    """Reads the whole range, patiently and evenly, in a person's browser."""
    client, anonymous = _disguised(scene, slips=0.15), scene.hex()
    _views(scene, "price_scraper", anonymous, client, address(scene.rng, _nets(scene, 0.6)), scene.when(human=False),
           min(room, int(scene.rng.integers(80, 500))), scene.uniform(1.5, 20), scene.uniform(0.01, 0.3), anonymous,
           int(scene.rng.integers(PRODUCTS)))  # fmt: skip


def fast_scraper(scene: Scene, room: int) -> None:
    """Reads as fast as it is answered."""
    client, anonymous = _disguised(scene, slips=0.2), scene.hex()
    _views(scene, "fast_scraper", anonymous, client, address(scene.rng, _nets(scene, 0.4)), scene.when(human=False),
           min(room, int(scene.rng.integers(60, 600))), scene.uniform(0.03, 0.45), scene.uniform(0.1, 0.9), anonymous,
           int(scene.rng.integers(PRODUCTS)))  # fmt: skip


def rotating_scraper(scene: Scene, room: int) -> None:
    """Changes address and cookie every few requests, but not its browser."""
    client, actor = _disguised(scene, slips=0.25), scene.hex()
    keeps, gap, jitter = (
        int(scene.rng.integers(1, 6)),
        scene.uniform(0.3, 5),
        scene.uniform(0.1, 0.8),
    )
    nets, at = _nets(scene, 0.7), float(scene.when(human=False))
    anonymous, ip, first = "", "", int(scene.rng.integers(PRODUCTS))
    shuffled = scene.rng.permutation(PRODUCTS)
    for n in range(min(room, int(scene.rng.integers(150, 700)))):
        if n % keeps == 0:
            anonymous, ip = scene.hex(), address(scene.rng, nets)
        wanted = f"p{int(shuffled[(first + n) % PRODUCTS]):05d}"
        scene.emit("rotating_scraper", actor, at, "Product Viewed", ip=ip, agent=client.agent, anonymous=anonymous,
                   properties={"product_id": wanted}, context=client.context, path=f"/products/{wanted}")  # fmt: skip
        at += max(gap * (1 + jitter * scene.rng.standard_normal()), 0.02) * SECOND_US


def cart_bot(scene: Scene, room: int) -> None:
    """Waits for a launch and buys within fractions of a second, again and again."""
    client, actor, wanted = (
        _disguised(scene, phone=scene.rng.random() < 0.5, slips=0.2),
        scene.hex(),
        product(scene),
    )
    opening = scene.spec.start_us + (20 * 3600 if scene.rng.random() < 0.7 else int(scene.uniform(0, 24) * 3600)) * SECOND_US  # fmt: skip
    pause, accounts = scene.uniform(0.02, 0.35), int(scene.rng.integers(3, 30))
    ip = address(scene.rng, _nets(scene, 0.5))
    for _ in range(accounts):
        if room <= 0:
            return
        anonymous, user = scene.hex(), f"u{int(scene.rng.integers(1, 900_000))}"
        at = opening + scene.uniform(0.0, 0.4) * SECOND_US
        tries = min(room, int(scene.rng.integers(2, 12)))
        for n in range(tries):
            last = n == tries - 1
            event = "Product Added" if n % 2 == 0 and not last else "Checkout Started"
            scene.emit("cart_bot", actor, at, event, ip=ip, agent=client.agent, anonymous=anonymous, user=user,
                       properties={"product_id": wanted, "quantity": int(scene.rng.integers(1, 6))},
                       context=client.context, path="/cart")  # fmt: skip
            at += pause * scene.uniform(0.8, 1.3) * SECOND_US
        room -= tries


def click_farm(scene: Scene, room: int) -> None:
    """Phones on a shelf that play the same visit over and over with slight shifts in time."""
    actor, shelf = (
        scene.hex(),
        [browser(scene.rng, phone=True) for _ in range(int(scene.rng.integers(2, 6)))],
    )
    net = address(scene.rng, HOMES).rsplit(".", 1)[0]
    steps: list[tuple[str, str, float]] = []
    for _ in range(int(scene.rng.integers(4, 12))):
        kind = str(
            pick(
                scene.rng,
                ("Product Viewed", "Product Viewed", "Product List Viewed", "Product Added"),
            )
        )
        steps.append((kind, product(scene), float(scene.rng.lognormal(np.log(6), 0.7))))
    jitter, starts = scene.uniform(0.02, 0.15), scene.when(human=False)
    every = scene.uniform(20, 240)
    for n in range(max(min(room // len(steps), int(scene.rng.integers(10, 50))), 1)):
        client, anonymous = shelf[n % len(shelf)], scene.hex()
        ip, at = f"{net}.{int(scene.rng.integers(2, 20))}", starts + n * every * SECOND_US
        for kind, wanted, gap in steps:
            scene.emit("click_farm", actor, at, kind, ip=ip, agent=client.agent, anonymous=anonymous,
                       properties={"product_id": wanted} if kind != "Product List Viewed" else {"category": wanted},
                       context=client.context, path=f"/products/{wanted}")  # fmt: skip
            at += gap * (1 + jitter * scene.rng.standard_normal()) * SECOND_US


def honeypot(scene: Scene, room: int) -> None:
    """Follows every link of the page, the one nobody can see too, at a person's pace."""
    client, anonymous = _disguised(scene, slips=0.2), scene.hex()
    length = min(room, int(scene.rng.integers(6, 40)))
    trap = int(scene.rng.integers(1, max(length // 2, 2)))
    at, ip = float(scene.when(human=False)), address(scene.rng, _nets(scene, 0.5))
    for n in range(length):
        wanted = product(scene)
        path = scene.spec.honeypot if n == trap else f"/products/{wanted}"
        scene.emit("honeypot", anonymous, at, "" if n == trap else "Product Viewed", ip=ip, agent=client.agent,
                   anonymous=anonymous, properties={} if n == trap else {"product_id": wanted}, context=client.context, path=path)  # fmt: skip
        at += scene.rng.lognormal(np.log(5), 0.8) * SECOND_US


def forged_sdk(scene: Scene, room: int) -> None:
    """Posts to the event API with a stolen write key: impossible clocks, replays, payments of nobody."""
    client, actor = browser(scene.rng, phone=scene.rng.random() < 0.5), scene.hex()
    ip, at = address(scene.rng, _nets(scene, 0.3)), float(scene.when(human=False))
    manner = int(scene.rng.integers(4))
    claimed = int(at) - int(scene.uniform(1, 300) * 86400) * SECOND_US
    anonymous, bought = scene.hex(), product(scene)
    for n in range(min(room, int(scene.rng.integers(10, 80)))):
        said = int(at)
        if manner == 0:  # Every event at the same instant.
            said = claimed
        elif manner == 1:  # Days ahead of the shop.
            said = int(at) + int(scene.uniform(0.2, 40) * 86400) * SECOND_US
        elif manner == 2 and n % 3:  # Time runs backwards.
            said = int(at) - n * 60 * SECOND_US
        scene.emit(
            "forged_sdk", actor, at, "Order Completed" if manner == 3 else "Product Viewed", ip=ip, agent=client.agent,
            anonymous=anonymous if manner < 3 or n % 4 else scene.hex(), context=client.context, claimed_us=said,
            properties={"product_id": bought, "order_id": "o" + scene.hex(5), "total": 9.9, "currency": "CNY"} if manner == 3
            else {"product_id": bought if manner == 0 else product(scene)}, path=f"/products/{bought}",
        )  # fmt: skip
        at += scene.uniform(0.05, 2.5) * SECOND_US


def referrer_spam(scene: Scene, room: int) -> None:
    """Page calls that only exist to leave an address behind."""
    actor = scene.hex()
    known = ("https://semalt.com/crawler", "http://buttons-for-website.com/", "https://best-seo-offer.com/try", "http://darodar.com/")  # fmt: skip
    own = f"https://{scene.hex(3)}-{pick(scene.rng, ('seo', 'traffic', 'casino', 'deals'))}.{pick(scene.rng, ('xyz', 'top', 'info', 'com'))}/"  # fmt: skip
    referrer = str(pick(scene.rng, known)) if scene.rng.random() < 0.5 else own
    pool = [browser(scene.rng, phone=False) for _ in range(int(scene.rng.integers(1, 5)))]
    at = float(scene.when(human=False))
    for _ in range(min(room, int(scene.rng.integers(20, 120)))):
        client = pick(scene.rng, tuple(pool))
        scene.emit("referrer_spam", actor, at, "", ip=address(scene.rng, CENTRES), agent=client.agent, anonymous=scene.hex(),
                   context={k: v for k, v in client.context.items() if k != "screen"}, path="/", referrer=referrer)  # fmt: skip
        at += scene.rng.exponential(scene.uniform(5, 60)) * SECOND_US


def stock_watcher(scene: Scene, room: int) -> None:
    """Looks at the same few products every few minutes all day from one home."""
    client, anonymous = _disguised(scene, slips=0.1), scene.hex()
    watched = [product(scene) for _ in range(int(scene.rng.integers(1, 5)))]
    gap, jitter = scene.uniform(60, 900), scene.uniform(0.05, 0.35)
    at, ip = float(scene.spec.start_us), address(scene.rng, HOMES)
    for n in range(min(room, int(scene.spec.hours * 3600 / gap))):
        wanted = watched[n % len(watched)]
        scene.emit("stock_watcher", anonymous, at, "Product Viewed", ip=ip, agent=client.agent, anonymous=anonymous,
                   properties={"product_id": wanted}, context=client.context, path=f"/products/{wanted}")  # fmt: skip
        at += gap * max(1 + jitter * scene.rng.standard_normal(), 0.1) * SECOND_US


def click_fraud(scene: Scene, room: int) -> None:
    """Clicks on advertisements from emulated phones: lands, waits, leaves; always a new cookie."""
    actor, template = (
        scene.hex(),
        app_browser(scene.rng) if scene.rng.random() < 0.5 else browser(scene.rng, phone=True),
    )
    campaign, wait, at = "cmp" + scene.hex(2), scene.uniform(2, 20), float(scene.when(human=False))
    landing = product(scene)
    for _ in range(max(min(room // 2, int(scene.rng.integers(30, 150))), 1)):
        anonymous, ip = scene.hex(), address(scene.rng, (*CARRIERS, *HOMES))
        context = {
            **template.context,
            "campaign": {"name": campaign, "source": "feed", "medium": "cpc"},
        }
        for n, event in enumerate(("", "Product Viewed")):
            scene.emit("click_fraud", actor, at + n * wait * scene.uniform(0.6, 1.4) * SECOND_US, event, ip=ip,
                       agent=template.agent, anonymous=anonymous, context=context, path=f"/products/{landing}",
                       properties={"product_id": landing} if event else {}, referrer="https://ads.example/")  # fmt: skip
        at += scene.rng.exponential(scene.uniform(10, 90)) * SECOND_US


BOTS: dict[str, Callable[[Scene, int], None]] = {
    "crawler": crawler, "http_tool": http_tool, "headless": headless, "price_scraper": price_scraper,
    "fast_scraper": fast_scraper, "rotating_scraper": rotating_scraper, "cart_bot": cart_bot,
    "click_farm": click_farm, "honeypot": honeypot, "forged_sdk": forged_sdk, "referrer_spam": referrer_spam,
    "stock_watcher": stock_watcher, "click_fraud": click_fraud,
}  # fmt: skip
"""Who draws which class of invalid traffic outside the mail."""
