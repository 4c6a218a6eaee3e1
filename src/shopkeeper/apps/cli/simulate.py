"""``shopkeeper simulate``: a shop with known truth, loaded into a store or written as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import pyarrow.parquet as pq
import typer

from shopkeeper.apps.cli.context import (
    ConfigFlag,
    JsonFlag,
    ShopFlag,
    opened,
    out,
    print_json,
    settings_of,
)
from shopkeeper.simulate.shop import generate, truth_table
from shopkeeper.simulate.spec import ShopSpec

if TYPE_CHECKING:
    from shopkeeper.backends.runtime import Runtime


def simulate_command(
    customers: Annotated[int, typer.Option("--customers", min=1, help="How many.")] = 10_000,
    days: Annotated[int, typer.Option("--days", min=30, help="Length of the history.")] = 365,
    seed: Annotated[int, typer.Option("--seed", help="Decides everything random.")] = 7,
    events: Annotated[float, typer.Option("--events", min=0, help="Web events a customer.")] = 20.0,
    files: Annotated[
        Path | None, typer.Option("--files", help="Write Parquet files here instead.")
    ] = None,
    shop: ShopFlag = None,
    config: ConfigFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Generate orders, lines, web log, contacts and consents of a simulated shop."""
    settings = settings_of(shop, config).shop
    spec = ShopSpec(
        customers=customers, days=days, seed=seed, events_per_customer=events,
        join_days=min(120, days), currency=settings.currency, time_zone=settings.time_zone,
    )  # fmt: skip
    if files is not None:
        counts = _write(spec, files)
    else:
        with opened(shop, config) as runtime:
            counts = _load(spec, runtime)
    if as_json:
        print_json(counts)
        return
    for name, count in counts.items():
        out.print(f"  {name:<14}{count:>12,}", highlight=False)
    then = "" if files else " Next: shopkeeper run nightly"
    out.print(f"All of it is simulated.{then}", highlight=False)


def _load(spec: ShopSpec, runtime: Runtime) -> dict[str, int]:
    """Append to the shop; the same simulation twice is there once."""
    drawn = f"{spec.customers} {spec.days} {spec.seed} {spec.events_per_customer}"
    counts: dict[str, int] = {}
    for number, (contract, rows) in enumerate(generate(spec)):
        counts[contract.name] = counts.get(contract.name, 0) + rows.num_rows
        runtime.tables.append(contract, rows, token=(f"simulate {drawn} {contract.name}", number))
    return counts


def _write(spec: ShopSpec, folder: Path) -> dict[str, int]:
    """Write Parquet files beside the truth; no shop is opened or made."""
    counts: dict[str, int] = {}
    for number, (contract, rows) in enumerate(generate(spec)):
        counts[contract.name] = counts.get(contract.name, 0) + rows.num_rows
        target = folder / contract.name
        target.mkdir(parents=True, exist_ok=True)
        pq.write_table(rows, target / f"{number:05d}.parquet")
    pq.write_table(truth_table(spec), folder / "truth.parquet")
    return counts
