"""Shops whose every parameter is known: how often ranges hold, and what a million customers cost."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from shopkeeper.apps.bench.peers import peer_python, run_peer
from shopkeeper.apps.bench.rows import BenchOptions, BenchRow, Measured, measure
from shopkeeper.predict.churn.features import bought_within
from shopkeeper.predict.history import DAY_US, Question, read_history
from shopkeeper.predict.value.model import ValueModel
from shopkeeper.predict.value.summary import summarise
from shopkeeper.predict.value.train import measure_value

__all__ = ["SHOPS", "Shop", "large_shop", "make_shop", "shops"]

PEER = "lifetimes_btyd.py"
PEER_SECONDS = 300.0
"""How long a peer may take for the large shop."""


@dataclass(frozen=True, slots=True)
class Shop:
    """Parameters of a Pareto/NBD shop with Gamma-Gamma amounts, time in days.

    Parameters
    ----------
    r, alpha : float
        Shape and rate of the purchase rates.
    s, beta : float
        Shape and rate of the departure rates.
    p, q, gamma : float
        Gamma-Gamma; gamma in minor units.
    days, horizon_days : int
        Length of the past and of the truth after it.
    """

    r: float
    alpha: float
    s: float
    beta: float
    p: float
    q: float
    gamma: float
    days: int
    horizon_days: int


SHOPS = {
    "books": Shop(0.55, 74.0, 0.61, 82.0, 6.2, 3.7, 1_540.0, 273, 273),
    "groceries": Shop(2.0, 40.0, 0.8, 400.0, 4.0, 6.0, 9_000.0, 365, 90),
    "fashion": Shop(0.9, 60.0, 0.5, 60.0, 3.0, 4.0, 12_000.0, 540, 180),
    "gifts": Shop(0.3, 60.0, 1.5, 500.0, 8.0, 5.0, 6_000.0, 730, 365),
    "cosmetics": Shop(1.4, 90.0, 1.2, 250.0, 2.0, 8.0, 20_000.0, 420, 120),
}
"""Five shops that differ in pace, in loyalty and in the length of what is known."""


def make_shop(shop: Shop, customers: int, seed: int) -> pa.Table:
    """Draw the orders of a shop, past and truth.

    Parameters
    ----------
    shop : Shop
        Its parameters.
    customers : int
        How many; they first buy evenly over the first two thirds of the past.
    seed : int
        Decides everything random.

    Returns
    -------
    pa.Table
        Columns `customer_id`, `ts_us`, `amount_minor`; the past ends at `shop.days` days.

    Examples
    --------
    >>> make_shop(SHOPS["books"], 10, 1)["customer_id"].combine_chunks().unique().__len__()
    10
    """
    random = np.random.default_rng(seed)
    born = random.integers(0, 2 * shop.days // 3, customers).astype(np.float64)
    span = shop.days + shop.horizon_days - born
    rate = random.gamma(shop.r, 1.0 / shop.alpha, customers)
    life = random.exponential(1.0 / random.gamma(shop.s, 1.0 / shop.beta, customers))
    present = np.minimum(life, span)
    repeats = random.poisson(rate * present)
    code = np.repeat(np.arange(customers), repeats)
    # the moments of a Poisson process of known count are even
    at = born[code] + random.random(len(code)) * present[code]
    code, at = np.concatenate([np.arange(customers), code]), np.concatenate([born, at])
    per_minor = random.gamma(shop.q, 1.0 / shop.gamma, customers)
    amount = random.gamma(shop.p, 1.0, len(code)) / per_minor[code]
    return pa.table(
        {
            "customer_id": pa.array(code).cast(pa.string()),
            "ts_us": (at * DAY_US).astype(np.int64),
            "amount_minor": np.maximum(np.round(amount), 1.0).astype(np.int64),
        }
    )


def shops(options: BenchOptions, customers: int = 4_000) -> list[BenchRow]:
    """Measure ranges and totals on the five shops.

    Parameters
    ----------
    options : BenchOptions
        `seed`.
    customers : int
        Customers of each shop.

    Returns
    -------
    list[BenchRow]
        coverage90, spend_coverage90, bias and spend_bias by shop.
    """
    rows = []
    for name, shop in SHOPS.items():
        table = make_shop(shop, customers, options.seed)
        rows += _measured(f"simulated shop: {name}", shop, table, options)
    return rows


def large_shop(options: BenchOptions, customers: int) -> list[BenchRow]:
    """Measure the cost of many customers, and whether the ranges still hold.

    Parameters
    ----------
    options : BenchOptions
        `seed`, `peers`.
    customers : int
        Customers of the shop.

    Returns
    -------
    list[BenchRow]
        seconds, peak_mb, coverage90, spend_coverage90, bias and spend_bias; the peers' seconds
        where they come to an end.
    """
    shop = SHOPS["books"]
    table = make_shop(shop, customers, options.seed)
    data = f"simulated shop: {customers:,} customers"
    rows = _measured(data, shop, table, options, cost=True)
    if options.peers and peer_python("value"):
        rows += _peer(data, shop, table, options)
    return rows


def _measured(
    data: str, shop: Shop, table: pa.Table, options: BenchOptions, *, cost: bool = False
) -> list[BenchRow]:
    as_of_us = shop.days * DAY_US
    history = read_history(table)
    del table
    past = Question(history.before(as_of_us), as_of_us, float(shop.horizon_days))
    with measure() as took:
        model = ValueModel().fit(past, seed=options.seed)
        said = model.predict(past)
    count, amount = bought_within(history, said.code, as_of_us, shop.horizon_days)
    figures = {
        figure.metric: figure.value
        for figure in measure_value(said, count.astype(np.float64), amount)
        if figure.method == model.method
    }
    kept = ("coverage90", "spend_coverage90", "bias", "spend_bias", "mae", "rmse")
    values = {name: figures[name] for name in kept}
    if cost:
        values = {"seconds": took.seconds, "peak_mb": took.peak_mb or float("nan"), **values}
    protocol = f"{shop.days} days known, truth the {shop.horizon_days} days after, fit and predict"
    return [
        BenchRow(
            "value", data, protocol, "shopkeeper", name, value, None, None, len(said.code),
            took.seconds, took.peak_mb, options.seed,
        )
        for name, value in values.items()
    ]  # fmt: skip


def _peer(data: str, shop: Shop, table: pa.Table, options: BenchOptions) -> list[BenchRow]:
    """What lifetimes takes for the same customers, summarised for it beforehand."""
    as_of_us = shop.days * DAY_US
    history = read_history(table)
    summary = summarise(history, as_of_us, "day")
    count, _ = bought_within(history, summary.code, as_of_us, shop.horizon_days)
    arrays = {
        "frequency": summary.frequency,
        "recency": summary.recency,
        "age": summary.age,
        "monetary": summary.monetary_minor / 100.0,
    }
    rows = []
    for model in ("bg_nbd", "pareto_nbd"):
        facts = {"horizon": float(shop.horizon_days), "models": [model]}
        start = time.perf_counter()
        answer = run_peer("value", PEER, arrays, facts, timeout_s=PEER_SECONDS)
        failed = answer.failed or answer.facts.get("failed", {}).get(model, "")
        took = Measured(time.perf_counter() - start, answer.peak_mb)
        orders = answer.arrays.get(f"{model}.orders")
        bias = None
        if orders is not None and np.isfinite(orders).all():
            bias = float(orders.sum()) / float(count.sum()) - 1.0
        protocol = f"fit and predict in at most {PEER_SECONDS:.0f} s" + (
            f"; stopped: {failed}" if failed else ""
        )
        for name, value in (
            ("seconds", None if failed else took.seconds),
            ("peak_mb", took.peak_mb),
            ("bias", bias),
        ):
            rows.append(
                BenchRow(
                    "value", data, protocol, f"lifetimes {model}", name, value, None, None,
                    len(summary.code), took.seconds, took.peak_mb, options.seed,
                )
            )  # fmt: skip
    return rows
