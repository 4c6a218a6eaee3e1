"""``shopkeeper learn``: new models without code, and the life of those there are."""

from __future__ import annotations

import typer

app = typer.Typer(
    no_args_is_help=True, add_completion=False,
    help="New models without code; compare, promote and watch those there are.",
)  # fmt: skip


@app.callback()
def learn() -> None:
    """New models without code; compare, promote and watch those there are."""
