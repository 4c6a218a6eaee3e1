from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer import Typer
from typer.testing import CliRunner

from shopkeeper.apps.cli.collect import collect_command
from shopkeeper.apps.flows.collect import collect
from shopkeeper.backends.open import open_runtime
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.settings import load_settings
from shopkeeper.core.tables import CUSTOMERS, LOADS, ORDERS, QUARANTINE

NOW = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)
HEADER = "订单号,会员号,下单时间,实付金额,渠道\n"


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    opened = open_runtime(load_settings(flags={"store.folder": str(tmp_path / "shop")}))
    yield opened
    opened.close()


def run(runtime: Runtime, *locations: Path | str, **how: Any) -> Any:
    return collect(
        [str(x) for x in locations], tables=runtime.tables, engine=runtime.state,
        settings=runtime.settings, now=NOW, **how,
    )  # fmt: skip


def day(folder: Path, number: int, rows: int = 3) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / f"{number:03d}.csv"
    when = (dt.date(2023, 1, 1) + dt.timedelta(days=number)).isoformat()
    file.write_text(
        HEADER + "".join(f"{number}-{i},M{i},{when},{i + 1}.5,门店\n" for i in range(rows))
    )
    return file


def test_a_folder_is_loaded_once_and_remembered(runtime: Runtime, tmp_path: Path) -> None:
    for number in range(5):
        day(tmp_path / "days", number)
    asked: list[str] = []
    report = run(runtime, tmp_path / "days", confirm=lambda x: asked.append(x.location) is None)
    assert report.to_dict()["rows_admitted"] == 15
    assert len(asked) == 1
    assert [x.name for x in report.mapping_files] == ["000.csv.mapping.yaml"]
    before = {t.name: runtime.tables.version(t) for t in (ORDERS, LOADS, QUARANTINE)}
    again = run(runtime, tmp_path / "days", confirm=lambda _: pytest.fail("asked again"))
    assert {x.status for x in again.loads} == {"known"}
    assert {t.name: runtime.tables.version(t) for t in (ORDERS, LOADS, QUARANTINE)} == before


def test_cleaning_rules_are_applied(runtime: Runtime, tmp_path: Path) -> None:
    file = tmp_path / "c.csv"
    file.write_text("会员号,姓名,性别,手机号,邮箱\n1,张,女士,138 0013 8001, Ann＠Example.COM \n")
    report = run(runtime, file)
    assert report.loads[0].corrections > 0
    row = runtime.tables.run(runtime.tables.table(CUSTOMERS)).to_pylist()[0]
    assert (row["gender"], row["phone"], row["email"]) == (2, "+8613800138001", "ann@example.com")


def test_one_bad_source_does_not_stop_the_others(runtime: Runtime, tmp_path: Path) -> None:
    good = day(tmp_path / "days", 1)
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    odd = tmp_path / "odd.csv"
    odd.write_text("x,y\n")
    report = run(runtime, empty, tmp_path / "absent.csv", odd, good)
    assert [x.code for x in report.failures] == ["source", "source", "source"]
    assert "a header and no row" in report.failures[2].message
    assert report.useful
    assert report.loads[0].rows_admitted == 3


def test_a_mapping_that_is_not_confirmed_loads_nothing(runtime: Runtime, tmp_path: Path) -> None:
    report = run(runtime, day(tmp_path / "days", 1), confirm=lambda _: False)
    assert "not confirmed" in report.failures[0].message
    assert not report.useful


def test_a_given_mapping_overrides_all(runtime: Runtime, tmp_path: Path) -> None:
    mapping = tmp_path / "m.yaml"
    mapping.write_text(
        "table: orders\ncustomer_kind: phone\ncolumns: {order_id: 订单号, customer_ref: 会员号, occurred_at: 下单时间, amount_minor: 实付金额}\n"
    )
    run(runtime, day(tmp_path / "days", 1), mapping_file=mapping, source_name="pos")
    row = runtime.tables.run(runtime.tables.table(ORDERS)).to_pylist()[0]
    assert row["customer_ref"].startswith("phone:")
    assert row["source"] == "pos"


@pytest.mark.slow
def test_three_hundred_day_files_are_the_whole(runtime: Runtime, tmp_path: Path) -> None:
    for number in range(300):
        day(tmp_path / "days", number, rows=20)
    report = run(runtime, tmp_path / "days")
    assert report.to_dict()["rows_admitted"] == 6000
    names = [x for x in ORDERS.arrow_schema.names if x != "load_id"]
    parts = runtime.tables.run(runtime.tables.table(ORDERS).select(*names)).to_pylist()
    whole = tmp_path / "whole.csv"
    whole.write_text(
        HEADER
        + "".join(
            x.read_text().split("\n", 1)[1] for x in sorted((tmp_path / "days").glob("*.csv"))
        )
    )
    other = open_runtime(load_settings(flags={"store.folder": str(tmp_path / "other")}))
    try:
        assert run(other, whole).to_dict()["rows_admitted"] == 6000
        once = other.tables.run(other.tables.table(ORDERS).select(*names)).to_pylist()
    finally:
        other.close()
    assert sorted(parts, key=lambda x: x["order_id"]) == sorted(once, key=lambda x: x["order_id"])
    assert run(runtime, whole).to_dict()["rows_repeated"] == 6000


def command(*words: str) -> Any:
    app = Typer()
    app.command()(collect_command)
    return CliRunner().invoke(app, list(words))


def test_the_command(tmp_path: Path) -> None:
    file = day(tmp_path / "days", 1)
    with file.open("a") as out:
        out.write("X,M1,someday,5,门店\n")
    shop = str(tmp_path / "shop")
    checked = command(str(file), "--check", "--shop", shop)
    assert checked.exit_code == 0
    assert "Checked" in checked.stdout
    assert not (tmp_path / "days" / "001.csv.mapping.yaml").exists()
    loaded = command(str(file), "--shop", shop, "--lang", "zh")
    assert loaded.exit_code == 0
    assert "读入 4 行，通过 3，重复 0，隔离 1" in loaded.stdout
    assert "不是日期" in loaded.stdout
    told = json.loads(command(str(file), "--shop", shop, "--json").stdout)
    assert told["loads"][0]["status"] == "known"
    bad = tmp_path / "bad.csv"
    bad.write_text(HEADER + "X,M1,someday,5,门店\n")
    assert command(str(bad), "--shop", shop).exit_code == 1
    assert command(str(tmp_path / "absent.csv"), "--shop", shop).exit_code == 2
