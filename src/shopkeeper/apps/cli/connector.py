"""``shopkeeper connector``: sources that are read again and again, and those that send to us."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.table import Table
from sqlalchemy import select

from shopkeeper.apps.cli.context import ConfigFlag, JsonFlag, ShopFlag, opened, out, print_json
from shopkeeper.apps.flows import connect, connect_plan
from shopkeeper.apps.flows.connect_run import run_connector
from shopkeeper.collect.connectors.kinds import KINDS
from shopkeeper.core import state
from shopkeeper.core.errors import InputError

app = typer.Typer(
    no_args_is_help=True, add_completion=False,
    help="Databases, folders, webhooks and outside data: how far they are and how they do.",
)  # fmt: skip
NameArgument = Annotated[str, typer.Argument(help="Name of the connector.")]
FileArgument = Annotated[Path, typer.Argument(help="YAML file with the key connectors.")]
PruneFlag = Annotated[bool, typer.Option("--prune", help="Remove those the file does not name.")]


@app.command("kinds")
def kinds(as_json: JsonFlag = False) -> None:
    """What can be connected, and what a definition of each kind may say."""
    found: list[dict[str, Any]] = [
        {
            "kind": x.name, "zh": x.zh, "en": x.en, "every_seconds": x.every_seconds,
            "keys": list(x.config.__struct_fields__),
        }
        for x in KINDS.values()
    ]  # fmt: skip
    if as_json:
        print_json(found)
        return
    table = Table("kind", "for", "may say")
    for x in found:
        table.add_row(x["kind"], f"{x['zh']} · {x['en']}", ", ".join(x["keys"]))
    out.print(table)


@app.command("add")
def add(
    name: NameArgument,
    kind: Annotated[str, typer.Option("--kind", help="One of: shopkeeper connector kinds.")],
    given: Annotated[
        list[str] | None, typer.Option("--set", help="KEY=VALUE, again for each key (YAML values).")
    ] = None,
    shop: ShopFlag = None, config: ConfigFlag = None, as_json: JsonFlag = False,
) -> None:  # fmt: skip
    """Define a connector, or change the one of that name."""
    definition = connect.definition_of(name, {"kind": kind, **_pairs(given or [])})
    with opened(shop, config) as runtime:
        connect.save(runtime.state, definition, now=runtime.clock.now())
        found = connect.connector(runtime.state, name).to_dict(runtime.clock.now())
    if as_json:
        print_json(found)
        return
    out.print(f"{name} is defined.", highlight=False)
    if definition.every_seconds:
        out.print(f"Next: shopkeeper connector run {name}", highlight=False)
    else:
        out.print(f"Next: send to POST /v1/webhooks/{name}", highlight=False)


@app.command("list")
def listed(shop: ShopFlag = None, config: ConfigFlag = None, as_json: JsonFlag = False) -> None:
    """All connectors: state, lag, rows, last error, next run."""
    with opened(shop, config) as runtime:
        now = runtime.clock.now()
        found = [x.to_dict(now) for x in connect.connectors(runtime.state)]
    if as_json:
        print_json(found)
        return
    if not found:
        out.print("No connector yet. Next: shopkeeper connector kinds")
        return
    table = Table("connector", "kind", "state", "lag", "rows", "next run", "error")
    for x in found:
        table.add_row(
            x["connector_id"], x["kind"], x["status"], _seconds(x["lag_seconds"]),
            f"{x['rows_total']:,}", f"{x['next_at']:%m-%d %H:%M:%S}" if x["next_at"] else "",
            (x["error"] or "")[:80],
        )  # fmt: skip
    out.print(table)


@app.command("show")
def show(
    name: NameArgument, shop: ShopFlag = None, config: ConfigFlag = None, as_json: JsonFlag = False
) -> None:
    """One connector with its last runs."""
    with opened(shop, config) as runtime:
        found = connect.connector(runtime.state, name).to_dict(runtime.clock.now())
        runs = state.connector_runs
        query = select(runs).where(runs.c.connector_id == name)
        with runtime.state.connect() as connection:
            last = connection.execute(query.order_by(runs.c.started_at.desc()).limit(10))
            found["runs"] = [dict(x) for x in last.mappings()]
    if as_json:
        print_json(found)
        return
    for key, value in found.items():
        if key != "runs":
            out.print(f"{key}: {value}", highlight=False, soft_wrap=True)
    table = Table("started", "status", "rows", "error")
    for x in found["runs"]:
        table.add_row(
            f"{x['started_at']:%m-%d %H:%M:%S}", x["status"], f"{x['rows']:,}", x["error"] or ""
        )
    out.print(table)


@app.command("run")
def run(
    name: NameArgument,
    full: Annotated[
        bool, typer.Option("--full", help="Read everything again; what is known changes nothing.")
    ] = False,
    shop: ShopFlag = None, config: ConfigFlag = None, as_json: JsonFlag = False,
) -> None:  # fmt: skip
    """Run a connector once, now."""
    with opened(shop, config) as runtime:
        report = run_connector(runtime, name, environment=os.environ, full=full)
    if as_json:
        print_json(report.to_dict())
    else:
        out.print(
            f"{name}: {report.status}, {report.rows:,} rows read, {report.admitted:,} admitted, "
            f"{report.repeated:,} known, {report.quarantined:,} refused, {report.seconds} s",
            highlight=False,
        )
        for zh, en in report.notes:
            out.print(f"  · {en} · {zh}", highlight=False)
        if report.error:
            out.print(f"  {report.error}\n  → {report.next_step}", highlight=False, markup=False)
    if report.status != "done":
        raise typer.Exit(1)


@app.command("enable")
def enable(name: NameArgument, shop: ShopFlag = None, config: ConfigFlag = None) -> None:
    """Let a connector run by itself; its circuit closes."""
    with opened(shop, config) as runtime:
        connect.enable(runtime.state, name, enabled=True, now=runtime.clock.now())
    out.print(f"{name} runs.", highlight=False)


@app.command("disable")
def disable(name: NameArgument, shop: ShopFlag = None, config: ConfigFlag = None) -> None:
    """Stop a connector; its position stays."""
    with opened(shop, config) as runtime:
        connect.enable(runtime.state, name, enabled=False, now=runtime.clock.now())
    out.print(f"{name} is off.", highlight=False)


@app.command("plan")
def plan(
    file: FileArgument, prune: PruneFlag = False,
    shop: ShopFlag = None, config: ConfigFlag = None, as_json: JsonFlag = False,
) -> None:  # fmt: skip
    """What applying a file would change; writes nothing."""
    with opened(shop, config) as runtime:
        planned = connect_plan.plan(runtime.state, _read(file), prune=prune)
    _print_plan(planned, as_json=as_json)


@app.command("apply")
def apply(
    file: FileArgument, prune: PruneFlag = False,
    shop: ShopFlag = None, config: ConfigFlag = None, as_json: JsonFlag = False,
) -> None:  # fmt: skip
    """Make the shop's connectors what a file says."""
    with opened(shop, config) as runtime:
        planned = connect_plan.plan(runtime.state, _read(file), prune=prune)
        connect_plan.apply(runtime.state, planned, now=runtime.clock.now())
    _print_plan(planned, as_json=as_json)


