"""Bench of the feature build: rows per second, memory, and the same SQL written by hand."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from shopkeeper.apps.bench.features_sql import NAMES, hand_sql
from shopkeeper.apps.bench.rows import BenchOptions, BenchRow, Measured, measure
from shopkeeper.backends.open import open_runtime
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.settings import load_settings
from shopkeeper.core.tables import (
    ACTIVITY,
    CONTACTS,
    EVENTS,
    ORDER_LINES,
    ORDERS,
    PRODUCTS,
    PURCHASE_LINES,
    PURCHASES,
    TOUCHES,
    TableContract,
)
from shopkeeper.features.compute import CUTOFFS, SOURCES, cutoffs_table, stored_features
from shopkeeper.features.library_index import features_contract
from shopkeeper.simulate.shop import generate
from shopkeeper.simulate.spec import ShopSpec

CAPABILITY = "features"
MEMORY_MB = 6144
CUSTOMERS, EVENTS_TOTAL = 20_000, 1_000_000
RESOLVED = {
    ORDERS.name: PURCHASES,
    ORDER_LINES.name: PURCHASE_LINES,
    EVENTS.name: ACTIVITY,
    TOUCHES.name: CONTACTS,
}


def run(options: BenchOptions) -> list[BenchRow]:
    """Build features of a simulated shop beside the same SQL written by hand.

    Parameters
    ----------
    options
        ``customers`` and ``events`` (web events; orders and contacts come on top).

    Returns
    -------
    list of BenchRow
        For the whole library, for the features the hand-written text covers, and for
        that text: rows_per_second, seconds, peak_mb; and the ratio of the last two.
    """
    customers = options.customers or CUSTOMERS
    events = options.events or EVENTS_TOTAL
    spec = ShopSpec(customers=customers, seed=options.seed, events_per_customer=events / customers)
    with tempfile.TemporaryDirectory(prefix="shopkeeper-bench-") as folder:
        flags = {"store.folder": folder, "store.memory_mb": MEMORY_MB}
        runtime = open_runtime(load_settings(flags=flags))
        try:
            for contract, rows in resolved_shop(spec):
                runtime.tables.append(contract, rows)
            return _figures(runtime, Path(folder), spec, options.seed)
        finally:
            runtime.close()


def resolved_shop(spec: ShopSpec) -> Iterator[tuple[TableContract, pa.Table]]:
    """A simulated shop with every customer known by the reference of its orders.

    Parameters
    ----------
    spec
        The shop.

    Yields
    ------
    contract, rows
        PURCHASES, PURCHASE_LINES, ACTIVITY and CONTACTS, chunk by chunk.
    """
    places: pa.Table | None = None
    for contract, rows in generate(spec):
        if contract is PRODUCTS:
            places = rows.select(["product_id", "category", "subcategory", "brand"])
        target = RESOLVED.get(contract.name)
        if target is None or places is None:
            continue
        known = rows.rename_columns(
            ["customer_id" if x == "customer_ref" else x for x in rows.column_names]
        )
        if target is PURCHASE_LINES:
            known = known.join(places, "product_id")
        if target is ACTIVITY:
            known = known.filter(pc.is_valid(known["customer_id"]))
        wanted = [str(x) for x in target.columns if x in known.column_names]
        yield target, target.cast(known.select(wanted), fill=True)


def _figures(runtime: Runtime, folder: Path, spec: ShopSpec, seed: int) -> list[BenchRow]:
    store, as_of = runtime.tables, spec.as_of
    read = sum(store.count(x) for x in SOURCES)
    data = f"simulated, {spec.customers:,} customers, {read:,} rows"
    given = {CUTOFFS: cutoffs_table([as_of])}
    rows: list[BenchRow] = []

    def told(method: str, features: int, took: Measured) -> None:
        protocol = "one cut-off at the end, written to a table"
        figures = {"rows_per_second": read / took.seconds, "seconds": took.seconds,
                   "peak_mb": took.peak_mb, "features": features}  # fmt: skip
        rows.extend(
            BenchRow(CAPABILITY, data, protocol, method, metric, value, n=spec.customers,
                     seconds=took.seconds, peak_mb=took.peak_mb, seed=seed)
            for metric, value in figures.items()
        )  # fmt: skip

    with measure() as whole:
        store.materialise(stored_features(store), features_contract(), inputs=given)
    told("whole library", len(features_contract().columns) - 2, whole)
    with measure() as same:
        expr = stored_features(store, names=NAMES)
        store.materialise(expr, features_contract(NAMES), inputs=given)
    told("library, same features", len(NAMES), same)
    with measure() as by_hand:
        _by_hand(folder, int(as_of.timestamp()) * 1_000_000, runtime.settings.store.threads)
    told("written by hand", len(NAMES), by_hand)
    rows.append(
        BenchRow(CAPABILITY, data, "one cut-off at the end, written to a table",
                 "library, same features", "ratio_to_hand_sql", same.seconds / by_hand.seconds,
                 n=spec.customers, seconds=same.seconds, peak_mb=same.peak_mb, seed=seed)
    )  # fmt: skip
    return rows


def _by_hand(folder: Path, as_of_us: int, threads: int) -> None:
    """Run the hand-written text over the same files, with the same memory, to Parquet."""
    spill = folder / "by-hand"
    spill.mkdir()
    database = duckdb.connect(
        config={"memory_limit": f"{MEMORY_MB}MiB", "temp_directory": str(spill)}
    )
    if threads:
        database.execute(f"SET threads = {threads}")
    for contract in SOURCES:
        lake = next(x for x in folder.rglob(contract.name) if x.is_dir())
        files = DeltaTable(str(lake)).file_uris()
        database.read_parquet(files).create_view(contract.name)
    database.sql(hand_sql(as_of_us)).write_parquet(str(spill / "features.parquet"))
    database.close()
    shutil.rmtree(spill)
