"""``shopkeeper audience``: define, preview, build and question audiences."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from shopkeeper.apps.cli.context import ConfigFlag, JsonFlag, ShopFlag, opened, out, print_json
from shopkeeper.apps.flows.audiences import (
    build_audience,
    preview_size,
    read_rule,
    shop_vocabulary,
    why_customer,
)
from shopkeeper.apps.flows.features import latest_as_of
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core import state
from shopkeeper.core.errors import InputError, NotEnoughDataError, NotFoundError
from shopkeeper.core.ids import content_id
from shopkeeper.segment.rules.printed import print_rule

app = typer.Typer(
    no_args_is_help=True, add_completion=False,
    help="Define, preview, build and question audiences.",
)  # fmt: skip
RuleArgument = Annotated[str, typer.Argument(help="A rule such as: recency_days > 60")]


@app.command("list")
def list_audiences(
    shop: ShopFlag = None, config: ConfigFlag = None, as_json: JsonFlag = False
) -> None:
    """Audiences with their rules and sizes."""
    with opened(shop, config) as runtime, runtime.state.connect() as connection:
        rows = connection.execute(select(state.audiences).order_by(state.audiences.c.name)).all()
    found = [
        {"audience_id": r.audience_id, "name": r.name, "rule": r.rule, "size": r.size,
         "built_as_of": r.built_as_of}
        for r in rows
    ]  # fmt: skip
    if as_json:
        print_json(found)
        return
    table = Table("audience", "name", "size", "rule")
    for x in found:
        table.add_row(x["audience_id"], x["name"], f"{x['size'] or 0:,}", x["rule"])
    out.print(table if found else "No audience yet. Next: shopkeeper audience create NAME RULE")


@app.command("preview")
def preview(
    rule: RuleArgument, shop: ShopFlag = None, config: ConfigFlag = None, as_json: JsonFlag = False
) -> None:
    """How many customers a rule gives now; nothing is saved."""
    with opened(shop, config) as runtime:
        vocabulary = shop_vocabulary(runtime)
        parsed = read_rule(rule, vocabulary)
        size, everyone = preview_size(runtime, parsed, vocabulary)
    if as_json:
        print_json({"rule": print_rule(parsed), "size": size, "customers": everyone})
        return
    out.print(f"{size:,} of {everyone:,} customers: {print_rule(parsed)}", highlight=False)


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Name people will know it by.")],
    rule: RuleArgument,
    shop: ShopFlag = None,
    config: ConfigFlag = None,
) -> None:
    """Save a rule under a name and build it."""
    with opened(shop, config) as runtime:
        parsed = read_rule(rule, shop_vocabulary(runtime))
        audience_id = content_id(name, prefix="audience", length=12)
        now = runtime.clock.now()
        try:
            with runtime.state.begin() as connection:
                connection.execute(
                    insert(state.audiences).values(
                        audience_id=audience_id, name=name, rule=print_rule(parsed), version=1,
                        description="", created_at=now, updated_at=now,
                    )
                )  # fmt: skip
        except IntegrityError as error:
            raise InputError(
                f"there is already an audience named {name!r}", next_step="Choose another name"
            ) from error
        size = _build(runtime, audience_id)
    out.print(f"{audience_id}: {size:,} customers", highlight=False)


@app.command("build")
def build(
    audience_id: Annotated[str, typer.Argument(help="Audience id.")],
    shop: ShopFlag = None,
    config: ConfigFlag = None,
) -> None:
    """Freeze the members at the moment of the latest features."""
    with opened(shop, config) as runtime:
        size = _build(runtime, audience_id)
    out.print(f"{audience_id}: {size:,} customers", highlight=False)


@app.command("why")
def why(
    audience_id: Annotated[str, typer.Argument(help="Audience id.")],
    customer: Annotated[str, typer.Argument(help="Customer id.")],
    shop: ShopFlag = None,
    config: ConfigFlag = None,
) -> None:
    """Why a customer is, or is not, in an audience, and what would change it."""
    with opened(shop, config) as runtime:
        with runtime.state.connect() as connection:
            row = connection.execute(
                select(state.audiences).where(state.audiences.c.audience_id == audience_id)
            ).first()
        if row is None:
            raise NotFoundError(
                f"there is no audience {audience_id!r}", next_step="shopkeeper audience list"
            )
        vocabulary = shop_vocabulary(runtime)
        answer = why_customer(runtime, read_rule(row.rule, vocabulary), customer, vocabulary)
    out.print(f"{answer.zh}\n{answer.en}", highlight=False)
    for condition in answer.conditions:
        mark = "✓" if condition.truth else ("?" if condition.truth is None else "✗")
        out.print(f"  {mark} {condition.sentence_zh}", highlight=False)
        out.print(f"    {condition.sentence_en}", highlight=False)


@app.command("expand")
def expand(
    audience_id: Annotated[str, typer.Argument(help="Audience id.")],
    size: Annotated[int | None, typer.Option("--size", min=1, help="How many to add.")] = None,
    min_similarity: Annotated[
        float | None, typer.Option("--min-similarity", min=0, max=1, help="Least likeness, 0 to 1.")
    ] = None,
    save: Annotated[str | None, typer.Option("--save", help="Keep them under this name.")] = None,
    shop: ShopFlag = None,
    config: ConfigFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Customers who resemble an audience, once how much they shop is set aside."""
    from shopkeeper.apps.flows.lookalike import expand_audience, save_expansion

    with opened(shop, config) as runtime:
        found = expand_audience(runtime, audience_id, size=size, min_similarity=min_similarity)
        kept = save_expansion(runtime, found, save) if save else None
    chosen = [(found.customers[i], float(found.similarity[i])) for i in found.chosen]
    if as_json:
        print_json({
            "audience_id": audience_id, "seeds": int(found.members.sum()), "found": len(chosen),
            "saved": kept[0] if kept else None,
            "figures": [{"method": x.method, "lift": x.lift, "auc": x.auc} for x in found.figures],
            "members": [{"customer_id": x, "similarity": y} for x, y in chosen],
        })  # fmt: skip
        return
    out.print(f"{len(chosen):,} customers resemble {found.name}", highlight=False)
    for zh, en in found.differences:
        out.print(f"  {zh} / {en}", highlight=False)
    table = Table("method", "lift in the top tenth", "auc")
    for x in found.figures:
        table.add_row(x.method, f"{x.lift:.2f}", f"{x.auc:.3f}")
    out.print(table)
    if kept:
        out.print(f"{kept[0]}: {kept[1]:,} customers", highlight=False)


def _build(runtime: Runtime, audience_id: str) -> int:
    as_of = latest_as_of(runtime.tables)
    if as_of is None:
        raise NotEnoughDataError(
            "no features were computed yet", next_step="Run: shopkeeper run nightly"
        )
    return build_audience(runtime, audience_id, as_of).size
