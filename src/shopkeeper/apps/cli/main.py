"""``shopkeeper``: one verb per stage, and the few that run them together.

Modules of the verbs are imported when their verb is called, so that ``--help``
answers at once.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

import shopkeeper
from shopkeeper.core.errors import ShopkeeperError

VERBS: dict[str, tuple[str, str, str]] = {
    "init": ("init", "init", "Write a settings file for a new shop"),
    "doctor": ("doctor", "doctor", "Check this machine, the settings and the shop"),
    "collect": ("collect", "collect_command", "Take in a file, folder or database"),
    "connector": ("connector", "app", "Databases, folders and outside data, read on by themselves"),
    "source": ("source", "app", "Who may send live events, and with which key"),
    "tracking": ("tracking", "app", "Which live events are expected, as a file: plan, apply, pull"),
    "quarantine": ("quarantine", "app", "Live events that were refused: edit, replay"),
    "trait": ("trait", "app", "Live traits as a file: list, show, plan, apply, pull"),
    "govern": ("stages", "govern", "Measure the quality of the data"),
    "verdicts": ("verdicts", "verdicts", "Judge again which events a person caused"),
    "unify": ("stages", "unify", "Recognise customers across sources"),
    "identity": ("identity", "app", "See why identifiers are one person, undo a merge"),
    "features": ("stages", "features", "Compute every feature of every customer"),
    "predict": ("stages", "predict", "Train, compare and apply the models"),
    "learn": ("learn", "app", "New models without code; compare, promote, watch"),
    "segment": ("stages", "segment", "Divide customers into tiers, stages and clusters"),
    "audience": ("audience", "app", "Define, preview, build and question audiences"),
    "decide": ("stages", "decide", "Plan the next best action for every customer"),
    "plan": ("plan", "app", "Explain, approve and perform plans"),
    "deliver": ("stages", "deliver", "Send what is due in the outbox"),
    "measure": ("stages", "measure", "Compute indicators, cohorts and effects"),
    "customer": ("customer", "customer", "Everything known about one customer"),
    "run": ("run", "run", "Run a whole flow, such as: run nightly --as-of DATE"),
    "up": ("up", "up", "Start API, console, worker and scheduler"),
    "worker": ("worker", "worker", "Bring accepted events to lake and profiles, as a process"),
    "simulate": ("simulate", "simulate_command", "Generate a shop with known truth"),
    "demo": ("demo", "demo", "Load the demo shop, run the loop, open the console"),
    "bench": ("bench", "bench", "Print figures beside their baselines"),
}
"""Verb → module of ``apps.cli``, function or typer app in it, one-line help."""


class LazyGroup(TyperGroup):
    """A group that imports a verb's module when the verb is called, and lists all without any."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """Verbs in the order of the loop."""
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """What the list of verbs shows of one: its name and its line."""
        if cmd_name not in VERBS:
            return None
        return TyperCommand(cmd_name, help=VERBS[cmd_name][2])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The verb that was called, imported now."""
        name, command, rest = super().resolve_command(ctx, args)
        if name in VERBS:
            command = load_verb(name, *VERBS[name])
        return name, command, rest


def load_verb(verb: str, module: str, name: str, short: str) -> Any:
    """Import one verb and turn it into a command.

    Parameters
    ----------
    verb
        What the user types.
    module
        Module of ``shopkeeper.apps.cli``.
    name
        A function with typer annotations, or a ``typer.Typer``.
    short
        One line for the list of verbs.
    """
    target: Any = getattr(import_module(f"shopkeeper.apps.cli.{module}"), name)
    if isinstance(target, typer.Typer):
        command: Any = get_command(target)
    else:
        single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        single.command()(target)
        command = get_command(single)
    command.name = verb
    command.short_help = short
    return command


app = typer.Typer(
    cls=LazyGroup,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Shopkeeper (掌柜): knows every customer, decides what is worth doing, measures it.",
)


@app.callback(invoke_without_command=True)
def root(
    version: bool = typer.Option(False, "--version", help="Print the version and stop."),
) -> None:
    """Shopkeeper (掌柜): knows every customer, decides what is worth doing, measures it."""
    if version:
        typer.echo(shopkeeper.__version__)
        raise typer.Exit


def main() -> None:
    """Entry point: exit code 0 done, 1 a check failed, 2 refused, 75 try again."""
    from shopkeeper.apps.cli.context import fail

    try:
        app()
    except ShopkeeperError as error:
        sys.exit(fail(error, as_json="--json" in sys.argv))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
