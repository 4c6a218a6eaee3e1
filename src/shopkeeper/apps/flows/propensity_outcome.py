"""What happened to whom: audience rules, events and purchases held against a past moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.apps.flows.audiences import read_rule
from shopkeeper.apps.flows.propensity_spec import Target
from shopkeeper.core.clock import to_us
from shopkeeper.core.errors import InputError, NotFoundError, RuleError
from shopkeeper.core.ports import TableStore
from shopkeeper.core.tables import (
    ACTIVITY,
    CONTACTS,
    PERMITS,
    PROFILES,
    PURCHASE_LINES,
    SCORES,
    SEGMENTS,
)
from shopkeeper.features.compute import CUTOFFS, SOURCES, cutoffs_table, feature_table
from shopkeeper.features.compute import cutoffs_expression as cutoffs
from shopkeeper.features.library_index import features_contract
from shopkeeper.segment.rules.batch import Tables, members
from shopkeeper.segment.rules.tree import Rule, fields_of
from shopkeeper.segment.rules.vocabulary import Vocabulary

SAME_EVENTS: tuple[frozenset[str], ...] = (
    frozenset({"add_to_cart", "product_added", "cart", "addtocart"}),
    frozenset({"view_item", "product_view", "product_viewed", "view"}),
    frozenset({"begin_checkout", "checkout_started", "checkout"}),
    frozenset({"add_to_wishlist", "product_added_to_wishlist", "wish"}),
    frozenset({"search", "products_searched"}),
    frozenset({"page_view", "page"}),
)
"""Words of the trade for one and the same event."""


def past_rule(text: str, vocabulary: Vocabulary) -> Rule:
    """Read a rule that can be held against the past.

    Parameters
    ----------
    text
        The rule.
    vocabulary
        Known fields.

    Returns
    -------
    Rule

    Raises
    ------
    RuleError
        When it cannot be read, or names scores, segments or consents: those are known for now,
        not for the past moments a model learns from.
    """
    rule = read_rule(text, vocabulary)
    for name in fields_of(rule):
        field = vocabulary.field(name)
        if field.source in ("scores", "segments", "permits"):
            raise RuleError(
                f"field {name!r} is known for now only, and a model learns from past moments",
                next_step="use features, the profile, or what customers did",
                field=name,
                message_zh=f"字段 {name} 只有当前值，模型要从过去的时点学习，不能使用",
            )
    return rule


def features_named(rule: Rule, vocabulary: Vocabulary) -> list[str]:
    """Features that a rule reads.

    Parameters
    ----------
    rule
        Checked.
    vocabulary
        Known fields.
    """
    found = (vocabulary.field(x) for x in fields_of(rule))
    return [x.column for x in found if x.source == "features"]


def holders(
    store: TableStore, rule: Rule, vocabulary: Vocabulary, block: pa.Table, at: datetime
) -> pa.Array:
    """Customers of a block for whom a rule was true at a moment.

    Parameters
    ----------
    store
        The lake, for occurrences and profiles.
    rule
        From :func:`past_rule`.
    vocabulary
        Known fields.
    block
        Features at the moment.
    at
        The moment.

    Returns
    -------
    pa.Array
        Customer ids.
    """
    names = [x for x in block.column_names if x not in ("customer_id", "as_of")]
    schema = features_contract(names).ibis_schema
    tables = Tables(
        features=ibis.table(schema, name="features_then"),
        scores=store.table(SCORES), segments=store.table(SEGMENTS),
        profiles=store.table(PROFILES), permits=store.table(PERMITS),
        lines=store.table(PURCHASE_LINES), activity=store.table(ACTIVITY),
        contacts=store.table(CONTACTS),
    )  # fmt: skip
    found = store.run(members(rule, vocabulary, tables, to_us(at)), {"features_then": block})
    return found["customer_id"].combine_chunks()


def happening(store: TableStore, target: Target, start: datetime, until: datetime) -> pa.Array:
    """Customers to whom an event or purchase happened in a window often enough.

    Parameters
    ----------
    store
        The lake.
    target
        Of kind event or purchase.
    start, until
        Window, half-open.

    Returns
    -------
    pa.Array
        Customer ids.

    Raises
    ------
    InputError
        When a condition is not a column of what is counted.
    """
    table = store.table(ACTIVITY if target.kind == "event" else PURCHASE_LINES)
    kinds = event_kinds(store, target.event or "") if target.kind == "event" else ("sale",)
    chosen = table.filter(
        table.kind.isin(kinds)
        & (table.ts_us >= ibis.literal(to_us(start)).cast("int64"))
        & (table.ts_us < ibis.literal(to_us(until)).cast("int64"))
    )
    for column, value in target.where.items():
        if column not in table.columns:
            raise InputError(
                f"{'events' if target.kind == 'event' else 'purchases'} carry no {column}",
                next_step=f"use one of {', '.join(x for x in target_conditions(target.kind))}",
                field=f"target.where.{column}",
            )
        chosen = chosen.filter(chosen[column] == value)
    unit = chosen.count() if target.kind == "event" else chosen.order_id.nunique()
    counted = chosen.group_by("customer_id").aggregate(n=unit)
    found = store.run(counted.filter(counted.n >= target.at_least).select("customer_id"))
    return found["customer_id"].combine_chunks()


def event_kinds(store: TableStore, wanted: str) -> tuple[str, ...]:
    """Kinds of event of this shop that a word means.

    Parameters
    ----------
    store
        The lake.
    wanted
        A kind as the shop stores it, or another trade word for the same thing.

    Returns
    -------
    tuple of str

    Raises
    ------
    NotFoundError
        When no such event was ever seen; names those that were.
    """
    table = store.table(ACTIVITY)
    seen = store.run(table.select("kind").distinct())["kind"].to_pylist()
    if wanted in seen:
        return (wanted,)
    group: frozenset[str] = next((x for x in SAME_EVENTS if wanted in x), frozenset())
    found = tuple(sorted(group & set(seen)))
    if not found:
        known = ", ".join(sorted(seen)) or "none was loaded"
        raise NotFoundError(
            f"no customer ever did {wanted!r}", next_step=f"events of this shop: {known}",
            event=wanted, message_zh=f"没有客户发生过“{wanted}”",
        )  # fmt: skip
    return found


def target_conditions(kind: str) -> tuple[str, ...]:
    """Columns that a target of a kind can be narrowed by.

    Parameters
    ----------
    kind
        ``event``, ``purchase`` or ``rule``.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> target_conditions("rule")
    ()
    """
    known: Mapping[str, tuple[str, ...]] = {
        "event": ("product_id", "category", "channel", "page"),
        "purchase": ("product_id", "category", "subcategory", "brand", "channel", "store_id"),
    }
    return known.get(kind, ())


def without_future(
    store: TableStore, rows: pa.Table, at: datetime, names: Sequence[str]
) -> pa.Table:
    """Features of some customers computed after everything at or after the moment was removed.

    Parameters
    ----------
    store
        The lake.
    rows
        ``customer_id`` of those to recompute.
    at
        The moment.
    names
        Features.

    Returns
    -------
    pa.Table
        One row a customer, by customer.
    """
    wanted = ibis.table({"customer_id": "string"}, name="customers_again")
    end = ibis.literal(to_us(at)).cast("int64")
    tables = []
    for contract in SOURCES:
        table = store.table(contract)
        tables.append(table.filter(table.ts_us < end).semi_join(wanted, "customer_id"))
    expr = feature_table(tables[0], tables[1], tables[2], tables[3], cutoffs(), names=names)
    given = {CUTOFFS: cutoffs_table([at]), "customers_again": rows.select(["customer_id"])}
    found = features_contract(names).cast(store.run(expr, given))
    return found.sort_by("customer_id")


def rows_at(rows: pa.Table, at: datetime) -> pa.Table:
    """Rows of one moment.

    Parameters
    ----------
    rows
        With ``as_of``.
    at
        The moment.
    """
    moment = pa.scalar(at.astimezone(UTC), rows.schema.field("as_of").type)
    return rows.filter(pc.equal(rows["as_of"], moment))


def is_among(ids: pa.ChunkedArray, wanted: Any) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Whether each id is among the wanted ones.

    Parameters
    ----------
    ids
        Customer ids.
    wanted
        Arrow array or list of ids.
    """
    value_set = wanted if isinstance(wanted, pa.Array) else pa.array(list(wanted), pa.string())
    found = pc.is_in(ids, value_set=value_set)
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.bool_)


def only(rows: pa.Table, wanted: Any) -> pa.Table:
    """Rows of the wanted customers.

    Parameters
    ----------
    rows
        With ``customer_id``.
    wanted
        Ids.
    """
    return rows.filter(pa.array(is_among(rows["customer_id"], wanted)))


def without(rows: pa.Table, unwanted: Any) -> pa.Table:
    """Rows of all but the unwanted customers.

    Parameters
    ----------
    rows
        With ``customer_id``.
    unwanted
        Ids.
    """
    if not len(unwanted):
        return rows
    return rows.filter(pa.array(~is_among(rows["customer_id"], unwanted)))
