"""Simulated tables whose leaks are known: none, or one that was planted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass
class World:
    """Columns, outcome and customers of a simulated table."""

    names: list[str]
    matrix: np.ndarray
    outcome: np.ndarray
    customer: np.ndarray


def shop(seed: int, rows: int = 1_500, base: float = 0.3, noise: int = 6, sharp: float = 1.0):
    """Customers with rhythm: recency and counts say a lot, honestly; `sharp` makes them say more."""
    random = np.random.default_rng(seed)
    liking = random.normal(size=rows)
    recency = np.exp(3.5 - 0.8 * liking + random.normal(0, 0.6, rows))
    orders = random.poisson(np.exp(0.6 + 0.7 * liking))
    spend = np.where(orders > 0, orders * random.gamma(4.0, 500.0, rows), np.nan)
    carts = random.poisson(np.exp(-0.8 + 0.8 * liking))
    other = random.normal(size=(rows, noise))
    other[random.random(other.shape) < 0.1] = np.nan
    logit = sharp * (1.6 * liking - 0.5 * np.log(recency / 30.0)) + np.log(base / (1 - base))
    outcome = random.random(rows) < 1 / (1 + np.exp(-logit))
    names = ["recency", "orders", "spend", "carts", *(f"noise{i}" for i in range(noise))]
    matrix = np.column_stack([recency, orders, spend, carts, other])
    return World(names, matrix, outcome, np.array([f"c{i}" for i in range(rows)]))


def with_column(world: World, name: str, values: np.ndarray) -> World:
    """The same table with one more column."""
    matrix = np.column_stack([world.matrix, values.astype(float)])
    return World([*world.names, name], matrix, world.outcome, world.customer)
