"""Decide for one customer who waits: what the lake and the profile know, brought to the ranking."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from shopkeeper.apps.flows.decide import lifts_of, limits_of
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.clock import zone
from shopkeeper.core.errors import InputError, ShopkeeperError
from shopkeeper.core.ports import ProfileStore, TableStore
from shopkeeper.core.settings import Settings
from shopkeeper.core.tables import CONTACTS, OFFERS
from shopkeeper.decide.online import Candidate, Known, Ranking, rank
from shopkeeper.decide.problem import CHANNELS
from shopkeeper.decide.wording import sentence
from shopkeeper.decide.worth import MeasuredLift

REFRESH_SECONDS = 5.0
"""Longest time an edited offer or a new measurement may go unnoticed."""
KEPT_ANSWERS = 10_000
"""Answers kept, so that a repeated request is answered as it was the first time."""
ADDRESSES: Mapping[str, frozenset[str]] = {
    "email": frozenset({"email"}), "sms": frozenset({"phone"}),
    "push": frozenset({"push_token", "device_id"}),
    "wecom": frozenset({"external_userid", "unionid"}),
}  # fmt: skip
"""Kinds of identifier that a channel can write to."""
GRANT = "GRANT"
PERSONAL = "personalisation"
"""Purpose whose refusal switches personalisation off."""
COUNTED_DAYS = (7, 30, 90, 365)
"""Windows in which a profile counts contacts."""


class Rankings:
    """Ranks candidates; thread-safe.

    Parameters
    ----------
    runtime
        The open shop.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._tables = runtime.tables
        self._limits = limits_of(runtime.settings, runtime.settings.predict.seed)
        self._lock = threading.Lock()
        self._offers: Mapping[str, Candidate] = {}
        self._lifts: Mapping[str, MeasuredLift] = {}
        self._versions: tuple[int, int] = (-2, -2)
        self._looked = float("-inf")
        self._answers: OrderedDict[str, Ranking] = OrderedDict()

    def answer(
        self,
        known: Known,
        candidates: Sequence[Candidate],
        *,
        decision_id: str,
        as_of: datetime,
        explore: float | None = None,
    ) -> tuple[Ranking, bool]:
        """The ranking of a request.

        Parameters
        ----------
        known
            The customer, from :func:`known_of`.
        candidates
            As asked; what their id says in the offers of the shop fills what they leave open.
        decision_id
            The same id gets the same answer.
        as_of
            The moment.
        explore
            Share of random first places; None takes the setting.

        Returns
        -------
        tuple
            The ranking, and whether it was given before.

        Raises
        ------
        InputError
            If the candidates are malformed, or ``explore`` is no share.
        """
        with self._lock:
            earlier = self._answers.get(decision_id)
        if earlier is not None:
            return earlier, True
        if explore is not None and not 0 <= explore < 1:
            raise InputError(
                f"explore {explore} is no share", next_step="Give a number from 0 to below 1"
            )
        limits = self._limits if explore is None else replace(self._limits, explore=explore)
        ranking = rank(
            known,
            [self._filled(x) for x in candidates],
            limits,
            decision_id=decision_id,
            as_of=as_of,
            measured=self._lifts,
        )
        with self._lock:
            self._answers[decision_id] = ranking
            if len(self._answers) > KEPT_ANSWERS:
                self._answers.popitem(last=False)
        return ranking, False

    def forget(self, decision_id: str) -> None:
        """Drop an answer that could not be logged, so that a repetition is decided anew."""
        with self._lock:
            self._answers.pop(decision_id, None)

    def refresh(self, now_s: float | None = None) -> None:
        """Read offers and measured lifts again if their tables changed.

        Parameters
        ----------
        now_s
            Monotonic seconds; None asks the machine.
        """
        now_s = time.monotonic() if now_s is None else now_s
        if now_s - self._looked < REFRESH_SECONDS:
            return
        self._looked = now_s
        versions = self._tables.version(OFFERS), self._tables.version(CONTACTS)
        if versions[0] != self._versions[0]:
            self._offers = offers_of(self._tables)
        if versions[1] != self._versions[1]:
            self._lifts = _lifts(self._tables)
        self._versions = versions

    def _filled(self, asked: Candidate) -> Candidate:
        """The candidate, completed by the shop's offer of that id."""
        offer = self._offers.get(asked.id)
        if offer is None:
            return asked
        return msgspec.structs.replace(
            offer,
            channel=asked.channel,
            category=asked.category or offer.category,
            discount_rate=asked.discount_rate or offer.discount_rate,
            cost_minor=asked.cost_minor or offer.cost_minor,
            value_minor=asked.value_minor,
            stock=offer.stock if asked.stock is None else asked.stock,
        )


