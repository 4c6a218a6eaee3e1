"""``shopkeeper identity``: why identifiers are one person, and taking a merge back."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table

from shopkeeper.apps.cli.context import (
    AsOfFlag,
    ConfigFlag,
    JsonFlag,
    ShopFlag,
    opened,
    out,
    print_json,
)
from shopkeeper.apps.cli.stages import moment_of
from shopkeeper.apps.flows.identity import edges_of, preview_undo, undo_edge

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Why identifiers are one person; undo a merge."
)
EdgeArgument = Annotated[str, typer.Argument(help="Edge id, from: identity edges CUSTOMER.")]


@app.command("edges")
def edges(
    customer: Annotated[str, typer.Argument(help="Customer id, or an identifier (kind:value).")],
    shop: ShopFlag = None,
    config: ConfigFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """The evidence that merged a customer, with what was undone."""
    with opened(shop, config) as runtime:
        found = edges_of(runtime.tables, customer)
    if as_json:
        print_json(found)
        return
    if not found:
        out.print("Nothing was merged: every identifier came with the same reference.")
        return
    table = Table("edge", "reference", "shares", "because", "score", "since", "undone")
    for x in found:
        undone = f"{x['undone_at']:%Y-%m-%d %H:%M}" if x["undone_at"] else ""
        table.add_row(
            x["edge_id"], x["left"], x["right"], f"{x['rule_en']} · {x['rule_zh']}",
            f"{x['score']:.2f}", f"{x['created_at']:%Y-%m-%d}", undone,
        )  # fmt: skip
    out.print(table)


@app.command("preview")
def preview(
    edge: EdgeArgument, shop: ShopFlag = None, config: ConfigFlag = None,
    as_of: AsOfFlag = None, as_json: JsonFlag = False,
) -> None:  # fmt: skip
    """What undoing an edge would change; writes nothing."""
    with opened(shop, config) as runtime:
        change = preview_undo(runtime, edge, as_of=moment_of(runtime, as_of)).to_dict()
    if as_json:
        print_json(change)
        return
    _print_change(change)
    out.print(f"Next: shopkeeper identity undo {edge}", highlight=False)


@app.command("undo")
def undo(
    edge: EdgeArgument, shop: ShopFlag = None, config: ConfigFlag = None,
    as_of: AsOfFlag = None, as_json: JsonFlag = False,
) -> None:  # fmt: skip
    """Take an edge back for good and give each customer their own history again."""
    with opened(shop, config) as runtime:
        moment = moment_of(runtime, as_of)
        run_id = f"identity-undo-{edge}-{moment:%Y%m%dT%H%M%S}"
        report = undo_edge(runtime, edge, as_of=moment, run_id=run_id).to_dict()
    if as_json:
        print_json(report)
        return
    _print_change(report)
    out.print("Undone. Features, scores, segments and plans follow with the next nightly run.")


def _print_change(change: dict[str, Any]) -> None:
    out.print(f"before: {', '.join(change['before']) or '—'}", highlight=False)
    out.print(f"after:  {', '.join(change['after']) or '—'}", highlight=False)
    for move in change["moved"]:
        out.print(f"  {move['identifier']}: {move['from']} → {move['to']}", highlight=False)
    if not change["moved"]:
        out.print("  no identifier moves: other evidence holds them together", highlight=False)
