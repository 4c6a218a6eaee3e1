"""Clusters that stay: k-means on scaled value and rhythm, labels kept from run to run.

The number of clusters is the one whose bootstrap fits agree (adjusted Rand index) and
that separates the spend of the *next* period best. Scaling, weights and centres are a
JSON definition; assignment is arithmetic on it, in numpy or as an expression.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import reduce
from typing import Any

import ibis
import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from shopkeeper.core.errors import ContractError, NotEnoughDataError
from shopkeeper.segment.naming import name_clusters
from shopkeeper.segment.separation import eta_squared

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

DIMENSIONS = (
    "recency_days", "orders_life", "orders_365d", "spend_minor_365d", "avg_order_minor_life",
    "tenure_days",
)  # fmt: skip
"""Features the clusters are made of: never empty for customers who bought."""

FEWEST = 60
"""Customers below which clusters would say more about chance than about people."""
SAMPLE = 50_000
STABLE = 0.9


@dataclass(frozen=True)
class Clusters:
    """A clustering as data: everything needed to assign anybody, again, anywhere.

    Parameters
    ----------
    dimensions
        Names of the features, in order.
    middle, spread
        Robust location and scale of ``log1p`` of each, shape (d,).
    weights
        Weight of each scaled dimension, shape (d,).
    centres
        In scaled, weighted space, shape (k, d).
    labels
        Stable label of each centre (``c1`` …).
    names_zh, names_en
        Names from the profile of each centre.
    shares
        Share of the sample in each cluster.
    report
        homogeneity, separation, representativeness, bootstrap_ari and, for each k that
        was tried, its stability and separability.
    """

    dimensions: tuple[str, ...]
    middle: tuple[float, ...]
    spread: tuple[float, ...]
    weights: tuple[float, ...]
    centres: tuple[tuple[float, ...], ...]
    labels: tuple[str, ...]
    names_zh: tuple[str, ...]
    names_en: tuple[str, ...]
    shares: tuple[float, ...]
    report: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Clusters:
        """Read what :meth:`to_dict` wrote, also after a round through JSON.

        Parameters
        ----------
        stored
            Plain values.

        Returns
        -------
        Clusters

        Raises
        ------
        ContractError
            If a part is missing.
        """
        missing = sorted(set(cls.__dataclass_fields__) - set(stored))
        if missing:
            raise ContractError(
                f"the stored clusters lack {', '.join(missing)}",
                next_step="Fit the clusters again",
                missing=missing,
            )
        tuples: dict[str, Any] = {
            name: tuple(tuple(x) if isinstance(x, list | tuple) else x for x in stored[name])
            for name in cls.__dataclass_fields__
            if name != "report"
        }
        return cls(**tuples, report=stored["report"])

    def scaled(self, values: Floats) -> Floats:
        """Raw values in the space of the centres.

        Parameters
        ----------
        values
            Shape (n, d), order of ``dimensions``; finite.

        Returns
        -------
        ndarray
            Shape (n, d).
        """
        middle, spread = np.asarray(self.middle), np.asarray(self.spread)
        points: Floats = (np.log1p(np.maximum(values, 0)) - middle) / spread
        weighted: Floats = points * np.asarray(self.weights)
        return weighted

    def assign(self, values: Floats) -> Ints:
        """Position of the nearest centre; ties go to the first.

        Parameters
        ----------
        values
            Shape (n, d), order of ``dimensions``.

        Returns
        -------
        ndarray
            int64, shape (n,).
        """
        return _nearest(self.scaled(values), np.asarray(self.centres))[0]

    def label(self, row: ibis.Table) -> ibis.Value:
        """The same assignment as an expression.

        Parameters
        ----------
        row
            Table with the columns of ``dimensions``.

        Returns
        -------
        ibis.Value
            Label; NULL where a dimension is empty.
        """
        parts = []
        for name, middle, spread, weight in zip(
            self.dimensions, self.middle, self.spread, self.weights, strict=True
        ):
            raw = ibis.greatest(row[name].cast("float64"), _number(0)) + _number(1)
            parts.append((raw.ln() - _number(middle)) * _number(weight / spread))
        distances: list[Any] = []
        for centre in self.centres:
            offsets = [x - _number(at) for x, at in zip(parts, centre, strict=True)]
            distances.append(reduce(lambda a, b: a + b, [x * x for x in offsets]))
        nearest = ibis.least(*distances)
        return ibis.cases(*((d == nearest, x) for d, x in zip(distances, self.labels, strict=True)))


def fit_clusters(
    values: Floats,
    *,
    seed: int,
    dimensions: Sequence[str] = DIMENSIONS,
    future: Floats | None = None,
    weights: Floats | None = None,
    sizes: Sequence[int] = (3, 4, 5, 6, 7),
    bootstraps: int = 8,
    previous: Clusters | None = None,
) -> Clusters:
    """Fit, choose k, name, and keep the labels of the previous run.

    Parameters
    ----------
    values
        Shape (n, d), customers who bought; finite.
    seed
        Decides everything random.
    dimensions
        Names of the columns.
    future
        Spend of the period after, shape (n,), for choosing k; None chooses by
        stability and homogeneity alone.
    weights
        Weight of each dimension, shape (d,) (``separation.relevance``); None weighs equally.
    sizes
        Numbers of clusters to try.
    bootstraps
        Refits on resampled customers for each k.
    previous
        Clusters of the run before; their labels are kept where centres correspond.

    Returns
    -------
    Clusters

    Raises
    ------
    NotEnoughDataError
        If there are fewer than ``FEWEST`` customers, or they do not differ.
    """
    if len(values) < FEWEST:
        raise NotEnoughDataError(
            f"{len(values)} customers with purchases are too few for clusters",
            next_step=f"At least {FEWEST} are needed",
            customers=len(values),
            needed=FEWEST,
        )
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(values))[:SAMPLE]
    sample = values[np.sort(chosen)]
    target = None if future is None else future[np.sort(chosen)]
    empty = _scaling(sample, dimensions, weights)
    points = empty.scaled(sample)
    distinct = len(np.unique(points, axis=0))
    if distinct < min(sizes):
        raise NotEnoughDataError(
            f"the customers take only {distinct} different positions",
            next_step="Load a longer history",
            distinct=distinct,
        )
    start = _starting(previous, empty, dimensions)
    tried = [_attempt(points, k, seed, bootstraps, target, start) for k in sizes if k <= distinct]
    best = _best(tried)
    order = np.argsort(-best["centres"] @ _value_direction(dimensions), kind="stable")
    centres = best["centres"][order]
    mine, far = _nearest(points, centres)
    labels = _kept_labels(centres, empty, previous)
    raw = np.expm1(centres / np.asarray(empty.weights) * empty.spread + empty.middle)
    names = name_clusters(raw, np.median(sample, axis=0), dimensions, _earlier(labels, previous))
    report = _report(points, centres, mine, far)
    report["bootstrap_ari"] = best["stability"]
    report["tried"] = [{"k": x["k"], "bootstrap_ari": x["stability"],
                        "eta2": x["separability"]} for x in tried]  # fmt: skip
    return replace(
        empty,
        centres=tuple(tuple(float(v) for v in x) for x in centres),
        labels=labels,
        names_zh=tuple(x for x, _ in names),
        names_en=tuple(x for _, x in names),
        shares=tuple(float(v) for v in np.bincount(mine, minlength=len(centres)) / len(mine)),
        report=report,
    )


def _number(value: float) -> ibis.Value:
    # Through text, so that every engine reads the same double and none a DECIMAL.
    return ibis.literal(repr(float(value))).cast("float64")


def _scaling(values: Floats, dimensions: Sequence[str], weights: Floats | None) -> Clusters:
    logs = np.log1p(np.maximum(values, 0))
    low, middle, high = np.percentile(logs, [25, 50, 75], axis=0)
    spread = high - low
    # Half of the customers may share one value (one order): fall back to the deviation.
    spread = np.where(spread > 1e-9, spread, np.maximum(logs.std(axis=0), 1e-9))
    given = np.ones(values.shape[1]) if weights is None else weights
    return Clusters(
        tuple(dimensions), tuple(map(float, middle)), tuple(map(float, spread)),
        tuple(map(float, given)), (), (), (), (), (), {},
    )  # fmt: skip


def _starting(previous: Clusters | None, now: Clusters, dimensions: Sequence[str]) -> Floats | None:
    """Centres of the run before in today's scale, so that a quiet night changes nothing."""
    if previous is None or previous.dimensions != tuple(dimensions):
        return None
    then = np.asarray(previous.centres) / np.asarray(previous.weights)
    raw = then * np.asarray(previous.spread) + np.asarray(previous.middle)
    moved: Floats = (raw - np.asarray(now.middle)) / np.asarray(now.spread)
    weighted: Floats = moved * np.asarray(now.weights)
    return weighted


