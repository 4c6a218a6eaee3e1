"""Reading on: nothing lost, nothing twice, whatever commits late or shares a value."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shopkeeper.collect.connectors import sql
from shopkeeper.collect.connectors.position import Mark
from shopkeeper.collect.connectors.spool import SpoolWriter, drop_spool, read_spool
from shopkeeper.core.errors import SourceError


@pytest.fixture
def database(tmp_path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(tmp_path / "crm.db")
    connection.execute("create table members (id integer, name text, updated_at text)")
    return connection


def asked(tmp_path: Path, **more: object) -> sql.Question:
    plain = {"url": f"sqlite:///{tmp_path / 'crm.db'}", "table": "members", "cursor": "updated_at"}
    return sql.Question(**{**plain, **more})


def read(tmp_path: Path, question: sql.Question, position: sql.Position, **more: bool):
    file = tmp_path / "spool.arrow"
    with SpoolWriter(file) as spool:
        found = sql.fetch(question, position, spool, **more)
        spool.finish(found.position.to_dict())
    spooled = read_spool(file)
    drop_spool(file)
    rows = [] if spooled is None else spooled.rows.to_pylist()
    return rows, sql.Position.from_dict(found.position.to_dict()), found


def insert(database: sqlite3.Connection, *rows: tuple[object, ...]) -> None:
    database.executemany("insert into members values (?, ?, ?)", rows)
    database.commit()


def test_only_new_and_changed_rows_follow(tmp_path: Path, database: sqlite3.Connection) -> None:
    insert(database, (1, "a", "2024-01-01 10:00:00"), (2, "b", "2024-01-01 10:01:00"))
    rows, position, found = read(tmp_path, asked(tmp_path), sql.Position())
    assert [x["id"] for x in rows] == ["1", "2"]
    assert found.drained
    assert read(tmp_path, asked(tmp_path), position)[0] == []
    database.execute("update members set name = 'c', updated_at = '2024-01-01 10:02:00' where id=1")
    insert(database, (3, "d", "2024-01-01 10:02:00"))
    rows, position, _ = read(tmp_path, asked(tmp_path), position)
    assert sorted((x["id"], x["name"]) for x in rows) == [("1", "c"), ("3", "d")]
    assert read(tmp_path, asked(tmp_path), position)[0] == []


def test_a_late_commit_and_a_tie_at_the_boundary_are_taken(
    tmp_path: Path, database: sqlite3.Connection
) -> None:
    insert(database, (1, "a", "2024-01-01 10:00:00"), (2, "b", "2024-01-01 10:01:00"))
    _, position, _ = read(tmp_path, asked(tmp_path), sql.Position())
    insert(database, (3, "late", "2024-01-01 09:58:00"), (4, "tie", "2024-01-01 10:01:00"))
    rows, position, _ = read(tmp_path, asked(tmp_path), position)
    assert sorted(x["id"] for x in rows) == ["3", "4"]


def test_equal_rows_count_as_often_as_they_are_there(
    tmp_path: Path, database: sqlite3.Connection
) -> None:
    row = (1, "a", "2024-01-01 10:00:00")
    insert(database, row, row)
    rows, position, _ = read(tmp_path, asked(tmp_path), sql.Position())
    assert len(rows) == 2
    insert(database, row)
    assert len(read(tmp_path, asked(tmp_path), position)[0]) == 1


def test_a_limit_never_cuts_a_value(
    tmp_path: Path, database: sqlite3.Connection, monkeypatch
) -> None:
    monkeypatch.setattr(sql, "PART_ROWS", 3)
    insert(database, *((i, "x", f"2024-01-01 10:{i // 10:02d}:00") for i in range(40)))
    question, position, got = asked(tmp_path, limit=4), sql.Position(), []
    for _ in range(20):
        rows, position, found = read(tmp_path, question, position)
        got += [int(x["id"]) for x in rows]
        if found.drained:
            break
    assert sorted(got) == list(range(40))


def test_more_ties_than_can_be_remembered(
    tmp_path: Path, database: sqlite3.Connection, monkeypatch
) -> None:
    monkeypatch.setattr(sql, "REMEMBERED", 10)
    insert(database, *((i, "x", "2024-01-01 10:00:00") for i in range(50)))
    rows, position, found = read(tmp_path, asked(tmp_path), sql.Position())
    assert len(rows) == 50
    assert not position.inclusive
    assert "shortened" in found.notes[0][1]
    insert(database, (99, "y", "2024-01-01 10:00:01"))
    assert [x["id"] for x in read(tmp_path, asked(tmp_path), position)[0]] == ["99"]


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    steps=st.lists(
        st.lists(st.integers(min_value=-20, max_value=20), max_size=8), min_size=1, max_size=6
    )
)
def test_whatever_commits_within_the_overlap_arrives_once(tmp_path: Path, steps) -> None:
    file = tmp_path / "crm.db"
    file.unlink(missing_ok=True)
    database = sqlite3.connect(file)
    database.execute("create table members (id integer, name text, seq integer)")
    question = asked(tmp_path, cursor="seq", overlap=100.0, limit=3)
    position, got, number, top = sql.Position(), [], 0, 1000
    for step in steps:
        for delta in step:
            number += 1
            database.execute("insert into members values (?, 'x', ?)", (number, top + delta))
        database.commit()
        top += 10
        for _ in range(50):
            rows, position, found = read(tmp_path, question, position)
            got += [int(x["id"]) for x in rows]
            if found.drained:
                break
    database.close()
    assert sorted(got) == list(range(1, number + 1))


def test_rows_without_cursor_and_below_it_are_told(
    tmp_path: Path, database: sqlite3.Connection
) -> None:
    insert(database, (1, "a", "2024-01-01 10:00:00"), (2, "b", None))
    _, position, found = read(tmp_path, asked(tmp_path), sql.Position(), audit=True)
    assert "1 rows have no value in the cursor column" in found.notes[0][1]
    insert(database, (3, "old", "2020-01-01 00:00:00"))
    _, _, found = read(tmp_path, asked(tmp_path), position, audit=True)
    assert any("1 rows appeared below" in en for _, en in found.notes)


def test_a_query_is_read_on_too(tmp_path: Path, database: sqlite3.Connection) -> None:
    insert(database, (1, "a", "2024-01-01"), (2, "b", "2024-01-02"))
    question = asked(tmp_path, table="", query="select id, updated_at from members where id > 1;")
    rows, position, _ = read(tmp_path, question, sql.Position())
    assert rows == [{"id": "2", "updated_at": "2024-01-02"}]
    assert read(tmp_path, question, position)[0] == []


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"url": "nonsense"}, "address cannot be read"),
        ({"url": "sqlite:////nowhere/x.db"}, "no database file"),
        ({"url": "klingon://h/x"}, "no database dialect"),
        ({"table": "orders"}, "there is no table 'orders'.*Name one of members"),
        ({"cursor": "changed"}, "no column 'changed' to read on by.*id, name, updated_at"),
        ({"table": "", "query": "select wrong from members"}, "cannot be read: no such column"),
    ],
)
def test_what_cannot_be_read_says_why(
    tmp_path: Path, database: sqlite3.Connection, change: dict[str, str], match: str
) -> None:
    with pytest.raises(SourceError, match=match):
        read(tmp_path, asked(tmp_path, **change), sql.Position())


@pytest.mark.parametrize(
    ("values", "match"),
    [
        (("2024-01-01", "text"), "mixes values"),
        (("10", "9"), "does not grow"),
        ((b"1", b"2"), "holds bytes values"),
    ],
)
def test_a_cursor_that_has_no_order_is_refused(
    tmp_path: Path, database: sqlite3.Connection, values: tuple[object, object], match: str
) -> None:
    insert(database, (1, "a", values[0]), (2, "b", values[1]))
    with pytest.raises(SourceError, match=match):
        read(tmp_path, asked(tmp_path), sql.Position())


def test_overlap_of_each_kind() -> None:
    assert Mark("number", "10").lowered(3) == 7
    assert Mark("written_time", "2024-01-01T00:00:10.5Z").lowered(5) == "2024-01-01T00:00:05"
    assert Mark("written_time", "2024-03-01").lowered(86400) == "2024-02-29"
    assert Mark("text", "b").lowered(5) == "b"
