"""Divide all customers: fixed schemes, stable clusters, audiences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import ibis
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import delete, insert, select

from shopkeeper.apps.flows.audiences import (
    CLUSTER_SCHEME,
    build_audience,
    clusters_json,
    rule_tables,
    stored_clusters,
)
from shopkeeper.apps.flows.features import features_at
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core import state
from shopkeeper.core.errors import NotEnoughDataError
from shopkeeper.core.ids import content_id
from shopkeeper.core.ports import TableStore
from shopkeeper.core.tables import SCORES, SEGMENTS, VALUE_DIMENSIONS
from shopkeeper.segment.cluster import (
    DIMENSIONS,
    FEWEST,
    STABLE,
    Clusters,
    fit_clusters,
)
from shopkeeper.segment.dimensions import dimension_table
from shopkeeper.segment.separation import relevance
from shopkeeper.segment.tiers import fixed_segments

REHEARSAL_DAYS = 90

__all__ = ["SegmentReport", "build_audience", "run_segment"]


@dataclass(frozen=True, slots=True)
class SegmentReport:
    """What a run divided.

    Parameters
    ----------
    run_id, as_of
        Which run.
    schemes
        Customers by scheme and label.
    clusters
        Names and figures of the clusters; ``reason`` where there are none.
    audiences
        Size by audience.
    """

    run_id: str
    as_of: datetime
    schemes: Mapping[str, Mapping[str, int]]
    clusters: Mapping[str, Any]
    audiences: Mapping[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self) | {"as_of": self.as_of.astimezone(UTC).isoformat()}


def run_segment(runtime: Runtime, *, as_of: datetime, run_id: str) -> SegmentReport:
    """Write SEGMENTS of one moment, remember the clusters, build every audience.

    Parameters
    ----------
    runtime
        The open shop, with features (and scores, for the tiers) at ``as_of``.
    as_of
        Moment of the features.
    run_id
        Run it belongs to.

    Returns
    -------
    SegmentReport
    """
    store = runtime.tables
    tables = rule_tables(store, as_of)
    parts = [fixed_segments(tables.features, _expected_spend(store, tables.scores))]
    clusters, told = _clusters(runtime, tables.features, as_of)
    if clusters is not None:
        parts.append(_cluster_rows(tables.features, clusters))
    store.materialise(
        ibis.union(*parts, distinct=False) if len(parts) > 1 else parts[0],
        SEGMENTS,
        where={"as_of": as_of.astimezone(UTC).isoformat()},
    )
    store.materialise(
        dimension_table(tables.features),
        VALUE_DIMENSIONS,
        where={"as_of": as_of.astimezone(UTC).isoformat()},
    )
    if clusters is not None:
        _remember(runtime, clusters)
    return SegmentReport(
        run_id=run_id,
        as_of=as_of,
        schemes=_counts(store, rule_tables(store, as_of).segments),
        clusters=told,
        audiences=_audiences(runtime, as_of),
    )


def _expected_spend(store: TableStore, scores: ibis.Table) -> ibis.Table | None:
    if not store.exists(SCORES):
        return None
    kind = scores.filter(scores.kind == "expected_spend")
    return kind.group_by(["customer_id", "as_of"]).aggregate(value=kind.value.max())


def _clusters(
    runtime: Runtime, features: ibis.Table, as_of: datetime
) -> tuple[Clusters | None, Mapping[str, Any]]:
    seed = runtime.settings.predict.seed
    bought = features.filter(features.orders_life > 0)
    now = runtime.tables.run(bought.select("customer_id", "spend_minor_90d", *DIMENSIONS))
    # The rows arrive in no order; the sample and the seed need one.
    now = now.sort_by("customer_id")
    try:
        clusters = _fit(runtime.tables, now, stored_clusters(runtime.state), as_of, seed)
    except NotEnoughDataError as error:
        return None, {"reason": str(error)}
    named = zip(clusters.labels, clusters.names_zh, clusters.names_en, clusters.shares, strict=True)
    told = dict(clusters.report)
    told["clusters"] = [{"label": a, "zh": b, "en": c, "share": d} for a, b, c, d in named]
    return clusters, told


def _fit(
    store: TableStore, now: pa.Table, previous: Clusters | None, as_of: datetime, seed: int
) -> Clusters:
    """Same number and weights as last time while stable, else chosen on the latest past."""
    values = _matrix(now)
    if previous is not None and previous.dimensions == DIMENSIONS:
        same = fit_clusters(
            values, seed=seed, weights=np.asarray(previous.weights),
            sizes=(len(previous.centres),), previous=previous,
        )  # fmt: skip
        if same.report["bootstrap_ari"] >= STABLE:
            return same
    past = features_at(store, [as_of - timedelta(days=REHEARSAL_DAYS)], names=DIMENSIONS)
    past = past.filter(pc.greater(past["orders_life"], 0)).sort_by("customer_id")
    if past.num_rows < FEWEST:
        return fit_clusters(values, seed=seed, previous=previous)
    later = dict(
        zip(now["customer_id"].to_pylist(), now["spend_minor_90d"].to_pylist(), strict=True)
    )
    future = np.array([later.get(x, 0) for x in past["customer_id"].to_pylist()], dtype=float)
    earlier = _matrix(past)
    weights = relevance(earlier, future)
    rehearsal = fit_clusters(earlier, seed=seed, future=future, weights=weights)
    return fit_clusters(
        values, seed=seed, weights=weights, sizes=(rehearsal.report["k"],), previous=previous
    )


def _matrix(rows: pa.Table) -> npt.NDArray[np.float64]:
    columns = [rows[x].to_numpy(zero_copy_only=False).astype(float) for x in DIMENSIONS]
    return np.column_stack(columns)


def _cluster_rows(features: ibis.Table, clusters: Clusters) -> ibis.Table:
    bought = features.filter(features.orders_life > 0)
    return bought.select(
        "customer_id",
        "as_of",
        scheme=ibis.literal(CLUSTER_SCHEME),
        label=clusters.label(bought),
        version=ibis.literal(content_id(clusters_json(clusters), prefix="cluster", length=12)),
    )


def _remember(runtime: Runtime, clusters: Clusters) -> None:
    table = state.cluster_memory
    with runtime.state.begin() as connection:
        connection.execute(delete(table).where(table.c.scheme == CLUSTER_SCHEME))
        connection.execute(
            insert(table).values(
                scheme=CLUSTER_SCHEME,
                definition=clusters.to_dict(),
                updated_at=runtime.clock.now(),
            )
        )


def _counts(store: TableStore, segments: ibis.Table) -> dict[str, dict[str, int]]:
    counted = segments.group_by(["scheme", "label"]).aggregate(customers=segments.count())
    ordered = counted.order_by("scheme", counted.customers.desc(), "label")
    schemes: dict[str, dict[str, int]] = {}
    for row in store.run(ordered).to_pylist():
        schemes.setdefault(row["scheme"], {})[row["label"]] = int(row["customers"])
    return schemes


def _audiences(runtime: Runtime, as_of: datetime) -> dict[str, int]:
    with runtime.state.connect() as connection:
        ids = connection.execute(select(state.audiences.c.audience_id)).scalars().all()
    return {x: build_audience(runtime, x, as_of).size for x in sorted(ids)}
