"""``shopkeeper learn status|drift|challenge|promote|rollback|history``: the life of models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

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
from shopkeeper.core.clock import parse_as_of
from shopkeeper.core.errors import NotFoundError

if TYPE_CHECKING:
    from shopkeeper.apps.flows.learn_events import ModelEvent

TaskArgument = Annotated[str, typer.Argument(help="What the models predict, such as churn.")]
LangFlag = Annotated[str, typer.Option("--lang", help="zh or en.")]
ReasonFlag = Annotated[str, typer.Option("--reason", help="Why, kept with the change.")]
YesFlag = Annotated[bool, typer.Option("--yes", help="Do it; without, only the plan is shown.")]


def status(
    shop: ShopFlag = None, config: ConfigFlag = None, lang: LangFlag = "en",
    as_json: JsonFlag = False,
) -> None:  # fmt: skip
    """How the models of every task stand."""
    from shopkeeper.apps.service.context import OpenShop
    from shopkeeper.apps.service.queries.learn import status as ask

    with opened(shop, config) as runtime:
        found = ask(OpenShop(runtime))
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    table = Table("task", "champion", "challenger", "state", "skill then → now", "drifted", "why")
    for task in found.tasks:
        skills = " → ".join(
            "—" if x is None else f"{x:.3f}" for x in (task.skill_expected, task.skill_now)
        )
        table.add_row(
            task.task, task.champion.version if task.champion else "",
            task.challenger.version if task.challenger else "",
            task.state + (" (on probation)" if task.watched else ""), skills,
            "" if task.drift is None else str(task.drift), getattr(task.text, lang, task.text.en),
        )  # fmt: skip
    out.print(table)


def drift(
    task: TaskArgument, shop: ShopFlag = None, config: ConfigFlag = None, as_of: AsOfFlag = None,
    lang: LangFlag = "en", as_json: JsonFlag = False,
) -> None:  # fmt: skip
    """Look now whether customers still look like those the champion learned from."""
    from shopkeeper.apps.flows.learn_drift import column_names, find_drift_of
    from shopkeeper.apps.flows.learn_lives import life_of
    from shopkeeper.apps.flows.learn_settle import CHAMPION
    from shopkeeper.apps.flows.nightly import default_as_of
    from shopkeeper.learn.words import drift_sentence, drift_summary

    with opened(shop, config) as runtime:
        zone = runtime.settings.shop.time_zone
        moment = parse_as_of(as_of, zone) if as_of else default_as_of(runtime.tables, zone)
        champion, life = runtime.models.get(task, CHAMPION), life_of(task)
        found = None
        if life is not None:
            model = life.opened(champion.folder)
            found = find_drift_of(runtime, champion, life, model, moment)
    if found is None:
        out.print("Nothing to compare: no reference, trained just now, or too few customers.")
        return
    if as_json:
        print_json(found.to_json())
        return
    names, place = column_names(), 0 if lang == "zh" else 1
    out.print(drift_summary(found, names)[place])
    table = Table("column", "PSI", "by chance", "p (all together)", "")
    separating = found.domain.columns if found.domain else ()
    for column in sorted(found.columns, key=lambda x: (not x.alarmed, -x.effect)):
        table.add_row(
            column.name, f"{column.psi:.3f}", f"{column.expected:.3f}", f"{column.adjusted:.2g}",
            drift_sentence(column, names, separating)[place] if column.alarmed else "",
        )  # fmt: skip
    out.print(table)


def challenge(
    task: TaskArgument, shop: ShopFlag = None, config: ConfigFlag = None, as_of: AsOfFlag = None,
    lang: LangFlag = "en", as_json: JsonFlag = False,
) -> None:  # fmt: skip
    """Train a challenger now and let evidence decide."""
    from shopkeeper.apps.flows.learn_events import ask_for_training, events
    from shopkeeper.apps.flows.nightly import default_as_of
    from shopkeeper.apps.flows.predict import TASKS

    perform = TASKS.get(task) or TASKS.get(task.partition(".")[0])
    if perform is None:
        raise NotFoundError(
            f"there is no task {task!r}", next_step=f"choose one of {', '.join(TASKS)}", task=task
        )
    with opened(shop, config) as runtime:
        zone = runtime.settings.shop.time_zone
        moment = parse_as_of(as_of, zone) if as_of else default_as_of(runtime.tables, zone)
        ask_for_training(runtime, task, moment)
        known = {x.event_id for x in events(runtime.tables)}
        perform(runtime, moment)
        fresh = [x for x in events(runtime.tables) if x.event_id not in known]
    _tell(fresh, lang, as_json)


def history(
    task: Annotated[str | None, typer.Argument(help="Only this task.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Most rows.")] = 30,
    shop: ShopFlag = None, config: ConfigFlag = None, lang: LangFlag = "en",
    as_json: JsonFlag = False,
) -> None:  # fmt: skip
    """What happened to models, newest first."""
    from shopkeeper.apps.flows.learn_events import events

    with opened(shop, config) as runtime:
        found = events(runtime.tables, task)[:limit]
    _tell(found, lang, as_json)


def promote(
    task: TaskArgument,
    version: Annotated[str | None, typer.Option("--version", help="Default: challenger.")] = None,
    reason: ReasonFlag = "", yes: YesFlag = False, shop: ShopFlag = None,
    config: ConfigFlag = None, lang: LangFlag = "en", as_json: JsonFlag = False,
) -> None:  # fmt: skip
    """Bring a version in by hand: the plan first, with --yes the change."""
    _change(task, "promoted", version, reason, yes, shop, config, lang, as_json)


def rollback(
    task: TaskArgument, reason: ReasonFlag = "", yes: YesFlag = False, shop: ShopFlag = None,
    config: ConfigFlag = None, lang: LangFlag = "en", as_json: JsonFlag = False,
) -> None:  # fmt: skip
    """Return to the champion before by hand: the plan first, with --yes the change."""
    _change(task, "rolled_back", None, reason, yes, shop, config, lang, as_json)


def _change(
    task: str, way: Any, version: str | None, reason: str, yes: bool, shop: Any, config: Any,
    lang: str, as_json: bool,
) -> None:  # fmt: skip
    from shopkeeper.apps.service.context import OpenShop
    from shopkeeper.apps.service.queries.learn_change import change
    from shopkeeper.apps.service.schemas.learn import ChangeRequest

    with opened(shop, config) as runtime:
        asked = ChangeRequest(version=version, reason=reason, by="command line")
        plan = change(OpenShop(runtime), task, way, asked)
        if yes:
            confirmed = asked.model_copy(update={"confirm": plan.digest})
            plan = change(OpenShop(runtime), task, way, confirmed)
    if as_json:
        print_json(plan.model_dump(mode="json"))
        return
    out.print(getattr(plan.text, lang, plan.text.en))
    for warning in plan.warnings:
        out.print(f"! {getattr(warning, lang, warning.en)}")
    if not plan.performed:
        out.print("Nothing was changed; repeat with --yes to do it.")


def _tell(found: list[ModelEvent], lang: str, as_json: bool) -> None:
    if as_json:
        print_json(
            [
                {"as_of": x.as_of.isoformat(), "task": x.task, "version": x.version, "act": x.act,
                 "zh": x.zh, "en": x.en, "evidence": dict(x.evidence)}
                for x in found
            ]
        )  # fmt: skip
        return
    table = Table("as of", "task", "version", "what", "why")
    for x in found:
        table.add_row(
            f"{x.as_of:%Y-%m-%d}", x.task, x.version, x.act, x.zh if lang == "zh" else x.en
        )
    out.print(table)


def add_to(app: typer.Typer) -> None:
    """Add the commands to the verb.

    Parameters
    ----------
    app
        The typer app of ``learn``.
    """
    for command in (status, drift, challenge, promote, rollback, history):
        app.command(command.__name__)(command)
