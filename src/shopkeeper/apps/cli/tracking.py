"""``shopkeeper tracking``: the tracking plan as a file that is planned, applied and pulled."""

from __future__ import annotations

import getpass
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from shopkeeper.apps.cli.context import ConfigFlag, JsonFlag, ShopFlag, opened, out, print_json
from shopkeeper.apps.flows import tracking, tracking_effect
from shopkeeper.apps.flows.tracking_effect import RECENT, Preview
from shopkeeper.collect.live.plan import TrackingPlan
from shopkeeper.collect.live.plan.tracking import standard_text
from shopkeeper.core.errors import InputError, NotFoundError

app = typer.Typer(
    no_args_is_help=True, add_completion=False,
    help="Which live events are expected: plan, apply, pull, guess; what breaks them is quarantined.",
)  # fmt: skip
FileArgument = Annotated[
    Path, typer.Argument(help="YAML file of the plan; - reads standard input.")
]
RecentFlag = Annotated[
    int, typer.Option("--recent", help="Latest events of the log that are looked at.")
]
VersionFlag = Annotated[int | None, typer.Option("--version", help="An earlier version.")]


@app.command("show")
def show(
    version: VersionFlag = None,
    standard: Annotated[
        bool, typer.Option("--standard", help="The plan that comes with the product.")
    ] = False,
    shop: ShopFlag = None, config: ConfigFlag = None, as_json: JsonFlag = False,
) -> None:  # fmt: skip
    """Print the plan in force as YAML."""
    if standard:
        plan = TrackingPlan.standard()
        if as_json:
            print_json({"version": None, "digest": plan.digest, "plan": plan.to_dict()})
        else:
            sys.stdout.write(standard_text())
        return
    with opened(shop, config) as runtime:
        held = (
            tracking.current(runtime.state) if version is None
            else tracking.version_of(runtime.state, version)
        )  # fmt: skip
    if as_json:
        print_json(None if held is None else _version(held) | {"plan": held.plan.to_dict()})
    elif held is None:
        out.print("No tracking plan is in force: every event is admitted.")
        out.print(
            "Next: shopkeeper tracking show --standard > tracking.yaml, "
            "then shopkeeper tracking plan tracking.yaml", highlight=False,
        )  # fmt: skip
    else:
        sys.stdout.write(held.plan.to_yaml())


@app.command("plan")
def plan_file(
    file: FileArgument, recent: RecentFlag = RECENT,
    shop: ShopFlag = None, config: ConfigFlag = None, as_json: JsonFlag = False,
) -> None:  # fmt: skip
    """What a plan file would change, and what it would refuse of the latest events."""
    new = TrackingPlan.from_yaml(_read(file))
    with opened(shop, config) as runtime:
        found = tracking_effect.preview(
            runtime.state, runtime.log, runtime.settings, new, recent=recent
        )
    if as_json:
        print_json(_preview(found))
    else:
        _print_preview(found)
        if not found.change.empty:
            out.print(f"Next: shopkeeper tracking apply {file}", highlight=False)


@app.command("apply")
def apply(
    file: FileArgument,
    note: Annotated[str, typer.Option("--note", help="Why.")] = "",
    by: Annotated[str | None, typer.Option("--by", help="Who applies; default: you.")] = None,
    based_on: Annotated[
        int | None, typer.Option("--based-on", help="Refuse unless this version is in force.")
    ] = None,
    shop: ShopFlag = None, config: ConfigFlag = None, as_json: JsonFlag = False,
) -> None:  # fmt: skip
    """Put a plan file in force; the same plan again changes nothing."""
    new = TrackingPlan.from_yaml(_read(file))
    with opened(shop, config) as runtime:
        held, changed = tracking.apply(
            runtime.state, new, by=by or getpass.getuser(), now=runtime.clock.now(), note=note,
            based_on=based_on,
        )  # fmt: skip
    if as_json:
        print_json(_version(held) | {"changed": changed})
    elif changed:
        out.print(f"Version {held.version} is in force.", highlight=False)
    else:
        out.print(f"Version {held.version} says the same already: no changes.", highlight=False)


