"""Elasticities of simulated shops whose truth is known: bias and coverage over many of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from shopkeeper.apps.bench.rows import BenchOptions, BenchRow, measure
from shopkeeper.predict.history import Floats
from shopkeeper.predict.promotion.data import PriceData, usable_rows
from shopkeeper.predict.promotion.elasticity import Elasticities, estimate_elasticities
from shopkeeper.predict.promotion.residual import demean
from shopkeeper.simulate.prices import PricedShop, simulate_prices

__all__ = ["elasticity_rows", "priced_data"]

REPLICATES = 200
PROTOCOL = (
    "simulated elasticity: {n} shops, prices follow demand, 8 products × 15 stores × 80 weeks"
)


def priced_data(shop: PricedShop) -> PriceData:
    """Rows of a simulated shop as the estimator takes them.

    Parameters
    ----------
    shop : PricedShop
        The shop.

    Returns
    -------
    PriceData
        Events are a control.
    """
    names = tuple(f"p{at}" for at in range(len(shop.elasticity)))
    return PriceData(
        names, shop.product, shop.store, shop.week, shop.units, shop.price, shop.promotion,
        {"event": shop.event},
    )  # fmt: skip


def elasticity_rows(options: BenchOptions, replicates: int = REPLICATES) -> list[BenchRow]:
    """Measure estimates against the truth.

    Parameters
    ----------
    options : BenchOptions
        `seed`.
    replicates : int
        Shops.

    Returns
    -------
    list[BenchRow]
        bias (relative to the truth), coverage95 and rmse: of the pooled elasticity where products
        share one, and of each product's where they differ; plain regression and fixed effects
        beside.
    """
    rows: list[BenchRow] = []
    for data, spread in (("one elasticity", 0.0), ("products differ", 0.5)):
        found: dict[str, list[tuple[Floats, Floats, Floats]]] = {}
        with measure() as took:
            for at in range(replicates):
                shop = simulate_prices(seed=options.seed * 10_000 + at, spread=spread)
                for name, one in _answers(shop, pooled=spread == 0.0, seed=options.seed).items():
                    found.setdefault(name, []).append(one)
        for name, parts in found.items():
            error, truth, inside = (np.concatenate(column) for column in zip(*parts, strict=True))
            figures = {
                "bias": float(error.mean() / np.abs(truth.mean())),
                "coverage95": float(np.nanmean(inside)) if np.isfinite(inside).any() else None,
                "rmse": float(np.sqrt(np.mean(error**2))),
            }
            rows += [
                BenchRow("forecast", data, PROTOCOL.format(n=replicates), name, metric, value, None,
                         None, len(error), took.seconds, took.peak_mb, options.seed)
                for metric, value in figures.items()
            ]  # fmt: skip
    return rows


def _answers(
    shop: PricedShop, *, pooled: bool, seed: int
) -> dict[str, tuple[Floats, Floats, Floats]]:
    data = priced_data(shop)
    said = estimate_elasticities(data, seed=seed)
    truth = shop.elasticity
    answers = {"shopkeeper": _judged(said, truth, pooled=pooled)}
    rows = usable_rows(data)
    y, x = np.log(rows.units), np.log(rows.price)
    product = rows.product
    within = demean(np.column_stack([y, x]), (rows.unit, rows.period))
    for name, (top, bottom) in {
        "plain_regression": tuple(demean(np.column_stack([y, x]), (product,)).T),
        "fixed_effects": (within[:, 0], within[:, 1]),
    }.items():
        group = np.zeros_like(product) if pooled else product
        slope = np.bincount(group, top * bottom) / np.bincount(group, bottom**2)
        target = truth[:1] if pooled else truth
        answers[name] = (slope - target, target, np.full(len(slope), np.nan))
    if not pooled:
        alone = replace(said, value=said.raw, low=said.raw - 1.96 * said.raw_se,
                        high=said.raw + 1.96 * said.raw_se)  # fmt: skip
        answers["shopkeeper_unshrunk"] = _judged(alone, truth, pooled=False)
    return answers


def _judged(said: Elasticities, truth: Floats, *, pooled: bool) -> tuple[Floats, Floats, Floats]:
    if pooled:
        one = said.pooled
        holds = float(one.low <= truth[0] <= one.high)
        return np.array([one.value - truth[0]]), truth[:1], np.array([holds])
    inside = ((said.low <= truth) & (truth <= said.high)).astype(np.float64)
    return said.value - truth, truth, inside
