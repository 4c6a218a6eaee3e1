"""``shopkeeper connector`` as a person types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from shopkeeper.apps.cli.connector import app
from shopkeeper.core.errors import InputError


def run(folder: Path, *words: str, fails: int = 0) -> str:
    result = CliRunner().invoke(
        app, [*words, "--shop", str(folder / "shop")], catch_exceptions=False
    )
    assert result.exit_code == fails, result.output
    return result.output


def test_from_definition_to_rows(tmp_path: Path) -> None:
    rows = "".join(f"{i},M{i},2026-02-0{i} 10:00:00,5.50\n" for i in range(1, 5))
    (tmp_path / "drop").mkdir()
    (tmp_path / "drop" / "a.csv").write_text(
        "订单号,会员号,下单时间,实付金额\n" + rows, encoding="utf-8"
    )
    file = tmp_path / "connectors.yaml"
    file.write_text(
        "connectors:\n  drop:\n    kind: folder\n"
        f"    path: {tmp_path / 'drop'}\n    settle_seconds: 0\n",
        encoding="utf-8",
    )
    assert (
        json.loads(run(tmp_path, "plan", str(file), "--json"))["changes"][0]["action"] == "create"
    )
    run(tmp_path, "apply", str(file))
    assert "same    drop" in run(tmp_path, "plan", str(file))
    report = json.loads(run(tmp_path, "run", "drop", "--json"))
    assert (report["status"], report["admitted"]) == ("done", 4)
    (listed,) = json.loads(run(tmp_path, "list", "--json"))
    assert (listed["status"], listed["rows_total"]) == ("ok", 4)
    shown = json.loads(run(tmp_path, "show", "drop", "--json"))
    assert shown["runs"][0]["status"] == "done"
    run(tmp_path, "disable", "drop")
    assert json.loads(run(tmp_path, "list", "--json"))[0]["status"] == "off"
    run(tmp_path, "enable", "drop")
    run(tmp_path, "pull", str(tmp_path / "back.yaml"))
    assert "settle_seconds: 0" in (tmp_path / "back.yaml").read_text()


def test_a_failing_run_fails_the_command(tmp_path: Path) -> None:
    run(tmp_path, "add", "drop", "--kind", "folder", "--set", "path=/nowhere")
    assert "there is no folder" in run(tmp_path, "run", "drop", fails=1)
    run(tmp_path, "add", "web", "--kind", "shopify", "--set", "secret=${SECRET}")
    assert "drop" in run(tmp_path, "list")


def test_kinds_are_listed() -> None:
    found = json.loads(CliRunner().invoke(app, ["kinds", "--json"]).output)
    assert "cursor" in next(x for x in found if x["kind"] == "sql")["keys"]


def test_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no ="):
        run(tmp_path, "add", "drop", "--kind", "folder", "--set", "path")
    with pytest.raises(InputError, match="cannot be read"):
        run(tmp_path, "plan", str(tmp_path / "no.yaml"))
