"""Folders, texts, footfall and enrichments as connectors."""

from __future__ import annotations

import datetime as dt
import gzip
import http.server
import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shopkeeper.apps.flows import connect
from shopkeeper.apps.flows.collect import collect
from shopkeeper.apps.flows.connect_run import run_connector
from shopkeeper.backends.open import open_runtime
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.settings import load_settings
from shopkeeper.core.tables import ENRICHMENTS, EVENTS, FOOTFALL, ORDERS, QUARANTINE, TableContract

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
DATA = Path(os.environ.get("SHOPKEEPER_DATA", Path(__file__).parents[4] / "shared" / "data"))


class Clock:
    moment = NOW

    def now(self) -> dt.datetime:
        return self.moment


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def runtime(tmp_path: Path, clock: Clock) -> Iterator[Runtime]:
    settings = load_settings(flags={"store.folder": str(tmp_path / "shop")})
    opened = open_runtime(settings, clock=clock)
    yield opened
    opened.close()


def define(runtime: Runtime, name: str, **given: Any) -> None:
    connect.save(runtime.state, connect.definition_of(name, given), now=NOW)


def run(runtime: Runtime, name: str, **how: Any):
    return run_connector(runtime, name, environment={}, **how)


def rows(runtime: Runtime, contract: TableContract) -> list[dict[str, Any]]:
    table = runtime.tables.table(contract)
    return runtime.tables.run(table.order_by(list(contract.key))).to_pylist()


