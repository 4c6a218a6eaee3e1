"""``shopkeeper plan``: list, explain, approve and perform plans."""

from __future__ import annotations

import getpass
import json
from typing import Annotated, Any

import ibis
import typer
from rich.table import Table
from sqlalchemy import select

from shopkeeper.apps.cli.context import ConfigFlag, JsonFlag, ShopFlag, opened, out, print_json
from shopkeeper.apps.flows.deliver import approve_plan, perform_plan, plan_row, run_deliver
from shopkeeper.apps.flows.identity import customer_named
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core import state
from shopkeeper.core.errors import NotFoundError
from shopkeeper.core.money import Money
from shopkeeper.core.tables import DECISIONS
from shopkeeper.decide.wording import SHORT, render

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="List, explain, approve and perform plans."
)
PlanArgument = Annotated[str, typer.Argument(help="Plan id, or latest.")]


def resolve(runtime: Runtime, plan_id: str) -> str:
    """The id meant by a word; ``latest`` is the newest plan."""
    if plan_id != "latest":
        return plan_id
    with runtime.state.connect() as connection:
        row = connection.execute(
            select(state.plans.c.plan_id).order_by(state.plans.c.created_at.desc()).limit(1)
        ).first()
    if row is None:
        raise NotFoundError("there is no plan yet", next_step="Make one: shopkeeper decide")
    return str(row.plan_id)


@app.command("list")
def list_plans(shop: ShopFlag = None, config: ConfigFlag = None, as_json: JsonFlag = False) -> None:
    """Plans, newest first."""
    with opened(shop, config) as runtime, runtime.state.connect() as connection:
        rows = connection.execute(
            select(state.plans).order_by(state.plans.c.created_at.desc()).limit(50)
        ).all()
    found = [
        {"plan_id": r.plan_id, "as_of": r.as_of, "status": r.status, "send": r.summary["send"],
         "customers": r.summary["customers"], "spend_minor": r.summary["spend_minor"],
         "currency": r.summary["currency"]}
        for r in rows
    ]  # fmt: skip
    if as_json:
        print_json(found)
        return
    table = Table("plan", "as of", "status", "send", "of", "spend")
    for x in found:
        table.add_row(
            x["plan_id"], f"{x['as_of']:%Y-%m-%d}", x["status"], f"{x['send']:,}",
            f"{x['customers']:,}", str(Money(x["spend_minor"], x["currency"])),
        )  # fmt: skip
    out.print(table if found else "No plan yet. Next: shopkeeper decide")


@app.command("show")
def show_plan(
    plan_id: PlanArgument = "latest",
    customer: Annotated[
        str | None,
        typer.Option("--customer", help="Why this customer? Id, or an identifier (kind:value)."),
    ] = None,
    shop: ShopFlag = None,
    config: ConfigFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Totals of a plan, or the decision about one customer with its reasons."""
    with opened(shop, config) as runtime:
        row = plan_row(runtime, resolve(runtime, plan_id))
        if customer is None:
            report: dict[str, Any] = {"plan_id": row.plan_id, "status": row.status, **row.summary}
            if as_json:
                print_json(report)
            else:
                _print_plan(report)
            return
        decision = one_decision(runtime, row.plan_id, customer)
    if as_json:
        print_json(decision)
        return
    out.print(f"{decision['action']}: {decision['offer_id'] or '—'} {decision['channel'] or ''}")
    for sentence in decision["sentences"]:
        out.print(f"  {sentence['en']}\n  {sentence['zh']}", highlight=False)


def one_decision(runtime: Runtime, plan_id: str, customer: str) -> dict[str, Any]:
    """The ledger row of a customer in a plan, with its reasons in words.

    Parameters
    ----------
    runtime
        The open shop.
    plan_id
        The plan.
    customer
        Customer id as the plan knew it, or an identifier as ``kind:value``.

    Raises
    ------
    NotFoundError
        If nobody answers to the identifier, or the plan holds no such customer.
    """
    # A plan keeps the ids it was made with, also of customers merged since.
    rows = _ledger(runtime, plan_id, customer)
    if not rows:
        rows = _ledger(runtime, plan_id, customer_named(runtime.tables, customer))
    if not rows:
        raise NotFoundError(
            f"plan {plan_id} holds no customer {customer!r}",
            next_step=f"See what is known of them: shopkeeper customer {customer}",
        )
    row = rows[0]
    row["sentences"] = render(row["reasons"], row["currency"])
    for name in ("reasons", "candidates", "constraints"):
        row[name] = json.loads(row[name])
    return row


def _ledger(runtime: Runtime, plan_id: str, customer_id: str) -> list[dict[str, Any]]:
    decisions = runtime.tables.table(DECISIONS)
    key = ibis.literal(f"{plan_id}:{customer_id}")
    found = runtime.tables.run(decisions.filter(decisions.decision_id == key))
    rows: list[dict[str, Any]] = found.to_pylist()
    return rows


def _print_plan(report: dict[str, Any]) -> None:
    currency = report["currency"]
    out.print(f"{report['plan_id']} ({report['status']})", highlight=False)
    table = Table("", "", show_header=False)
    for name in ("customers", "send", "holdout", "explored"):
        table.add_row(name, f"{report[name]:,}")
    for name in ("spend_minor", "budget_minor", "value_minor", "bound_minor"):
        table.add_row(name.removesuffix("_minor"), str(Money(report[name], currency)))
    table.add_row("gap to the bound", f"{report['gap']:.3%}")
    for code, count in report["by_reason"].items():
        table.add_row(f"{SHORT[code]['en']} · {SHORT[code]['zh']}", f"{count:,}")
    out.print(table)


@app.command("approve")
def approve(
    plan_id: PlanArgument,
    by: Annotated[str | None, typer.Option("--by", help="Who approves; default: you.")] = None,
    shop: ShopFlag = None,
    config: ConfigFlag = None,
) -> None:
    """Approve a draft plan."""
    with opened(shop, config) as runtime:
        chosen = resolve(runtime, plan_id)
        approve_plan(runtime, chosen, by or getpass.getuser())
    out.print(f"{chosen} is approved. Next: shopkeeper plan perform {chosen}", highlight=False)


@app.command("perform")
def perform(
    plan_id: PlanArgument, shop: ShopFlag = None, config: ConfigFlag = None,
    as_json: JsonFlag = False,
) -> None:  # fmt: skip
    """Put an approved plan into the outbox and send what is due now."""
    with opened(shop, config) as runtime:
        report = perform_plan(runtime, resolve(runtime, plan_id)).to_dict()
    if as_json:
        print_json(report)
        return
    out.print(f"{report['enqueued']:,} messages entered the outbox; {report['delivered']}")


@app.command("send")
def send(shop: ShopFlag = None, config: ConfigFlag = None, as_json: JsonFlag = False) -> None:
    """Send what is due in the outbox (the worker of `shopkeeper up` does this by itself)."""
    with opened(shop, config) as runtime:
        report = run_deliver(runtime).to_dict()
    if as_json:
        print_json(report)
    else:
        out.print(report)