def offers_of(tables: TableStore) -> dict[str, Candidate]:
    """Offers of the shop as candidates.

    Parameters
    ----------
    tables
        The lake.

    Returns
    -------
    dict
        By offer id.
    """
    if not tables.exists(OFFERS):
        return {}
    rows = tables.run(tables.table(OFFERS)).to_pylist()
    return {
        x["offer_id"]: Candidate(
            id=x["offer_id"],
            kind=x["kind"] or "reminder",
            category=x["category"] or "",
            discount_rate=x["discount_rate"] or 0.0,
            cost_minor=float(x["cost_minor"] or 0),
            stock=None if x["stock"] is None else float(x["stock"]),
        )
        for x in rows
    }


def _lifts(tables: TableStore) -> Mapping[str, MeasuredLift]:
    if not tables.exists(CONTACTS):
        return {}
    rows = tables.table(CONTACTS)
    last = tables.run(rows.aggregate(last=rows.ts_us.max())).column("last")[0].as_py()
    if last is None:
        return {}
    return lifts_of(tables, datetime.fromtimestamp(last / 1e6, tz=zone("UTC")))


class _Base(msgspec.Struct):
    """What of the section ``base`` a ranking needs."""

    traits: dict[str, list[Any]] = {}
    permits: dict[str, list[Any]] = {}
    scores: dict[str, _Score] = {}


class _Live(msgspec.Struct):
    """What of the section ``live`` a ranking needs."""

    stated: dict[str, list[Any]] = {}
    permits: dict[str, list[Any]] = {}
    traits: dict[str, list[Any]] = {}


class _Values(msgspec.Struct):
    """The features a ranking needs; the others are passed over unread."""

    avg_order_minor_365d: float | None = None
    avg_order_minor_life: float | None = None
    top_category_365d: str | None = None
    top_category_share_365d: float | None = None
    contacts_7d: float | None = None
    contacts_30d: float | None = None
    contacts_90d: float | None = None
    contacts_365d: float | None = None


class _Score(msgspec.Struct):
    value: float | None = None
    horizon_days: int = 0


class _Scores(msgspec.Struct):
    expected_orders: _Score | None = None


class _Features(msgspec.Struct):
    """What of the section ``features`` a ranking needs."""

    features: _Values = msgspec.field(default_factory=_Values)
    scores: _Scores = msgspec.field(default_factory=_Scores)


_base = msgspec.json.Decoder(_Base).decode
_live = msgspec.json.Decoder(_Live).decode
_features = msgspec.json.Decoder(_Features).decode


