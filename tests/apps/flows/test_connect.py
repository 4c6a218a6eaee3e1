"""Connectors as flows: definitions, runs, positions; nothing twice, nothing lost."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from shopkeeper.apps.flows import connect, connect_plan
from shopkeeper.apps.flows.collect import collect_table
from shopkeeper.apps.flows.connect_read import Context, mapping_for
from shopkeeper.apps.flows.connect_run import folder_of, run_connector
from shopkeeper.backends.embedded.locks import exclusive
from shopkeeper.backends.open import open_runtime
from shopkeeper.backends.runtime import Runtime
from shopkeeper.collect.connectors import sql
from shopkeeper.collect.connectors.spool import SpoolWriter, read_spool
from shopkeeper.core import state
from shopkeeper.core.errors import ConflictError, InputError, NotFoundError
from shopkeeper.core.settings import load_settings
from shopkeeper.core.tables import CUSTOMERS, ORDERS, QUARANTINE, TableContract

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


class Clock:
    def __init__(self) -> None:
        self.moment = NOW

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


@pytest.fixture
def crm(tmp_path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(tmp_path / "crm.db")
    connection.executescript(
        "create table members (会员号 text, 姓名 text, 手机号 text, 城市 text, 更新时间 text);"
        "create table pos (订单号 text, 会员号 text, 下单时间 text, 实付金额 text, 状态 text,"
        " updated_at text);"
    )
    return connection


def define(runtime: Runtime, tmp_path: Path, name: str = "pos", **given: Any) -> None:
    plain = {
        "kind": "sql", "url": f"sqlite:///{tmp_path / 'crm.db'}", "table": name,
        "cursor": "updated_at", "every": 60,
    }  # fmt: skip
    connect.save(runtime.state, connect.definition_of(name, {**plain, **given}), now=NOW)


def order(crm: sqlite3.Connection, number: int, amount: str, status: str, at: str) -> None:
    crm.execute("delete from pos where 订单号 = ?", (f"O{number}",))
    crm.execute(
        "insert into pos values (?, ?, '2026-02-01 10:00:00', ?, ?, ?)",
        (f"O{number}", f"M{number}", amount, status, at),
    )
    crm.commit()


def rows(runtime: Runtime, contract: TableContract) -> list[dict[str, Any]]:
    table = runtime.tables.table(contract)
    return runtime.tables.run(table.order_by(list(contract.key))).to_pylist()


def run(runtime: Runtime, name: str = "pos", **how: Any):
    return run_connector(runtime, name, environment={}, **how)


def test_members_are_read_on_and_replaced(
    runtime: Runtime, tmp_path: Path, crm: sqlite3.Connection
) -> None:
    define(runtime, tmp_path, "members", cursor="更新时间")
    crm.execute(
        "insert into members values ('1','王芳','13912345678','上海','2026-02-01 10:00:00')"
    )
    crm.commit()
    report = run(runtime, "members")
    assert (report.status, report.rows, report.admitted, report.drained) == ("done", 1, 1, True)
    assert run(runtime, "members").rows == 0
    crm.execute("update members set 城市 = '北京', 更新时间 = '2026-02-01 10:00:09'")
    crm.commit()
    assert run(runtime, "members").admitted == 1
    (one,) = rows(runtime, CUSTOMERS)
    assert (one["customer_ref"], one["city"], one["source"]) == ("member_card:1", "北京", "members")
    found = connect.connector(runtime.state, "members")
    assert (found.status, found.failures, found.rows_total) == ("ok", 0, 2)
    assert found.data_until == NOW
    assert found.next_at == NOW + dt.timedelta(seconds=60)
    assert found.lag_seconds(NOW + dt.timedelta(seconds=90)) == 90


def test_an_order_that_is_refunded_or_cancelled_later_comes_to_zero(
    runtime: Runtime, tmp_path: Path, crm: sqlite3.Connection
) -> None:
    define(runtime, tmp_path)
    for number, status in ((1, "已支付"), (2, "已支付"), (3, "已取消"), (4, "已退款")):
        order(crm, number, "100.00", status, "2026-02-01 10:00:00")
    run(runtime)
    order(crm, 1, "100.00", "已退款", "2026-02-03 09:00:00")
    order(crm, 2, "100.00", "已取消", "2026-02-03 09:00:01")
    for _ in range(2):
        run(runtime)
    found = {x["order_id"]: (x["kind"], x["amount_minor"]) for x in rows(runtime, ORDERS)}
    assert found == {
        "O1": ("sale", 10_000), "O1#undone": ("return", -10_000),
        "O2": ("sale", 10_000), "O2#undone": ("return", -10_000),
        "O4": ("sale", 10_000), "O4#undone": ("return", -10_000),
    }  # fmt: skip
    undone = next(x for x in rows(runtime, ORDERS) if x["order_id"] == "O1#undone")
    assert undone["day"] == dt.date(2026, 2, 3)
    assert [x["reason"] for x in rows(runtime, QUARANTINE)] == ["not_a_purchase"]


def test_a_deleted_row_reverses_its_order(
    runtime: Runtime, tmp_path: Path, crm: sqlite3.Connection
) -> None:
    crm.execute("alter table pos add column is_deleted integer default 0")
    define(runtime, tmp_path, deleted_column="is_deleted")
    crm.execute("insert into pos values ('O1','M1','2026-02-01','5','', '2026-02-01 10:00:00', 0)")
    crm.execute("insert into pos values ('O2','M1','2026-02-01','5','', '2026-02-01 10:00:00', 1)")
    crm.commit()
    run(runtime)
    crm.execute("update pos set is_deleted = 1, updated_at = '2026-02-02 10:00:00'")
    crm.commit()
    run(runtime)
    assert [x["order_id"] for x in rows(runtime, ORDERS)] == ["O1", "O1#undone"]


@pytest.mark.parametrize("loaded", [False, True])
def test_a_run_cut_off_before_its_position_moved_is_repeated_without_doubles(
    runtime: Runtime, tmp_path: Path, crm: sqlite3.Connection, loaded: bool
) -> None:
    define(runtime, tmp_path)
    for number in (1, 4, 5):
        order(crm, number, "10", "", "2026-02-01 10:00:00")
    order(crm, 2, "bad", "", "2026-02-01 10:00:00")
    own = connect.connector(runtime.state, "pos").definition
    context = Context(runtime, own, own.read, folder_of(runtime, "pos"), NOW)
    question = sql.Question(own.config["url"], "updated_at", "pos")
    with SpoolWriter(context.spool) as spool:
        found = sql.fetch(question, sql.Position(), spool)
        spool.finish({"cursor": found.position.to_dict(), "reads": "updated_at"})
    if loaded:
        left = read_spool(context.spool)
        assert left is not None
        mapping = mapping_for(context, left.rows, "orders")
        collect_table(
            left.rows, "connector:pos", connect_changed(mapping), tables=runtime.tables,
            settings=runtime.settings, now=NOW,
        )  # fmt: skip
    order(crm, 3, "30", "", "2026-02-01 10:00:01")
    run(runtime)
    run(runtime)
    assert [x["order_id"] for x in rows(runtime, ORDERS)] == ["O1", "O3", "O4", "O5"]
    assert len(rows(runtime, QUARANTINE)) == 1


def connect_changed(mapping):
    from dataclasses import replace

    return replace(mapping, changed="replace")


def test_a_full_reading_changes_nothing(
    runtime: Runtime, tmp_path: Path, crm: sqlite3.Connection
) -> None:
    define(runtime, tmp_path)
    order(crm, 1, "10", "", "2026-02-01 10:00:00")
    run(runtime)
    report = run(runtime, full=True)
    assert (report.rows, report.admitted, report.repeated) == (1, 0, 1)
    assert len(rows(runtime, ORDERS)) == 1


def test_failures_back_off_open_the_circuit_and_heal(
    runtime: Runtime, tmp_path: Path, clock: Clock
) -> None:
    define(runtime, tmp_path, retry={"jitter": 0, "open_after": 3})
    waits = []
    for _ in range(4):
        report = run(runtime)
        found = connect.connector(runtime.state, "pos")
        waits.append((found.next_at - clock.moment).total_seconds())
    assert report.status == "failed"
    assert "no database file" in report.error
    assert report.next_step == "Check the path"
    assert waits == [10, 20, 40, 80]
    assert (found.status, found.failures) == ("open", 4)
    assert found.data_until is None
    crm = sqlite3.connect(tmp_path / "crm.db")
    crm.execute(
        "create table pos (order_id text, customer_id text, order_date text, amount text, updated_at text)"
    )
    crm.commit()
    assert run(runtime).status == "done"
    found = connect.connector(runtime.state, "pos")
    assert (found.status, found.failures, found.error) == ("ok", 0, None)
    with runtime.state.connect() as connection:
        states = connection.execute(select(state.connector_runs.c.status)).scalars().all()
    assert sorted(states) == ["done", "failed", "failed", "failed", "failed"]


def test_an_unsure_mapping_asks(runtime: Runtime, tmp_path: Path, crm: sqlite3.Connection) -> None:
    crm.execute("create table odd (a text, b text, updated_at text)")
    crm.execute("insert into odd values ('x', 'y', '2026-01-01 00:00:00')")
    crm.commit()
    define(runtime, tmp_path, "odd")
    assert "cannot tell what this source is" in run(runtime, "odd").error
    define(
        runtime, tmp_path, "odd", mapping={"table": "customers", "columns": {"customer_ref": "a"}}
    )
    assert run(runtime, "odd").admitted == 1


def test_one_run_at_a_time(runtime: Runtime, tmp_path: Path, crm: sqlite3.Connection) -> None:
    define(runtime, tmp_path)
    with (
        exclusive(folder_of(runtime, "pos") / "run.lock"),
        pytest.raises(ConflictError, match="running already"),
    ):
        run(runtime)


def test_a_run_that_never_ended_is_told(
    runtime: Runtime, tmp_path: Path, crm: sqlite3.Connection
) -> None:
    define(runtime, tmp_path)
    run(runtime)
    with runtime.state.begin() as connection:
        connection.execute(update(state.connector_runs).values(status="running"))
    run(runtime)
    with runtime.state.connect() as connection:
        states = set(connection.execute(select(state.connector_runs.c.status)).scalars())
    assert states == {"cut off", "done"}


# --- definitions ------------------------------------------------------------------------------

FILE = """
connectors:
  crm:
    kind: sql
    url: postgresql://shop:${CRM_PASSWORD}@db/crm
    table: members
    cursor: updated_at
    every: 120
    retry: {first_seconds: 5}
  web:
    kind: shopify
    secret: ${SHOPIFY_SECRET}
