# ruff: noqa: E501  one call, one line
"""What a mix of traffic is, its classes, and the scene on which they send their events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from shopkeeper.core.errors import InputError

START_US = 1_730_044_800_000_000
"""Default start: 2024-10-28 00:00 in Shanghai."""
HOUR_US = 3_600_000_000
SECOND_US = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

HUMAN = (
    "shopper", "power_shopper", "office_nat", "assistive", "in_app", "old_android", "server_sdk",
    "roaming", "sale_rush", "tab_opener", "mail_reader", "mail_scanned_reader",
)  # fmt: skip
"""Classes of people."""
INVALID = (
    "crawler", "http_tool", "headless", "price_scraper", "fast_scraper", "rotating_scraper",
    "cart_bot", "click_farm", "honeypot", "forged_sdk", "referrer_spam", "mail_scanner",
    "mail_proxy",
)  # fmt: skip
"""Classes of invalid traffic that a detector may be made for."""
HELD_OUT = ("stock_watcher", "click_fraud")
"""Classes of invalid traffic kept for judging: no detector of ours was fitted on them."""


@dataclass(frozen=True, slots=True)
class TrafficSpec:
    """What mix to draw; equal specs give equal traffic.

    Parameters
    ----------
    seed
        Decides everything random, the parameters of the classes included.
    people
        Roughly how many people visit.
    invalid_share
        Share of events that no person caused, before the mail.
    messages
        E-mails sent.
    start_us, hours
        The window, microseconds since 1970 UTC and its length.
    classes
        Classes to draw; empty means all but those held out.
    honeypot
        Path of the page that is linked where no person can see it.
    """

    seed: int = 7
    people: int = 1500
    invalid_share: float = 0.4
    messages: int = 1500
    start_us: int = START_US
    hours: int = 24
    classes: tuple[str, ...] = ()
    honeypot: str = "/collections/zz-archive"

    def __post_init__(self) -> None:
        unknown = sorted(set(self.classes) - {*HUMAN, *INVALID, *HELD_OUT})
        if unknown:
            raise InputError(
                f"there is no class of traffic called {', '.join(unknown)}",
                next_step=f"Choose among {', '.join((*HUMAN, *INVALID, *HELD_OUT))}",
                classes=unknown,
            )
        if self.people < 1 or self.hours < 1 or not 0 <= self.invalid_share < 1:
            raise InputError(
                f"traffic of {self.people} people in {self.hours} hours with a share of "
                f"{self.invalid_share} invalid events cannot be drawn",
                next_step="Give at least one person and hour, and a share from 0 to below 1",
            )

    @property
    def drawn(self) -> tuple[str, ...]:
        """The classes that are drawn."""
        return self.classes or (*HUMAN, *INVALID)


@dataclass(slots=True)
class Sent:
    """One event and the truth about it.

    Parameters
    ----------
    raw
        As the client sent it, in Segment's shape.
    received_us
        When it arrived.
    ip, agent
        Address and user agent of the request.
    label
        Class of who caused it.
    actor
        Who: one person, one program or one farm.
    invalid
        Whether no person caused it.
    """

    raw: dict[str, Any]
    received_us: int
    ip: str
    agent: str
    label: str
    actor: str
    invalid: bool


def moment(us: int) -> str:
    """ISO 8601 in UTC with milliseconds, as browsers send it.

    Examples
    --------
    >>> moment(1_730_044_800_123_000)
    '2024-10-27T16:00:00.123Z'
    """
    at = _EPOCH + timedelta(microseconds=int(us))
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


@dataclass(slots=True)
class Scene:
    """Where the classes put what they send.

    Parameters
    ----------
    spec
        The mix.
    rng
        Random stream of the class.
    sent
        Filled by :meth:`emit`.
    touched
        Filled by :meth:`message`.
    """

    spec: TrafficSpec
    rng: np.random.Generator
    sent: list[Sent] = field(default_factory=list)
    touched: list[dict[str, Any]] = field(default_factory=list)

    def hex(self, bytes_: int = 8) -> str:
        """A random identifier."""
        return self.rng.bytes(bytes_).hex()

    def uniform(self, low: float, high: float) -> float:
        """One number."""
        return float(self.rng.uniform(low, high))

    def when(self, *, human: bool = True) -> int:
        """A moment of the window; people prefer the evening and sleep at night."""
        while True:
            hour = self.uniform(0, self.spec.hours)
            wake = 0.15 + 0.85 * np.sin(np.pi * ((hour % 24) - 5) / 20) if hour % 24 > 5 else 0.08
            if not human or self.rng.random() < wake:
                return self.spec.start_us + int(hour * HOUR_US)

    def emit(
        self,
        label: str,
        actor: str,
        at_us: float,
        event: str,
        *,
        ip: str,
        agent: str = "",
        anonymous: str | None = None,
        user: str | None = None,
        properties: Mapping[str, Any] | None = None,
        context: Mapping[str, Any] | None = None,
        path: str = "",
        referrer: str = "",
        delay_s: float | None = None,
        claimed_us: int | None = None,
        message: str | None = None,
    ) -> None:
        """Send one event.

        Parameters
        ----------
        label, actor
            The truth about who sends it.
        at_us
            When it happens.
        event
            Name; an empty one makes it a page call.
        ip, agent
            Of the request.
        anonymous, user
            Identifiers.
        properties, context
            As sent.
        path, referrer
            Of the page.
        delay_s
            Time to arrival; None draws a usual one.
        claimed_us
            Time the client claims; None is the truth.
        message
            Message id; None draws one.
        """
        delay = self.rng.lognormal(-1.2, 0.7) if delay_s is None else delay_s
        received = int(at_us + delay * SECOND_US)
        raw: dict[str, Any] = {
            "type": "track" if event else "page",
            "messageId": message or self.hex(),
            "timestamp": moment(int(at_us) if claimed_us is None else claimed_us),
            "sentAt": moment(received - 40_000 if claimed_us is None else claimed_us),
            "properties": dict(properties or {}),
            "context": {"ip": ip, **(context or {})},
        }
        if event:
            raw["event"] = event
        if anonymous:
            raw["anonymousId"] = anonymous
        if user:
            raw["userId"] = user
        if path:
            raw["context"]["page"] = {"path": path, "url": f"https://shop.example{path}", "referrer": referrer}  # fmt: skip
            if not event:
                raw["properties"]["path"] = path
        self.sent.append(Sent(raw, received, ip, agent, label, actor, label not in HUMAN))

    def message(self, customer: str, at_us: int, campaign: str) -> str:
        """Send one e-mail; returns its touch id."""
        touch = "t" + self.hex(6)
        self.touched.append(
            {"touch_id": touch, "customer_ref": customer, "campaign_id": campaign, "ts_us": at_us}
        )
        return touch
