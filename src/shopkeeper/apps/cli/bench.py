"""``shopkeeper bench``: measure a capability on the reference data or on your own file."""

from __future__ import annotations

import os
import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from shopkeeper.apps.bench.registry import ALL, CAPABILITIES, run_bench
from shopkeeper.apps.bench.rows import BenchOptions, print_json, print_table
from shopkeeper.core.errors import InputError, ShopkeeperError

__all__ = ["bench"]

_COLUMN = "Column of your file; guessed by its name when left out."


def bench(
    capability: Annotated[
        str, typer.Argument(help=f"One of: {', '.join(CAPABILITIES)}; or {ALL}.")
    ],
    inputs: Annotated[
        list[Path] | None,
        typer.Option("--input", help="Your own file; may be repeated. Default: reference data."),
    ] = None,
    methods: Annotated[
        str | None, typer.Option("--methods", help="Only these, separated by commas.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Decides everything random.")] = 7,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON array, one object a figure.")
    ] = False,
    customer: Annotated[str | None, typer.Option("--customer", help=_COLUMN)] = None,
    time: Annotated[str | None, typer.Option("--time", help=_COLUMN)] = None,
    amount: Annotated[str | None, typer.Option("--amount", help=_COLUMN)] = None,
    item: Annotated[str | None, typer.Option("--item", help=_COLUMN)] = None,
    cutoff: Annotated[
        str | None, typer.Option("--cutoff", help="Day where past ends, YYYY-MM-DD.")
    ] = None,
    horizon: Annotated[
        int | None,
        typer.Option("--horizon", min=1, help="Days of the future judged; steps of a forecast."),
    ] = None,
    unit: Annotated[
        str | None, typer.Option("--unit", help="Time unit of a value model: day or week.")
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(
            "--protocol",
            help="leave-one-out, temporal, next-in-session or next-basket; kfold or temporal.",
        ),
    ] = None,
    test: Annotated[Path | None, typer.Option("--test", help="Separate file of test rows.")] = None,
    support: Annotated[
        float | None, typer.Option("--support", help="Smallest share of baskets, in (0, 1].")
    ] = None,
    customers: Annotated[
        int | None, typer.Option("--customers", min=1, help="Customers to generate.")
    ] = None,
    events: Annotated[
        int | None, typer.Option("--events", min=1, help="Events to generate.")
    ] = None,
    kills: Annotated[
        int | None, typer.Option("--kills", min=1, help="Processes that durability kills.")
    ] = None,
    log: Annotated[
        str | None, typer.Option("--log", help="Log that durability runs on: sqlite or kafka.")
    ] = None,
    target: Annotated[str | None, typer.Option("--target", help="Outcome column.")] = None,
    group: Annotated[
        str | None, typer.Option("--group", help="Column whose rows are never split.")
    ] = None,
    exclude: Annotated[
        str | None, typer.Option("--exclude", help="Columns not to learn from, by commas.")
    ] = None,
    treatment: Annotated[str | None, typer.Option("--treatment", help="Column of the arm.")] = None,
    control: Annotated[str | None, typer.Option("--control", help="Its value: untreated.")] = None,
    treated: Annotated[str | None, typer.Option("--treated", help="Its value: treated.")] = None,
    outcome: Annotated[str | None, typer.Option("--outcome", help="Column of the effect.")] = None,
    cost: Annotated[
        float | None, typer.Option("--cost", help="Cost of one treatment, in units of the outcome.")
    ] = None,
    series: Annotated[
        str | None, typer.Option("--series", help="Columns that name a series, by commas.")
    ] = None,
    value: Annotated[str | None, typer.Option("--value", help="Column that is forecast.")] = None,
    text: Annotated[str | None, typer.Option("--text", help="Column of the text.")] = None,
    label: Annotated[str | None, typer.Option("--label", help="Column of its label.")] = None,
    peers: Annotated[
        bool, typer.Option("--peers/--no-peers", help="Run the libraries of `make peers` too.")
    ] = True,
) -> None:
    """Print the figures of a capability beside its baselines."""
    try:
        options = BenchOptions(
            inputs=tuple(inputs or ()),
            data_folder=Path(os.environ.get("SHOPKEEPER_DATA", "../shared/data")),
            methods=_words(methods),
            seed=seed,
            customer=customer,
            time=time,
            amount=amount,
            item=item,
            cutoff=_day(cutoff),
            horizon_days=None if capability == "forecast" else horizon,
            unit=_one_of("--unit", unit, ("day", "week")),
            protocol=protocol,
            test=test,
            support=_share("--support", support),
            customers=customers,
            events=events,
            kills=kills,
            log=_one_of("--log", log, ("sqlite", "kafka")),
            target=target,
            group=group,
            exclude=_words(exclude),
            treatment=treatment,
            control=control,
            treated=treated,
            outcome=outcome,
            cost=cost,
            series=_words(series),
            value=value,
            steps=horizon if capability == "forecast" else None,
            text=text,
            label=label,
            peers=peers,
        )
        rows = run_bench(capability, options, skipped=_skipped)
    except ShopkeeperError as error:
        typer.echo(f"shopkeeper bench: {error}", err=True)
        raise typer.Exit(2) from error
    (print_json if as_json else print_table)(rows, sys.stdout)


def _words(text: str | None) -> tuple[str, ...]:
    return tuple(word.strip() for word in (text or "").split(",") if word.strip())


def _skipped(capability: str, missing: str) -> None:
    # On standard error, so that --json stays one array.
    typer.echo(f"shopkeeper bench: {capability} skipped, there is no {missing}", err=True)


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InputError(
            f"--cutoff {text!r} is not a day",
            next_step="write it as YYYY-MM-DD, for example 1997-10-01",
            option="--cutoff",
        ) from error


def _one_of(option: str, value: str | None, allowed: tuple[str, ...]) -> str | None:
    if value is not None and value not in allowed:
        raise InputError(
            f"{option} {value!r} is not known",
            next_step=f"choose one of {', '.join(allowed)}",
            option=option,
        )
    return value


def _share(option: str, value: float | None) -> float | None:
    if value is not None and not 0 < value <= 1:
        raise InputError(
            f"{option} {value} is not a share",
            next_step="give a number above 0 and at most 1, for example 0.01",
            option=option,
        )
    return value