def _attempt(
    points: Floats, k: int, seed: int, bootstraps: int, future: Floats | None, start: Floats | None
) -> dict[str, Any]:
    same = start is not None and len(start) == k
    centres = _means(points, k, seed, start if same else None, 5)
    mine = _nearest(points, centres)[0]
    rng = np.random.default_rng([seed, k])
    agreement = []
    for i in range(bootstraps):
        drawn = points[rng.integers(len(points), size=len(points))]
        other = _nearest(points, _means(drawn, k, seed + i + 1, start if same else None, 4))[0]
        agreement.append(adjusted_rand_score(mine, other))
    spread = points - points.mean(axis=0)
    within = float(((points - centres[mine]) ** 2).sum() / max((spread**2).sum(), 1e-12))
    separability = eta_squared(mine, future) if future is not None else 1 - within
    return {"k": k, "centres": centres, "stability": float(np.mean(agreement)),
            "separability": separability, "kept": same}  # fmt: skip


def _means(points: Floats, k: int, seed: int, start: Floats | None, tries: int) -> Floats:
    fitted = KMeans(
        k, init="k-means++" if start is None else start, n_init=tries if start is None else 1,
        random_state=seed, max_iter=200,
    ).fit(points)  # fmt: skip
    centres: Floats = fitted.cluster_centers_
    return centres


