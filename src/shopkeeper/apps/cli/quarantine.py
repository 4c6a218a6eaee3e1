"""``shopkeeper quarantine``: live events that were refused, edited and sent again."""

from __future__ import annotations

import getpass
import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, cast

import msgspec
import typer
from rich.table import Table

from shopkeeper.apps.cli.context import ConfigFlag, JsonFlag, ShopFlag, opened, out, print_json
from shopkeeper.apps.flows import quarantined as flow
from shopkeeper.apps.flows import replay as again
from shopkeeper.apps.flows import replayed
from shopkeeper.apps.flows.edited import edited, readable
from shopkeeper.backends.runtime import Runtime
from shopkeeper.collect.live.patch import assignment
from shopkeeper.core.errors import InputError

app = typer.Typer(
    no_args_is_help=True, add_completion=False,
    help="Live events that were refused: why, edit them, send them again.",
)  # fmt: skip
NumberArgument = Annotated[int, typer.Argument(help="Number of the event (quarantine list).")]
ReasonFlag = Annotated[str | None, typer.Option("--reason", help="Only this reason code.")]
SourceFlag = Annotated[str | None, typer.Option("--source", help="Only this source.")]
StatusFlag = Annotated[
    str | None, typer.Option("--status", help=f"One of {', '.join(flow.STATUSES)}.")
]
ByFlag = Annotated[str | None, typer.Option("--by", help="Who does it; default: you.")]


@app.command("list")
def listed(
    reason: ReasonFlag = None, source: SourceFlag = None, status: StatusFlag = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="Events shown.")] = 20,
    shop: ShopFlag = None, config: ConfigFlag = None, as_json: JsonFlag = False,
) -> None:  # fmt: skip
    """Refused events, newest first, with counts by reason."""
    wanted = _filter(reason, source, status)
    with opened(shop, config) as runtime:
        replayed.settle(runtime.tables, runtime.state, runtime.log)
        found = flow.rows(runtime.tables, runtime.state, wanted, limit=limit)
        groups = flow.counts(runtime.tables, runtime.state, wanted)
    total = sum(x["rows"] for x in groups)
    if as_json:
        print_json({"total": total, "by_reason": groups, "events": [asdict(x) for x in found]})
        return
    if not found:
        out.print("No such event in quarantine.")
        return
    table = Table("number", "source", "message id", "status", "reason")
    for row in found:
        table.add_row(str(row.number), row.source, row.event_id, row.status, f"{row.en}\n{row.zh}")
    out.print(table)
    by_reason: Counter[str] = Counter()
    for x in groups:
        by_reason[x["reason"]] += x["rows"]
    counted = ", ".join(f"{reason} {rows:,}" for reason, rows in by_reason.most_common())
    out.print(f"{total:,} events: {counted}", highlight=False, soft_wrap=True)


@app.command("show")
def show(
    number: NumberArgument,
    shop: ShopFlag = None, config: ConfigFlag = None, as_json: JsonFlag = False,
) -> None:  # fmt: skip
    """One refused event: the JSON, why, and what the plan in force says now."""
    with opened(shop, config) as runtime:
        replayed.settle(runtime.tables, runtime.state, runtime.log)
        row = flow.one(runtime.tables, runtime.state, number)
        verdict = again.ready(_desk(runtime), row, row.content)
    if as_json:
        print_json(asdict(row) | {"verdict": _verdict(verdict)})
        return
    out.print(f"{row.number} · {row.source} · {row.event_id} · {row.status}", highlight=False)
    out.print(f"{row.en}\n{row.zh}\n→ {row.next_step}", highlight=False, markup=False)
    out.print(_pretty(row.content), highlight=False, markup=False, soft_wrap=True)
    _print_verdict(verdict)


@app.command("edit")
def edit(
    number: NumberArgument,
    given: Annotated[
        list[str] | None,
        typer.Option("--set", help="PATH=JSON such as properties.order_id='\"o1\"'; repeatable."),
    ] = None,
    drop: Annotated[
        list[str] | None, typer.Option("--unset", help="PATH to remove; repeatable.")
    ] = None,
    patch: Annotated[
        Path | None, typer.Option("--patch", help="File with a JSON patch (RFC 6902).")
    ] = None,
    event: Annotated[
        Path | None, typer.Option("--event", help="File with the whole event instead.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what the plan would say.")
    ] = False,
    by: ByFlag = None,
    shop: ShopFlag = None, config: ConfigFlag = None, as_json: JsonFlag = False,
) -> None:  # fmt: skip
    """Change a refused event; it is kept until replayed. Exit code 1 if it would be refused."""
    operations = [_assigned(x) for x in given or []]
    operations += [{"op": "remove", "path": assignment(x, None)["path"]} for x in drop or []]
    if patch is not None:
        operations += cast("list[dict[str, Any]]", _json_file(patch, list))
    whole = None if event is None else cast("dict[str, Any]", _json_file(event, dict))
    if not operations and whole is None:
        raise InputError(
            "nothing to change was given",
            next_step="Give --set, --unset, --patch or --event",
        )
    with opened(shop, config) as runtime:
        desk = _desk(runtime)
        row = flow.one(runtime.tables, runtime.state, number)
        content = edited(row, patch=operations, event=whole)
        if dry_run:
            verdict = again.ready(desk, row, content)
        else:
            verdict = again.edit(desk, row, content, by=by or getpass.getuser())
    if as_json:
        print_json({"number": number, "kept": not dry_run, "event": json.loads(content),
                    "verdict": _verdict(verdict)})  # fmt: skip
    else:
        out.print(_pretty(content), highlight=False, markup=False, soft_wrap=True)
        _print_verdict(verdict)
        if not dry_run:
            out.print(f"Next: shopkeeper quarantine replay {number}", highlight=False)
    if verdict.violations:
        raise typer.Exit(1)


