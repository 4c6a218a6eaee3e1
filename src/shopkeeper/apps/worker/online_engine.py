"""Resolved rows and features of a few customers now, by the expressions of the batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.apps.worker.online_tables import LOADED_TABLES
from shopkeeper.backends.embedded.history import History
from shopkeeper.backends.embedded.prepared import PreparedQueries
from shopkeeper.core import columns as c
from shopkeeper.core.clock import from_us
from shopkeeper.core.ports import ProfileStore, TableStore
from shopkeeper.core.tables import (
    ACTIVITY,
    CONTACTS,
    EVENTS,
    IDENTITIES,
    ORDER_LINES,
    ORDERS,
    PRODUCTS,
    PURCHASE_LINES,
    PURCHASES,
    TOUCHES,
    TableContract,
)
from shopkeeper.features.compute import (
    CUTOFFS,
    cutoffs_expression,
    cutoffs_table,
    feature_table,
)
from shopkeeper.features.library_index import features_contract
from shopkeeper.unify import resolve
from shopkeeper.unify.identifiers import CUSTOMER_PREFIX, customer_id_of
from shopkeeper.unify.sightings import own_customer

FEATURES_QUERY = "features"
RESOLVED: tuple[TableContract, ...] = (PURCHASES, PURCHASE_LINES, ACTIVITY, CONTACTS)


@dataclass(frozen=True, slots=True)
class Computed:
    """What one computation knows of its customers.

    Parameters
    ----------
    features
        Under the FEATURES contract, ordered by customer; customers without rows have none.
    resolved
        Rows of PURCHASES, PURCHASE_LINES, ACTIVITY and CONTACTS by name of the table.
    """

    features: pa.Table
    resolved: Mapping[str, pa.Table]


class OnlineEngine:
    """The expressions of ``unify.resolve`` and ``features``, planned once; one thread.

    Parameters
    ----------
    store
        Where the products are.
    profiles
        Who answers to which reference or device.
    history
        Where the rows are.
    memory_mb
        Memory of the engine.
    """

    def __init__(
        self, store: TableStore, profiles: ProfileStore, history: History, *, memory_mb: int = 1024
    ) -> None:
        self._store, self._profiles, self._history = store, profiles, history
        self._contract = features_contract()
        self._memory_mb = memory_mb
        self._planned: PreparedQueries | None = None
        self._products, self._products_version = PRODUCTS.empty(), -2

    @property
    def _queries(self) -> PreparedQueries:
        """Planned when first needed: it takes seconds, and a worker's start should not."""
        if self._planned is None:
            self._planned = _plan(self._memory_mb)
        return self._planned

    def plan(self) -> None:
        """Plan now, so that the first computation need not wait for it."""
        self._planned = self._queries

    def compute(self, customers: Sequence[str], now_us: int) -> Computed:
        """Features of some customers at a moment, from their rows in the history.

        Parameters
        ----------
        customers
            Customer ids.
        now_us
            Only earlier rows count.

        Returns
        -------
        Computed
        """
        wanted = pa.array(sorted(set(customers)), pa.string())
        customer_of = self._owners(wanted.to_pylist())
        self._feed(customer_of)
        resolved = {}
        for contract in RESOLVED:
            found = self._queries.run(contract.name)
            mine = found.filter(pc.is_in(found[str(c.CUSTOMER_ID)], wanted))
            resolved[contract.name] = mine.cast(contract.arrow_schema)
        for name, table in resolved.items():
            self._queries.feed(name, table)
        self._queries.feed(CUTOFFS, cutoffs_table([from_us(now_us)]))
        features = self._queries.run(FEATURES_QUERY).cast(self._contract.arrow_schema)
        return Computed(features.sort_by(str(c.CUSTOMER_ID)), resolved)

    def close(self) -> None:
        """Release memory."""
        if self._planned is not None:
            self._planned.close()

    def _feed(self, customer_of: Mapping[str, str]) -> None:
        """Feed the loaded rows of some owners, with everything that resolving them reads."""
        owners = list(customer_of)
        rows = {x.name: self._history.rows(x.name, owners) for x, _, _ in LOADED_TABLES}
        known = {**customer_of, **self._strangers(rows, customer_of)}
        self._queries.feed(IDENTITIES.name, _identities(known))
        for contract, _, _ in LOADED_TABLES:
            self._queries.feed(contract.name, _filled(rows[contract.name], contract))
        bought = pc.unique(rows[ORDER_LINES.name][str(c.PRODUCT_ID)])
        listed = self._catalogue()
        self._queries.feed(
            PRODUCTS.name, listed.filter(pc.is_in(listed[str(c.PRODUCT_ID)], bought))
        )

    def _strangers(
        self, rows: Mapping[str, pa.Table], customer_of: Mapping[str, str]
    ) -> dict[str, str]:
        """Owners of other customers who share an order with one of ours."""
        named = {
            x
            for name in (ORDERS.name, ORDER_LINES.name)
            for x in pc.unique(rows[name][str(c.CUSTOMER_REF)]).to_pylist()
        }
        return self.customers_of(sorted(named - set(customer_of)))

    def customers_of(self, references: Sequence[str]) -> dict[str, str]:
        """Customer of each reference or device; of those nobody knows yet, the one they will be.

        Parameters
        ----------
        references
            As rows name them.

        Returns
        -------
        dict
        """
        known = self._profiles.resolve(references)
        return {x: known.get(x) or own_customer(x) or customer_id_of(x) for x in references}

    def _owners(self, customers: Sequence[str]) -> dict[str, str]:
        """Customer by everything that rows of these customers may be recorded under."""
        found = {x: x for x in customers}
        found |= {CUSTOMER_PREFIX + x: x for x in customers}
        for customer, identifiers in self._profiles.identifiers_of(customers).items():
            found |= dict.fromkeys(identifiers, customer)
        return found

    def _catalogue(self) -> pa.Table:
        version = self._store.version(PRODUCTS)
        if version != self._products_version:
            self._products = PRODUCTS.cast(self._store.run(self._store.table(PRODUCTS)))
            self._products_version = version
        return self._products


