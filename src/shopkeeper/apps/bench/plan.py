"""How good and how fast a plan is, on a simulated shop with known effects."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from shopkeeper.apps.bench.rows import BenchOptions, BenchRow, measure
from shopkeeper.core.errors import NotFoundError
from shopkeeper.decide.choose import choose, held_out
from shopkeeper.decide.plan import make_plan
from shopkeeper.decide.problem import (
    CHANNELS,
    Customers,
    Floats,
    Ints,
    Limits,
    Options,
    Singles,
    read_customers,
    read_options,
)
from shopkeeper.decide.worth import blocks, option_lift, worth_of
from shopkeeper.simulate.latent import latent
from shopkeeper.simulate.shop import offer_table
from shopkeeper.simulate.spec import CATEGORIES, ShopSpec

__all__ = ["run"]

CUSTOMERS = 200_000
MARGIN = 0.3
BUDGET_SHARE = 0.15
"""Budget as a share of what contacting everybody with their best option would cost."""


def run(options: BenchOptions) -> list[BenchRow]:
    """Plan for everybody: 20 offers × 4 channels, one budget, limited stock.

    Parameters
    ----------
    options
        ``customers`` gives the size, ``seed`` the shop, ``methods`` a choice of
        ``plan`` and the baselines ``greedy-value``, ``greedy-density``, ``first-come``.

    Returns
    -------
    list[BenchRow]
        Expected value, bound, gap, spend, seconds and peak memory.

    Raises
    ------
    NotFoundError
        If there is no method of a given name.
    """
    n = options.customers or CUSTOMERS
    chosen = options.methods or ("plan", *_BASELINES)
    unknown = sorted(set(chosen) - {"plan", *_BASELINES})
    if unknown:
        raise NotFoundError(
            f"plan has no method {', '.join(unknown)}",
            next_step=f"Choose among plan, {', '.join(_BASELINES)}",
            methods=unknown,
        )
    spec = ShopSpec(customers=n, seed=options.seed, events_per_customer=0.0)
    table = known_customers(spec)
    offers = offer_table(spec)
    rules = _rules(table, offers, spec, options.seed)
    rows: list[BenchRow] = []
    bound: float | None = None
    for method in chosen:
        with measure() as took:
            if method == "plan":
                figures = _plan(table, offers, rules, spec)
                bound = figures["bound"]
            else:
                figures = _baseline(method, table, offers, rules, spec)
        if bound is not None and "gap" not in figures:
            figures["gap"] = max(0.0, (bound - figures["value"]) / bound)
        rows += [
            BenchRow(
                "plan", f"simulated: {n:,} customers × {offers.num_rows} offers",
                "one plan, one budget, limited stock", method, metric, value, n=n,
                seconds=took.seconds, peak_mb=took.peak_mb, seed=options.seed,
            )
            for metric, value in {**figures, "rows_per_second": n / max(took.seconds, 1e-9)}.items()
        ]  # fmt: skip
    return rows


def known_customers(spec: ShopSpec) -> pa.Table:
    """What a perfect prediction would tell a plan about every simulated customer.

    Parameters
    ----------
    spec
        The shop.
    """
    parts = []
    for chunk in spec.chunks:
        truth = latent(spec, chunk)
        alive = truth.death_day > spec.days
        rng = np.random.default_rng([spec.seed, 99, chunk])
        size = len(truth.number)
        columns: dict[str, object] = {
            "customer_id": truth.table().column("customer_ref"),
            "orders_rate": truth.rate * alive,
            "order_value_minor": truth.mean_spend * 100,
            "order_margin_minor": truth.mean_spend * 100 * MARGIN,
            "recent_contacts": rng.poisson(0.5, size),
            "preferred_hour": rng.integers(8, 22, size),
        }
        columns |= {f"share:{x}": truth.tastes[:, i] for i, x in enumerate(CATEGORIES)}
        columns |= {
            f"consent:{x}": pa.array(np.where(rng.random(size) < 0.8, "GRANT", "DENY"))
            for x in CHANNELS
        }
        parts.append(pa.table(columns))
    return pa.concat_tables(parts)


def _rules(table: pa.Table, offers: pa.Table, spec: ShopSpec, seed: int) -> Limits:
    free = _limits(10**15, seed)
    sample = table.slice(0, 20_000)
    customers = read_customers(sample, free, spec.time_zone)
    choice = choose(customers, read_options(offers, spec.as_of), free)
    per_customer = choice.spend / len(customers)
    return _limits(round(per_customer * table.num_rows * BUDGET_SHARE), seed)


def _limits(budget: int, seed: int) -> Limits:
    return Limits(
        budget_minor=budget, holdout=0.1, explore=0.0, cap_days=7, cap_contacts=2,
        quiet_from=21, quiet_to=9, seed=seed,
    )  # fmt: skip


def _plan(table: pa.Table, offers: pa.Table, rules: Limits, spec: ShopSpec) -> dict[str, float]:
    customers = read_customers(table, rules, spec.time_zone)
    options = read_options(offers, spec.as_of)
    choice = choose(customers, options, rules)
    plan = make_plan(customers, options, rules, choice, spec.as_of, spec.currency)
    return {
        "value": choice.total, "bound": choice.bound, "gap": choice.gap, "spend": choice.spend,
        "budget": float(rules.budget_minor), "send": float(plan.summary["send"]),
    }  # fmt: skip


def _baseline(
    method: str, table: pa.Table, offers: pa.Table, rules: Limits, spec: ShopSpec
) -> dict[str, float]:
    """Everybody's best option, taken in some order until the budget or the stock ends."""
    customers = read_customers(table, rules, spec.time_zone)
    options = read_options(offers, spec.as_of)
    best, value, cost = _best(customers, options, rules)
    order = _BASELINES[method](value, cost)
    order = order[value[order] > 0]
    offer = options.offer[best[order]]
    place = np.zeros(len(order))
    for k in range(len(options.stock)):
        mine = offer == k
        place[mine] = np.arange(1, mine.sum() + 1)
    fits = place <= options.stock[offer]
    running = np.cumsum(np.where(fits, cost[order], 0.0))
    taken = order[fits & (running <= rules.budget_minor)]
    return {
        "value": float(value[taken].sum()), "spend": float(cost[taken].sum()),
        "send": float(len(taken)),
    }  # fmt: skip


