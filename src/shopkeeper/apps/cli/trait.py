"""``shopkeeper trait``: live traits as a file that is planned, applied and pulled."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from shopkeeper.apps.cli.context import ConfigFlag, JsonFlag, ShopFlag, opened, out, print_json
from shopkeeper.apps.flows.traits import (
    TraitPlan,
    apply_traits,
    own_traits,
    plan_traits,
    trait_named,
)
from shopkeeper.core.errors import InputError
from shopkeeper.features.live.builtin import BUILT_IN
from shopkeeper.features.live.definition import LiveTrait
from shopkeeper.features.live.text import duration, plain, traits_of, yaml_of

app = typer.Typer(
    no_args_is_help=True, add_completion=False,
    help="What is true of a customer now, to the second: list, show, plan, apply, pull.",
)  # fmt: skip
FileArgument = Annotated[Path, typer.Argument(help="YAML file; - reads standard input.")]


@app.command("list")
def list_traits(
    shop: ShopFlag = None, config: ConfigFlag = None, as_json: JsonFlag = False
) -> None:
    """The live traits in force, built in and the shop's own."""
    with opened(shop, config) as runtime:
        own = own_traits(runtime.state)
    names = {x.name for x in own}
    everything = [*(x for x in BUILT_IN if x.name not in names), *own]
    if as_json:
        print_json([{"name": x.name, "own": x.name in names} | plain(x) for x in everything])
        return
    table = Table("trait", "meaning", "measure", "window", "own")
    for x in everything:
        window = "" if x.window_s is None else duration(x.window_s)
        table.add_row(x.name, f"{x.zh} · {x.en}", x.measure, window, "yes" * (x.name in names))
    out.print(table)


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="Name of the trait.")],
    shop: ShopFlag = None, config: ConfigFlag = None, as_json: JsonFlag = False,
) -> None:  # fmt: skip
    """One definition as YAML."""
    with opened(shop, config) as runtime:
        trait = trait_named(runtime.state, name)
    if as_json:
        print_json({"name": trait.name} | plain(trait))
    else:
        sys.stdout.write(yaml_of([trait]))


@app.command("plan")
def plan_file(
    file: FileArgument, shop: ShopFlag = None, config: ConfigFlag = None,
    as_json: JsonFlag = False,
) -> None:  # fmt: skip
    """What applying a file would change; writes nothing."""
    wanted = _read(file)
    with opened(shop, config) as runtime:
        _say(plan_traits(runtime, wanted), as_json=as_json, done=False)


@app.command("apply")
def apply_file(
    file: FileArgument, shop: ShopFlag = None, config: ConfigFlag = None,
    as_json: JsonFlag = False,
) -> None:  # fmt: skip
    """Make the traits of a file the shop's own; those not in it go."""
    wanted = _read(file)
    with opened(shop, config) as runtime:
        _say(apply_traits(runtime, wanted, now=runtime.clock.now()), as_json=as_json, done=True)


@app.command("pull")
def pull(shop: ShopFlag = None, config: ConfigFlag = None) -> None:
    """Print the shop's own traits as the file that apply takes."""
    with opened(shop, config) as runtime:
        sys.stdout.write(yaml_of(own_traits(runtime.state)))


def _read(file: Path) -> tuple[LiveTrait, ...]:
    if str(file) == "-":
        return traits_of(sys.stdin.read())
    try:
        return traits_of(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{file} cannot be read: {error}", next_step="Give a YAML file in UTF-8"
        ) from error


def _say(plan: TraitPlan, *, as_json: bool, done: bool) -> None:
    if as_json:
        print_json(plan.to_dict())
        return
    if plan.empty:
        out.print("Nothing changes.")
        return
    for word, names in (("+", plan.added), ("~", plan.changed), ("-", plan.removed)):
        for name in names:
            note = " (instead of the built-in one)" if name in plan.overriding else ""
            out.print(f"{word} {name}{note}", highlight=False)
    verb = "are" if done else "would be"
    out.print(f"{plan.profiles:,} live profiles {verb} made anew.", highlight=False)
