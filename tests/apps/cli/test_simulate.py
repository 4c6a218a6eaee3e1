"""The verb `shopkeeper simulate`."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from shopkeeper.apps.cli.simulate import simulate_command
from shopkeeper.backends.open import open_runtime
from shopkeeper.core.settings import load_settings
from shopkeeper.core.tables import ORDERS

SMALL = ["--customers", "30", "--days", "60", "--events", "2", "--json"]


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    app.command()(simulate_command)
    return app


def test_files_are_written_and_no_shop_is_made(
    app: typer.Typer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = CliRunner().invoke(app, [*SMALL, "--files", "made"])
    assert answer.exit_code == 0, answer.output
    assert [x.name for x in tmp_path.iterdir()] == ["made"]
    for name, count in json.loads(answer.stdout).items():
        assert pq.read_table(tmp_path / "made" / name).num_rows == count
    assert pq.read_table(tmp_path / "made" / "truth.parquet").num_rows == 30


def test_a_shop_is_filled_once(app: typer.Typer, tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    for _ in range(2):
        answer = CliRunner().invoke(app, [*SMALL, "--shop", str(folder)])
        assert answer.exit_code == 0, answer.output
    runtime = open_runtime(load_settings(flags={"store.folder": str(folder)}))
    try:
        rows = runtime.tables.run(runtime.tables.table(ORDERS))
    finally:
        runtime.close()
    assert rows.num_rows == json.loads(answer.stdout)["orders"] > 0