def _best(customers: Customers, options: Options, rules: Limits) -> tuple[Ints, Floats, Floats]:
    lifts, _ = option_lift(options, {})
    able = (customers.recent_contacts < rules.cap_contacts) & ~held_out(customers, rules)
    n = len(customers)
    best, value, cost = np.zeros(n, dtype=np.int64), np.zeros(n), np.zeros(n)
    for rows in blocks(n):
        worth = worth_of(customers, options, rules, lifts, rows)
        allowed = (customers.permitted[rows] & able[rows, None])[:, options.channel]
        masked: Singles = np.where(allowed, worth.value, np.float32(-1e18))
        pick = masked.argmax(axis=1)
        at = np.arange(len(pick))
        best[rows], value[rows], cost[rows] = pick, masked[at, pick], worth.cost[at, pick]
    return best, value, cost


def _by_value(value: Floats, cost: Floats) -> Ints:  # noqa: ARG001
    return np.argsort(-value, kind="stable")


def _by_density(value: Floats, cost: Floats) -> Ints:
    return np.argsort(-value / np.maximum(cost, 1e-9), kind="stable")


def _first_come(value: Floats, cost: Floats) -> Ints:  # noqa: ARG001
    return np.arange(len(value))


_BASELINES: dict[str, Callable[[Floats, Floats], Ints]] = {
    "greedy-value": _by_value, "greedy-density": _by_density, "first-come": _first_come,
}  # fmt: skip
