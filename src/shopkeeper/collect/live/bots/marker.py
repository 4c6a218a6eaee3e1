"""Marks invalid traffic as it arrives, from what one event says and what its actor did before."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime

import msgspec

from shopkeeper.collect.live.bots.actors import (
    Group,
    Visitor,
    fields,
    filled,
    generations,
    restore,
)
from shopkeeper.collect.live.bots.clients import Client, Facts, client_of, facts_of, from_server
from shopkeeper.collect.live.bots.memory import Memory
from shopkeeper.collect.live.bots.spam import spam_host
from shopkeeper.collect.live.envelope import Arrived
from shopkeeper.core.errors import InputError

VERSION = 1
ACTORS = 100_000
"""Visitors, places and clients remembered in one of two generations each."""

# How fast a person can be: bursts of 18 events, and 1.6 events a second for as long as one likes.
_RATE, _BURST = 1.6, 18.0
# Gaps of people vary by more than a third of their mean, those of the most regular assistive
# devices by a sixth; a timer's by a few hundredths.
_EVEN, _EVEN_AFTER = 0.10, 12
_STEADY, _STEADY_AFTER = 0.33, 64
_LONGEST_GAP_S = 1800.0
# Different products in a row without a list, a search or any other page between them.
_RUN, _RUN_UNEVEN, _RUN_OF_CLIENT = 36, 110, 30
_CARTS, _CARTS_S = 4, 2.0
_ORDERS, _ORDERS_S = 4, 120.0
_COLD_VISITORS = 3
_SAME_STEPS, _SAME_VISITORS, _SAME_NET_VISITORS = 4, 6, 3
_CLOCK_JUMP_S, _CLOCK_BACK_S, _CLOCK_FAULTS = 3600.0, 20.0, 3
# A clock is watched for as long as it takes to know it; reading it costs more than the rest.
_CLOCK_EVENTS = 48
_MAIL = frozenset({"email_opened", "email_link_clicked"})
_CART = frozenset({"add_to_cart", "begin_checkout", "purchase"})


class Marker:
    """Judges events one by one, in the order given; time comes from the events alone.

    Parameters
    ----------
    honeypots
        Paths that are linked where no person can see them; the kind ``honeypot`` always counts.
    actors
        Entries of one generation of each memory; at most twice as many visitors, as many
        clients at addresses, as many clients, and as many beginnings of visits are remembered,
        about 1 kB an actor together.

    Examples
    --------
    >>> e = Arrived(
    ...     event_id="1",
    ...     type="track",
    ...     kind="view_item",
    ...     name="",
    ...     occurred_us=0,
    ...     received_us=0,
    ...     source="web",
    ...     anonymous_id="a",
    ...     agent="curl/8.4.0",
    ...     context={"userAgent": "curl/8.4.0"},
    ... )
    >>> Marker().mark(e)
    'program'
    """

    def __init__(self, *, honeypots: Iterable[str] = (), actors: int = ACTORS) -> None:
        if actors < 1:
            raise InputError(
                f"a marker cannot remember {actors} actors", next_step="Give at least 1"
            )
        self._honeypots = frozenset(honeypots)
        self._facts: dict[Facts, Client] = {}
        self._visitors: Memory[Visitor] = Memory(actors)
        self._places: Memory[Group] = Memory(actors)
        self._groups: Memory[Group] = Memory(actors)
        self._begun: Memory[list[str]] = Memory(actors)
        self._limit = actors

    def mark(self, event: Arrived) -> str | None:
        """The reason why an event is invalid traffic.

        Parameters
        ----------
        event
            The event; it is not changed.

        Returns
        -------
        str or None
            A key of :data:`~shopkeeper.collect.live.bots.reasons.REASONS`; None if it may be a
            person's. Once a visitor is found out, all its later events carry the reason.
        """
        facts = facts_of(event)
        client = self._facts.get(facts)
        if client is None:
            client = self._understood(facts)
        sort = client.agent.sort
        if sort == "program":
            # A shop's servers and apps deliver with such libraries too; they speak for people.
            if from_server(event):
                return None
            return "program"
        if sort == "declared_bot":
            return "declared_bot"
        if event.kind in _MAIL or ("userAgent" not in event.context and from_server(event)):
            return None  # Opens and clicks are judged later, when more is known.
        if client.fault is not None:
            return client.fault
        return self._behaviour(event, client)

    def _understood(self, facts: Facts) -> Client:
        if len(self._facts) >= self._limit:
            self._facts.clear()
        client = self._facts[facts] = client_of(facts)
        return client

    def _behaviour(self, event: Arrived, client: Client) -> str | None:
        key = event.anonymous_id or event.customer_ref
        if key is None:
            return None
        visitor = self._visitors.get(key)
        if visitor is None:
            visitor = Visitor()
            self._visitors.put(key, visitor)
        if visitor.reason:
            return visitor.reason
        reason = (
            self._trapped(event)
            or self._pace(event, visitor)
            or self._clock(event, visitor)
            or self._steps(event, visitor)
        )
        if reason is not None:
            visitor.reason = reason
        return reason or self._together(event, visitor, client)

    def _trapped(self, event: Arrived) -> str | None:
        if event.kind == "honeypot":
            return "honeypot"
        page = event.context.get("page")
        if type(page) is not dict:
            return None
        if self._honeypots and page.get("path") in self._honeypots:
            return "honeypot"
        referrer = page.get("referrer")
        if type(referrer) is str and referrer and spam_host(referrer):
            return "referrer_spam"
        return None

    def _pace(self, event: Arrived, visitor: Visitor) -> str | None:
        """Too fast, or too regular; gaps above half an hour begin a new visit."""
        now = event.occurred_us
        visitor.events += 1
        if visitor.last_us == 0:
            visitor.last_us = now
            visitor.level = 1.0
            return None
        gap = (now - visitor.last_us) / 1e6
        if gap < 0:
            gap = 0.0
        else:
            visitor.last_us = now
        level = visitor.level - gap * _RATE
        visitor.level = level = 1.0 + (level if level > 0 else 0.0)
        if level > _BURST:
            return "impossible_rate"
        if gap > _LONGEST_GAP_S:
            return None
        n = visitor.events - 1
        delta = gap - visitor.mean
        visitor.mean += delta / n
        visitor.sum2 += delta * (gap - visitor.mean)
        if n >= _EVEN_AFTER and visitor.mean > 0.05:
            variation = visitor.sum2 / n / (visitor.mean * visitor.mean)
            if variation < _EVEN * _EVEN or (
                n >= _STEADY_AFTER and variation < _STEADY * _STEADY and visitor.other * 20 < n
            ):
                return "metronomic"
        return None

    def _clock(self, event: Arrived, visitor: Visitor) -> str | None:
        """The time of sending that the client claims, against that of its earlier events."""
        if visitor.events > _CLOCK_EVENTS:
            return None
        sent = _sent_us(event.raw)
        if sent is None:
            return None
        received, before = event.received_us, visitor.received_us
        passed = (received - before) / 1e6
        if before and passed > 0.25:
            claimed = (sent - visitor.sent_us) / 1e6
            # A clock may be wrong, but it runs: it does not stand still, run back or leap.
            stands = claimed == 0 and passed > 0.5
            if stands or claimed < -_CLOCK_BACK_S or claimed - passed > _CLOCK_JUMP_S:
                visitor.clock_faults += 1
                if visitor.clock_faults >= _CLOCK_FAULTS:
                    return "impossible_clock"
        visitor.sent_us, visitor.received_us = sent, received
        return None

    def _steps(self, event: Arrived, visitor: Visitor) -> str | None:
        """What is done, one thing after the other."""
        kind, product = event.kind, event.product_id or ""
        if kind == "view_item":
            if product != visitor.product:
                visitor.run += 1
                if visitor.run >= _RUN and self._enumerates(visitor):
                    return "enumeration"
        else:
            visitor.run = 0
            visitor.other += 1
            if kind in _CART:
                reason = self._buys(event, visitor)
                if reason is not None:
                    return reason
        if product and product != visitor.product:
            visitor.product = product
            visitor.products += 1
        if visitor.events <= 8:
            return self._same(event, visitor)
        return None

    @staticmethod
    def _enumerates(visitor: Visitor) -> bool:
        if visitor.run >= _RUN_UNEVEN:
            return True
        n = visitor.events - 1
        return n > 0 and visitor.sum2 / n < visitor.mean * visitor.mean

    @staticmethod
    def _buys(event: Arrived, visitor: Visitor) -> str | None:
        now = event.occurred_us
        if now - visitor.carts_us > _CARTS_S * 1e6:
            visitor.carts, visitor.carts_us = 0, now
        visitor.carts += 1
        if visitor.carts >= _CARTS:
            return "cart_rush"
        if event.kind == "purchase":
            if now - visitor.orders_us > _ORDERS_S * 1e6:
                visitor.orders, visitor.orders_us = 0, now
            visitor.orders += 1
            if visitor.orders >= _ORDERS:
                return "no_browsing"
        return None

    def _same(self, event: Arrived, visitor: Visitor) -> str | None:
        """The beginning of a visit, seen before of others."""
        what = event.product_id or event.category or event.page or ""
        text = f"{visitor.steps}{event.kind}{what}".encode("utf-8", "surrogatepass")
        visitor.steps = hashlib.blake2b(text, digest_size=8).hexdigest()
        if visitor.events < _SAME_STEPS or visitor.products < 3:
            return None
        net = event.ip.rpartition(".")[0]
        who = f"{net} {event.anonymous_id or event.customer_ref}"
        others = self._begun.get(visitor.steps)
        if others is None:
            self._begun.put(visitor.steps, [who])
            return None
        if who not in others and len(others) < _SAME_VISITORS:
            others.append(who)
        near = sum(1 for x in others if x.startswith(net + " "))
        if len(others) >= _SAME_VISITORS or near >= _SAME_NET_VISITORS:
            return "replayed_sequence"
        return None

    def _together(self, event: Arrived, visitor: Visitor, client: Client) -> str | None:
        """What visitors with the same client do, and those at the same address with it."""
        key = event.anonymous_id or event.customer_ref or ""
        first = visitor.events == 1
        if first and event.kind in _CART:
            reason = self._cold(event, client)
            if reason is not None:
                return reason
        group = self._groups.get(client.digest)
        if group is None:
            group = Group()
            self._groups.put(client.digest, group)
        if event.kind != "view_item":
            group.run = group.visitors = 0
            return None
        group.run += 1
        if first and key != group.last:
            group.visitors += 1
            group.last = key
        # People with the same browser look at lists, search and buy between their products.
        if group.run >= _RUN_OF_CLIENT and group.visitors * 8 >= group.run:
            return "rotating"
        return None

    def _cold(self, event: Arrived, client: Client) -> str | None:
        key = f"{event.ip} {client.digest}"
        place = self._places.get(key)
        if place is None:
            place = Group()
            self._places.put(key, place)
        place.cold += 1
        return "no_browsing" if place.cold >= _COLD_VISITORS else None

    def save(self) -> bytes:
        """The state as JSON; :meth:`load` continues from it as if nothing had happened."""
        return msgspec.json.encode(
            {
                "version": VERSION,
                "actors": self._limit,
                "visitors": generations(self._visitors, fields),
                "places": generations(self._places, fields),
                "groups": generations(self._groups, fields),
                "begun": generations(self._begun, list),
            }
        )

    @classmethod
    def load(cls, state: bytes, *, honeypots: Iterable[str] = ()) -> Marker:
        """A marker in a saved state.

        Parameters
        ----------
        state
            From :meth:`save`.
        honeypots
            As for a new marker; they are configuration, not state.

        Raises
        ------
        InputError
            If it is no such state.
        """
        try:
            saved = msgspec.json.decode(state)
            saved = {VERSION: saved}[saved["version"]]
            marker = cls(honeypots=honeypots, actors=saved["actors"])
            restore(marker._visitors, saved["visitors"], lambda x: filled(Visitor(), x))
            restore(marker._places, saved["places"], lambda x: filled(Group(), x))
            restore(marker._groups, saved["groups"], lambda x: filled(Group(), x))
            restore(marker._begun, saved["begun"], list)
        except (msgspec.MsgspecError, KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"the saved state of the bot marker cannot be read: {error}",
                next_step="Start with a new marker; it learns again from the events",
            ) from error
        return marker

    def __len__(self) -> int:
        return len(self._visitors) + len(self._places) + len(self._groups) + len(self._begun)

    @property
    def found(self) -> dict[str, str]:
        """Visitors found out and still remembered, with their reason."""
        both = {**self._visitors.old, **self._visitors.young}
        return {key: x.reason for key, x in both.items() if x.reason}


def _sent_us(raw: bytes) -> int | None:
    """``sentAt`` of an event, without reading all of it again; None if it has none."""
    start = raw.find(b'"sentAt":')
    if start < 0:
        return None
    start = raw.find(b'"', start + 9, start + 13) + 1
    end = raw.find(b'"', start, start + 40)
    if start <= 0 or end < 0:
        return None
    try:
        moment = datetime.fromisoformat(raw[start:end].decode("ascii"))
        return int(moment.timestamp() * 1e6) if moment.tzinfo else None
    except (ValueError, OverflowError, OSError):
        return None
