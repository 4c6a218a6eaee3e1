"""A world of customers whose affinity to an audience is known, seen mostly where they are active.

Tastes are drawn from a few topics; affinity is a logistic of taste alone. Who is observed as a
member, though, depends on activity: heavy users are seen more. A method that finds heavy users
therefore looks good on the seeds and is wrong about the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

TOPICS = 8


@dataclass(frozen=True, slots=True)
class SeedWorld:
    """Customers, what they did, and the truth.

    Parameters
    ----------
    ids
        One each.
    facts
        Features, shape (customers, features), all of which grow with activity but the last two.
    names
        Their names.
    items
        Purchases by item, shape (customers, items).
    activity
        Purchases in all.
    affinity
        True chance of belonging; depends on taste alone.
    members
        Who truly belongs.
    seeds
        Members who were observed; the active ones more often.
    """

    ids: list[str]
    facts: Floats
    names: tuple[str, ...]
    items: csr_matrix
    activity: Floats
    affinity: Floats
    members: Bools
    seeds: Bools


def seed_world(customers: int = 4000, *, seeds: int = 120, seed: int = 0) -> SeedWorld:
    """Draw a world.

    Parameters
    ----------
    customers
        How many.
    seeds
        How many members are observed, at most.
    seed
        Decides everything random.

    Returns
    -------
    SeedWorld
        About 6 % belong.
    """
    random = np.random.default_rng(seed)
    taste = random.dirichlet(np.full(TOPICS, 0.5), customers)
    rate = random.lognormal(2.0, 1.0, customers)
    items = TOPICS * 15
    profile = random.dirichlet(np.full(items, 0.15), TOPICS)
    counts = random.poisson(rate[:, None] * (taste @ profile))
    wanted = random.normal(0.0, 1.0, TOPICS)
    wanted[random.integers(TOPICS)] += 4.0
    pull = taste @ wanted
    morning = np.clip(0.5 + 0.12 * (pull - pull.mean()) + random.normal(0, 0.15, customers), 0, 1)
    age = 40.0 + 3.0 * (pull - pull.mean()) + random.normal(0.0, 9.0, customers)
    affinity = 1.0 / (1.0 + np.exp(-3.0 * (pull - np.quantile(pull, 0.95))))
    members = random.random(customers) < affinity
    chance = np.where(members, rate, 0.0)
    size = min(seeds, int(members.sum()))
    seen = random.choice(customers, size, replace=False, p=chance / chance.sum())
    observed = np.zeros(customers, dtype=bool)
    observed[seen] = True
    bought = counts.sum(axis=1).astype(np.float64)
    visits = random.poisson(3.0 * rate).astype(np.float64)
    spend = bought * random.lognormal(3.0, 0.4, customers)
    recency = random.exponential(60.0 / np.sqrt(rate))
    facts = np.column_stack([bought, visits, spend, recency, morning, age])
    names = ("purchases", "visits", "spend", "recency_days", "morning_share", "age")
    ids = [f"c{x:06d}" for x in range(customers)]
    return SeedWorld(ids, facts, names, csr_matrix(counts), bought, affinity, members, observed)
