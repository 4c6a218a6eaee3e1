"""What an option is worth for a customer: expected incremental margin minus all costs.

A contact moves the log-odds of an order within the response window by a *lift*.
The lift is a declared assumption per kind of offer and channel until randomised
contacts were measured; then it is the measured value, shrunk towards the
assumption by its precision (normal–normal). The discount is paid on every order
that redeems it, also on those that would have come anyway.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from shopkeeper.decide.problem import CHANNELS, Customers, Floats, Limits, Options, Singles

ASSUMED_LIFT: Mapping[str, float] = {"reminder": 0.15, "percent": 0.15, "amount": 0.25}
"""Assumed change of log-odds by a contact, before its discount counts."""
LIFT_PER_DISCOUNT = 1.5
"""Assumed further change of log-odds per unit of discount rate."""
CHANNEL_LIFT: Mapping[str, float] = {"email": 0.8, "sms": 1.1, "push": 0.9, "wecom": 1.2}
ASSUMED_SD = 0.15
"""How uncertain the assumption is; a measurement this precise counts for half."""
FULL_INTEREST = 0.2
"""Share of spend from which a category counts as fully the customer's own."""
LEAST_SHARE = 0.05
"""Part of an order that a discount takes even where the category was never bought."""
CHUNK = 100_000


@dataclass(frozen=True, slots=True)
class MeasuredLift:
    """Log-odds change measured by randomised contacts of one channel.

    Parameters
    ----------
    channel
        Which channel.
    lift
        Difference of log-odds between sent and held-out.
    error
        Its standard error.
    n
        Contacts and controls counted.
    """

    channel: str
    lift: float
    error: float
    n: int


def measured_lift(
    channel: str, sent: int, sent_orders: int, held: int, held_orders: int
) -> MeasuredLift | None:
    """Log-odds ratio of ordering after a contact, from counts alone.

    Parameters
    ----------
    channel
        Which channel.
    sent, held
        Customers contacted and held out.
    sent_orders, held_orders
        Those of them who ordered in the response window.

    Returns
    -------
    MeasuredLift or None
        None when one arm is empty. Half an order is added to every cell
        (Haldane–Anscombe), so that no cell is zero.
    """
    if sent == 0 or held == 0:
        return None
    a, b = sent_orders + 0.5, sent - sent_orders + 0.5
    c, d = held_orders + 0.5, held - held_orders + 0.5
    lift = float(np.log(a / b) - np.log(c / d))
    return MeasuredLift(channel, lift, float(np.sqrt(1 / a + 1 / b + 1 / c + 1 / d)), sent + held)


def option_lift(options: Options, measured: Mapping[str, MeasuredLift]) -> tuple[Floats, list[str]]:
    """Lift of every option and whether it is assumed or measured.

    Parameters
    ----------
    options
        The options.
    measured
        By channel; channels that are absent keep the assumption.
    """
    lifts = np.empty(len(options))
    origin = []
    for i, (offer, channel) in enumerate(zip(options.offer, options.channel, strict=True)):
        kind, rate = options.offer_kinds[offer], float(options.discount_rate[offer])
        lifts[i], how = lift_one(kind, CHANNELS[channel], rate, measured)
        origin.append(how)
    return lifts, origin


@dataclass(frozen=True, slots=True)
class Worth:
    """Value, cost and uplift of every option for a block of customers, shape (n, options)."""

    value: Singles
    cost: Singles
    uplift: Singles


def worth_of(
    customers: Customers, options: Options, limits: Limits, lifts: Floats, rows: slice
) -> Worth:
    """Worth of every option for a block of customers.

    Parameters
    ----------
    customers, options, limits
        The problem.
    lifts
        Of each option.
    rows
        Which customers.

    Returns
    -------
    Worth
        In minor units; ``value`` is incremental margin minus discount and
        contact cost, ``cost`` what the budget pays, ``uplift`` expected extra orders.
        Options a customer may not get are *not* masked here.
    """
    base = -np.expm1(-customers.orders_rate[rows] * limits.response_days)
    base = np.clip(base, 1e-6, 1 - 1e-6)
    interest = _interest(customers, options, rows)
    log_odds = np.log(base / (1 - base))[:, None] + lifts[None, :] * interest
    after = 1 / (1 + np.exp(-log_odds))
    uplift = after - base[:, None]
    discount = (
        customers.order_value_minor[rows, None]
        * options.discount_rate[options.offer][None, :]
        * _own_share(customers, options, rows)
        + options.fixed_cost_minor[options.offer][None, :]
    ) * limits.redeem
    contact = np.array(limits.channel_cost_minor, dtype=float)[options.channel][None, :]
    cost = contact + after * discount
    value = uplift * customers.order_margin_minor[rows, None] - cost
    return Worth(value.astype(np.float32), cost.astype(np.float32), uplift.astype(np.float32))


