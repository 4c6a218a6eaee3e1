"""One customer, a few candidates, now: the same worth and manners as the plan, with probabilities.

The plan divides a budget between everybody; here somebody waits for the answer. Worth,
hold-out, caps and exploration are those of the plan, so that both write one ledger.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec

from shopkeeper.core.errors import InputError
from shopkeeper.core.ids import content_id, unit_interval
from shopkeeper.decide.problem import CHANNELS, Limits
from shopkeeper.decide.worth import MeasuredLift, lift_one, worth_one

POLICY = "online-1"
MAX_CANDIDATES = 200


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the customer at the moment of the decision.

    Parameters
    ----------
    customer_id
        Empty for a visitor nobody knows.
    orders_rate
        Expected orders per day.
    order_value_minor, order_margin_minor
        Of an expected order.
    share
        Share of past spend by category.
    granted, reachable
        Contact channels with a marketing permit, and those with an address.
    personal
        Whether the customer lets us personalise.
    recent_contacts
        Contacts in the cap window.
    hour
        Hour of the customer's own day, 0 to 23.
    """

    customer_id: str
    orders_rate: float = 0.0
    order_value_minor: float = 0.0
    order_margin_minor: float = 0.0
    share: Mapping[str, float] = field(default_factory=dict)
    granted: frozenset[str] = frozenset()
    reachable: frozenset[str] = frozenset()
    personal: bool = True
    recent_contacts: int = 0
    hour: int = 12


class Candidate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """One thing that could be shown or sent.

    Parameters
    ----------
    id
        The caller's name for it; unique in a request.
    channel
        A contact channel (``email`` …), or empty for something shown where the customer is.
    kind
        Kind of offer: reminder, percent or amount.
    category
        What it is about; empty for the whole range.
    discount_rate
        Share of the price given away.
    cost_minor
        What one redemption costs beyond that.
    value_minor
        Worth declared by the caller; None lets us estimate it.
    stock
        Units left; None when unlimited.
    """

    id: str
    channel: str = ""
    kind: str = "reminder"
    category: str = ""
    discount_rate: float = 0.0
    cost_minor: float = 0.0
    value_minor: float | None = None
    stock: float | None = None


class Ranked(msgspec.Struct, frozen=True, gc=False):
    """One candidate in the answer.

    Parameters
    ----------
    id
        Of the candidate.
    probability
        The chance it had of being first.
    value_minor, cost_minor, uplift
        Its worth.
    code
        Why it is here: ``best_value``, ``explored``, ``holdout`` or ``not_personalised``.
    origin
        Where the worth came from: assumed, measured or declared.
    stranger
        Whether nothing is known of the visitor.
    """

    id: str
    probability: float
    value_minor: float
    cost_minor: float
    uplift: float
    code: str
    origin: str
    stranger: bool

    @property
    def reasons(self) -> tuple[Mapping[str, Any], ...]:
        """Codes with their values, as in the ledger; made when asked for."""
        if self.code in {"holdout", "not_personalised"}:
            return ({"code": self.code},)
        value = round(self.value_minor)
        first = {"code": self.code, "value": value, "cost": round(self.cost_minor)}
        second: Mapping[str, Any]
        if self.origin == "declared":
            second = {"code": "declared", "value": value}
        else:
            second = {"code": "uplift", "uplift": round(self.uplift, 5), "origin": self.origin}
        return (first, second, {"code": "stranger"}) if self.stranger else (first, second)


@dataclass(frozen=True, slots=True)
class Ranking:
    """The answer to one request, and all that its ledger row needs.

    Parameters
    ----------
    decision_id
        The same for a repeated request.
    customer_id, as_of
        Who and when.
    ranked
        Best first; empty when nothing may be shown.
    refused
        Candidate and reason of each that may not.
    explored, holdout
        Whether the first place was drawn at random, and whether the customer is held out.
    policy_version
        Version of the policy and its limits.
    """

    decision_id: str
    customer_id: str
    as_of: datetime
    ranked: tuple[Ranked, ...]
    refused: tuple[tuple[str, Mapping[str, Any]], ...]
    explored: bool
    holdout: bool
    policy_version: str


def rank(
    known: Known,
    candidates: Sequence[Candidate],
    limits: Limits,
    *,
    decision_id: str,
    as_of: datetime,
    measured: Mapping[str, MeasuredLift] | None = None,
) -> Ranking:
    """Order candidates by worth, with the probability each had of coming first.

    Parameters
    ----------
    known
        The customer.
    candidates
        At most ``MAX_CANDIDATES``, ids unique; their order is the shop's own and is kept for
        customers who are held out or not personalised.
    limits
        Hold-out, exploration, caps and quiet hours, as for the plan.
    decision_id
        Decides all randomness.
    as_of
        The moment.
    measured
        Lifts by channel that randomised contacts have shown.

    Returns
    -------
    Ranking
        With exploration ε and k permitted candidates, each is first with ε/k and the best
        with 1 − ε more.

    Raises
    ------
    InputError
        If there is no candidate, there are too many, or one is malformed.
    """
    _check(candidates)
    held = (
        bool(known.customer_id) and unit_interval(limits.salt, known.customer_id) < limits.holdout
    )
    refused: list[tuple[str, Mapping[str, Any]]] = []
    open_to: list[Candidate] = []
    for one in candidates:
        reason = _obstacle(known, one, limits, held=held)
        if reason is None:
            open_to.append(one)
        else:
            refused.append((one.id, reason))
    worths = [_worth(known, x, limits, measured or {}) for x in open_to]
    ranked: tuple[Ranked, ...]
    if held or not known.personal:
        code, coin = ("holdout", limits.holdout) if held else ("not_personalised", 1.0)
        stranger = not known.customer_id
        ranked = tuple(
            _ranked(x, coin * (i == 0), code, stranger=stranger) for i, x in enumerate(worths)
        )
        explored = False
    else:
        # What costs nothing may always be shown; what costs must be expected to earn it.
        gains = [x for x in worths if x.value > 0 or x.cost <= 0]
        lost = [x for x in worths if not (x.value > 0 or x.cost <= 0)]
        refused += [(x.candidate.id, {"code": "no_gain"}) for x in lost]
        ranked, explored = _ordered(gains, limits, decision_id, stranger=not known.customer_id)
    return Ranking(
        decision_id,
        known.customer_id,
        as_of,
        ranked,
        tuple(refused),
        explored,
        held,
        policy_version(limits),
    )


