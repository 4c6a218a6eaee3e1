"""Bench of look-alikes: hidden members of simulated audiences whose affinity is known."""

from __future__ import annotations

import numpy as np

from shopkeeper.apps.bench.rows import BenchOptions, BenchRow, measure
from shopkeeper.core.errors import InputError
from shopkeeper.predict.calibrate import auc
from shopkeeper.predict.lookalike.evaluate import METHODS, baseline_scores, precision_at, top_lift
from shopkeeper.predict.lookalike.space import Customers
from shopkeeper.simulate.seeds import SeedWorld, seed_world

__all__ = ["run"]

WORLDS = 10
CUSTOMERS = 4000
SEEDS = (10, 30, 120)
PROTOCOL = "10 simulated worlds, seeds seen by activity, true members known"
OURS = "shopkeeper"


def run(options: BenchOptions) -> list[BenchRow]:
    """Measure look-alikes in worlds with known affinity.

    Parameters
    ----------
    options
        ``customers``, ``methods``, ``seed``.

    Returns
    -------
    list of BenchRow
        ``precision@1%`` (members among the best hundredth of those who are no seed), ``lift@10%``
        and ``auc`` by method and number of seeds, with the interval over worlds; and the ratio of
        our precision to that of the centroid.

    Raises
    ------
    InputError
        When a file is given: no reference says who would have belonged.
    """
    if options.inputs:
        raise InputError(
            "bench lookalike takes no file: who would have belonged is known in simulations only",
            next_step="leave --input out",
        )
    rows: list[BenchRow] = []
    for seeds in SEEDS:
        rows += _size(options, seeds)
    return rows


def _size(options: BenchOptions, seeds: int) -> list[BenchRow]:
    count = options.customers or CUSTOMERS
    figures: dict[tuple[str, str], list[float]] = {}
    seconds = dict.fromkeys(METHODS, 0.0)
    for world_seed in range(WORLDS):
        world = seed_world(count, seeds=seeds, seed=options.seed * 1000 + world_seed)
        customers = as_customers(world)
        others = ~world.seeds
        truth = world.members[others]
        for method in METHODS:
            with measure() as took:
                scores = baseline_scores(
                    customers, world.seeds, seed=options.seed, methods=(method,)
                )
            seconds[method] += took.seconds
            score = scores[method][others]
            found = {
                "precision@1%": precision_at(truth, score, 0.01),
                "lift@10%": top_lift(truth, score),
                "auc": auc(truth, score),
            }
            for metric, value in found.items():
                figures.setdefault((method, metric), []).append(value)
    rows = []
    for (method, metric), values in figures.items():
        name = OURS if method == "bagged" else method
        if options.methods and name not in options.methods:
            continue
        half = 1.96 * float(np.std(values, ddof=1)) / np.sqrt(len(values))
        mean = float(np.mean(values))
        rows.append(
            BenchRow("lookalike", f"{seeds} seeds", PROTOCOL, name, metric, mean, mean - half,
                     mean + half, count, seconds[method], None, options.seed)
        )  # fmt: skip
    ours = float(np.mean(figures["bagged", "precision@1%"]))
    centre = float(np.mean(figures["centroid", "precision@1%"]))
    if not options.methods or OURS in options.methods:
        rows.append(
            BenchRow("lookalike", f"{seeds} seeds", PROTOCOL, OURS, "precision_over_centroid",
                     ours / centre if centre else float("inf"), n=count, seed=options.seed)
        )  # fmt: skip
    return rows


def as_customers(world: SeedWorld) -> Customers:
    """Customers of a world as the model takes them.

    Parameters
    ----------
    world
        Drawn.
    """
    return Customers(world.ids, world.facts, world.names, world.items, world.activity)
