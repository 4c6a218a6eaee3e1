"""What every verb shares: opening the shop, printing, and turning errors into exit codes."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from shopkeeper.core.errors import ShopkeeperError
from shopkeeper.core.settings import Settings, find_settings_file, load_settings

if TYPE_CHECKING:
    from shopkeeper.backends.runtime import Runtime

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON instead of words.")]
ShopFlag = Annotated[
    Path | None, typer.Option("--shop", help="Folder of the shop (setting store.folder).")
]
ConfigFlag = Annotated[
    Path | None, typer.Option("--config", help="Settings file (default ./shopkeeper.toml).")
]
AsOfFlag = Annotated[
    str | None,
    typer.Option("--as-of", help="Pretend it is this day (YYYY-MM-DD). Default: after the data."),
]

out = Console()
err = Console(stderr=True)


def settings_of(shop: Path | None, config: Path | None, **flags: Any) -> Settings:
    """Settings from file, environment and flags."""
    return load_settings(
        file=config or find_settings_file(Path.cwd()),
        environment=os.environ,
        flags={"store.folder": str(shop) if shop else None, **flags},
    )


@contextmanager
def opened(shop: Path | None, config: Path | None, **flags: Any) -> Iterator[Runtime]:
    """The runtime of a shop, closed afterwards."""
    from shopkeeper.backends.open import open_runtime

    runtime = open_runtime(settings_of(shop, config, **flags))
    try:
        yield runtime
    finally:
        runtime.close()


def plain(value: Any) -> Any:
    """What JSON cannot hold, as text."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=plain) + "\n")


@contextmanager
def step_progress(*, quiet: bool) -> Iterator[Any]:
    """A progress bar over the steps of a flow; yields the callback or None."""
    if quiet or not err.is_terminal:
        yield None if quiet else _announce
        return
    with Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(),
        console=err, transient=True,
    ) as bar:  # fmt: skip
        task = bar.add_task("starting", total=None)

        def advance(step: str, position: int, total: int) -> None:
            bar.update(task, description=step, completed=position, total=total)

        yield advance


def _announce(step: str, position: int, total: int) -> None:
    err.print(f"[{position + 1}/{total}] {step}", highlight=False)


def fail(error: ShopkeeperError, *, as_json: bool) -> int:
    """Say what went wrong and what to do; returns the exit code."""
    if as_json:
        problem = {
            "code": error.code,
            "message": error.message,
            "next_step": error.next_step,
            "retryable": error.retryable,
            "facts": error.facts,
        }
        sys.stderr.write(json.dumps(problem, ensure_ascii=False, default=str) + "\n")
    else:
        err.print(f"[red]{error.code}[/red]: {error.message}", highlight=False)
        if error.next_step:
            err.print(f"  → {error.next_step}", highlight=False)
    return 75 if error.retryable else 2