def put(path: Path, text: str, age: float = 60.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    os.utime(path, (NOW.timestamp() - age, NOW.timestamp() - age))
    return path


ORDER_FILE = "订单号,会员号,下单时间,实付金额\n" + "".join(
    f"{i},M{i},2026-02-0{i} 10:00:00,{i}5.50\n" for i in range(1, 5)
)

# --- folder ---------------------------------------------------------------------------------


def test_only_whole_files_are_read_and_once(runtime: Runtime, tmp_path: Path, clock: Clock) -> None:
    drop = tmp_path / "drop"
    put(drop / "a.csv", ORDER_FILE)
    growing = put(drop / "b.csv", ORDER_FILE[:60], age=0.5)
    put(drop / "c.csv.part", ORDER_FILE)
    put(drop / "notes.docx", "x")
    define(runtime, "drop", kind="folder", path=str(drop), settle_seconds=2)
    report = run(runtime, "drop")
    assert (report.status, report.admitted) == ("done", 4)
    assert any("notes.docx is not of a kind that is read" in x for _, x in report.notes)
    # The file goes on being written: another second without change is not enough.
    clock.moment = NOW + dt.timedelta(seconds=3)
    growing.write_text(ORDER_FILE.replace("M", "N").replace("\n1,", "\n11,"), encoding="utf-8")
    os.utime(growing, (clock.moment.timestamp() - 1,) * 2)
    assert run(runtime, "drop").rows == 0
    clock.moment = NOW + dt.timedelta(seconds=9)
    assert run(runtime, "drop").rows == 4
    assert run(runtime, "drop").rows == 0


def test_a_clock_that_runs_ahead_is_waited_out(
    runtime: Runtime, tmp_path: Path, clock: Clock
) -> None:
    put(tmp_path / "drop" / "a.csv", ORDER_FILE, age=-3600)
    define(runtime, "drop", kind="folder", path=str(tmp_path / "drop"), settle_seconds=2)
    assert run(runtime, "drop").rows == 0
    clock.moment = NOW + dt.timedelta(seconds=3)
    assert run(runtime, "drop").rows == 4


def test_done_files_are_moved_and_the_same_content_is_known(
    runtime: Runtime, tmp_path: Path
) -> None:
    drop, done = tmp_path / "drop", tmp_path / "done"
    put(drop / "a.csv", ORDER_FILE)
    define(runtime, "drop", kind="folder", path=str(drop), done=str(done))
    run(runtime, "drop")
    assert (done / "a.csv").exists()
    put(drop / "a.csv", ORDER_FILE)
    report = run(runtime, "drop")
    assert (report.admitted, len(rows(runtime, ORDERS))) == (0, 4)
    assert len(list(done.glob("a*.csv"))) == 2


def test_a_bad_file_is_told_and_holds_up_no_other(runtime: Runtime, tmp_path: Path) -> None:
    drop = tmp_path / "drop"
    put(drop / "a.csv", "x;y\n1;2\n3;4\n")
    put(drop / "b.csv", ORDER_FILE)
    define(runtime, "drop", kind="folder", path=str(drop))
    report = run(runtime, "drop")
    assert (report.status, report.admitted) == ("refused", 4)
    assert "a.csv: cannot tell what this source is" in report.error
    assert connect.connector(runtime.state, "drop").status == "refused"
    assert run(runtime, "drop").status == "done"


def test_a_folder_that_is_not_there(runtime: Runtime, tmp_path: Path) -> None:
    define(runtime, "drop", kind="folder", path=str(tmp_path / "nowhere"))
    assert "there is no folder" in run(runtime, "drop").error
    put(tmp_path / "drop" / "a.csv", ORDER_FILE)
    define(
        runtime,
        "drop",
        kind="folder",
        path=str(tmp_path / "drop"),
        done=str(tmp_path / "drop" / "x"),
    )
    assert "lies in the watched folder" in run(runtime, "drop").error


# --- text -----------------------------------------------------------------------------------


def test_chats_become_events_with_text(runtime: Runtime, tmp_path: Path) -> None:
    put(
        tmp_path / "chat.csv",
        "消息ID,会话ID,客户编号,角色,消息内容,发送时间,满意度\n"
        "m1,s1,C1,客户,快递什么时候到,2026-02-01 10:00:00,5\n"
        "m2,s1,C1,客服,明天送到,2026-02-01 10:00:30,\n",
    )
    define(runtime, "chat", kind="text", about="chat", path=str(tmp_path / "chat.csv"))
    assert run(runtime, "chat").admitted == 2
    one, two = rows(runtime, EVENTS)
    assert (one["kind"], two["kind"]) == ("chat_message_received", "chat_message_sent")
    assert (one["query"], one["customer_ref"], one["session_id"]) == (
        "快递什么时候到",
        "crm:C1",
        "s1",
    )
    assert json.loads(one["properties"])["满意度"] == "5"
    assert run(runtime, "chat").rows == 0


def test_reviews_from_json_lines(runtime: Runtime, tmp_path: Path) -> None:
    lines = [
        {"user_id": "u1", "product_id": "p1", "review_text": "Too sweet", "rating": 2, "created_at": "2026-02-01T10:00:00Z"},
        {"user_id": "u2", "product_id": "p1", "review_text": "Lovely", "rating": 5, "created_at": "2026-02-02T10:00:00Z"},
    ]  # fmt: skip
    put(tmp_path / "r.jsonl", "\n".join(json.dumps(x) for x in lines))
    define(runtime, "reviews", kind="text", about="review", path=str(tmp_path / "r.jsonl"))
    assert run(runtime, "reviews").admitted == 2
    found = {x["query"]: x for x in rows(runtime, EVENTS)}
    assert found["Lovely"]["kind"] == "product_reviewed"
    assert found["Lovely"]["product_id"] == "p1"
    assert json.loads(found["Too sweet"]["properties"])["rating"] in {2, "2"}


def test_searches_from_a_database(runtime: Runtime, tmp_path: Path) -> None:
    import sqlite3

    shop = sqlite3.connect(tmp_path / "shop.db")
    shop.execute(
        "create table searches (id integer primary key, user_id text, keyword text, created_at text)"
    )
    shop.execute("insert into searches values (1, '7', '牛奶', '2026-02-01 10:00:00')")
    shop.commit()
    define(
        runtime, "searches", kind="text", about="search", url=f"sqlite:///{tmp_path / 'shop.db'}",
        table="searches", cursor="id",
    )  # fmt: skip
    assert run(runtime, "searches").admitted == 1
    shop.execute("insert into searches values (2, '7', '酸奶', '2026-02-01 10:01:00')")
    shop.commit()
    assert run(runtime, "searches").admitted == 1
    assert {(x["kind"], x["query"]) for x in rows(runtime, EVENTS)} == {
        ("search", "牛奶"),
        ("search", "酸奶"),
    }


def test_a_text_without_its_columns_asks(runtime: Runtime, tmp_path: Path) -> None:
    put(tmp_path / "x.csv", "a,b\n1,2\n")
    define(runtime, "chat", kind="text", about="chat", path=str(tmp_path / "x.csv"))
    assert "cannot tell which column is query" in run(runtime, "chat").error


# --- footfall -------------------------------------------------------------------------------


def test_counts_by_store_and_hour(runtime: Runtime, tmp_path: Path) -> None:
    file = put(
        tmp_path / "f.csv",
        "门店编号,日期,小时,进店人数\nS1,2026-02-01,9,31\nS1,2026-02-01,10:00-11:00,40\nS1,2026-02-01,11,-3\n",
    )
    define(runtime, "doors", kind="footfall", path=str(file))
    report = run(runtime, "doors")
    assert (report.admitted, report.quarantined) == (2, 1)
    found = rows(runtime, FOOTFALL)
    assert [(x["store_id"], x["sensor"], x["hour"], x["visitors"]) for x in found] == [
        ("S1", "all", 9, 31), ("S1", "all", 10, 40),
    ]  # fmt: skip
    assert rows(runtime, QUARANTINE)[0]["reason"] == "negative_quantity"
    put(file, "门店编号,日期,小时,进店人数\nS1,2026-02-01,9,33\n", age=30)
    assert run(runtime, "doors").admitted == 1
    assert rows(runtime, FOOTFALL)[0]["visitors"] == 33


def test_real_counters(runtime: Runtime, tmp_path: Path) -> None:
    packed = DATA / "footfall_pedestrian" / "pedestrian.csv.gz"
    if not packed.exists():
        pytest.skip(f"reference data not found: {packed}")
    lines = gzip.decompress(packed.read_bytes()).decode().splitlines()
    put(tmp_path / "p.csv", "\n".join(lines[:5001]))
    mapping = {
        "table": "footfall", "time_zone": "UTC",
        "columns": {"store_id": "Sensor", "sensor": "Sensor", "occurred_at": "Date_Time", "visitors": "Count"},
    }  # fmt: skip
    define(runtime, "city", kind="footfall", path=str(tmp_path / "p.csv"), mapping=mapping)
    report = run(runtime, "city")
    assert (report.rows, report.admitted, report.quarantined) == (5000, 5000, 0)
    total = sum(int(x.rsplit(",", 1)[1]) for x in lines[1:5001])
    assert sum(x["visitors"] for x in rows(runtime, FOOTFALL)) == total
    define(runtime, "guess", kind="footfall", path=str(tmp_path / "p.csv"))
    assert run(runtime, "guess").status == "done"


# --- enrichment -----------------------------------------------------------------------------


@pytest.fixture
def shop(runtime: Runtime, tmp_path: Path) -> Runtime:
    text = "会员号,姓名,城市,手机号\n1,王芳,上海,13912345671\n2,李明,北京,13912345672\n3,赵一,广州,13912345673\n"
    collect(
        [str(put(tmp_path / "members.csv", text))], tables=runtime.tables, engine=runtime.state,
        settings=runtime.settings, now=NOW,
    )  # fmt: skip
    return runtime


def weather(tmp_path: Path, **more: Any) -> dict[str, Any]:
    put(tmp_path / "w.csv", "city,day,temp,sky\n上海,2026-02-28,11.5,rain\n北京,2026-02-28,3,sun\n")
    return {
        "kind": "enrichment", "path": str(tmp_path / "w.csv"), "key_kind": "city", "key": "city",
        "valid_from": "day", "basis": "public", "cost": 0.1, **more,
    }  # fmt: skip


def test_what_meets_its_contract_is_admitted(shop: Runtime, tmp_path: Path) -> None:
    define(shop, "weather", **weather(tmp_path))
    report = run(shop, "weather")
    assert (report.status, report.admitted) == ("done", 4)
    score = report.facts["score"]
    assert (score["ours"], score["matched"], score["coverage"]) == (3, 2, 0.6667)
    assert score["cost_per_key"] == pytest.approx(0.05)
    found = {(x["key"], x["name"]): x for x in rows(shop, ENRICHMENTS)}
    assert found["上海", "temp"]["value"] == 11.5
    assert found["北京", "sky"] | {"load_id": ""} == {
        "key_kind": "city", "key": "北京", "name": "sky", "text": "sun", "value": None,
        "valid_from": dt.datetime(2026, 2, 27, 16, tzinfo=dt.UTC), "basis": "public",
        "cost_minor": 5, "currency": "CNY", "source": "weather", "load_id": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "field", "zh"),
    [
        ({"key_kind": "store"}, "coverage", "覆盖率"),
        ({"contract": {"fresh_days": 0.5}}, "freshness", "最新一条已有"),
        ({"cost": 10}, "cost", "每个匹配键的成本"),
        ({"basis": ""}, "basis", "未声明"),
        ({"basis": "bought"}, "basis", "bought"),
    ],
)
def test_what_does_not_is_refused_with_the_reason(
    shop: Runtime, tmp_path: Path, change: dict[str, Any], field: str, zh: str
) -> None:
    define(shop, "weather", **weather(tmp_path, **change))
    report = run(shop, "weather")
    assert (report.status, report.rows, report.admitted) == ("refused", 0, 0)
    assert "below its contract and was not used" in report.error
    assert zh in report.error
    assert field in {x["field"] for x in report.facts["score"]["faults"]}
    assert not shop.tables.exists(ENRICHMENTS) or not rows(shop, ENRICHMENTS)
    assert connect.connector(shop.state, "weather").status == "refused"


