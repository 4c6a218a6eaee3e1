"""``shopkeeper demo``: the whole loop on the demo shop, its figures, and the console."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from shopkeeper.apps.cli.context import JsonFlag, err, out, print_json, step_progress
from shopkeeper.apps.cli.up import serve
from shopkeeper.apps.flows import demo as flow
from shopkeeper.apps.flows.demo_report import demo_figures, summary_lines
from shopkeeper.apps.flows.nightly import run_nightly
from shopkeeper.backends.open import open_runtime
from shopkeeper.core.settings import load_settings


def demo(
    shop: Annotated[Path, typer.Option("--shop", help="Folder of the demo shop.")] = Path(
        "demo-shop"
    ),
    serve_console: Annotated[
        bool, typer.Option("--serve/--no-serve", help="Open the console at the end.")
    ] = True,
    port: Annotated[int | None, typer.Option("--port", help="Port; 0 picks a free one.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Load the Complete Journey data, run the loop, print what to do today, serve the console."""
    settings = load_settings(
        environment=os.environ,
        flags={**flow.SETTINGS, "store.folder": str(shop), "service.port": port},
    )
    began = time.perf_counter()
    runtime = open_runtime(settings)
    try:
        if not as_json:
            err.print("Demo shop: Complete Journey, simulated from real patterns.", highlight=False)
        loaded = flow.load_demo(runtime, None if as_json else _say)
        with step_progress(quiet=as_json) as progress:
            seconds = {"collect": round(time.perf_counter() - began, 1)}
            report = run_nightly(runtime, as_of=flow.as_of(), progress=progress)
        audiences = flow.create_audiences(runtime)
        figures = demo_figures(runtime, loaded, report, seconds)
        figures["audiences"] = audiences
        figures["seconds"] = round(time.perf_counter() - began, 1)
        if as_json:
            print_json(figures)
        else:
            _print(figures)
        if serve_console:
            serve(runtime)
    finally:
        runtime.close()


def _say(name: str) -> None:
    err.print(f"  loading {name}", highlight=False)


def _print(figures: Mapping[str, Any]) -> None:
    rows = Table("table", "rows in", "admitted", "quarantined", title="Collected")
    for name, load in figures["collect"].items():
        rows.add_row(
            name, f"{load['rows_in']:,}", f"{load['rows_admitted']:,}",
            f"{load.get('rows_quarantined', 0):,}",
        )  # fmt: skip
    out.print(rows)
    for task, report in figures["predict"].items():
        if report["refused"]:
            out.print(f"{task}: {report['refused']}", highlight=False)
            continue
        if report["figures"]:
            out.print(_figures(f"{task} · {report['model']}", report["figures"]))
        elif report["rows"]:
            out.print(f"{task}: {report['rows']:,} rows", highlight=False)
    for line in summary_lines(figures):
        out.print(line, highlight=False)
    out.print(f"Done in {figures['seconds']} s.", highlight=False)


def _figures(title: str, figures: Mapping[str, Mapping[str, float]]) -> Table:
    """Methods and metrics; whichever is fewer runs across."""
    metrics = list(dict.fromkeys(m for row in figures.values() for m in row))
    title = f"{title} (measured on a later period)"
    if len(metrics) > len(figures):
        table = Table("", *figures, title=title)
        for m in metrics:
            table.add_row(m, *(_shown(row, m) for row in figures.values()))
        return table
    table = Table("method", *metrics, title=title)
    for method, row in figures.items():
        table.add_row(method, *(_shown(row, m) for m in metrics))
    return table


def _shown(row: Mapping[str, float], metric: str) -> str:
    return f"{row[metric]:.4g}" if metric in row else ""