"""


def test_plan_apply_pull(runtime: Runtime) -> None:
    wanted = connect_plan.read_definitions(FILE)
    first = connect_plan.plan(runtime.state, wanted)
    assert [(x.connector_id, x.action) for x in first.changes] == [
        ("crm", "create"),
        ("web", "create"),
    ]
    connect_plan.apply(runtime.state, first, now=NOW)
    assert all(x.action == "same" for x in connect_plan.plan(runtime.state, wanted).changes)
    assert connect_plan.read_definitions(connect_plan.pull(runtime.state)) == wanted
    changed = connect_plan.read_definitions(FILE.replace("every: 120", "every: 30"))[:1]
    second = connect_plan.plan(runtime.state, changed, prune=True)
    assert second.changes == (
        connect_plan.Change("crm", "change", (("every", 120, 30),)),
        connect_plan.Change("web", "remove"),
    )
    connect_plan.apply(runtime.state, second, now=NOW)
    assert [x.definition.connector_id for x in connect.connectors(runtime.state)] == ["crm"]


def test_a_webhook_connector_is_a_source_of_events(runtime: Runtime) -> None:
    connect_plan.apply(
        runtime.state,
        connect_plan.plan(runtime.state, connect_plan.read_definitions(FILE)),
        now=NOW,
    )
    with runtime.state.connect() as connection:
        row = connection.execute(select(state.sources)).mappings().one()
    assert (row["source_id"], row["kind"], row["user_kind"]) == ("web", "webhook", "shopify")
    connect.enable(runtime.state, "web", enabled=False, now=NOW)
    with runtime.state.connect() as connection:
        assert not connection.execute(select(state.sources.c.enabled)).scalar_one()


def test_reading_something_else_starts_anew(
    runtime: Runtime, tmp_path: Path, crm: sqlite3.Connection
) -> None:
    define(runtime, tmp_path)
    order(crm, 1, "10", "", "2026-02-01 10:00:00")
    run(runtime)
    define(runtime, tmp_path, every=5)
    assert connect.connector(runtime.state, "pos").cursor["mark"]["value"] == "2026-02-01 10:00:00"
    define(runtime, tmp_path, table="members", cursor="更新时间")
    assert connect.connector(runtime.state, "pos").cursor == {}


@pytest.mark.parametrize(
    ("name", "given", "match"),
    [
        ("Crm", {"kind": "sql"}, "cannot name a connector"),
        ("crm", {"kind": "fax"}, "no kind of connector 'fax'.*sql, folder"),
        ("crm", {"kind": "sql"}, "needs either url or path"),
        ("crm", {"kind": "sql", "url": "sqlite:///x"}, "needs either table or query"),
        ("crm", {"kind": "sql", "url": "sqlite:///x", "table": "a"}, "needs cursor"),
        ("crm", {"kind": "folder", "path": "/x", "speed": 1}, "unknown field speed.*may say: url"),
        ("crm", {"kind": "folder", "path": "/x", "settle_seconds": "soon"}, "Expected `?float"),
        ("crm", {"kind": "folder", "path": "/x", "every": 0}, "every is 0"),
        ("crm", {"kind": "folder", "path": "/x", "every": "daily"}, "every is in seconds"),
        ("crm", {"kind": "folder", "path": "/x", "retry": {"factor": 0}}, "retry: needs"),
        ("web", {"kind": "shopify", "secret": "abc"}, "secret is written out"),
        ("crm", {"kind": "sql", "url": "mysql://u:pw@h/d"}, "the password in url is written out"),
    ],
)
def test_wrong_definitions_say_why(name: str, given: dict[str, Any], match: str) -> None:
    with pytest.raises(InputError, match=match):
        connect.definition_of(name, given)


@pytest.mark.parametrize(
    ("text", "match"), [("a: [", "not YAML"), ("sources: {}", "no key connectors")]
)
def test_wrong_files_say_why(text: str, match: str) -> None:
    with pytest.raises(InputError, match=match):
        connect_plan.read_definitions(text)


def test_what_is_not_there(runtime: Runtime) -> None:
    with pytest.raises(NotFoundError, match="no connector 'x'"):
        run(runtime, "x")
    connect_plan.apply(
        runtime.state,
        connect_plan.plan(runtime.state, connect_plan.read_definitions(FILE)),
        now=NOW,
    )
    with pytest.raises(InputError, match="does not read.*POST /v1/webhooks/web"):
        run(runtime, "web")
    assert "variable CRM_PASSWORD is not set" in run(runtime, "crm").error
