"""Connectors and stores over HTTP."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from shopkeeper.apps.flows.collect import collect
from shopkeeper.apps.service import create_app
from shopkeeper.backends.open import open_runtime
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.settings import load_settings

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    opened = open_runtime(load_settings(flags={"store.folder": str(tmp_path / "shop")}))
    yield opened
    opened.close()


@pytest.fixture
def service(runtime: Runtime) -> TestClient:
    return TestClient(create_app(runtime), base_url="http://127.0.0.1")


@pytest.fixture
def draft(tmp_path: Path) -> dict[str, object]:
    crm = sqlite3.connect(tmp_path / "crm.db")
    crm.execute("create table members (member_id text, name text, phone text, updated_at text)")
    crm.execute("insert into members values ('1','A','13912345678','2026-01-01 00:00:00')")
    crm.commit()
    config = {"url": f"sqlite:///{tmp_path / 'crm.db'}", "table": "members", "cursor": "updated_at"}
    return {"kind": "sql", "config": config, "every_seconds": 30}


def test_from_nothing_to_a_run(service: TestClient, draft: dict[str, object]) -> None:
    first = service.get("/api/v1/connectors").json()
    assert first["items"] == []
    assert first["next_step"]["command"] == "shopkeeper connector kinds"
    kinds = service.get("/api/v1/connectors/kinds").json()["items"]
    assert {"sql", "folder", "text", "footfall", "enrichment", "shopify", "webhook"} == {
        x["kind"] for x in kinds
    }
    made = service.put("/api/v1/connectors/crm", json=draft).json()
    assert (made["status"], made["every_seconds"], made["lag_seconds"]) == ("new", 30, None)
    ran = service.post("/api/v1/connectors/crm/run").json()
    assert (ran["status"], ran["rows"], ran["admitted"]) == ("done", 1, 1)
    (one,) = service.get("/api/v1/connectors").json()["items"]
    assert (one["status"], one["status_label"]["zh"], one["rows_total"]) == ("ok", "正常", 1)
    assert one["lag_seconds"] >= 0
    runs = service.get("/api/v1/connectors/crm/runs").json()
    assert (runs["total"], runs["items"][0]["run_id"]) == (1, ran["run_id"])
    off = service.post("/api/v1/connectors/crm/enabled", json={"enabled": False}).json()
    assert (off["enabled"], off["status"]) == (False, "off")
    assert service.delete("/api/v1/connectors/crm").status_code == 204
    assert service.get("/api/v1/connectors/crm").status_code == 404


def test_a_failure_comes_first_and_says_why(service: TestClient, draft: dict[str, object]) -> None:
    service.put("/api/v1/connectors/a", json=draft)
    bad = {"kind": "folder", "config": {"path": "/nowhere"}}
    service.put("/api/v1/connectors/z", json=bad)
    assert service.post("/api/v1/connectors/z/run").json()["error"].startswith("there is no folder")
    found = service.get("/api/v1/connectors").json()
    assert [x["connector_id"] for x in found["items"]] == ["z", "a"]
    assert found["worst_lag_seconds"] is None


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"config": {"url": "sqlite:///x", "table": "a"}}, "needs cursor"),
        ({"config": {"url": "mysql://u:pw@h/d", "table": "a", "cursor": "b"}}, "written out"),
        ({"kind": "fax"}, "no kind of connector"),
        ({"every_seconds": -1}, "every is -1"),
        ({"retry": {"factor": 0}}, "retry: needs"),
    ],
)
def test_a_wrong_draft(
    service: TestClient, draft: dict[str, object], change: dict[str, object], match: str
) -> None:
    answer = service.put("/api/v1/connectors/crm", json=draft | change)
    assert answer.status_code == 400
    assert match in answer.text


def test_stores_of_an_empty_shop(service: TestClient) -> None:
    found = service.get("/api/v1/stores").json()
    assert (found["items"], found["total"]) == ([], 0)
    assert "footfall" in found["next_step"]["command"]
    assert service.get("/api/v1/stores/S1").status_code == 404


@pytest.fixture
def stores(runtime: Runtime, service: TestClient, tmp_path: Path) -> TestClient:
    orders = "订单号,会员号,下单时间,实付金额,门店编号,类型\n"
    orders += "1,M1,2026-02-10 09:30:00,100.00,S1,销售\n"
    orders += "2,M2,2026-02-10 09:40:00,50.00,S1,销售\n"
    orders += "3,M2,2026-02-10 15:00:00,-50.00,S1,退货\n"
    orders += "4,M3,2026-02-11 10:00:00,80.00,S1,销售\n"
    orders += "5,M3,2026-02-11 10:00:00,500.00,S2,销售\n"
    counts = "门店编号,日期,小时,进店人数\nS1,2026-02-10,9,8\nS1,2026-02-10,15,2\n"
    (tmp_path / "orders.csv").write_text(orders, encoding="utf-8")
    (tmp_path / "counts.csv").write_text(counts, encoding="utf-8")
    collect(
        [str(tmp_path / "orders.csv")], tables=runtime.tables, engine=runtime.state,
        settings=runtime.settings, now=NOW,
    )  # fmt: skip
    service.put(
        "/api/v1/connectors/doors",
        json={
            "kind": "footfall",
            "config": {"path": str(tmp_path / "counts.csv"), "settle_seconds": 0},
        },
    )
    assert service.post("/api/v1/connectors/doors/run").json()["admitted"] == 2
    return service


def test_stores_side_by_side(stores: TestClient) -> None:
    found = stores.get("/api/v1/stores").json()
    assert (found["since"], found["until"]) == ("2026-01-15", "2026-02-11")
    s2, s1 = found["items"]
    assert (s2["store_id"], s2["figures"]["visitors"], s2["figures"]["conversion"]) == (
        "S2",
        None,
        None,
    )
    assert "Nobody was counted" in s2["figures"]["note"]["en"]
    assert s1["figures"]["sales"]["minor"] == 18_000
    # Two sales to ten visitors on the day that was counted; the order of the next day is left out.
    assert s1["figures"]["conversion"] == pytest.approx(0.2)
    assert found["simulated"] == []


def test_a_store_by_day_and_hour(stores: TestClient) -> None:
    found = stores.get(
        "/api/v1/stores/S1", params={"since": "2026-02-10", "until": "2026-02-11"}
    ).json()
    first, second = found["days"]
    assert first == {
        "day": "2026-02-10",
        "visitors": 10,
        "orders": 2,
        "sales_minor": 10_000,
        "conversion": 0.2,
    }
    assert second == {
        "day": "2026-02-11",
        "visitors": None,
        "orders": 1,
        "sales_minor": 8_000,
        "conversion": None,
    }
    nine = found["hours"][9]
    assert (nine["visitors"], nine["orders"], nine["conversion"]) == (8, 2, 0.25)
    assert found["sources"] == ["doors"]
    assert (
        stores.get(
            "/api/v1/stores/S1", params={"since": "2026-03-10", "until": "2026-02-11"}
        ).status_code
        == 400
    )
