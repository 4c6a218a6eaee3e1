"""Features for everyone at one moment, and for training at many."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.ports import TableStore
from shopkeeper.core.tables import FEATURES
from shopkeeper.features.compute import CUTOFFS, SOURCES, cutoffs_table, stored_features
from shopkeeper.features.library_index import all_features, features_contract


@dataclass(frozen=True, slots=True)
class FeaturesReport:
    """What a run of the features computed.

    Parameters
    ----------
    run_id, as_of
        Which run.
    customers
        Rows of the feature table.
    features
        Features of each.
    rows_read
        Rows of the tables they come from.
    seconds
        Wall time.
    """

    run_id: str
    as_of: datetime
    customers: int
    features: int
    rows_read: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self) | {
            "as_of": self.as_of.astimezone(UTC).isoformat(),
            "seconds": round(self.seconds, 2),
        }


def run_features(runtime: Runtime, *, as_of: datetime, run_id: str) -> FeaturesReport:
    """Compute the whole library at one moment and replace the FEATURES table by it.

    Parameters
    ----------
    runtime
        The open shop.
    as_of
        Only rows before it count.
    run_id
        Run it belongs to.

    Returns
    -------
    FeaturesReport
    """
    started = time.perf_counter()
    store = runtime.tables
    expr = stored_features(store)
    commit = store.materialise(expr, features_contract(), inputs={CUTOFFS: cutoffs_table([as_of])})
    return FeaturesReport(
        run_id=run_id,
        as_of=as_of,
        customers=commit.rows,
        features=len(all_features()),
        rows_read=sum(store.count(x) for x in SOURCES),
        seconds=time.perf_counter() - started,
    )


def features_at(
    store: TableStore, cutoffs: Sequence[datetime], *, names: Sequence[str] | None = None
) -> pa.Table:
    """Point-in-time features at many moments at once, for training; nothing is stored.

    Parameters
    ----------
    store
        The lake.
    cutoffs
        Moments with a time zone.
    names
        Wanted features; None means the whole library.

    Returns
    -------
    pa.Table
        One row a customer and cut-off under the FEATURES contract, no order.
    """
    expr = stored_features(store, names=names)
    rows = store.run(expr, inputs={CUTOFFS: cutoffs_table(cutoffs)})
    return features_contract(names).cast(rows)


def latest_as_of(store: TableStore) -> datetime | None:
    """Moment of the stored features; None before the first run.

    Parameters
    ----------
    store
        The lake.

    Returns
    -------
    datetime or None
        In UTC.
    """
    if not store.exists(FEATURES):
        return None
    table = store.table(FEATURES)
    moment = store.run(table.aggregate(as_of=table.as_of.max()))["as_of"][0].as_py()
    return None if moment is None else moment.astimezone(UTC)
