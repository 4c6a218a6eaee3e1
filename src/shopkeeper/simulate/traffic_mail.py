# ruff: noqa: E501  one call, one line
"""E-mails of simulated traffic: who opens and clicks them, and what opens them for nobody."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from shopkeeper.simulate.traffic_clients import (
    APPLE_NETS,
    CENTRES,
    GMAIL_PROXY,
    GOOGLE_PROXIES,
    HOMES,
    MAIL_SCANNERS,
    SCANNER_NETS,
    Client,
    address,
    agent_of,
    browser,
    pick,
)
from shopkeeper.simulate.traffic_people import visit
from shopkeeper.simulate.traffic_scene import SECOND_US, Scene

LINKS = 8


def _open(scene: Scene, label: str, touch: str, user: str, at: float, ip: str, agent: str) -> None:
    scene.emit(label, user, at, "Email Opened", ip=ip, agent=agent, user=user,
               properties={"touch_id": touch, "campaign_id": "mail"}, context={"userAgent": agent}, delay_s=0.1)  # fmt: skip


def _click(
    scene: Scene, label: str, touch: str, user: str, at: float, ip: str, agent: str, link: int
) -> None:
    scene.emit(label, user, at, "Email Link Clicked", ip=ip, agent=agent, user=user,
               properties={"touch_id": touch, "campaign_id": "mail", "link_id": f"l{link}", "link_url": f"https://shop.example/l/{link}"},
               context={"userAgent": agent}, delay_s=0.1)  # fmt: skip


def _customers(scene: Scene, share: float) -> range:
    return range(max(int(scene.spec.messages * share), 2))


def _sending(scene: Scene) -> int:
    """The moment a message leaves: one of two sendings that day, spread over minutes."""
    hour = 10 if scene.rng.random() < 0.6 else 17
    return scene.spec.start_us + int((hour * 3600 + scene.uniform(0, 900)) * SECOND_US)


def _read(
    scene: Scene, label: str, user: str, touch: str, at: float, client: Client, ip: str
) -> None:
    """A person opens, sometimes clicks a link or two, and then looks around."""
    fetched = scene.rng.random() < 0.3
    opened_by = (address(scene.rng, GOOGLE_PROXIES), GMAIL_PROXY) if fetched else (ip, client.agent)
    _open(scene, label, touch, user, at, *opened_by)
    if scene.rng.random() < 0.2:
        _open(scene, label, touch, user, at + scene.uniform(20, 9000) * SECOND_US, *opened_by)
    at += scene.rng.lognormal(np.log(9), 0.9) * SECOND_US
    for _ in range(int(scene.rng.choice(4, p=[0.55, 0.3, 0.1, 0.05]))):
        _click(
            scene,
            label,
            touch,
            user,
            at,
            ip,
            client.agent,
            min(int(scene.rng.geometric(0.35)), LINKS),
        )
        if scene.rng.random() < 0.75:
            at = visit(scene, label, user, client, ip, at + scene.uniform(0.5, 3) * SECOND_US, 1 + int(scene.rng.geometric(0.25)),
                       gap_s=12, spread=1.0, anonymous=scene.hex(), user=user)  # fmt: skip
        at += scene.rng.lognormal(np.log(15), 1.0) * SECOND_US


def mail_reader(scene: Scene) -> None:
    """Customers who open within minutes to a day; a few are very quick."""
    for _ in _customers(scene, 0.35):
        user, sent = f"m{scene.hex(4)}", _sending(scene)
        touch = scene.message(f"user_id:{user}", sent, "mail")
        wait = (
            scene.rng.lognormal(np.log(3000), 1.6)
            if scene.rng.random() < 0.95
            else scene.uniform(4, 40)
        )
        client = browser(scene.rng, phone=scene.rng.random() < 0.6)
        _read(
            scene,
            "mail_reader",
            user,
            touch,
            sent + max(wait, 3) * SECOND_US,
            client,
            address(scene.rng, HOMES),
        )


def mail_scanned_reader(scene: Scene) -> None:
    """Employees whose company checks every message first; the person comes later."""
    net = [(address(scene.rng, HOMES), browser(scene.rng, phone=False)) for _ in range(5)]
    for _ in _customers(scene, 0.1):
        user, sent = f"s{scene.hex(4)}", _sending(scene)
        touch = scene.message(f"user_id:{user}", sent, "mail")
        _scan(scene, touch, user, sent)
        if scene.rng.random() < 0.5:
            ip, image = pick(scene.rng, tuple(net))
            _read(
                scene,
                "mail_scanned_reader",
                user,
                touch,
                sent + scene.rng.lognormal(np.log(4000), 1.3) * SECOND_US,
                image,
                ip,
            )


def mail_scanner(scene: Scene) -> None:
    """Messages that only a gateway opens: it follows some or all links within seconds."""
    for _ in _customers(scene, 0.2):
        user, sent = f"g{scene.hex(4)}", _sending(scene)
        _scan(scene, scene.message(f"user_id:{user}", sent, "mail"), user, sent)


def _scan(scene: Scene, touch: str, user: str, sent: int) -> None:
    rng = scene.rng
    known = rng.random() < 0.6
    ip = address(rng, SCANNER_NETS if known else CENTRES)
    agent = agent_of(rng, str(pick(rng, MAIL_SCANNERS)))
    if not known and rng.random() < 0.3:
        ip, agent = address(rng, HOMES), browser(rng, phone=False).agent
    # Most check on arrival, some when the message is delivered after a hold, or later again.
    at = (
        sent
        + (rng.lognormal(np.log(5), 0.9) if rng.random() < 0.8 else rng.uniform(60, 900))
        * SECOND_US
    )
    if rng.random() < 0.7:
        _open(scene, "mail_scanner", touch, user, at, ip, agent)
    links = LINKS if rng.random() < 0.7 else int(rng.integers(2, LINKS))
    step = rng.uniform(0.02, 1.2)
    for link in range(1, links + 1):
        at += step * rng.uniform(0.5, 1.6) * SECOND_US
        _click(scene, "mail_scanner", touch, user, at, ip, agent, link)


def mail_proxy(scene: Scene) -> None:
    """Pictures fetched for Apple Mail whether the message is read or not."""
    for _ in _customers(scene, 0.35):
        user, sent = f"a{scene.hex(4)}", _sending(scene)
        touch = scene.message(f"user_id:{user}", sent, "mail")
        at = sent + scene.rng.lognormal(np.log(900), 1.8) * SECOND_US
        _open(scene, "mail_proxy", touch, user, at, address(scene.rng, APPLE_NETS), "Mozilla/5.0")
        if scene.rng.random() < 0.12:
            # The person does come: the click and the visit are hers.
            client, ip = browser(scene.rng, phone=True), address(scene.rng, HOMES)
            later = at + scene.rng.lognormal(np.log(3000), 1.2) * SECOND_US
            _click(
                scene,
                "mail_reader",
                touch,
                user,
                later,
                ip,
                client.agent,
                int(scene.rng.integers(1, 4)),
            )
            visit(scene, "mail_reader", user, client, ip, later + 2 * SECOND_US, 1 + int(scene.rng.geometric(0.2)),
                  gap_s=12, spread=1.0, anonymous=scene.hex(), user=user)  # fmt: skip


MAIL: dict[str, Callable[[Scene], None]] = {
    "mail_reader": mail_reader, "mail_scanned_reader": mail_scanned_reader, "mail_scanner": mail_scanner,
    "mail_proxy": mail_proxy,
}  # fmt: skip
"""Who draws which class of mail."""
