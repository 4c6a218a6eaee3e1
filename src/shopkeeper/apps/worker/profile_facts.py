"""What a profile takes from one event: facts for traits, statements, a line of the timeline."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
import pyarrow as pa

from shopkeeper.collect.live.envelope import Arrived
from shopkeeper.features.live.compiled import TraitSet
from shopkeeper.features.live.engine import Fact, State
from shopkeeper.govern import standards
from shopkeeper.unify.sightings import Sighting

TIMELINE = 50
"""Events kept in the profile, the latest."""
STATED = 100
"""Traits of ``identify`` kept, the latest."""
ORDERS = 50
"""Order ids remembered, so that an order told twice counts once."""
MAX_TEXT = 200
REFUNDS = frozenset({"refund"})
ORDER_KINDS = frozenset({"purchase", "pos_order_completed"})
ORDER_FIELDS = ("order_id", "transaction_id", "orderId")
GENDERS = {"male": "1", "m": "1", "1": "1", "男": "1", "female": "2", "f": "2", "2": "2", "女": "2"}
EVERY_CHANNEL = ("email", "sms", "push", "wecom")


class Live(msgspec.Struct, omit_defaults=True):
    """The live section of a profile.

    Parameters
    ----------
    traits
        ``[value, moment of the fact, source]`` by live trait; moments are microseconds UTC.
    stated
        What ``identify`` said last, the same by name.
    permits
        ``[status, moment]`` by ``purpose/channel``, as events stated it.
    timeline
        ``[moment, kind, word, channel, amount in minor units, event id]``, the latest first.
    orders
        Orders counted last.
    updated_us
        When the section was last written.
    state
        What the traits are computed from.
    """

    traits: dict[str, list[Any]] = {}
    stated: dict[str, list[Any]] = {}
    permits: dict[str, list[Any]] = {}
    timeline: list[list[Any]] = []
    orders: list[str] = []
    updated_us: int = 0
    state: State = msgspec.field(default_factory=State)


def sightings(events: Sequence[Arrived], country: str) -> list[Sighting]:
    """What events say about who somebody is; phones and e-mails in their standard form.

    Parameters
    ----------
    events
        In order.
    country
        For phone numbers without a prefix.

    Returns
    -------
    list of Sighting
        One for each event.
    """
    telling = [i for i, x in enumerate(events) if x.traits and x.customer_ref is not None]
    contacts = _contacts([events[i].traits for i in telling], country)
    said = dict(zip(telling, contacts, strict=True))
    found = []
    for i, event in enumerate(events):
        device = event.anonymous_id
        if device is None and event.type == "alias":
            device = event.previous_id
        birth, gender = _guards(event.traits) if event.traits else (None, None)
        found.append(
            Sighting(
                event.customer_ref, None if device is None else "anonymous_id:" + device,
                said.get(i, ()), event.received_us, birth, gender,
            )
        )  # fmt: skip
    return found


def _contacts(traits: Sequence[Mapping[str, Any]], country: str) -> list[tuple[str, ...]]:
    if not traits:
        return []
    phones = pa.array([_text(x.get("phone")) for x in traits], pa.string())
    mails = pa.array([_text(x.get("email")) for x in traits], pa.string())
    standard = [
        ("phone", standards.phone(phones, country).to_pylist()),
        ("email", standards.email(mails).to_pylist()),
    ]
    return [
        tuple(f"{kind}:{values[i]}" for kind, values in standard if values[i] is not None)
        for i in range(len(traits))
    ]


def _guards(traits: Mapping[str, Any]) -> tuple[str | None, str | None]:
    birth = _text(traits.get("birthday") or traits.get("birth_date"))
    gender = _text(traits.get("gender"))
    return (
        birth[:10] if birth and len(birth) >= 10 else None,
        GENDERS.get(gender.lower()) if gender else None,
    )


def facts_of(traits: TraitSet, event: Arrived, currency: str) -> Fact:
    """The fact of an event.

    Parameters
    ----------
    traits
        Compiled definitions.
    event
        Admitted.
    currency
        The shop's; amounts in another one are not summed.

    Returns
    -------
    Fact
    """
    values: dict[str, Any] = {}
    for name in traits.needed(event.kind):
        value = _property(event.properties, name) if "." in name else getattr(event, name)
        if value is not None:
            values[name] = value
    amount = values.get("amount_minor")
    if amount is not None:
        if event.currency not in (None, currency):
            del values["amount_minor"]
        elif event.kind in REFUNDS:
            values["amount_minor"] = -abs(amount)
    return Fact(event.occurred_us, event.kind, event.source, values)


def order_of(event: Arrived) -> str | None:
    """Order that an event of a purchase is about."""
    for name in ORDER_FIELDS:
        found = _text(event.properties.get(name))
        if found:
            return found
    return None


def first_told(profile: Live, event: Arrived) -> bool:
    """Whether an order is told of for the first time; remembers it."""
    order = order_of(event)
    if order is None:
        return True
    if order in profile.orders:
        return False
    profile.orders = [*profile.orders, order][-ORDERS:]
    return True


def rebuilt_changes(
    profiles: Mapping[str, Live], stored: Mapping[str, Live], now_us: int
) -> list[tuple[str, int, Mapping[str, Any]]]:
    """What the rebuilding changed, for subscribers."""
    changes: list[tuple[str, int, Mapping[str, Any]]] = []
    for customer, profile in profiles.items():
        before = {k: v[0] for k, v in stored[customer].traits.items()} if customer in stored else {}
        after = {k: v[0] for k, v in profile.traits.items()}
        values = {
            k: [before.get(k), after.get(k)]
            for k in sorted({*before, *after})
            if before.get(k) != after.get(k)
        }
        if values:
            changes.append((customer, now_us, {"type": "traits", "traits": values}))
    return changes


def line_of(event: Arrived) -> list[Any]:
    """The event as a line of the timeline."""
    word = event.query or event.product_id or event.page or event.category
    if word is None and event.type == "track":
        word = order_of(event)
    return [event.occurred_us, event.kind, word, event.channel, event.amount_minor, event.event_id]


def state_on(profile: Live, event: Arrived) -> None:
    """Take over what an ``identify`` says; of one trait the latest holds."""
    for name, value in event.traits.items():
        kept = value[:MAX_TEXT] if isinstance(value, str) else value
        if not isinstance(kept, str | int | float | bool) or len(name) > MAX_TEXT:
            continue
        before = profile.stated.get(name)
        if before is None or before[1] <= event.occurred_us:
            profile.stated[name] = [kept, event.occurred_us, event.source]
    if len(profile.stated) > STATED:
        latest = sorted(profile.stated, key=lambda k: (-profile.stated[k][1], k))
        profile.stated = {k: profile.stated[k] for k in latest[:STATED]}


def permit_on(profile: Live, stated: Iterable[tuple[str, str, str]], at_us: int) -> None:
    """Take over statements of consent; of one purpose and channel the latest holds.

    Parameters
    ----------
    profile
        Changed in place.
    stated
        Purpose, channel (``all`` for every one) and status.
    at_us
        When they were made.
    """
    for purpose, said, status in stated:
        for channel in EVERY_CHANNEL if said == "all" else (said,):
            key = f"{purpose}/{channel}"
            before = profile.permits.get(key)
            # Of one moment a refusal holds, as in the nightly permits.
            if before is None or (before[1], before[0] != "GRANT") <= (at_us, status != "GRANT"):
                profile.permits[key] = [status, at_us]


def lines_merged(mine: Sequence[list[Any]], more: Sequence[list[Any]]) -> list[list[Any]]:
    """The latest lines of both, the latest first, each event once."""
    if len(more) == 1 and (not mine or more[0][0] > mine[0][0]):
        return [more[0], *mine[: TIMELINE - 1]]  # the ordinary case: it happened last
    by_event = {x[5]: x for x in (*mine, *more)}
    return sorted(by_event.values(), key=lambda x: (-x[0], x[5]))[:TIMELINE]


def merged(profile: Live, other: Live, join: Callable[[State, State], State]) -> Live:
    """Two live sections as one.

    Parameters
    ----------
    profile
        Changed in place and returned.
    other
        Of the customer that is the same person.
    join
        Joins the states of the traits.
    """
    profile.state = join(profile.state, other.state)
    profile.timeline = lines_merged(profile.timeline, other.timeline)
    for mine, theirs in ((profile.stated, other.stated), (profile.permits, other.permits)):
        for name, value in theirs.items():
            if name not in mine or mine[name][1] < value[1]:
                mine[name] = value
    profile.orders = list(dict.fromkeys((*other.orders, *profile.orders)))[-ORDERS:]
    return profile


def _property(properties: Mapping[str, Any], name: str) -> Any:
    found: Any = properties
    for part in name.split(".")[1:]:
        if not isinstance(found, Mapping):
            return None
        found = found.get(part)
    return found if isinstance(found, str | int | float | bool) else None


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return None