def _best(tried: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    stable = [x for x in tried if x["stability"] >= STABLE]
    # The number of clusters of the run before stays while it is stable.
    for attempt in stable:
        if attempt["kept"]:
            return attempt
    if stable:
        return max(stable, key=lambda x: (x["separability"], -x["k"]))
    return max(tried, key=lambda x: (x["stability"], -x["k"]))


def _value_direction(dimensions: Sequence[str]) -> Floats:
    signs = {"recency_days": -1.0, "tenure_days": 0.0}
    return np.array([signs.get(x, 1.0) for x in dimensions])


def _kept_labels(centres: Floats, now: Clusters, previous: Clusters | None) -> tuple[str, ...]:
    start = _starting(previous, now, now.dimensions)
    if previous is None or start is None:
        return tuple(f"c{i + 1}" for i in range(len(centres)))
    distance = np.sqrt(((centres[:, None, :] - start[None, :, :]) ** 2).sum(axis=2))
    mine, theirs = linear_sum_assignment(distance)
    kept = {int(i): previous.labels[int(j)] for i, j in zip(mine, theirs, strict=True)}
    used = {int(x[1:]) for x in previous.labels}
    fresh = iter(range(max(used) + 1, max(used) + 1 + len(centres)))
    return tuple(kept[i] if i in kept else f"c{next(fresh)}" for i in range(len(centres)))


def _earlier(labels: Sequence[str], previous: Clusters | None) -> list[tuple[str, str] | None]:
    """Names that the labels had in the run before."""
    if previous is None:
        return [None] * len(labels)
    names = zip(previous.names_zh, previous.names_en, strict=True)
    known = dict(zip(previous.labels, names, strict=True))
    return [known.get(x) for x in labels]


def _nearest(points: Floats, centres: Floats) -> tuple[Ints, Floats]:
    """Position of the nearest centre and distances to the two nearest, shape (n, 2)."""
    squares = np.stack([((points - x) ** 2).sum(axis=1) for x in centres], axis=1)
    two = np.sqrt(np.sort(squares, axis=1)[:, :2])
    return squares.argmin(axis=1).astype(np.int64), two


def _report(points: Floats, centres: Floats, mine: Ints, two: Floats) -> dict[str, Any]:
    spread = ((points - points.mean(axis=0)) ** 2).sum()
    within = ((points - centres[mine]) ** 2).sum()
    radius = np.sqrt(within / len(points))
    gaps = np.sqrt(((centres[:, None] - centres[None]) ** 2).sum(axis=2))
    nearest_gap = gaps[~np.eye(len(centres), dtype=bool)].min()
    return {
        "k": len(centres),
        "customers": len(points),
        # Share of all variation that lies between clusters.
        "homogeneity": float(1 - within / max(spread, 1e-12)),
        # Distance of the two closest centres in units of the mean radius.
        "separation": float(nearest_gap / max(radius, 1e-12)),
        # Share of customers clearly nearer to their own centre than to any other.
        "representativeness": float((two[:, 0] <= 0.8 * two[:, 1]).mean()),
    }
