"""Features of every customer at many cut-offs at once, from one expression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import reduce

import ibis
import ibis.expr.datatypes as dt
import pyarrow as pa

from shopkeeper.core.errors import InputError
from shopkeeper.core.ports import TableStore
from shopkeeper.core.tables import ACTIVITY, CONTACTS, IBIS_TYPES, PURCHASE_LINES, PURCHASES
from shopkeeper.features.definition import Feature
from shopkeeper.features.grains import AS_OF_US, CUTOFFS_SCHEMA, GRAINS, KEYS, Cuts
from shopkeeper.features.library_index import select_features, with_needs

CUTOFFS = "feature_cutoffs"
"""Name under which the cut-offs travel as an input of ``TableStore.run``."""

SOURCES = (PURCHASES, PURCHASE_LINES, ACTIVITY, CONTACTS)
"""Tables a feature may read."""


def cutoffs_expression() -> ibis.Table:
    """The cut-offs as an unbound table: ``as_of`` (timestamp UTC) and ``as_of_us``."""
    return ibis.table(CUTOFFS_SCHEMA, name=CUTOFFS)


def cutoffs_table(moments: Sequence[datetime]) -> pa.Table:
    """Rows for :func:`cutoffs_expression`.

    Parameters
    ----------
    moments
        Cut-offs with a time zone; order and repetition do not matter.

    Returns
    -------
    pa.Table
        Distinct cut-offs in order of time.

    Raises
    ------
    InputError
        If there is none, or one carries no time zone.

    Examples
    --------
    >>> cutoffs_table([datetime(1970, 1, 2, tzinfo=UTC)])["as_of_us"].to_pylist()
    [86400000000]
    """
    if not moments:
        raise InputError("no cut-off was given", next_step="Name at least one moment")
    for moment in moments:
        if moment.tzinfo is None:
            raise InputError(
                f"cut-off {moment.isoformat()} has no time zone",
                next_step="Give it in UTC",
                as_of=moment.isoformat(),
            )
    ordered = sorted({moment.astimezone(UTC) for moment in moments})
    as_of = pa.array(ordered, pa.timestamp("us", tz="UTC"))
    return pa.table({"as_of": as_of, AS_OF_US: as_of.cast(pa.int64())})


def feature_table(
    purchases: ibis.Table,
    lines: ibis.Table,
    activity: ibis.Table,
    contacts: ibis.Table,
    cutoffs: ibis.Table,
    *,
    names: Sequence[str] | None = None,
) -> ibis.Table:
    """Point-in-time features of everyone first seen before each cut-off.

    Parameters
    ----------
    purchases, lines, activity, contacts
        Unbound PURCHASES, PURCHASE_LINES, ACTIVITY and CONTACTS.
    cutoffs
        Unbound table with ``as_of`` and ``as_of_us``, one row a cut-off.
    names
        Wanted features in the wanted order; None means the whole library.

    Returns
    -------
    ibis.Table
        One row a customer and cut-off, no order: ``customer_id``, ``as_of`` and the
        features in their declared types. Only rows with ``ts_us < as_of_us`` count.

    Raises
    ------
    NotFoundError
        If a name is not in the library.
    """
    wanted = select_features(names)
    layers = with_needs(wanted)
    cuts = Cuts(purchases, lines, activity, contacts, cutoffs)
    keys = ["customer_id", AS_OF_US]
    blocks = [
        _block(cuts, grain, [x for x in layers[0] if x.grain == grain])
        for grain in GRAINS
        if any(x.grain == grain for x in layers[0])
    ]
    joined = reduce(_join, blocks, cuts.population.select(*keys))
    row = joined.mutate(**{x.name: _filled(joined[x.name], x) for x in layers[0]})
    for layer in layers[1:]:
        row = row.mutate(**{x.name: _typed(x.build(row), x) for x in layer})
    moments = cutoffs.select("as_of", moment_us=cutoffs[AS_OF_US])
    dated = row.join(moments, row[AS_OF_US] == moments.moment_us)
    return dated.select("customer_id", "as_of", *(x.name for x in wanted))


def stored_features(
    store: TableStore,
    *,
    names: Sequence[str] | None = None,
    customers: ibis.Table | None = None,
) -> ibis.Table:
    """:func:`feature_table` over the tables of a store and :func:`cutoffs_expression`.

    Parameters
    ----------
    store
        The lake.
    names
        Wanted features; None means the whole library.
    customers
        Unbound table of ``customer_id`` to restrict to; None means everyone.

    Returns
    -------
    ibis.Table
        To be run with the cut-offs under the name ``CUTOFFS``.
    """
    tables = [store.table(x) for x in SOURCES]
    if customers is not None:
        tables = [x.semi_join(customers, "customer_id") for x in tables]
    purchases, lines, activity, contacts = tables
    return feature_table(purchases, lines, activity, contacts, cutoffs_expression(), names=names)


def _block(cuts: Cuts, grain: str, features: Sequence[Feature]) -> ibis.Table:
    rows = GRAINS[grain](cuts)
    values: Mapping[str, ibis.Value] = {x.name: _typed(x.build(rows), x) for x in features}
    return rows.group_by(list(KEYS)).aggregate(**values)


def _join(left: ibis.Table, right: ibis.Table) -> ibis.Table:
    wanted = [x for x in right.columns if x not in KEYS]
    both = left.left_join(right, list(KEYS))
    return both.select(*left.columns, *wanted)


def _typed(value: ibis.Value, feature: Feature) -> ibis.Value:
    kind: dt.DataType = IBIS_TYPES[feature.dtype]
    return value.cast(kind)


def _filled(value: ibis.Value, feature: Feature) -> ibis.Value:
    if feature.absent is None:
        return value
    return value.fill_null(ibis.literal(feature.absent).cast(IBIS_TYPES[feature.dtype]))
