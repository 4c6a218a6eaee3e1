"""The runner: due connectors run by themselves, and a dead source is nobody else's trouble."""

from __future__ import annotations

import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shopkeeper.apps.flows import connect
from shopkeeper.apps.worker.connect import ConnectorRunner
from shopkeeper.backends.open import open_runtime
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.settings import load_settings
from shopkeeper.core.tables import CUSTOMERS

pytest.importorskip("psycopg", reason="the driver psycopg is not installed")


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    opened = open_runtime(load_settings(flags={"store.folder": str(tmp_path / "shop")}))
    yield opened
    opened.close()


@pytest.fixture
def runner(runtime: Runtime) -> Iterator[ConnectorRunner]:
    made = ConnectorRunner(runtime, {})
    yield made
    made.stop(wait_s=5.0)


def database(tmp_path: Path, name: str) -> sqlite3.Connection:
    connection = sqlite3.connect(tmp_path / f"{name}.db", check_same_thread=False)
    connection.execute(
        "create table members (member_id text, name text, phone text, updated_at text)"
    )
    connection.execute(
        "insert into members values ('1', 'A', '13912345678', '2026-01-01 00:00:00')"
    )
    connection.commit()
    return connection


def define(runtime: Runtime, name: str, url: str, **more: object) -> None:
    given = {
        "kind": "sql", "url": url, "table": "members", "cursor": "updated_at", "every": 1,
        "into": "customers", **more,
    }  # fmt: skip
    connect.save(runtime.state, connect.definition_of(name, given), now=runtime.clock.now())


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def total(runtime: Runtime, name: str) -> int:
    return connect.connector(runtime.state, name).rows_total


def test_a_hole_and_a_failure_hold_up_nobody(
    runtime: Runtime, runner: ConnectorRunner, tmp_path: Path
) -> None:
    crm = database(tmp_path, "crm")
    with socket.create_server(("127.0.0.1", 0)) as hole:
        address = f"postgresql://shop@127.0.0.1:{hole.getsockname()[1]}/x"
        define(runtime, "hole", address, timeout_seconds=30)
        define(runtime, "broken", f"sqlite:///{tmp_path / 'no.db'}")
        define(runtime, "crm", f"sqlite:///{tmp_path / 'crm.db'}")
        runner.start()
        until(lambda: total(runtime, "crm") == 1)
        for number in range(2, 5):
            crm.execute(
                f"insert into members values ('{number}','B','1391234567{number}','2026-01-01 00:00:0{number}')"
            )
            crm.commit()
            start = time.monotonic()
            until(lambda n=number: total(runtime, "crm") == n)
            assert time.monotonic() - start < 5
        assert connect.connector(runtime.state, "hole").last_ok_at is None
        assert connect.connector(runtime.state, "broken").status == "retrying"
        start = time.monotonic()
        runner.stop(wait_s=1.0)
        assert time.monotonic() - start < 8
    assert runtime.tables.count(CUSTOMERS) == 4


def test_definitions_are_followed_while_it_runs(
    runtime: Runtime, runner: ConnectorRunner, tmp_path: Path
) -> None:
    crm = database(tmp_path, "crm")
    runner.start()
    define(runtime, "crm", f"sqlite:///{tmp_path / 'crm.db'}", every=3600)
    until(lambda: total(runtime, "crm") == 1)
    connect.enable(runtime.state, "crm", enabled=False, now=runtime.clock.now())
    crm.execute("insert into members values ('2', 'B', '13912345679', '2026-01-02 00:00:00')")
    crm.commit()
    time.sleep(1.5)
    assert total(runtime, "crm") == 1
    connect.enable(runtime.state, "crm", enabled=True, now=runtime.clock.now())
    until(lambda: total(runtime, "crm") == 2)


def test_more_than_there_are_threads_for(
    runtime: Runtime, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("a", "b"):
        database(tmp_path, name)
        define(runtime, name, f"sqlite:///{tmp_path / name}.db")
    runner = ConnectorRunner(runtime, {}, most=1)
    runner.start()
    until(lambda: total(runtime, "a") == 1)
    runner.stop()
    assert "connector b waits" in caplog.text
    assert total(runtime, "b") == 0
