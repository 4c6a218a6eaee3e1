"""What is refused, and in which words."""

from __future__ import annotations

import json
import sqlite3
import threading
from datetime import UTC, datetime
from pathlib import Path

import ibis
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError

from shopkeeper.backends.embedded import attempts, sqlite
from shopkeeper.backends.embedded.feed import Feed
from shopkeeper.backends.embedded.lake import DeltaStore
from shopkeeper.backends.embedded.locks import exclusive
from shopkeeper.backends.embedded.open_lake import open_delta_store
from shopkeeper.backends.embedded.profiles import SqliteProfiles
from shopkeeper.core.errors import BusyError, ConflictError, StoreError, TooLargeError
from shopkeeper.core.tables import SEGMENTS

ROW = pa.table(
    {
        "customer_id": ["c1"],
        "as_of": [datetime(2024, 1, 1, tzinfo=UTC)],
        "scheme": ["s"],
        "label": ["x"],
    }
)


@pytest.fixture
def store(tmp_path: Path) -> DeltaStore:
    return open_delta_store(tmp_path, memory_mb=256, threads=1)


def test_a_lock_held_too_long_is_a_conflict(tmp_path: Path) -> None:
    lock = tmp_path / "orders.lock"
    with (
        exclusive(lock),
        pytest.raises(ConflictError, match="another writer has held orders for 0.05 seconds"),
        exclusive(lock, wait_s=0.05),
    ):
        pass
    with exclusive(lock, wait_s=0):
        pass


def test_a_lock_excludes_threads(tmp_path: Path) -> None:
    inside: list[int] = []
    most: list[int] = []

    def work() -> None:
        for _ in range(20):
            with exclusive(tmp_path / "x.lock"):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for x in threads:
        x.start()
    for x in threads:
        x.join()
    assert set(most) == {1}


def test_delta_features_that_would_be_misread_are_refused(
    store: DeltaStore, tmp_path: Path
) -> None:
    store.append(SEGMENTS, ROW)
    log = tmp_path / "lake" / "segments" / "_delta_log"
    protocol = {
        "minReaderVersion": 3,
        "minWriterVersion": 7,
        "readerFeatures": ["deletionVectors"],
        "writerFeatures": ["deletionVectors"],
    }
    (log / f"{1:020}.json").write_text(json.dumps({"protocol": protocol}) + "\n")
    with pytest.raises(StoreError, match="needs Delta reader features deletionVectors"):
        store.run(store.table(SEGMENTS))


def test_column_types_outside_the_contracts_are_refused(store: DeltaStore, tmp_path: Path) -> None:
    write_deltalake(tmp_path / "lake" / "segments", pa.table({"x": [[1, 2]]}))
    with pytest.raises(
        StoreError, match="column x of table segments is .*, which no contract uses"
    ):
        store.count(SEGMENTS)


def test_what_delta_refuses_is_a_store_error(store: DeltaStore, tmp_path: Path) -> None:
    wrong = pa.table({"customer_id": pa.array([1], pa.int64())})
    write_deltalake(tmp_path / "lake" / "segments", wrong)
    with pytest.raises(StoreError, match="table segments was not written"):
        store.append(SEGMENTS, ROW)


def test_rows_without_statistics_are_counted_by_reading(store: DeltaStore, tmp_path: Path) -> None:
    write_deltalake(
        tmp_path / "lake" / "segments",
        SEGMENTS.cast(ROW, fill=True),
        configuration={"delta.dataSkippingNumIndexedCols": "0"},
    )
    log = tmp_path / "lake" / "segments" / "_delta_log" / f"{0:020}.json"
    lines = [json.loads(x) for x in log.read_text().splitlines()]
    for line in lines:
        line.get("add", {}).pop("stats", None)
    log.write_text("\n".join(json.dumps(x) for x in lines))
    assert store.count(SEGMENTS) == 1


def test_a_race_lost_to_another_machine_is_repeated_then_a_conflict() -> None:
    reloads: list[int] = []
    outcomes = iter([CommitFailedError("lost"), CommitFailedError("lost"), None])

    def attempt() -> str:
        outcome = next(outcomes)
        if outcome is not None:
            raise outcome
        return "written"

    assert attempts.retried(SEGMENTS, lambda: reloads.append(1), attempt) == "written"
    assert len(reloads) == 2

    def never() -> None:
        raise CommitFailedError("lost")

    with pytest.raises(ConflictError, match="another writer kept changing table segments"):
        attempts.retried(SEGMENTS, lambda: None, never)


def test_two_machines_that_delete_the_same_rows_conflict_and_repeat(
    store: DeltaStore, tmp_path: Path
) -> None:
    # Writers on other machines do not see our lock: a stale handle plays their part.
    store.append(SEGMENTS, ROW)
    stale = DeltaTable(tmp_path / "lake" / "segments")
    store.replace(SEGMENTS, ROW)
    deleted = attempts.retried(
        SEGMENTS, stale.update_incremental, lambda: stale.delete("\"label\" = 'x'")
    )
    assert deleted["num_deleted_rows"] == 1
    assert store.count(SEGMENTS) == 0


def test_a_stream_that_lost_a_race_cannot_be_repeated() -> None:
    reader = SEGMENTS.cast(ROW, fill=True).to_reader()
    feed = Feed(SEGMENTS, reader, {})
    with pytest.raises(ConflictError, match="another writer changed table segments while rows"):
        feed.rewind()


def test_memory_that_does_not_suffice_is_said(tmp_path: Path) -> None:
    store = open_delta_store(tmp_path, memory_mb=256, threads=1)
    x = ibis.table({"a": "int64"}, name="x")
    rows = {"x": pa.table({"a": pa.array(range(400_000))})}
    text = x.select(t=x.a.cast("string").repeat(200)).aggregate(t=ibis._.t.group_concat(","))
    with pytest.raises((TooLargeError, StoreError), match="memory|refused"):
        store.run(text.select(n=ibis._.t.upper().concat(ibis._.t).reverse().length()), rows)


def test_an_expression_the_engine_refuses_is_named(store: DeltaStore) -> None:
    x = ibis.table({"a": "string"}, name="x")
    with pytest.raises(StoreError, match="the engine refused the expression"):
        store.run(x.select(b=x.a.re_extract("(", 0)), {"x": pa.table({"a": ["x"]})})


def test_a_database_locked_for_long_is_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_MS", 50)
    profiles = SqliteProfiles(tmp_path / "p.db")
    other = sqlite3.connect(tmp_path / "p.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(
        BusyError, match=r"p\.db was locked for 0\.05 seconds while writing profiles"
    ):
        profiles.put_many({"c1": {}})
    other.execute("ROLLBACK")
    profiles.put_many({"c1": {}})
    assert profiles.count() == 1


def test_a_damaged_database_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "p.db").write_bytes(b"this is no database at all, whatever its name says" * 100)
    with pytest.raises(StoreError, match=r"p\.db refused profiles"):
        SqliteProfiles(tmp_path / "p.db")