@app.command("pull")
def pull(
    file: Annotated[Path | None, typer.Argument(help="Where to write; default: print.")] = None,
    shop: ShopFlag = None, config: ConfigFlag = None,
) -> None:  # fmt: skip
    """The shop's connectors as the YAML that apply reads; secrets stay references."""
    with opened(shop, config) as runtime:
        text = connect_plan.pull(runtime.state)
    if file is None:
        typer.echo(text, nl=False)
    else:
        file.write_text(text, encoding="utf-8")


def _pairs(given: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in given:
        key, mark, value = pair.partition("=")
        if not mark or not key:
            raise InputError(f"--set {pair!r} has no =", next_step="Write --set KEY=VALUE")
        try:
            # A reference such as ${NAME} would be read as a mapping.
            found[key] = value if value.startswith("$") else yaml.safe_load(value)
        except yaml.YAMLError:
            found[key] = value
    return found


def _read(file: Path) -> list[connect.Definition]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}", next_step="Check the path") from error
    return connect_plan.read_definitions(text)


def _print_plan(planned: connect_plan.DefinitionPlan, *, as_json: bool) -> None:
    if as_json:
        print_json(planned.to_dict())
        return
    for change in planned.changes:
        out.print(f"{change.action:7} {change.connector_id}", highlight=False)
        for key, before, after in change.differences:
            out.print(f"          {key}: {before!r} → {after!r}", highlight=False, markup=False)


def _seconds(value: float | None) -> str:
    if value is None:
        return "—"
    return f"{value:.0f} s" if value < 300 else f"{value / 60:.0f} min"