@lru_cache(maxsize=16)
def policy_version(limits: Limits) -> str:
    """Version of the policy under some limits.

    Parameters
    ----------
    limits
        The limits.

    Returns
    -------
    str
    """
    return content_id(POLICY, repr(limits), length=12, prefix=POLICY)


def _check(candidates: Sequence[Candidate]) -> None:
    if not 0 < len(candidates) <= MAX_CANDIDATES:
        raise InputError(
            f"{len(candidates)} candidates were given",
            next_step=f"Give 1 to {MAX_CANDIDATES}",
            candidates=len(candidates),
        )
    seen: set[str] = set()
    for one in candidates:
        if one.id in seen:
            raise InputError(
                f"candidate {one.id} is given twice", next_step="Give each id once", id=one.id
            )
        seen.add(one.id)
        if one.channel and one.channel not in CHANNELS:
            raise InputError(
                f"candidate {one.id} names the channel {one.channel!r}",
                next_step=f"Choose {', '.join(CHANNELS)}, or none for what is shown on the page",
                id=one.id,
            )
        if not 0 <= one.discount_rate <= 1 or one.cost_minor < 0:
            raise InputError(
                f"candidate {one.id}: discount {one.discount_rate} and cost {one.cost_minor} "
                "must be a share and not negative",
                next_step="Give discount_rate between 0 and 1 and cost of 0 or more",
                id=one.id,
            )


def _obstacle(
    known: Known, one: Candidate, limits: Limits, *, held: bool
) -> Mapping[str, Any] | None:
    if one.stock is not None and one.stock <= 0:
        return {"code": "stock"}
    if not one.channel:
        return None
    if held:
        return {"code": "holdout"}
    if one.channel not in known.granted:
        return {"code": "no_consent"}
    if one.channel not in known.reachable:
        return {"code": "no_address"}
    if known.recent_contacts >= limits.cap_contacts:
        return {
            "code": "frequency_cap",
            "contacts": known.recent_contacts,
            "cap": limits.cap_contacts,
            "cap_days": limits.cap_days,
        }
    start, end = limits.quiet_from, limits.quiet_to
    quiet = start <= known.hour < end if start <= end else known.hour >= start or known.hour < end
    return {"code": "quiet_hours", "from_hour": start, "to_hour": end} if quiet else None


class _Worth(msgspec.Struct, frozen=True, gc=False):
    """Value, cost and uplift of one permitted candidate, and where the estimate came from."""

    candidate: Candidate
    value: float
    cost: float
    uplift: float
    origin: str


def _worth(
    known: Known, one: Candidate, limits: Limits, measured: Mapping[str, MeasuredLift]
) -> _Worth:
    lift, origin = lift_one(one.kind, one.channel, one.discount_rate, measured)
    contact = limits.channel_cost_minor[CHANNELS.index(one.channel)] if one.channel else 0.0
    value, cost, uplift = worth_one(
        known.orders_rate,
        known.order_value_minor,
        known.order_margin_minor,
        known.share.get(one.category, 0.0) if one.category else None,
        lift=lift,
        discount_rate=one.discount_rate,
        fixed_cost_minor=one.cost_minor,
        contact_minor=contact,
        limits=limits,
    )
    if one.value_minor is not None:
        return _Worth(one, one.value_minor, cost, uplift, "declared")
    return _Worth(one, value, cost, uplift, origin)


def _ordered(
    worths: Sequence[_Worth], limits: Limits, decision_id: str, *, stranger: bool
) -> tuple[tuple[Ranked, ...], bool]:
    n = len(worths)
    if n == 0:
        return (), False
    order = sorted(range(n), key=lambda i: -worths[i].value)
    best = order[0]
    explored = n > 1 and unit_interval(limits.seed, "explore", decision_id) < limits.explore
    if explored:
        first = int(unit_interval(limits.seed, "pick", decision_id) * n)
        order = [first, *(x for x in order if x != first)]
    epsilon = limits.explore if n > 1 else 0.0
    # A visitor nobody knows is in no hold-out: there is no coin to count.
    coin = 1.0 if stranger else 1.0 - limits.holdout
    ranked = []
    for place, i in enumerate(order):
        code = "explored" if explored and place == 0 else "best_value"
        chance = coin * (epsilon / n + (1 - epsilon) * (i == best))
        ranked.append(_ranked(worths[i], chance, code, stranger=stranger))
    return tuple(ranked), explored


def _ranked(worth: _Worth, chance: float, code: str, *, stranger: bool) -> Ranked:
    return Ranked(
        worth.candidate.id,
        chance,
        worth.value,
        worth.cost,
        worth.uplift,
        code,
        worth.origin,
        stranger,
    )
