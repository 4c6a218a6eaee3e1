"""The embedded log under load, with other processes, and when they die."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shopkeeper.backends.embedded import sqlite
from shopkeeper.backends.embedded.log import SqliteLog
from shopkeeper.core.errors import BusyError, InputError, StorageFullError, StoreError
from shopkeeper.core.ports import LogEntry

APPEND = """
import sys
from pathlib import Path
from shopkeeper.backends.embedded.log import SqliteLog
from shopkeeper.core.ports import LogEntry
log = SqliteLog(Path(sys.argv[1]))
name, n = sys.argv[2], int(sys.argv[3])
waiting = []
for i in range(n):
    entries = [LogEntry(f"{name}-{i % 7}", f"{name}:{i}:{x}".encode() * 50) for x in range(3)]
    waiting.append(log.submit(entries, received_us=i))
    if len(waiting) == 20:
        for future in waiting:
            for partition, offset in future.result():
                sys.stdout.write(f"{partition} {offset}\\n")
            sys.stdout.flush()
        waiting = []
for future in waiting:
    future.result()
log.close()
"""
READ = """
import sys, time
from pathlib import Path
from shopkeeper.backends.embedded.log import SqliteLog
log = SqliteLog(Path(sys.argv[1]))
reader = log.reader("loader")
while True:
    reader.poll(timeout_s=0.05)
    sys.stdout.write(f"{sorted(reader.partitions)}\\n")
    sys.stdout.flush()
