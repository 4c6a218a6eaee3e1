"""The verb `shopkeeper bench`."""

from __future__ import annotations

import pytest
import typer
from typer.testing import CliRunner

from shopkeeper.apps.cli.bench import bench


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    app.command("bench")(bench)
    return app


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["astrology"], "no bench called 'astrology'"),
        (["churn", "--cutoff", "yesterday"], "'yesterday' is not a day"),
        (["value", "--unit", "fortnight"], "'fortnight' is not known"),
        (["basket", "--support", "3"], "--support 3.0 is not a share"),
    ],
)
def test_what_cannot_be_understood_is_said_and_exits_with_2(
    app: typer.Typer, arguments: list[str], message: str
) -> None:
    answer = CliRunner().invoke(app, arguments)
    assert answer.exit_code == 2
    assert message in answer.output