@app.command("replay")
def replay(
    numbers: Annotated[list[int] | None, typer.Argument(help="Numbers of events.")] = None,
    reason: ReasonFlag = None,
    source: SourceFlag = None,
    every: Annotated[bool, typer.Option("--all", help="Everything in quarantine.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also send what would be refused again.")
    ] = False,
    by: ByFlag = None,
    shop: ShopFlag = None, config: ConfigFlag = None, as_json: JsonFlag = False,
) -> None:  # fmt: skip
    """Send events again, as they were edited; however often, each is in the lake once.

    Exit code 1 if any of them would be refused again and was not sent.
    """
    if not numbers and reason is None and source is None and not every:
        raise InputError(
            "no event was chosen", next_step="Give numbers, --reason, --source or --all"
        )
    with opened(shop, config) as runtime:
        if numbers:
            rows = [flow.one(runtime.tables, runtime.state, x) for x in dict.fromkeys(numbers)]
        else:
            replayed.settle(runtime.tables, runtime.state, runtime.log)
            rows = flow.rows(
                runtime.tables, runtime.state, _filter(reason, source, None),
                limit=again.MOST_REPLAYED,
            )  # fmt: skip
        results = again.replay(_desk(runtime), rows, by=by or getpass.getuser(), force=force)
    counts = Counter(x.outcome for x in results)
    if as_json:
        print_json({
            "counts": dict(counts),
            "events": [asdict(x) | {"violations": [msgspec.structs.asdict(v) for v in x.violations]}
                       for x in results],
        })  # fmt: skip
    else:
        out.print(
            f"{counts['requested']:,} sent, {counts['admitted']:,} in the lake already, "
            f"{counts['would_be_refused']:,} not sent as they would be refused again",
            highlight=False, soft_wrap=True,
        )  # fmt: skip
        for x in [x for x in results if x.outcome == "would_be_refused"][:20]:
            told = x.violations[0]
            out.print(f"  {x.number}: {told.en} · {told.zh}", highlight=False, soft_wrap=True)
    if counts["would_be_refused"]:
        raise typer.Exit(1)


def _filter(reason: str | None, source: str | None, status: str | None) -> flow.Filter:
    if status is not None and status not in flow.STATUSES:
        raise InputError(
            f"unknown status {status!r}", next_step=f"Use one of {', '.join(flow.STATUSES)}"
        )
    return flow.Filter(reason=reason, source=source, status=status)


def _desk(runtime: Runtime) -> again.Desk:
    return again.Desk(runtime.tables, runtime.state, runtime.log, runtime.settings, runtime.clock)


def _assigned(text: str) -> dict[str, Any]:
    path, equals, value = text.partition("=")
    if not equals or not path:
        raise InputError(f"{text!r} is not PATH=VALUE", next_step="Write properties.order_id=o1")
    try:
        found = json.loads(value)
    except ValueError:
        found = value  # plain text needs no quotes
    return assignment(path, found)


def _json_file(file: Path, kind: type) -> object:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{file} cannot be read as JSON: {error}", next_step="Give a JSON file in UTF-8"
        ) from error
    if not isinstance(found, kind):
        raise InputError(
            f"{file} must hold a JSON {'array' if kind is list else 'object'}",
            next_step="A patch is an array of operations, an event an object",
        )
    return found


def _pretty(content: str) -> str:
    body = readable(content)
    return content if body is None else json.dumps(body, ensure_ascii=False, indent=2)


def _verdict(found: again.Ready) -> dict[str, Any]:
    return {
        "admitted": not found.violations,
        "violations": [msgspec.structs.asdict(x) for x in found.violations],
    }


def _print_verdict(found: again.Ready) -> None:
    if not found.violations:
        out.print("The plan in force would admit it.")
    for x in found.violations:
        out.print(f"✗ {x.en} · {x.zh}", highlight=False, markup=False, soft_wrap=True)
