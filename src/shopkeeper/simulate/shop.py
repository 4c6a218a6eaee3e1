"""The simulated shop as streams of contract tables, and the world that answers a plan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from shopkeeper.core import tables
from shopkeeper.core.clock import to_us
from shopkeeper.core.errors import InputError
from shopkeeper.core.tables import TableContract
from shopkeeper.simulate.behaviour import (
    consent_table,
    customer_table,
    draw_contacts,
    event_table,
    touch_table,
    with_effects,
)
from shopkeeper.simulate.latent import customer_refs, latent, numbered
from shopkeeper.simulate.orders import draw_orders, line_table, order_table, product_table
from shopkeeper.simulate.spec import CHANNELS, RESPONSE_DAYS, Floats, Ints, ShopSpec

CONTRACTS: tuple[TableContract, ...] = (
    tables.PRODUCTS, tables.OFFERS, tables.CUSTOMERS, tables.CONSENTS, tables.ORDERS,
    tables.ORDER_LINES, tables.TOUCHES, tables.EVENTS,
)  # fmt: skip


def generate(spec: ShopSpec) -> Iterator[tuple[TableContract, pa.Table]]:
    """Every table of the shop, customer chunk by customer chunk.

    Parameters
    ----------
    spec
        The shop; equal specs give equal tables.

    Yields
    ------
    contract, rows
        Memory stays that of one chunk of 50,000 customers.

    Examples
    --------
    >>> spec = ShopSpec(customers=100, days=60, join_days=30, seed=1)
    >>> {c.name: t.num_rows for c, t in generate(spec)}["customers"]
    100
    """
    yield tables.PRODUCTS, product_table(spec)
    yield tables.OFFERS, offer_table(spec)
    for chunk in spec.chunks:
        truth = latent(spec, chunk)
        contacts = draw_contacts(spec, truth, chunk)
        orders = with_effects(spec, truth, draw_orders(spec, truth, chunk), contacts, chunk)
        rows = order_table(spec, truth, orders, chunk)
        yield tables.CUSTOMERS, customer_table(spec, truth, chunk)
        first_us = to_us(spec.as_of) - spec.days * 86_400_000_000
        refs = customer_refs(truth.number)
        yield tables.CONSENTS, consent_table(refs, first_us, spec.rng("profiles", chunk + 900_000))
        yield tables.ORDERS, rows
        yield tables.ORDER_LINES, line_table(spec, truth, orders, rows, chunk)
        if len(contacts.member):
            yield tables.TOUCHES, touch_table(spec, truth, contacts, chunk)
        if spec.events_per_customer > 0:
            yield tables.EVENTS, event_table(spec, truth, orders, chunk)


def truth_table(spec: ShopSpec) -> pa.Table:
    """What nobody sees, for every customer: rates, lifetimes, effects by channel."""
    return pa.concat_tables(latent(spec, chunk).table() for chunk in spec.chunks)


def offer_table(spec: ShopSpec, count: int = 20) -> pa.Table:
    """Offers under the OFFERS contract: reminders without cost and discounts by category.

    Parameters
    ----------
    spec
        The shop; offers are valid from its start and for a quarter after its end.
    count
        How many offers.
    """
    from shopkeeper.simulate.spec import CATEGORIES

    number = np.arange(count)
    rate = np.array([0.0, 0.05, 0.1, 0.15])[number % 4]
    begin, end = to_us(spec.as_of) - spec.days * 86_400_000_000, to_us(spec.as_of)
    stamp = pa.timestamp("us", tz="UTC")
    columns = {
        "offer_id": numbered("offer", number, width=3),
        "name": pa.array([_offer_name(CATEGORIES[i % len(CATEGORIES)], rate[i]) for i in number]),
        "kind": pa.array(np.where(rate > 0, "percent", "reminder")),
        "category": pa.array(np.array(CATEGORIES)[number % len(CATEGORIES)]),
        "discount_rate": pa.array(rate),
        "currency": pa.array(np.full(count, spec.currency)),
        "stock": pa.array(np.where(rate > 0.1, max(spec.customers // 20, 1), spec.customers)),
        "valid_from": pa.array(np.full(count, begin)).cast(stamp),
        "valid_to": pa.array(np.full(count, end + 90 * 86_400_000_000)).cast(stamp),
        "source": pa.array(np.full(count, "simulated")),
    }
    return tables.OFFERS.cast(pa.table(columns), fill=True)


def _offer_name(category: str, rate: float) -> str:
    return f"{category}提醒" if rate == 0 else f"{category}立减{rate:.0%}"


@dataclass(frozen=True, slots=True)
class Response:
    """What a set of contacts and non-contacts led to in the response window.

    Parameters
    ----------
    orders
        Orders of each customer in the window.
    amount_minor
        Their value.
    effect
        True expected change of the chance to order, zero where nothing was sent.
    """

    orders: Ints
    amount_minor: Ints
    effect: Floats


def respond(
    spec: ShopSpec, numbers: Ints, channels: Ints, seed: int, *, margin_of_time: int = RESPONSE_DAYS
) -> Response:
    """Let the world answer a plan after the end of the history.

    Parameters
    ----------
    spec
        The shop.
    numbers
        Customer numbers, sorted.
    channels
        Index into ``CHANNELS`` of the contact, -1 for none, aligned with ``numbers``.
    seed
        Decides the answers; the same customers answer alike under either choice
        except for what the contact causes.
    margin_of_time
        Days in which orders are counted.

    Raises
    ------
    InputError
        If a customer number does not exist or the arrays differ in length.
    """
    if len(numbers) != len(channels):
        raise InputError(
            f"{len(numbers)} customers but {len(channels)} channels",
            next_step="Give one channel, or -1, per customer",
        )
    if len(numbers) and (numbers.min() < 0 or numbers.max() >= spec.customers):
        raise InputError(
            "a customer number is outside the simulated shop",
            next_step=f"Use numbers from 0 to {spec.customers - 1}",
        )
    if len(channels) and channels.max() >= len(CHANNELS):
        raise InputError("a channel index is unknown", next_step=f"Channels are {CHANNELS}")
    orders = np.zeros(len(numbers), dtype=np.int64)
    amount = np.zeros(len(numbers), dtype=np.int64)
    true_effect = np.zeros(len(numbers))
    for chunk in spec.chunks:
        members = spec.members(chunk)
        chosen = np.flatnonzero((numbers >= members[0]) & (numbers <= members[-1]))
        if not len(chosen):
            continue
        truth = latent(spec, chunk)
        rng = np.random.default_rng([seed, chunk])
        n = len(members)
        base, chance, size = rng.random(n), rng.random(n), rng.gamma(spec.p, 1 / spec.p, n)
        row = numbers[chosen] - members[0]
        alive = truth.death_day[row] > spec.days
        organic = alive & (base[row] < 1 - np.exp(-truth.rate[row] * margin_of_time))
        sent = channels[chosen] >= 0
        effect = np.where(sent, truth.effect[row, np.maximum(channels[chosen], 0)], 0.0) * alive
        made = (organic | (chance[row] < effect)) & ~(chance[row] < -effect)
        orders[chosen] = made
        amount[chosen] = np.rint(made * size[row] * truth.mean_spend[row] * 100).astype(np.int64)
        true_effect[chosen] = effect
    return Response(orders, amount, true_effect)