def worth_one(
    orders_rate: float,
    order_value_minor: float,
    order_margin_minor: float,
    share: float | None,
    *,
    lift: float,
    discount_rate: float,
    fixed_cost_minor: float,
    contact_minor: float,
    limits: Limits,
) -> tuple[float, float, float]:
    """:func:`worth_of` for one customer and one option, without arrays: somebody waits.

    Parameters
    ----------
    orders_rate, order_value_minor, order_margin_minor
        Of the customer.
    share
        Share of past spend in the option's category; None for the whole range.
    lift
        Of the option.
    discount_rate, fixed_cost_minor
        Of the offer.
    contact_minor
        Cost of the contact.
    limits
        Response window and redemption.

    Returns
    -------
    tuple
        Value, cost (both minor units) and uplift (orders).
    """
    base = min(max(-math.expm1(-orders_rate * limits.response_days), 1e-6), 1 - 1e-6)
    interest = 1.0 if share is None else 0.25 + 0.75 * min(share / FULL_INTEREST, 1.0)
    own = 1.0 if share is None else max(share, LEAST_SHARE)
    after = 1 / (1 + math.exp(-(math.log(base / (1 - base)) + lift * interest)))
    discount = (order_value_minor * discount_rate * own + fixed_cost_minor) * limits.redeem
    cost = contact_minor + after * discount
    uplift = after - base
    return uplift * order_margin_minor - cost, cost, uplift


def lift_one(
    kind: str, channel: str, discount_rate: float, measured: Mapping[str, MeasuredLift]
) -> tuple[float, str]:
    """:func:`option_lift` for one option; an empty channel is what is shown on the page.

    Parameters
    ----------
    kind
        Kind of offer.
    channel
        Contact channel or empty.
    discount_rate
        Of the offer.
    measured
        By channel.

    Returns
    -------
    tuple
        Lift, and whether it is assumed or measured.
    """
    contact = ASSUMED_LIFT.get(kind, ASSUMED_LIFT["reminder"]) * CHANNEL_LIFT.get(channel, 1.0)
    found = measured.get(channel)
    if found is not None:
        weight = ASSUMED_SD**2 / (ASSUMED_SD**2 + found.error**2)
        contact = (1 - weight) * contact + weight * found.lift
    return contact + LIFT_PER_DISCOUNT * discount_rate, "assumed" if found is None else "measured"


def _interest(customers: Customers, options: Options, rows: slice) -> Floats:
    """How much an option's category is the customer's own, in [0.25, 1]."""
    n = len(range(*rows.indices(len(customers))))
    interest = np.ones((n, len(options)))
    known = {name: i for i, name in enumerate(customers.categories)}
    for j, offer in enumerate(options.offer):
        name = options.category[offer]
        if name and name in known:
            share = customers.share[rows, known[name]]
            interest[:, j] = 0.25 + 0.75 * np.minimum(share / FULL_INTEREST, 1.0)
        elif name:
            interest[:, j] = 0.25
    return interest


def _own_share(customers: Customers, options: Options, rows: slice) -> Floats:
    """Part of an order that an option's discount applies to, in [LEAST_SHARE, 1]."""
    n = len(range(*rows.indices(len(customers))))
    part = np.ones((n, len(options)))
    known = {name: i for i, name in enumerate(customers.categories)}
    for j, offer in enumerate(options.offer):
        name = options.category[offer]
        if name:
            share = customers.share[rows, known[name]] if name in known else 0.0
            part[:, j] = np.maximum(share, LEAST_SHARE)
    return part


def blocks(n: int) -> Iterator[slice]:
    """Slices of at most ``CHUNK`` customers."""
    for start in range(0, n, CHUNK):
        yield slice(start, min(start + CHUNK, n))
