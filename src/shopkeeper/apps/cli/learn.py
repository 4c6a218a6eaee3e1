"""``shopkeeper learn``: new models without code, and the life of those there are."""

from __future__ import annotations

from pathlib import Path
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
from shopkeeper.apps.cli.learn_life import add_to
from shopkeeper.core.clock import parse_as_of
from shopkeeper.core.errors import InputError

app = typer.Typer(
    no_args_is_help=True, add_completion=False,
    help="New models without code; compare, promote and watch those there are.",
)  # fmt: skip
SIGNS = {"auc": ".3f", "average_precision": ".3f", "brier": ".4f", "ece": ".4f"}


@app.callback()
def learn() -> None:
    """New models without code; compare, promote and watch those there are."""


@app.command("new")
def new(
    name: Annotated[str | None, typer.Option("--name", help="Lower-case name of the model.")] = None,
    file: Annotated[Path | None, typer.Option("--file", help="Definition as YAML or JSON.")] = None,
    event: Annotated[str | None, typer.Option("--event", help="Predict this event.")] = None,
    purchase: Annotated[bool, typer.Option("--purchase", help="Predict a purchase.")] = False,
    rule: Annotated[
        str | None, typer.Option("--rule", help="Predict that this audience rule becomes true.")
    ] = None,
    where: Annotated[
        list[str] | None, typer.Option("--where", help="Condition such as category=GROCERY.")
    ] = None,
    at_least: Annotated[int, typer.Option("--at-least", min=1, help="Times it must happen.")] = 1,
    horizon: Annotated[int, typer.Option("--horizon", min=1, max=365, help="Days ahead.")] = 30,
    audience: Annotated[str, typer.Option("--audience", help="Rule of whom; empty: all.")] = "",
    exclude: Annotated[
        str | None, typer.Option("--exclude", help="Features not to learn from, by commas.")
    ] = None,
    allow: Annotated[
        str | None, typer.Option("--allow", help="Features you vouch for, by commas.")
    ] = None,
    trials: Annotated[int, typer.Option("--trials", min=0, help="Tuning trials; 0: none.")] = 0,
    seconds: Annotated[float, typer.Option("--seconds", min=1, help="Most tuning time.")] = 120.0,
    plan: Annotated[bool, typer.Option("--plan", help="Show what would be trained; stop.")] = False,
    lang: Annotated[str, typer.Option("--lang", help="zh, en, or both.")] = "both",
    shop: ShopFlag = None, config: ConfigFlag = None, as_of: AsOfFlag = None,
    as_json: JsonFlag = False,
) -> None:  # fmt: skip
    """Train a model of your own: what to predict, how far ahead, of whom; prints an honest report."""
    from shopkeeper.apps.flows.propensity import perform, plan_propensity
    from shopkeeper.apps.flows.propensity_kept import keep_spec
    from shopkeeper.apps.flows.propensity_rows import now_of
    from shopkeeper.apps.flows.propensity_spec import read_spec, spec_of

    if file is not None:
        spec = read_spec(file)
    else:
        target = _target(event, rule, where or [], at_least, purchase=purchase)
        spec = spec_of(
            {
                "name": name or "", "target": target, "horizon_days": horizon,
                "audience": audience, "exclude": _words(exclude), "allow": _words(allow),
                "trials": trials, "seconds": seconds,
            }
        )  # fmt: skip
    with opened(shop, config) as runtime:
        zone = runtime.settings.shop.time_zone
        text = as_of or (spec.as_of.isoformat() if spec.as_of else None)
        moment = parse_as_of(text, zone) if text else now_of(runtime)
        if plan:
            planned = plan_propensity(runtime, spec, moment)
            print_json(planned) if as_json else _show_plan(planned, lang)
            return
        keep_spec(runtime, spec)
        done = perform(runtime, spec, moment)
    if as_json:
        print_json({"version": done.version, "scored": done.scored, "card": dict(done.card)})
    else:
        _show_report(done, lang)


def _target(
    event: str | None, rule: str | None, where: list[str], at_least: int, *, purchase: bool
) -> dict[str, Any]:
    chosen = [x for x in ("event" if event else "", "rule" if rule else "",
                          "purchase" if purchase else "") if x]  # fmt: skip
    if len(chosen) != 1:
        raise InputError(
            "say what to predict with exactly one of --event, --purchase and --rule",
            next_step="for example: --event add_to_cart, or --purchase --where category=GROCERY",
        )
    conditions = {}
    for text in where:
        key, sign, value = text.partition("=")
        if not sign:
            raise InputError(
                f"condition {text!r} has no '='", next_step="write it as category=GROCERY"
            )
        conditions[key.strip()] = value.strip()
    return {
        "kind": chosen[0], "event": event, "rule": rule, "where": conditions, "at_least": at_least
    }  # fmt: skip


def _words(text: str | None) -> list[str]:
    return [x.strip() for x in (text or "").split(",") if x.strip()]


def _say(words: Any, lang: str) -> None:
    for key in ("zh", "en") if lang == "both" else (lang,):
        out.print(words[key], highlight=False, markup=False)


def _show_plan(plan: dict[str, Any], lang: str) -> None:
    _say(plan["sentence"], lang)
    table = Table("role", "at", "until", "customers", "positives", "rate")
    for x in plan["windows"]:
        rate = "" if x["rate"] is None else f"{x['rate']:.1%}"
        table.add_row(
            x["role"], f"{x['at']:%Y-%m-%d}", f"{x['until']:%Y-%m-%d}", f"{x['customers']:,}",
            f"{x['positives']:,}", rate,
        )  # fmt: skip
    out.print(table)
    out.print(
        f"{plan['features']} features · {plan['customers']:,} customers to score · "
        f"about {plan['estimate_seconds']:.0f} s",
        highlight=False,
    )


def _show_report(done: Any, lang: str) -> None:
    card, report = done.card, done.card["report"]
    _say(report["sentence"], lang)
    _say({"zh": card["protocol_zh"], "en": card["protocol"]}, lang)
    table = Table("method", *SIGNS)
    values: dict[str, dict[str, str]] = {}
    for x in card["figures"]:
        if not x["slice"] and x["value"] is not None:
            text = format(x["value"], SIGNS[x["metric"]])
            if x["low"] is not None:
                text += f" [{x['low']:.3f}, {x['high']:.3f}]"
            values.setdefault(x["method"], {})[x["metric"]] = text
    for method, row in values.items():
        table.add_row(method, *(row.get(x, "") for x in SIGNS))
    out.print(table)
    _say(report["verdict"], lang)
    for note in report["notes"]:
        _say(note, lang)
    for finding in report["leakage"]["findings"]:
        _say(finding, lang)
    gains = Table("best", "customers", "positives", "captured", "lift")
    for x in report["gains"]:
        if x["share"] in (0.05, 0.1, 0.2, 0.5):
            gains.add_row(
                f"{x['share']:.0%}", f"{x['customers']:,}", f"{x['positives']:,}",
                f"{x['captured']:.1%}", f"{x['lift']:.2f}",
            )  # fmt: skip
    out.print(gains)
    for example in report["examples"][:1]:
        out.print(f"{example['customer_id']}: {example['probability']:.1%}", highlight=False)
        for reason in example["reasons"]:
            out.print(f"  {reason['weight']:+.2f}", end=" ", highlight=False)
            shown = " · ".join(reason[k] for k in (("zh", "en") if lang == "both" else (lang,)))
            out.print(shown, highlight=False, markup=False)
    out.print(
        f"version {done.version} · {done.scored:,} customers scored · {done.seconds:.0f} s",
        highlight=False,
    )


add_to(app)