@app.command("pull")
def pull(
    file: Annotated[Path, typer.Argument(help="Where the plan in force is written.")],
    force: Annotated[bool, typer.Option("--force", help="Write over a file that differs.")] = False,
    shop: ShopFlag = None, config: ConfigFlag = None, as_json: JsonFlag = False,
) -> None:  # fmt: skip
    """Write the plan in force to a file."""
    with opened(shop, config) as runtime:
        held = tracking.current(runtime.state)
    if held is None:
        raise NotFoundError(
            "no tracking plan is in force", next_step="shopkeeper tracking show --standard"
        )
    text = held.plan.to_yaml()
    if file.exists() and not force and _read(file) != text:
        raise InputError(
            f"{file} exists and says something else", next_step="Add --force to write over it"
        )
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"{file} cannot be written: {error.strerror}", next_step="Choose another path"
        ) from error
    if as_json:
        print_json(_version(held) | {"file": str(file)})
    else:
        out.print(f"Version {held.version} written to {file}", highlight=False)


@app.command("guess")
def guess(
    recent: RecentFlag = RECENT,
    file: Annotated[Path | None, typer.Option("--out", help="Write it there; else print.")] = None,
    shop: ShopFlag = None, config: ConfigFlag = None, as_json: JsonFlag = False,
) -> None:  # fmt: skip
    """Infer a plan from the latest events; nothing is put in force."""
    with opened(shop, config) as runtime:
        of = tracking_effect.source_settings(runtime.state, runtime.settings)
        events = tracking_effect.recent_events(runtime.log, of, limit=recent)
    if not events:
        raise NotFoundError(
            "the log holds no events to infer a plan from",
            next_step="Send events first: shopkeeper source add NAME",
        )
    found = TrackingPlan.guess(events)
    if file is not None:
        if file.exists():
            raise InputError(f"{file} exists", next_step="Choose another path")
        file.write_text(found.to_yaml(), encoding="utf-8")
    if as_json:
        print_json({"events": len(events), "plan": found.to_dict()})
    elif file is None:
        sys.stdout.write(found.to_yaml())
    else:
        out.print(f"From {len(events):,} events: {file}. Look at it, then: ", highlight=False)
        out.print(f"shopkeeper tracking plan {file}", highlight=False)


@app.command("history")
def history(shop: ShopFlag = None, config: ConfigFlag = None, as_json: JsonFlag = False) -> None:
    """Versions that were applied, newest first."""
    with opened(shop, config) as runtime:
        found = [_version(x) for x in tracking.history(runtime.state)]
    if as_json:
        print_json(found)
        return
    table = Table("version", "applied", "by", "events", "note")
    for x in found:
        table.add_row(
            str(x["version"]), f"{x['applied_at']:%Y-%m-%d %H:%M}", x["applied_by"],
            str(x["events"]), x["note"],
        )  # fmt: skip
    out.print(table if found else "No tracking plan was ever applied.")


def _read(file: Path) -> str:
    try:
        if str(file) == "-":
            return sys.stdin.read()
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is not UTF-8", next_step="Save it as UTF-8") from error
    except OSError as error:
        raise InputError(
            f"{file} cannot be read: {error.strerror}",
            next_step="shopkeeper tracking show --standard prints a plan to begin with",
        ) from error


def _version(held: tracking.Applied) -> dict[str, Any]:
    return {
        "version": held.version, "digest": held.plan.digest, "note": held.note,
        "applied_by": held.applied_by, "applied_at": held.applied_at,
        "events": len(held.plan.definition.events),
    }  # fmt: skip


def _preview(found: Preview) -> dict[str, Any]:
    return {
        "based_on": found.based_on,
        "digest": found.plan.digest,
        "stricter": found.change.stricter,
        "steps": [asdict(x) for x in found.change.steps],
        "effect": asdict(found.effect),
    }


def _print_preview(found: Preview) -> None:
    if found.change.empty:
        out.print(f"No changes: version {found.based_on} says the same.", highlight=False)
        return
    for step in found.change.steps:
        out.print(f"  {step.en}", highlight=False, markup=False, soft_wrap=True)
    effect = found.effect
    out.print(
        f"Of the latest {effect.events:,} events it would refuse {effect.refused_then:,} "
        f"(now {effect.refused_now:,}): {effect.newly_refused:,} more, "
        f"{effect.newly_admitted:,} fewer; {effect.warned_then:,} with warnings.",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
    for x in effect.tallies[:20]:
        out.print(
            f"  {x.events:>8,}  {x.kind}: {x.en} · {x.zh}",
            highlight=False, markup=False, soft_wrap=True,
        )  # fmt: skip
