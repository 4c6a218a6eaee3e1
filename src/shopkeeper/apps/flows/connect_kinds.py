"""What each kind of connector makes of the rows it reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.apps.flows.connect_files import drop_folder, read_address, read_folder
from shopkeeper.apps.flows.connect_read import (
    Admit,
    Admitted,
    Brought,
    Context,
    Reader,
    load_rows,
    mapping_for,
    read_sql,
    records,
)
from shopkeeper.backends.runtime import Runtime
from shopkeeper.collect import dates
from shopkeeper.collect.connectors import enrichment, footfall, written
from shopkeeper.collect.connectors.kinds import Enrichment, Words
from shopkeeper.collect.mapping import SourceMapping
from shopkeeper.collect.text import plain
from shopkeeper.core import columns as c
from shopkeeper.core.errors import InputError
from shopkeeper.core.tables import CUSTOMERS, FOOTFALL, ORDERS, TableContract

OUR_KEYS: Mapping[str, tuple[tuple[TableContract, str], ...]] = {
    "customer": ((CUSTOMERS, c.CUSTOMER_REF), (ORDERS, c.CUSTOMER_REF)),
    "city": ((CUSTOMERS, c.CITY),),
    "store": ((ORDERS, c.STORE_ID), (FOOTFALL, c.STORE_ID)),
    "day": ((ORDERS, c.DAY),),
}
"""Where our own keys of each kind stand."""


def _text(context: Context, rows: pa.Table) -> Admitted:
    """Chats, reviews, searches as events with text."""
    config = context.config
    assert isinstance(config, Words)
    if config.mapping:
        rows = written.with_event(rows, config.about)
        given = SourceMapping.from_dict(config.mapping)
        columns = {**given.columns, str(c.KIND): (written.KIND_COLUMN,)}
        mapping = replace(given, columns=columns, source=context.name)
    else:
        rows, mapping = written.as_events(rows, config.about, source=context.name)
    report = load_rows(context, rows, mapping)
    return Admitted([] if report is None else [report])


def _footfall(context: Context, rows: pa.Table) -> Admitted:
    """Counts of visitors by store, counter and hour."""
    if not context.config.mapping:
        rows = footfall.with_moment(rows)
    mapping = None
    if not context.config.mapping:
        mapping = footfall.by_hand([str(x) for x in rows.column_names], context.name)
    if mapping is None:
        mapping = mapping_for(context, rows, FOOTFALL.name)
    report = load_rows(context, rows, mapping)
    return Admitted([] if report is None else [report])


def our_keys(runtime: Runtime, kind: str) -> pa.Array:
    """Distinct keys of a kind that the shop has, as text.

    Parameters
    ----------
    runtime
        The open shop.
    kind
        ``customer``, ``city``, ``store`` or ``day``.

    Returns
    -------
    pa.Array
    """
    found = []
    for contract, column in OUR_KEYS[kind]:
        table = runtime.tables.table(contract)
        key = table[column].cast("string").name("key")
        rows = runtime.tables.run(table.select(key).filter(ibis._.key.notnull()).distinct())
        found.append(rows.column("key").combine_chunks().cast(pa.string()))
    return pc.unique(pa.concat_arrays(found))


def _keys(rows: pa.Table, config: Enrichment) -> pa.Table:
    """Their keys in our form."""
    keys = plain(rows.column("key"))
    if config.key_kind == "customer":
        bare = pc.fill_null(pc.invert(pc.match_substring(keys, ":")), fill_value=False)
        keys = pc.if_else(bare, pc.binary_join_element_wise("crm", keys, ":"), keys)
    if config.key_kind == "day":
        days = dates.moments(keys, zone_name="UTC").cast(pa.timestamp("us"))
        keys = pc.if_else(pc.is_valid(days), pc.strftime(days, format="%Y-%m-%d"), keys)
    return rows.set_column(rows.column_names.index("key"), "key", keys)


def _enrichment(context: Context, rows: pa.Table) -> Admitted:
    """Outside attributes: scored first, admitted only if they meet their contract."""
    config, runtime = context.config, context.runtime
    assert isinstance(config, Enrichment)
    shop = runtime.settings.shop
    shaped = enrichment.tall(rows, config, now=context.now, currency=shop.currency)
    shaped = _keys(shaped, config)
    found = enrichment.score(
        shaped, config, our_keys(runtime, config.key_kind), now=context.now,
        time_zone=shop.time_zone, cost=config.cost,
    )  # fmt: skip
    facts = {"score": found.to_dict()}
    if found.faults:
        said = "; ".join(f"{x.en} · {x.zh}" for x in found.faults)
        return Admitted(
            refused=InputError(
                f"{context.definition.connector_id} is below its contract and was not used: {said}",
                next_step="Get a better delivery, or change contract in the definition if you "
                "accept it",
            ),
            facts=facts,
        )
    cost = config.cost / found.matched if found.matched else 0.0
    at = shaped.column_names.index("cost")
    each = pa.repeat(pa.scalar(f"{cost:.6f}"), shaped.num_rows)
    shaped = shaped.set_column(at, "cost", each)
    report = load_rows(context, shaped, enrichment.mapping(context.name, shop.time_zone))
    return Admitted([] if report is None else [report], facts=facts)


def _by_how(admit: Admit) -> Reader:
    """The reader of a kind that may come from anywhere."""

    def read(context: Context, cursor: Mapping[str, Any]) -> Brought:
        how = context.config.how
        if how == "sql":
            return read_sql(context, cursor, admit)
        read_one = read_folder if how == "folder" else read_address
        brought = read_one(context, cursor, admit)
        return replace(brought, cursor={**brought.cursor, **_kept(brought, cursor)})

    return read


def _kept(brought: Brought, cursor: Mapping[str, Any]) -> dict[str, Any]:
    """The last score stays visible while nothing new comes."""
    score = brought.facts.get("score") or cursor.get("score")
    return {"score": score} if score else {}


READERS: Mapping[str, Reader] = {
    "sql": records,
    "folder": drop_folder,
    "text": _by_how(_text),
    "footfall": _by_how(_footfall),
    "enrichment": _by_how(_enrichment),
}
"""Reader of each kind that reads."""
