"""The verb `shopkeeper bench`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from shopkeeper.apps.bench import registry
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


def test_all_runs_what_it_can_and_says_what_it_skipped(
    app: typer.Typer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "groceries_arules"
    folder.mkdir()
    (folder / "groceries.csv").write_text("tea,milk\ntea,milk\ntea\nbread\n")
    monkeypatch.setenv("SHOPKEEPER_DATA", str(tmp_path))
    # Simulated trials, audiences and model lives take minutes and no size.
    long = {"uplift", "lookalike", "life"}
    monkeypatch.setattr(registry, "ALONE", registry.ALONE | long)
    small = ["--customers", "300", "--events", "3000", "--json"]
    answer = CliRunner().invoke(app, ["all", *small])
    assert answer.exit_code == 0, answer.output
    rows = json.loads(answer.stdout)
    assert list(dict.fromkeys(x["capability"] for x in rows)) == [
        "basket", "features", "plan", "store",
    ]  # fmt: skip
    for name in ("churn", "value", "recommend", "intent", "forecast", "text", "segment"):
        assert f"{name} skipped, there is no {tmp_path}" in answer.stderr


def test_the_help_lists_all(app: typer.Typer) -> None:
    said = " ".join(CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).output.split())
    assert "; or all" in said