"""


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    opened = SqliteLog(tmp_path / "events.db", queue_mb=1)
    yield opened
    opened.close()


def child(program: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("after_lines", [1, 300, 900])
def test_what_was_confirmed_survives_a_killed_process(tmp_path: Path, after_lines: int) -> None:
    writer = child(APPEND, tmp_path / "events.db", "w", 100_000)
    assert writer.stdout is not None
    told = [writer.stdout.readline() for _ in range(after_lines)]
    writer.send_signal(signal.SIGKILL)
    told += writer.stdout.readlines()
    writer.wait()
    log = SqliteLog(tmp_path / "events.db")
    stored: dict[tuple[int, int], bytes] = {}
    for partition in range(4):
        offset = 0
        while records := log.read(partition, offset):
            assert [x.offset for x in records] == list(range(offset, offset + len(records)))
            stored |= {(x.partition, x.offset): x.payload for x in records}
            offset = records[-1].offset + 1
        assert log.head(partition) == offset
    whole = [x for x in told if x.endswith("\n")]
    assert len(whole) >= after_lines
    assert all(tuple(map(int, x.split())) in stored for x in whole)
    # Groups are in the log whole or not at all.
    groups: dict[bytes, int] = {}
    for payload in stored.values():
        name = payload[: payload.index(b":", 2)]
        groups[name] = groups.get(name, 0) + 1
    assert set(groups.values()) == {3}
    log.close()


def test_two_processes_write_one_log(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "events.db")
    others = [child(APPEND, tmp_path / "events.db", name, 400) for name in ("a", "b")]
    for i in range(200):
        log.append("own", [str(i).encode()], received_us=i)
    assert [x.wait(timeout=60) for x in others] == [0, 0]
    for x in others:
        assert x.stdout is not None
        x.stdout.close()
    payloads: list[bytes] = []
    for partition in range(4):
        records = log.read(partition, 0, limit=10_000)
        assert [x.offset for x in records] == list(range(len(records)))
        payloads += [x.payload for x in records]
        own = [int(x.payload) for x in records if x.key == "own"]
        assert own in ([], list(range(200)))
        for key in {x.key for x in records} - {"own"}:
            numbers = [int(x.payload.split(b":")[1]) for x in records if x.key == key]
            assert numbers == sorted(numbers)
    assert len(payloads) == len(set(payloads)) == 200 + 2 * 400 * 3
    log.close()


def test_a_killed_reader_gives_its_partitions_back_at_once(log: SqliteLog, tmp_path: Path) -> None:
    lost: list[int] = []
    reader = log.reader("loader", lost=lost.append)
    reader.poll(timeout_s=0)
    assert len(reader.partitions) == 4
    other = child(READ, tmp_path / "events.db")
    assert other.stdout is not None
    until = time.monotonic() + 30
    while len(reader.partitions) == 4 and time.monotonic() < until:
        reader.poll(timeout_s=0.05)
    while (line := other.stdout.readline()) != "[1, 3]\n":
        assert line
    assert (lost, reader.partitions) == ([1, 3], {0, 2})
    other.send_signal(signal.SIGKILL)
    other.wait()
    other.stdout.close()
    start = time.monotonic()
    while len(reader.partitions) < 4 and time.monotonic() < start + 10:
        reader.poll(timeout_s=0.05)
    assert reader.partitions == frozenset(range(4))
    assert time.monotonic() - start < 1.0
    reader.close()


def test_what_another_process_writes_is_read_within_a_moment(
    log: SqliteLog, tmp_path: Path
) -> None:
    second = SqliteLog(tmp_path / "events.db")
    reader = log.reader("loader")
    assert not reader.poll(timeout_s=0)
    for i in range(5):
        second.append(f"c{i}", [b"x"], received_us=i)
        start = time.monotonic()
        assert len(reader.poll(timeout_s=5)) == 1
        assert time.monotonic() - start < 0.5
    assert not reader.poll(timeout_s=0.05)
    reader.close()
    second.close()


def test_a_full_queue_refuses_at_once_and_says_when_to_come_back(
    log: SqliteLog, tmp_path: Path
) -> None:
    blocker = sqlite3.connect(tmp_path / "events.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    entries = [LogEntry("c1", b"x" * 100_000)]
    waiting = [log.submit(entries, received_us=0) for _ in range(10)]
    assert 0.9 < log.pressure() <= 1
    start = time.monotonic()
    with pytest.raises(BusyError, match="MB of events wait to be written") as refused:
        log.submit(entries, received_us=0)
    assert time.monotonic() - start < 0.1
    assert 0.05 <= refused.value.facts["retry_after_s"] <= 30
    assert log.submit([], received_us=0) is not None
    blocker.execute("ROLLBACK")
    blocker.close()
    assert [x.result(timeout=15)[0][1] for x in waiting] == list(range(10))
    assert log.append("c1", [b"y"], received_us=0) == [(waiting[0].result()[0][0], 10)]
    assert log.pressure() == 0
    # One piece larger than the queue gets through when nothing else waits.
    assert log.append("c1", [b"z" * 3_000_000], received_us=0)[0][1] == 11


def test_everything_behind_a_failed_group_fails_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_MS", 300)
    log = SqliteLog(tmp_path / "events.db")
    (partition, _), = log.append("c1", [b"before"], received_us=0)  # fmt: skip
    blocker = sqlite3.connect(tmp_path / "events.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    waiting = [log.submit([LogEntry("c1", b"lost")], received_us=0) for _ in range(30)]
    barrier = log.submit([], received_us=0)
    for future in [*waiting, barrier]:
        with pytest.raises(BusyError, match=r"events\.db was locked for 0\.3 seconds"):
            future.result(timeout=10)
    assert log.pressure() == 0
    blocker.execute("ROLLBACK")
    blocker.close()
    assert log.append("c1", [b"after"], received_us=0) == [(partition, 1)]
    assert [x.payload for x in log.read(partition, 0)] == [b"before", b"after"]
    log.close()


def test_a_full_disk_is_named_and_nothing_is_half_written(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "events.db")
    log.append("c1", [b"before"], received_us=0)
    log._groups._connection.execute("PRAGMA max_page_count = 20")
    waiting = [log.submit([LogEntry("c1", os.urandom(50_000))], received_us=0) for _ in range(40)]
    failed = [x.exception(timeout=10) for x in waiting]
    full = [x for x in failed if x is not None]
    assert full
    assert all(isinstance(x, StorageFullError) for x in full)
    with pytest.raises(StorageFullError, match="no room left in .* to write a batch of events"):
        raise full[0]
    partition = log.partition_of("c1")
    assert log.head(partition) == 1 + failed.count(None) == len(log.read(partition, 0))
    log._groups._connection.execute("PRAGMA max_page_count = 100000")
    assert log.append("c1", [b"after"], received_us=0) == [(partition, log.head(partition) - 1)]
    log.close()


def test_erased_payloads_are_nowhere_on_disk(log: SqliteLog, tmp_path: Path) -> None:
    secret = b"13800138000-Wang"
    for i in range(60):
        log.append(f"c{i % 6}", [secret + b"x" * 40_000, b"kept"], received_us=10 + i)
    reader = log.reader("loader")
    found = reader.poll(timeout_s=1)
    log.commit("loader", 0, log.head(0))
    removed = log.expire(40)  # what has expired leaves no trace either
    assert removed > 0
    changed = sum(
        log.rewrite(p, lambda x: None if secret in x.payload else x.payload) for p in range(4)
    )
    assert changed + removed // 2 == 60
    assert found
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or secret not in file.read_bytes()
    reader.close()


def test_a_reader_ahead_of_the_log_is_told_so(log: SqliteLog) -> None:
    log.append("c1", [b"x"], received_us=0)
    partition = log.partition_of("c1")
    reader = log.reader("loader", gained=lambda p: 7 if p == partition else None)
    with pytest.raises(
        StoreError, match=rf"partition {partition} ends at 1, but .* before 7: the log is not"
    ):
        reader.poll(timeout_s=0)
    reader.close()


def test_names_of_consumers_are_names_of_files(log: SqliteLog) -> None:
    with pytest.raises(InputError, match=r"'\.\./x' cannot be the name of a consumer"):
        log.reader("../x")


def test_a_log_of_the_first_release_is_taken_over(tmp_path: Path) -> None:
    file = tmp_path / "events.db"
    earlier = sqlite3.connect(file)
    earlier.executescript(
        """
        CREATE TABLE records (
            partition INTEGER NOT NULL, position INTEGER NOT NULL, key TEXT NOT NULL,
            payload BLOB NOT NULL, received_us INTEGER NOT NULL,
            PRIMARY KEY (partition, position)
        );
        CREATE TABLE heads (partition INTEGER PRIMARY KEY, next INTEGER NOT NULL);
        CREATE TABLE consumers (
            consumer TEXT NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL,
            PRIMARY KEY (consumer, partition)
        );
        INSERT INTO heads VALUES (0, 0), (1, 2);
        INSERT INTO records VALUES (1, 0, 'k', 'a', 5), (1, 1, 'k', 'b', 6);
        INSERT INTO consumers VALUES ('loader', 1, 1);
        """
    )
    earlier.close()
    log = SqliteLog(file, partitions=2)
    assert [(x.offset, x.key, x.received_us) for x in log.read(1, 0)] == [(0, "k", 5), (1, "k", 6)]
    assert (log.head(0), log.head(1), log.committed("loader", 1)) == (0, 2, 1)
    log.close()
    again = SqliteLog(file, partitions=2)
    assert again.head(1) == 2
    again.close()


def test_an_empty_log_of_the_first_release_takes_the_number_of_the_settings(
    tmp_path: Path,
) -> None:
    file = tmp_path / "events.db"
    earlier = sqlite3.connect(file)
    earlier.executescript(
        "CREATE TABLE records (partition, position, key, payload, received_us);"
        "CREATE TABLE heads (partition INTEGER PRIMARY KEY, next INTEGER NOT NULL);"
        "CREATE TABLE consumers (consumer, partition, next);"
        "INSERT INTO heads VALUES (0, 0), (1, 0), (2, 0);"
    )
    earlier.close()
    log = SqliteLog(file, partitions=4)
    assert {log.append(f"c{i}", [b"x"], received_us=0)[0][0] for i in range(40)} == {0, 1, 2, 3}
    log.close()
