"""``shopkeeper source``: who may send live events, and with which key."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table

from shopkeeper.apps.cli.context import ConfigFlag, JsonFlag, ShopFlag, opened, out, print_json
from shopkeeper.apps.flows.sources import add_source, all_sources, change_source, one_source

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Sources of live events and their write keys."
)
NameArgument = Annotated[str, typer.Argument(help="Name of the source.")]
OriginFlag = Annotated[
    list[str] | None,
    typer.Option("--origin", help="Page that may send from a browser; repeat it. None means any."),
]


@app.command("add")
def add(
    name: NameArgument, shop: ShopFlag = None, config: ConfigFlag = None, as_json: JsonFlag = False,
    kind: Annotated[str, typer.Option("--kind", help="web, app, miniapp, server, store …")] = "web",
    user_kind: Annotated[
        str, typer.Option("--user-kind", help="Kind of identifier its user ids are (crm, email …).")
    ] = "user",
    origin: OriginFlag = None,
) -> None:  # fmt: skip
    """Make a source and print its write key."""
    with opened(shop, config) as runtime:
        row = add_source(
            runtime.state, name, now=runtime.clock.now(), kind=kind, user_kind=user_kind,
            origins=origin or (),
        )  # fmt: skip
    _tell(row, as_json=as_json)


@app.command("list")
def list_(shop: ShopFlag = None, config: ConfigFlag = None, as_json: JsonFlag = False) -> None:
    """Every source with its key."""
    with opened(shop, config) as runtime:
        rows = all_sources(runtime.state)
    if as_json:
        print_json(rows)
        return
    if not rows:
        out.print("There is no source yet. Make one with: shopkeeper source add web")
        return
    table = Table("source", "kind", "user ids", "may send", "write key", "pages")
    table.columns[4].no_wrap = True  # a key that is cut cannot be copied
    table.columns[4].min_width = 32
    for x in rows:
        table.add_row(
            x["source_id"], x["kind"], x["user_kind"], "yes" if x["enabled"] else "no",
            x["write_key"], ", ".join(x["origins"]) or "any",
        )  # fmt: skip
    out.print(table)


@app.command("show")
def show(
    name: NameArgument, shop: ShopFlag = None, config: ConfigFlag = None, as_json: JsonFlag = False
) -> None:
    """One source."""
    with opened(shop, config) as runtime:
        row = one_source(runtime.state, name)
    _tell(row, as_json=as_json)


@app.command("rotate")
def rotate(
    name: NameArgument, shop: ShopFlag = None, config: ConfigFlag = None, as_json: JsonFlag = False
) -> None:
    """Give a source a new key; the old one stops working within two seconds."""
    _change(name, shop, config, as_json=as_json, rotate=True)


@app.command("enable")
def enable(
    name: NameArgument, shop: ShopFlag = None, config: ConfigFlag = None, as_json: JsonFlag = False
) -> None:
    """Let a source send again."""
    _change(name, shop, config, as_json=as_json, enabled=True)


@app.command("disable")
def disable(
    name: NameArgument, shop: ShopFlag = None, config: ConfigFlag = None, as_json: JsonFlag = False
) -> None:
    """Refuse what a source sends, without losing its name."""
    _change(name, shop, config, as_json=as_json, enabled=False)


@app.command("allow")
def allow(
    name: NameArgument, shop: ShopFlag = None, config: ConfigFlag = None, as_json: JsonFlag = False,
    origin: OriginFlag = None,
) -> None:  # fmt: skip
    """Say which pages may send to a source from a browser; without --origin any page may."""
    _change(name, shop, config, as_json=as_json, origins=origin or [])


def _change(name: str, shop: Any, config: Any, *, as_json: bool, **changes: Any) -> None:
    with opened(shop, config) as runtime:
        row = change_source(runtime.state, name, **changes)
    _tell(row, as_json=as_json)


def _tell(row: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(row)
        return
    state = "may send" if row["enabled"] else "is disabled"
    out.print(f"{row['source_id']} ({row['kind']}) {state}", highlight=False)
    out.print(f"write key: {row['write_key']}", highlight=False, markup=False, soft_wrap=True)
    out.print(f"user ids are: {row['user_kind']}", highlight=False)
    out.print(f"pages: {', '.join(row['origins']) or 'any'}", highlight=False, markup=False)
