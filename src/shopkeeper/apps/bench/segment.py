"""Bench of the clusters: whether they stay, and whether they separate what people spend next."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.tree import DecisionTreeRegressor

from shopkeeper.apps.bench.orders import OrdersTask, order_tasks
from shopkeeper.apps.bench.rows import BenchOptions, BenchRow, measure
from shopkeeper.backends.embedded.duck import DuckEngine
from shopkeeper.backends.engine import Relation
from shopkeeper.core.tables import PURCHASES
from shopkeeper.features.compute import (
    CUTOFFS,
    SOURCES,
    cutoffs_expression,
    cutoffs_table,
    feature_table,
)
from shopkeeper.segment.cluster import DIMENSIONS, fit_clusters
from shopkeeper.segment.separation import eta_squared, relevance

__all__ = ["run"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
DAY_US = 86_400_000_000
BOOTSTRAPS = 10
RFM = [DIMENSIONS.index(x) for x in ("recency_days", "orders_365d", "spend_minor_365d")]


def run(options: BenchOptions) -> list[BenchRow]:
    """Measure clusters on CDNOW or on the user's orders.

    Number of clusters and weights are chosen on an earlier period whose outcome lies
    before the cut-off; the figures are taken on the period after it.

    Parameters
    ----------
    options
        ``inputs``, ``customer``, ``time``, ``amount``, ``cutoff``, ``horizon_days``,
        ``methods``, ``seed``.

    Returns
    -------
    list of BenchRow
        ``eta2_future_spend`` of each method (with the number of groups) and
        ``bootstrap_ari`` of those that are fitted.
    """
    rows: list[BenchRow] = []
    for task in order_tasks(options, sample=False):
        rows += _task(task, options.seed)
    return [row for row in rows if not options.methods or row.method in options.methods]


def _task(task: OrdersTask, seed: int) -> list[BenchRow]:
    earlier_us = task.as_of_us - min(task.horizon_days * DAY_US, _history(task) // 2)
    past, now = _features(task, earlier_us), _features(task, task.as_of_us)
    future = _spend(task, now["customer_id"], task.as_of_us, task.horizon_days * DAY_US)
    known = _spend(task, past["customer_id"], earlier_us, task.as_of_us - earlier_us)
    before, values = _matrix(past), _matrix(now)
    rows: list[BenchRow] = []

    def told(method: str, work: Callable[[], tuple[Ints, float | None]]) -> None:
        with measure() as took:
            groups, stability = work()
        figures = {"eta2_future_spend": eta_squared(groups, future), "bootstrap_ari": stability,
                   "groups": float(len(np.unique(groups)))}  # fmt: skip
        rows.extend(
            BenchRow("segment", task.data, task.protocol, method, metric, value, n=len(values),
                     seconds=took.seconds, peak_mb=took.peak_mb, seed=seed)
            for metric, value in figures.items()
            if value is not None
        )  # fmt: skip

    weights = relevance(before, known)
    rehearsal = fit_clusters(before, seed=seed, future=known, weights=weights)
    k = int(rehearsal.report["k"])

    def ours() -> tuple[Ints, float | None]:
        fitted = fit_clusters(values, seed=seed, weights=weights, sizes=(k,), bootstraps=BOOTSTRAPS)
        return fitted.assign(values), float(fitted.report["bootstrap_ari"])

    told("shopkeeper", ours)
    told("rfm quintiles", lambda: (_quintiles(values[:, RFM]), None))
    told("k-means RFM", lambda: _plain(values[:, RFM], k, seed))
    told("depth-3 tree on next spend", lambda: (_tree(before, known, values, seed), None))
    return rows


def _history(task: OrdersTask) -> int:
    return int(task.as_of_us - pc.min(task.orders["ts_us"]).as_py())


def _features(task: OrdersTask, as_of_us: int) -> pa.Table:
    """Dimensions of everyone who bought before the moment, ordered by customer."""
    orders = task.orders
    moments = orders["ts_us"].cast(pa.timestamp("us", tz="UTC"))
    count = orders.num_rows
    purchases = pa.table({
        "order_id": pc.cast(pa.array(np.arange(count)), pa.string()),
        "customer_id": orders["customer_id"].cast(pa.string()),
        "kind": pa.array(["sale"] * count),
        "occurred_at": moments, "ts_us": orders["ts_us"], "day": moments.cast(pa.date32()),
        "month": pc.strftime(moments, "%Y-%m"), "dow": pa.array(np.ones(count, np.int8)),
        "hour": pa.array(np.zeros(count, np.int8)),
        "amount_minor": orders["amount_minor"].cast(pa.int64()),
        "currency": pa.array(["XXX"] * count),
    })  # fmt: skip
    rows = PURCHASES.cast(purchases, fill=True)
    as_of = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=as_of_us)
    bought, lines, activity, contacts = (x.unbound() for x in SOURCES)
    expr = feature_table(bought, lines, activity, contacts, cutoffs_expression(), names=DIMENSIONS)
    given = {PURCHASES.name: rows}
    relations = [Relation(x.name, x.ibis_schema, given.get(x.name)) for x in SOURCES]
    moments_given = cutoffs_table([as_of])
    relations.append(Relation(CUTOFFS, cutoffs_expression().schema(), moments_given))
    with tempfile.TemporaryDirectory(prefix="shopkeeper-bench-") as spill:
        engine = DuckEngine(Path(spill), memory_mb=2048, threads=0)
        found = engine.run(expr, relations)
        engine.close()
    return found.filter(pc.greater(found["orders_life"], 0)).sort_by("customer_id")


def _matrix(rows: pa.Table) -> Floats:
    return np.column_stack(
        [rows[x].to_numpy(zero_copy_only=False).astype(float) for x in DIMENSIONS]
    )


def _spend(task: OrdersTask, customers: pa.ChunkedArray, from_us: int, length_us: int) -> Floats:
    orders = task.orders
    inside = pc.and_(
        pc.greater_equal(orders["ts_us"], from_us), pc.less(orders["ts_us"], from_us + length_us)
    )
    spent = orders.filter(inside)
    spent = spent.set_column(0, "customer_id", spent["customer_id"].cast(pa.string()))
    totals = spent.group_by("customer_id").aggregate([("amount_minor", "sum")])
    amount = dict(
        zip(totals["customer_id"].to_pylist(), totals["amount_minor_sum"].to_pylist(), strict=True)
    )
    return np.array([amount.get(x, 0) for x in customers.to_pylist()], dtype=float)


def _quintiles(values: Floats) -> Ints:
    """The usual cells: quintile of each of R, F and M, up to 125 groups."""
    cell = np.zeros(len(values), dtype=np.int64)
    for column in values.T:
        edges = np.unique(np.quantile(column, [0.2, 0.4, 0.6, 0.8]))
        cell = cell * 5 + np.searchsorted(edges, column, side="right")
    return cell


def _plain(values: Floats, k: int, seed: int) -> tuple[Ints, float]:
    """K-means on standardised log RFM with as many groups as ours, bootstrapped alike."""
    logs = np.log1p(np.maximum(values, 0))
    points = (logs - logs.mean(axis=0)) / np.maximum(logs.std(axis=0), 1e-9)
    fitted = KMeans(k, n_init=5, random_state=seed).fit(points)
    rng = np.random.default_rng([seed, k])
    agreement = []
    for i in range(BOOTSTRAPS):
        drawn = points[rng.integers(len(points), size=len(points))]
        other = KMeans(k, n_init=4, random_state=seed + i + 1).fit(drawn)
        agreement.append(adjusted_rand_score(fitted.labels_, other.predict(points)))
    return fitted.labels_.astype(np.int64), float(np.mean(agreement))


def _tree(before: Floats, known: Floats, values: Floats, seed: int) -> Ints:
    tree = DecisionTreeRegressor(max_depth=3, min_samples_leaf=20, random_state=seed)
    leaves: Ints = tree.fit(before, known).apply(values).astype(np.int64)
    return leaves