def _plan(memory_mb: int) -> PreparedQueries:
    queries = PreparedQueries(memory_mb=memory_mb)
    for contract in (ORDERS, ORDER_LINES, EVENTS, TOUCHES, PRODUCTS, IDENTITIES):
        queries.source(contract.name, _nullable(contract))
    for contract in RESOLVED:
        queries.source(contract.name, contract.arrow_schema)
    queries.source(CUTOFFS, cutoffs_table([from_us(0)]).schema)
    for contract, expr in _resolving():
        queries.prepare(contract.name, expr)
    purchases, lines, activity, contacts = (x.unbound() for x in RESOLVED)
    expr = feature_table(purchases, lines, activity, contacts, cutoffs_expression())
    queries.prepare(FEATURES_QUERY, expr)
    return queries


def _resolving() -> Sequence[tuple[TableContract, ibis.Table]]:
    orders, lines, identities = ORDERS.unbound(), ORDER_LINES.unbound(), IDENTITIES.unbound()
    return (
        (PURCHASES, resolve.purchases(orders, lines, identities)),
        (PURCHASE_LINES, resolve.purchase_lines(lines, PRODUCTS.unbound(), identities)),
        (ACTIVITY, resolve.activity(EVENTS.unbound(), identities)),
        (CONTACTS, resolve.contacts(TOUCHES.unbound(), identities)),
    )


def _identities(customer_of: Mapping[str, str]) -> pa.Table:
    return IDENTITIES.cast(
        pa.table(
            {
                str(c.IDENTIFIER): pa.array(list(customer_of), pa.string()),
                str(c.CUSTOMER_ID): pa.array(list(customer_of.values()), pa.string()),
            }
        ),
        fill=True,
    )


def _filled(rows: pa.Table, contract: TableContract) -> pa.Table:
    """Columns that were not kept as nulls; resolving does not read them."""
    schema = _nullable(contract)
    arrays = [
        rows[x.name] if x.name in rows.column_names else pa.nulls(rows.num_rows, x.type)
        for x in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _nullable(contract: TableContract) -> pa.Schema:
    return pa.schema([pa.field(x.name, x.type) for x in contract.arrow_schema])
