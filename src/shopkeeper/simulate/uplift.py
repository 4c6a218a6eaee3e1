"""Randomised trials with known effects: twenty worlds, and a large one that comes in chunks.

Each world draws customers with independent and correlated features, an outcome without treatment
(baseline), an effect of treatment, and a coin that decides who is treated. The truth of every
customer is returned beside what a trial would show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from shopkeeper.core.errors import NotFoundError

Floats = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]
Shape = Callable[[Floats], npt.NDArray[np.floating[Any]]]


@dataclass(frozen=True, slots=True)
class SimulatedTrial:
    """A trial and its truth; arrays have one entry a customer.

    Parameters
    ----------
    name : str
        Name of the world.
    matrix : Matrix
        Features, (customers, features).
    treated : Bools
        Who was treated.
    outcome : Floats
        What happened.
    effect : Floats
        True effect: expected outcome treated minus untreated.
    baseline : Floats
        True expected outcome untreated.
    propensity : float
        Probability of treatment.
    cost : float
        Cost of one treatment in units of the outcome.
    """

    name: str
    matrix: Matrix
    treated: Bools
    outcome: Floats
    effect: Floats
    baseline: Floats
    propensity: float
    cost: float


@dataclass(frozen=True, slots=True)
class World:
    """How a world works.

    Parameters
    ----------
    name : str
        Its name.
    rows : int
        Customers of its trial.
    features : int
        Columns.
    effect : Shape
        Effect of a treatment from the features (on the scale of the outcome).
    baseline : Shape
        Expected outcome untreated.
    outcome : str
        ``normal``, ``binary`` or ``heavy`` (lognormal amounts, mostly zero).
    noise : float
        Standard deviation of a normal outcome.
    propensity : float
        Probability of treatment.
    cost : float
        Cost of one treatment in units of the outcome.
    correlated : bool
        Whether neighbouring features share half of their variance.
    """

    name: str
    rows: int
    features: int
    effect: Shape
    baseline: Shape
    outcome: str = "normal"
    noise: float = 1.0
    propensity: float = 0.5
    cost: float = 0.0
    correlated: bool = False


def _none(x: Floats) -> Floats:
    return np.zeros(len(x))


def _rate(low: float, high: float, slope: Floats) -> Floats:
    return low + (high - low) / (1.0 + np.exp(-slope))


WORLDS: tuple[World, ...] = (
    World("linear", 5_000, 8, lambda x: 0.3 + 0.4 * x[:, 0] - 0.3 * x[:, 1],
          lambda x: x[:, 2] + 0.5 * x[:, 3], cost=0.3),
    World("linear, dense", 6_000, 20, lambda x: 0.2 + x @ np.linspace(0.2, -0.2, 20),
          lambda x: x @ np.linspace(-0.3, 0.3, 20), correlated=True, cost=0.2),
    World("step", 5_000, 8, lambda x: 0.8 * (x[:, 0] > 0.5), lambda x: x[:, 1] + x[:, 2], cost=0.3),
    World("two steps", 8_000, 10, lambda x: 0.6 * (x[:, 0] > 0) * (x[:, 1] > 0) - 0.1,
          lambda x: np.abs(x[:, 2]), cost=0.1),
    World("interaction", 6_000, 10, lambda x: 0.5 * x[:, 0] * x[:, 1], lambda x: x[:, 2],
          cost=0.1),
    World("smooth", 6_000, 8, lambda x: 0.5 * np.sin(2 * x[:, 0]) + 0.3 * np.tanh(x[:, 1]),
          lambda x: np.sin(x[:, 2]) + x[:, 3] ** 2 / 2, cost=0.1),
    World("sparse", 6_000, 30, lambda x: 0.6 * (x[:, 7] > 0), lambda x: x[:, 1] - x[:, 2],
          cost=0.3),
    World("no effect", 5_000, 10, _none, lambda x: x[:, 0] + np.sin(x[:, 1]), cost=0.05),
    World("constant effect", 5_000, 10, lambda x: np.full(len(x), 0.4), lambda x: x[:, 0] ** 2 / 2,
          cost=0.2),
    World("do not disturb", 8_000, 8, lambda x: 0.3 - 0.9 * (x[:, 0] > 0.8), lambda x: x[:, 1],
          cost=0.05),
    World("harm on average", 6_000, 8, lambda x: -0.3 + 0.4 * x[:, 2],
          lambda x: x[:, 0] + x[:, 2], cost=0.05),
    World("heavy tail", 10_000, 8, lambda x: 2.0 + 3.0 * (x[:, 0] > 0.3), lambda x: 8 + 3 * x[:, 1],
          outcome="heavy", cost=2.5),
    World("heavy tail, one arm small", 10_000, 6, lambda x: 1.5 + 2.0 * x[:, 0],
          lambda x: 10 + 2 * x[:, 0], outcome="heavy", propensity=0.8, cost=1.5),
    World("rare, 1 %", 10_000, 8, lambda x: 0.012 * (x[:, 0] > 0),
          lambda x: _rate(0.004, 0.025, x[:, 1]), outcome="binary", cost=0.004),
    World("rare, 3 %", 10_000, 12, lambda x: _rate(0.0, 0.04, 2 * x[:, 0] - 1),
          lambda x: _rate(0.01, 0.06, x[:, 1] + x[:, 2]), outcome="binary", cost=0.01),
    World("visits", 8_000, 8, lambda x: 0.12 * (x[:, 0] > 0) - 0.04 * (x[:, 1] > 1),
          lambda x: _rate(0.05, 0.35, x[:, 2]), outcome="binary", cost=0.04),
    World("treated few", 8_000, 10, lambda x: 0.4 + 0.5 * x[:, 0], lambda x: x[:, 0] + x[:, 1],
          propensity=0.15, cost=0.4),
    World("controls few", 8_000, 10, lambda x: 0.5 * (x[:, 0] + x[:, 1] > 0),
          lambda x: 2 * x[:, 2], propensity=0.85, cost=0.25),
    World("strong baseline", 6_000, 10, lambda x: 0.25 + 0.25 * x[:, 0],
          lambda x: 3 * np.sin(x[:, 1]) + 2 * x[:, 2] * x[:, 3], cost=0.25),
    World("noise", 4_000, 12, lambda x: 0.3 + 0.3 * (x[:, 4] > 0), lambda x: x[:, 0], noise=3.0,
          correlated=True, cost=0.4),
)  # fmt: skip
"""Twenty worlds without confounding; other seeds are other draws of the same worlds."""


def world(name: str) -> World:
    """A world by its name.

    Parameters
    ----------
    name : str
        One of `WORLDS`.

    Returns
    -------
    World
        How it works.

    Raises
    ------
    NotFoundError
        When there is no such world.
    """
    for one in WORLDS:
        if one.name == name:
            return one
    raise NotFoundError(
        f"there is no simulated world {name!r}",
        next_step=f"choose one of: {', '.join(one.name for one in WORLDS)}",
        name=name,
    )


def draw_trial(spec: World, seed: int, rows: int | None = None) -> SimulatedTrial:
    """Draw the trial of a world.

    Parameters
    ----------
    spec : World
        How it works.
    seed : int
        Decides everything random.
    rows : int | None
        Customers; None takes the world's own number.

    Returns
    -------
    SimulatedTrial
        With the truth of every customer.
    """
    random = np.random.default_rng([seed, *spec.name.encode()])
    size = rows or spec.rows
    x = random.normal(size=(size, spec.features))
    if spec.correlated:
        x[:, 1:] = np.sqrt(0.5) * (x[:, 1:] + x[:, :-1])
    # The last column of every world is a code with few values, as shops have them.
    x[:, -1] = np.digitize(x[:, -1], [-1.0, 0.0, 1.0]) - 1.5
    x = x.astype(np.float32).astype(np.float64)
    treated = random.random(size) < spec.propensity
    effect = np.asarray(spec.effect(x), dtype=np.float64)
    baseline = np.asarray(spec.baseline(x), dtype=np.float64)
    if spec.outcome == "binary":
        baseline = np.clip(baseline, 0.0, 1.0)
        effect = np.clip(baseline + effect, 0.0, 1.0) - baseline
        outcome = (random.random(size) < baseline + effect * treated).astype(np.float64)
    elif spec.outcome == "heavy":
        baseline = np.maximum(baseline, 0.5)
        effect = np.maximum(baseline + effect, 0.0) - baseline
        # A fifth buys; amounts are lognormal with mean 1 and a heavy tail, times the expectation.
        buys = random.random(size) < 0.2
        amount = np.exp(random.normal(-0.605, 1.1, size))
        outcome = buys * 5.0 * amount * (baseline + effect * treated)
    else:
        outcome = baseline + effect * treated + random.normal(0.0, spec.noise, size)
    return SimulatedTrial(
        spec.name, x.astype(np.float32), treated, outcome, effect, baseline, spec.propensity,
        spec.cost,
    )  # fmt: skip


LARGE_FEATURES = 12


def draw_large(rows: int, seed: int, chunk: int = 1_000_000) -> Iterator[SimulatedTrial]:
    """A large advertising trial in chunks: 85 % treated, rare visits, twelve features.

    Parameters
    ----------
    rows : int
        Customers in all.
    seed : int
        Decides everything random.
    chunk : int
        Customers at a time.

    Yields
    ------
    SimulatedTrial
        One chunk; chunks are independent draws.
    """
    for number, start in enumerate(range(0, rows, chunk)):
        size = min(chunk, rows - start)
        random = np.random.default_rng([seed, number, 12])
        x = random.standard_normal((size, LARGE_FEATURES), dtype=np.float32)
        x[:, 6:] = np.round(np.exp(x[:, 6:]), 1)
        treated = random.random(size, dtype=np.float32) < 0.85
        slope = 0.8 * x[:, 0] + 0.5 * x[:, 1] - 0.3 * x[:, 6]
        baseline = 0.01 + 0.06 / (1.0 + np.exp(-slope))
        effect = (
            0.03 * (x[:, 2] > 0.5) * (x[:, 7] > 1.0) + 0.01 / (1 + np.exp(-2 * x[:, 3])) - 0.004
        )
        effect = np.clip(baseline + effect, 0.0, 1.0) - baseline
        chance = baseline + effect * treated
        outcome = (random.random(size, dtype=np.float32) < chance).astype(np.float64)
        yield SimulatedTrial(
            "large", x, treated, outcome, effect.astype(np.float64), baseline.astype(np.float64),
            0.85, 0.005,
        )  # fmt: skip