def test_a_wrong_key_column_names_those_there(shop: Runtime, tmp_path: Path) -> None:
    define(shop, "weather", **weather(tmp_path, key="town"))
    report = run(shop, "weather")
    assert "the delivery has no column town; it has city, day, temp, sky" in report.error


class _Handler(http.server.BaseHTTPRequestHandler):
    body = b"city,temp\n\xe4\xb8\x8a\xe6\xb5\xb7,11\n"
    hits: list[str]

    def do_GET(self) -> None:
        self.hits.append(self.headers.get("If-None-Match", ""))
        if self.headers.get("If-None-Match") == '"v1"':
            self.send_response(304)
            self.end_headers()
            return
        if self.path == "/slow":
            time.sleep(3)
        self.send_response(200 if self.path != "/gone" else 404)
        self.send_header("Content-Type", "text/csv")
        self.send_header("ETag", '"v1"')
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[tuple[str, list[str]]]:
    hits: list[str] = []
    handler = type("Handler", (_Handler,), {"hits": hits})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", hits
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_address_is_fetched_when_it_changed(shop: Runtime, address) -> None:
    url, hits = address
    given = {"kind": "enrichment", "key_kind": "city", "key": "city", "basis": "public"}
    define(shop, "weather", url=f"{url}/w", **given)
    assert run(shop, "weather").admitted == 1
    assert run(shop, "weather").rows == 0
    assert hits == ["", '"v1"']
    assert connect.connector(shop.state, "weather").cursor["score"]["matched"] == 1
    define(shop, "gone", url=f"{url}/gone", **given)
    assert "answered 404" in run(shop, "gone").error
    define(shop, "slow", url=f"{url}/slow", timeout_seconds=0.5, **given)
    assert "cannot be had: timed out" in run(shop, "slow").error
