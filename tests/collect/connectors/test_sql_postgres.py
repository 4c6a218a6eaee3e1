"""The same reading on a real PostgreSQL: transactions that commit late, its own types."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shopkeeper.collect.connectors import sql
from shopkeeper.collect.connectors.spool import SpoolWriter, drop_spool, read_spool
from shopkeeper.core.errors import SourceError

psycopg = pytest.importorskip("psycopg", reason="the driver psycopg is not installed")


def binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if found:
        return found[-1].parent
    one = shutil.which("postgres")
    return Path(one).resolve().parent if one else None


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A PostgreSQL of its own on loopback, run by somebody who is not root."""
    folder = binaries()
    if folder is None:
        pytest.skip("PostgreSQL is not installed on this machine")
    as_root = os.getuid() == 0
    try:
        user = pwd.getpwnam("postgres" if as_root else pwd.getpwuid(os.getuid()).pw_name)
    except KeyError:
        pytest.skip("PostgreSQL refuses to run as root and there is no user postgres")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = Path(tempfile.mkdtemp(prefix="shopkeeper-pg-"))
    os.chown(home, user.pw_uid, user.pw_gid)
    become: dict[str, Any] = {"user": user.pw_uid, "group": user.pw_gid} if as_root else {}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": home, **become}
    subprocess.run(
        [folder / "initdb", "-D", home / "data", "-A", "trust", "-U", "shop", "-N", "-E", "UTF8"],
        check=True, **quiet,
    )  # fmt: skip
    process = subprocess.Popen(
        [folder / "postgres", "-D", home / "data", "-h", "127.0.0.1", "-p", str(port),
         "-k", home, "-c", "fsync=off"], **quiet,
    )  # fmt: skip
    url = f"postgresql://shop@127.0.0.1:{port}/postgres"
    try:
        for _ in range(100):
            try:
                psycopg.connect(url, connect_timeout=1).close()
                break
            except psycopg.OperationalError:
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=20)
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def orders(server: str) -> Iterator[Any]:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("drop schema if exists pos cascade; create schema pos")
        connection.execute(
            "create table pos.orders (id bigserial primary key, member text, total numeric(10,2),"
            " paid boolean, updated_at timestamptz default clock_timestamp())"
        )
        yield connection


def read(tmp_path: Path, url: str, position: sql.Position, **more: Any):
    plain = {"table": "pos.orders", "cursor": "updated_at", "timeout_s": 5.0}
    file = tmp_path / "spool.arrow"
    with SpoolWriter(file) as spool:
        found = sql.fetch(sql.Question(url, **{**plain, **more}), position, spool, audit=True)
        spool.finish({})
    spooled = read_spool(file)
    drop_spool(file)
    position = sql.Position.from_dict(found.position.to_dict())
    return [] if spooled is None else spooled.rows.to_pylist(), position, found


def test_types_and_reading_on(tmp_path: Path, server: str, orders: Any) -> None:
    orders.execute("insert into pos.orders (member, total, paid) values ('M1', 12.50, true)")
    rows, position, found = read(tmp_path, server, sql.Position())
    assert (rows[0]["id"], rows[0]["total"], rows[0]["paid"]) == ("1", "12.50", "true")
    assert found.drained
    assert read(tmp_path, server, position)[0] == []
    orders.execute("update pos.orders set total = 9, updated_at = clock_timestamp()")
    assert [x["total"] for x in read(tmp_path, server, position)[0]] == ["9.00"]


@pytest.mark.parametrize(("cursor", "overlap"), [("updated_at", 60.0), ("id", 100.0)])
def test_a_transaction_that_commits_late_is_taken(
    tmp_path: Path, server: str, orders: Any, cursor: str, overlap: float
) -> None:
    with psycopg.connect(server) as slow:
        slow.execute("insert into pos.orders (member, total) values ('late', 1)")
        orders.execute("insert into pos.orders (member, total) values ('early', 1)")
        rows, position, _ = read(tmp_path, server, sql.Position(), cursor=cursor, overlap=overlap)
        assert [x["member"] for x in rows] == ["early"]
        slow.commit()
    rows, position, _ = read(tmp_path, server, position, cursor=cursor, overlap=overlap)
    assert [x["member"] for x in rows] == ["late"]
    assert read(tmp_path, server, position, cursor=cursor, overlap=overlap)[0] == []


def test_writers_at_work_while_it_is_read(tmp_path: Path, server: str, orders: Any) -> None:
    stop, written = threading.Event(), []

    def write(number: int) -> None:
        with psycopg.connect(server) as connection:
            count = 0
            while not stop.is_set() and count < 150:
                connection.execute(
                    "insert into pos.orders (member, total) values (%s, 1)", (f"{number}-{count}",)
                )
                time.sleep(0.002)
                connection.commit()
                written.append(f"{number}-{count}")
                count += 1

    threads = [threading.Thread(target=write, args=(x,)) for x in range(3)]
    for thread in threads:
        thread.start()
    position, got = sql.Position(), []
    while any(x.is_alive() for x in threads):
        rows, position, _ = read(tmp_path, server, position, overlap=30.0, limit=20)
        got += [x["member"] for x in rows]
    stop.set()
    for _ in range(100):
        rows, position, found = read(tmp_path, server, position, overlap=30.0, limit=20)
        got += [x["member"] for x in rows]
        if found.drained:
            break
    assert sorted(got) == sorted(written)


def test_nothing_can_be_written(tmp_path: Path, server: str, orders: Any) -> None:
    bad = "delete from pos.orders returning id, updated_at"
    with pytest.raises(SourceError, match="cannot be read"):
        read(tmp_path, server, sql.Position(), table="", query=f"with x as ({bad}) select * from x")


def test_a_slow_answer_ends(tmp_path: Path, server: str, orders: Any) -> None:
    query = "select 1 as id, now() as updated_at, pg_sleep(30)"
    start = time.monotonic()
    with pytest.raises(SourceError, match="statement timeout"):
        read(tmp_path, server, sql.Position(), table="", query=query, timeout_s=1.0)
    assert time.monotonic() - start < 10


def test_an_address_that_takes_connections_and_never_answers_ends(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hole:
        url = f"postgresql://shop@127.0.0.1:{hole.getsockname()[1]}/x"
        start = time.monotonic()
        with pytest.raises(SourceError, match="timeout"):
            read(tmp_path, url, sql.Position(), timeout_s=1.0)
    assert time.monotonic() - start < 10


def test_a_wrong_password_or_name_says_so(tmp_path: Path, server: str) -> None:
    with pytest.raises(SourceError, match="nothere"):
        read(tmp_path, server.replace("/postgres", "/nothere"), sql.Position())