def known_of(
    store: ProfileStore,
    identifier: str,
    settings: Settings,
    as_of: datetime,
    *,
    contact: bool = True,
) -> Known:
    """What the ranking needs, out of the stored profile.

    Parameters
    ----------
    store
        The profiles.
    identifier
        ``kind:value`` or customer id; empty for a visitor nobody knows.
    settings
        Margin, default consent, cap window and zone of the shop. Contacts are counted over the
        shortest window of the profile that covers the cap's, so that the cap errs towards silence.
    as_of
        The moment.
    contact
        Whether a channel may be written to; else addresses are not looked up.

    Returns
    -------
    Known
        Of a stranger if nobody answers to the identifier.
    """
    customer = store.resolve([identifier]).get(identifier, identifier) if identifier else ""
    found = store.stored(customer) if customer else {}
    if not found:
        return Known("", hour=as_of.astimezone(zone(settings.shop.time_zone)).hour)
    base = _base(found["base"]) if "base" in found else _Base()
    live = _live(found["live"]) if "live" in found else _Live()
    features = _features(found["features"]) if "features" in found else _Features()
    values = features.features
    score = features.scores.expected_orders or base.scores.get("expected_orders") or _Score()
    rate = (score.value or 0.0) / score.horizon_days if score.horizon_days else 0.0
    value = values.avg_order_minor_365d or values.avg_order_minor_life or 0.0
    said = {**base.traits, **live.stated}
    zone_name = said.get("time_zone", [None])[0]
    reachable = _reachable(store, customer, said) if contact else frozenset()
    permits = latest_permits(base.permits, live.permits)
    default = permits.get("marketing/all", settings.decide.default_consent)
    category = values.top_category_365d
    return Known(
        customer_id=customer,
        orders_rate=max(0.0, rate),
        order_value_minor=max(0.0, value),
        order_margin_minor=max(0.0, value) * settings.decide.margin,
        share={category: values.top_category_share_365d or 0.0} if category else {},
        granted=frozenset(x for x in CHANNELS if permits.get(f"marketing/{x}", default) == GRANT),
        reachable=reachable,
        personal=all(v == GRANT for k, v in permits.items() if k.partition("/")[0] == PERSONAL),
        recent_contacts=_contacts(values, live, settings.decide.cap_days),
        hour=as_of.astimezone(_zone(zone_name, settings.shop.time_zone)).hour,
    )


def _reachable(
    store: ProfileStore, customer: str, said: Mapping[str, Sequence[Any]]
) -> frozenset[str]:
    """Channels with an address to write to."""
    kinds = {x.partition(":")[0] for x in store.identifiers_of([customer]).get(customer, [])}
    kinds |= {x for x in ("email", "phone") if said.get(x, [None])[0]}
    return frozenset(x for x in CHANNELS if kinds & ADDRESSES[x])


def latest_permits(
    base: Mapping[str, Sequence[Any]], live: Mapping[str, Sequence[Any]]
) -> dict[str, str]:
    """The later statement of each purpose and channel.

    Parameters
    ----------
    base, live
        ``[status, moment in microseconds]`` by ``purpose/channel``.

    Returns
    -------
    dict
        Status by ``purpose/channel``.
    """
    found = {k: str(v[0]) for k, v in base.items()}
    for key, (status, at_us) in live.items():
        before = base.get(key)
        if before is None or (before[1] or 0) <= at_us:
            found[key] = str(status)
    return found


def _contacts(values: _Values, live: _Live, cap_days: int) -> int:
    """Contacts in the shortest counted window that covers the cap's; the larger of both counts."""
    for days in COUNTED_DAYS:
        if days >= cap_days:
            nightly = getattr(values, f"contacts_{days}d") or 0
            now = live.traits.get(f"contacts_{days}d", [0])[0] or 0
            return int(max(nightly, now))
    return int(values.contacts_365d or 0)


def worded(reasons: Sequence[Mapping[str, Any]], currency: str) -> list[dict[str, str]]:
    """Reasons of one candidate in Chinese and English.

    Parameters
    ----------
    reasons
        As in the ranking.
    currency
        Of the amounts.

    Returns
    -------
    list
        One ``{"zh", "en"}`` each.
    """
    return [{str(k): v for k, v in sentence(x, currency).items()} for x in reasons]


def _zone(name: str | None, shop_zone: str) -> ZoneInfo:
    try:
        return zone(name or shop_zone)
    except ShopkeeperError:
        return zone(shop_zone)
