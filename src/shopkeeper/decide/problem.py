"""What a plan is made from: customers with what is known of them, options, and limits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shopkeeper.core.errors import ContractError, InputError, NotEnoughDataError

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

CHANNELS: tuple[str, ...] = ("email", "sms", "push", "wecom")
"""Channels a plan may use, in fixed order."""

REQUIRED = ("customer_id", "orders_rate", "order_margin_minor")


@dataclass(frozen=True, slots=True)
class Limits:
    """Money and manners of one plan.

    Parameters
    ----------
    budget_minor
        Most that contacts and expected discounts may cost together.
    holdout
        Share of customers never contacted, chosen by a hash of their id.
    explore
        Share of the others who get a random permitted option.
    cap_days, cap_contacts
        At most ``cap_contacts`` contacts of a customer in any ``cap_days`` days.
    quiet_from, quiet_to
        Hours of the customer's own day in which nothing is sent; may wrap midnight.
    channel_cost_minor
        Cost of one contact by channel.
    response_days
        Days after the contact in which its effect is counted.
    redeem
        Share of discounted orders that really use the discount.
    default_consent
        What holds where no consent was stated: GRANT or DENY.
    salt
        Part of the hold-out hash; a new salt is a new hold-out.
    seed
        Decides exploration.
    """

    budget_minor: int
    holdout: float
    explore: float
    cap_days: int
    cap_contacts: int
    quiet_from: int
    quiet_to: int
    channel_cost_minor: tuple[int, ...] = (1, 5, 1, 2)
    response_days: int = 7
    redeem: float = 0.6
    default_consent: str = "DENY"
    salt: str = "global"
    seed: int = 7

    def __post_init__(self) -> None:
        if not (0 <= self.holdout < 1 and 0 <= self.explore < 1 and 0 < self.redeem <= 1):
            raise InputError(
                f"holdout {self.holdout}, explore {self.explore} and redeem {self.redeem} "
                "must be shares",
                next_step="Give hold-out and exploration in [0, 1) and redemption in (0, 1]",
            )
        if len(self.channel_cost_minor) != len(CHANNELS):
            raise InputError(
                f"{len(self.channel_cost_minor)} channel costs for {len(CHANNELS)} channels",
                next_step=f"Give one cost for each of {', '.join(CHANNELS)}",
            )
        if self.budget_minor < 0 or self.cap_days < 1 or self.cap_contacts < 0:
            raise InputError(
                "budget and caps must not be negative and the cap window at least one day",
                next_step="Correct the settings under [decide]",
            )


@dataclass(frozen=True, slots=True)
class Options:
    """Every (offer, channel) pair that may be proposed; one array entry each.

    Parameters
    ----------
    offer
        Index into ``offer_ids``.
    channel
        Index into ``CHANNELS``.
    offer_ids, offer_names, offer_kinds
        By offer.
    discount_rate
        By offer; 0 for a reminder.
    category
        By offer; empty for the whole range.
    fixed_cost_minor
        By offer; what one redemption costs beyond the discount.
    stock
        By offer; infinity when unlimited.
    """

    offer: Ints
    channel: Ints
    offer_ids: tuple[str, ...]
    offer_names: tuple[str, ...]
    offer_kinds: tuple[str, ...]
    discount_rate: Floats
    category: tuple[str, ...]
    fixed_cost_minor: Floats
    stock: Floats

    def __len__(self) -> int:
        """Number of options."""
        return len(self.offer)


@dataclass(frozen=True, slots=True)
class Customers:
    """What is known of each customer at ``as_of``; one array entry each.

    Parameters
    ----------
    customer_id
        Sorted, unique.
    orders_rate
        Expected orders per day; 0 where a model has no answer.
    order_value_minor, order_margin_minor
        Value and margin of an expected order.
    share
        Share of past spend by category, shape (n, categories) or empty.
    categories
        Columns of ``share``.
    permitted
        Whether a marketing contact is allowed and possible, shape (n, channels).
    consented, reachable
        The two halves of ``permitted``, for the reasons.
    recent_contacts
        Contacts in the cap window.
    preferred_hour
        Hour of the customer's day with the most orders, -1 when unknown.
    time_zone
        Index into ``zones``.
    zones
        IANA names.
    """

    customer_id: pa.Array
    orders_rate: Floats
    order_value_minor: Floats
    order_margin_minor: Floats
    share: Singles
    categories: tuple[str, ...]
    permitted: Bools
    consented: Bools
    reachable: Bools
    recent_contacts: Ints
    preferred_hour: Ints
    time_zone: Ints
    zones: tuple[str, ...]

    def __len__(self) -> int:
        """Number of customers."""
        return len(self.customer_id)


def read_options(offers: pa.Table, as_of: datetime) -> Options:
    """Pairs of offers valid at ``as_of`` and the channels they may use.

    Parameters
    ----------
    offers
        OFFERS rows.
    as_of
        The moment of the plan.

    Raises
    ------
    NotEnoughDataError
        If no offer is valid then.
    """
    rows = offers.sort_by("offer_id").to_pylist()
    valid = [
        r
        for r in rows
        if (r["valid_from"] is None or r["valid_from"] <= as_of)
        and (r["valid_to"] is None or r["valid_to"] > as_of)
        and (r["stock"] is None or r["stock"] > 0)
        and (r["channel"] is None or r["channel"] in CHANNELS)
    ]
    if not valid:
        raise NotEnoughDataError(
            f"none of {len(rows)} offers is valid at {as_of:%Y-%m-%d}",
            next_step="Load offers with: shopkeeper collect offers.csv --table offers",
            offers=len(rows),
        )
    pairs = [
        (i, j)
        for i, r in enumerate(valid)
        for j, name in enumerate(CHANNELS)
        if r["channel"] in (None, name)
    ]
    return Options(
        offer=np.array([i for i, _ in pairs], dtype=np.int64),
        channel=np.array([j for _, j in pairs], dtype=np.int64),
        offer_ids=tuple(r["offer_id"] for r in valid),
        offer_names=tuple(r["name"] or r["offer_id"] for r in valid),
        offer_kinds=tuple(r["kind"] or "reminder" for r in valid),
        discount_rate=np.array([r["discount_rate"] or 0.0 for r in valid]),
        category=tuple(r["category"] or "" for r in valid),
        fixed_cost_minor=np.array([float(r["cost_minor"] or 0) for r in valid]),
        stock=np.array([np.inf if r["stock"] is None else float(r["stock"]) for r in valid]),
    )


def read_customers(rows: pa.Table, limits: Limits, default_zone: str) -> Customers:
    """Arrays of a table with one row per customer.

    Parameters
    ----------
    rows
        Columns customer_id, orders_rate, order_margin_minor; optional
        order_value_minor, ``share:<category>``, ``consent:<channel>``
        (GRANT / DENY / REVOKED / null), ``address:<channel>`` (bool),
        recent_contacts, preferred_hour, time_zone.
    limits
        For the default consent.
    default_zone
        Zone of customers without one.

    Raises
    ------
    ContractError
        If a required column is missing or a customer appears twice.
    """
    missing = [name for name in REQUIRED if name not in rows.column_names]
    if missing:
        raise ContractError(
            f"the customers of a plan lack {', '.join(missing)}",
            next_step="Run features and predict first",
            columns=missing,
        )
    rows = rows.sort_by("customer_id").combine_chunks()
    ids = rows.column("customer_id").combine_chunks()
    if len(ids.unique()) != len(ids):
        raise ContractError("a customer appears twice in a plan", next_step="Run unify again")
    n = len(ids)

    def numbers(name: str, default: float) -> Floats:
        if name not in rows.column_names:
            return np.full(n, default)
        values = rows.column(name).cast(pa.float64()).fill_null(default).to_numpy()
        filled: Floats = np.nan_to_num(values, nan=default)
        return filled

    consented = np.zeros((n, len(CHANNELS)), dtype=bool)
    reachable = np.ones((n, len(CHANNELS)), dtype=bool)
    for j, channel in enumerate(CHANNELS):
        if f"consent:{channel}" in rows.column_names:
            stated = rows.column(f"consent:{channel}").fill_null(limits.default_consent)
            consented[:, j] = np.asarray(pa.compute.equal(stated, "GRANT"))
        else:
            consented[:, j] = limits.default_consent == "GRANT"
        if f"address:{channel}" in rows.column_names:
            reachable[:, j] = np.asarray(rows.column(f"address:{channel}").fill_null(False))
    shares = [name for name in rows.column_names if name.startswith("share:")]
    share = np.column_stack([numbers(x, 0.0) for x in shares]) if shares else np.zeros((n, 0))
    if "time_zone" in rows.column_names:
        zone = rows.column("time_zone").fill_null(default_zone).combine_chunks().dictionary_encode()
        zones, code = tuple(zone.dictionary.to_pylist()), np.asarray(zone.indices, dtype=np.int64)
    else:
        zones, code = (default_zone,), np.zeros(n, dtype=np.int64)
    return Customers(
        customer_id=ids,
        orders_rate=np.maximum(numbers("orders_rate", 0.0), 0.0),
        order_value_minor=np.maximum(numbers("order_value_minor", 0.0), 0.0),
        order_margin_minor=np.maximum(numbers("order_margin_minor", 0.0), 0.0),
        share=share.astype(np.float32),
        categories=tuple(x.removeprefix("share:") for x in shares),
        permitted=consented & reachable,
        consented=consented,
        reachable=reachable,
        recent_contacts=numbers("recent_contacts", 0).astype(np.int64),
        preferred_hour=numbers("preferred_hour", -1).astype(np.int64),
        time_zone=code,
        zones=zones,
    )
