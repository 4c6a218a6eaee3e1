"""What nobody sees: rates, lifetimes, spending, tastes and how contacts work on a customer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from shopkeeper.simulate.spec import (
    CATEGORIES,
    CHANNEL_FACTOR,
    CHANNELS,
    GROUP_EFFECT,
    GROUP_SHARES,
    GROUPS,
    Floats,
    Ints,
    ShopSpec,
)

ARCHETYPES = 6


@dataclass(frozen=True, slots=True)
class Latent:
    """Truth of the customers of one chunk, one array entry each.

    Parameters
    ----------
    number
        Customer numbers.
    rate
        Orders per day while alive.
    joined_day, death_day
        Days since the start, as fractions; death may lie beyond the history.
    mean_spend
        Expected order value in whole currency units.
    tastes
        Probability of each category, shape (n, categories).
    group
        Index into ``GROUPS``.
    effect
        Change of the chance of an order in the response window by one contact,
        shape (n, channels).
    night
        Whether the customer shops in the evening.
    """

    number: Ints
    rate: Floats
    joined_day: Floats
    death_day: Floats
    mean_spend: Floats
    tastes: Floats
    group: Ints
    effect: Floats
    night: Ints

    def table(self) -> pa.Table:
        """The truth as a table: customer_ref, parameters and effect by channel."""
        columns: dict[str, object] = {
            "customer_ref": customer_refs(self.number),
            "rate": self.rate,
            "joined_day": self.joined_day,
            "death_day": self.death_day,
            "mean_spend": self.mean_spend,
            "group": pa.array(np.array(GROUPS)[self.group]),
        }
        columns |= {f"effect_{name}": self.effect[:, i] for i, name in enumerate(CHANNELS)}
        return pa.table(columns)


def customer_refs(numbers: Ints) -> pa.Array:
    """``crm:C0000012`` of customer 12."""
    return numbered("crm:C", numbers, width=7)


def numbered(prefix: str, numbers: Ints, *, width: int = 0) -> pa.Array:
    """Prefix and zero-padded number as Arrow strings, without a Python loop."""
    text = pa.array(numbers).cast(pa.string())
    if width:
        text = pa.compute.utf8_lpad(text, width, "0")
    return pa.compute.binary_join_element_wise(prefix, text, "")


def latent(spec: ShopSpec, chunk: int) -> Latent:
    """Draw the truth of one chunk of customers.

    Parameters
    ----------
    spec
        The shop.
    chunk
        Which customers.

    Notes
    -----
    Heterogeneity follows Schmittlein, Morrison and Colombo (1987) for orders and
    Fader, Hardie and Lee (2005) for spend.
    """
    rng = spec.rng("latent", chunk)
    number = spec.members(chunk)
    n = len(number)
    rate = rng.gamma(spec.r, 1 / spec.alpha, n)
    dropout = rng.gamma(spec.s, 1 / spec.beta, n)
    joined = rng.uniform(0, spec.join_days, n)
    # A dropout rate drawn as zero means a customer who never leaves.
    with np.errstate(divide="ignore", over="ignore"):
        death = joined + rng.exponential(1, n) / dropout
    spend_rate = rng.gamma(spec.q, 1 / spec.gamma, n)
    mean_spend = spec.p / spend_rate
    shared = spec.rng("latent", 1_000_000)
    archetypes = shared.dirichlet(np.full(len(CATEGORIES), 0.35), ARCHETYPES)
    kind = rng.integers(0, ARCHETYPES, n)
    own = rng.dirichlet(np.full(len(CATEGORIES), 0.5), n)
    tastes = 0.75 * archetypes[kind] + 0.25 * own
    group = rng.choice(len(GROUPS), n, p=GROUP_SHARES)
    strength = np.array(GROUP_EFFECT)[group] * rng.gamma(4, 0.25, n)
    effect = np.clip(strength[:, None] * np.array(CHANNEL_FACTOR)[None, :], -0.5, 0.8)
    night = rng.integers(0, 2, n)
    return Latent(number, rate, joined, death, mean_spend, tastes, group, effect, night)
