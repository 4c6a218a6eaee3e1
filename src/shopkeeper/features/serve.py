"""Features of a few customers now: the same definitions over only their rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import ibis
import pyarrow as pa

from shopkeeper.core.ports import TableStore
from shopkeeper.features.compute import CUTOFFS, cutoffs_table, stored_features
from shopkeeper.features.library_index import features_contract

WANTED = "feature_customers"
"""Name under which the customers travel as an input of ``TableStore.run``."""


def features_of(
    store: TableStore,
    customer_ids: Sequence[str],
    as_of: datetime,
    *,
    names: Sequence[str] | None = None,
) -> pa.Table:
    """Point-in-time features of the given customers.

    Parameters
    ----------
    store
        The lake with PURCHASES, PURCHASE_LINES, ACTIVITY and CONTACTS.
    customer_ids
        Customers; those never seen before ``as_of`` have no row.
    as_of
        Only earlier rows count.
    names
        Wanted features; None means the whole library.

    Returns
    -------
    pa.Table
        Under the FEATURES contract, ordered by customer.

    Raises
    ------
    NotFoundError
        If a feature name is not in the library.
    """
    wanted = ibis.table({"customer_id": "string"}, name=WANTED)
    expr = stored_features(store, names=names, customers=wanted)
    ids = pa.table({"customer_id": pa.array(sorted(set(customer_ids)), pa.string())})
    rows = store.run(expr, inputs={CUTOFFS: cutoffs_table([as_of]), WANTED: ids})
    return features_contract(names).cast(rows).sort_by("customer_id")
