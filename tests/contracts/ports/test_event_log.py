"""What every event log keeps: order, durability, offsets that never go back."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from itertools import groupby

import pytest

from shopkeeper.backends.partitions import partition_of
from shopkeeper.core.errors import ConflictError, InputError, StoreError
from shopkeeper.core.ports import EventLog, LogEntry, LogReader, LogRecord

Open = Callable[..., EventLog]

SOON_S = 40.0
"""Longest wait for a division of partitions; the broker for tests takes its time."""


def read_until(reader: LogReader, n: int, *, wait_s: float = SOON_S) -> list[LogRecord]:
    """At least ``n`` records, by bounded polling."""
    found: list[LogRecord] = []
    deadline = time.monotonic() + wait_s
    while len(found) < n and time.monotonic() < deadline:
        found += reader.poll(timeout_s=0.1)
    return found


def settle(readers: list[LogReader], done: Callable[[], bool]) -> None:
    """Poll in turn until the partitions are divided as wanted."""
    deadline = time.monotonic() + SOON_S
    while not done() and time.monotonic() < deadline:
        for reader in readers:
            assert not reader.poll(timeout_s=0.05)
    assert done()


def test_offsets_continue_and_records_come_back_in_order(open_log: Open) -> None:
    log = open_log()
    first = log.append("c1", [b"a", "中".encode()], received_us=10)
    second = log.append("c1", [b""], received_us=11)
    partition = first[0][0]
    assert [*first, *second] == [(partition, 0), (partition, 1), (partition, 2)]
    records = log.read(partition, 0)
    assert [x.payload for x in records] == [b"a", "中".encode(), b""]
    assert [(x.offset, x.received_us, x.key) for x in records] == [
        (0, 10, "c1"),
        (1, 10, "c1"),
        (2, 11, "c1"),
    ]
    assert [x.offset for x in log.read(partition, 1, limit=1)] == [1]
    assert not log.read(partition, 3)
    assert log.append("c1", [], received_us=12) == []
    log.close()


def test_keys_spread_over_all_partitions_and_stay(open_log: Open) -> None:
    log = open_log()
    where = {f"c{i}": log.append(f"c{i}", [b"x"], received_us=0)[0][0] for i in range(64)}
    assert set(where.values()) == set(range(log.partitions))
    assert all(log.append(k, [b"y"], received_us=0)[0][0] == p for k, p in where.items())
    log.close()


def test_everything_confirmed_is_there_after_reopening(open_log: Open) -> None:
    log = open_log()
    (partition, offset) = log.append("c1", [b"kept"], received_us=1)[0]
    log.commit("loader", partition, offset + 1)
    log.close()
    again = open_log()
    assert [x.payload for x in again.read(partition, 0)] == [b"kept"]
    assert again.committed("loader", partition) == 1
    assert again.append("c1", [b"next"], received_us=2) == [(partition, 1)]
    again.close()


def test_a_consumer_never_goes_back(open_log: Open) -> None:
    log = open_log()
    (partition, _), *_ = log.append("c1", [b"x"] * 5, received_us=0)
    assert log.committed("loader", partition) == 0
    log.commit("loader", partition, 4)
    log.commit("loader", partition, 2)
    assert log.committed("loader", partition) == 4
    assert log.committed("another", partition) == 0
    log.close()


@pytest.mark.never("kafka", "a group's offsets are the broker's, which takes any number")
def test_what_was_never_written_is_not_confirmed(open_log: Open) -> None:
    log = open_log()
    (partition, _), *_ = log.append("c1", [b"x"] * 5, received_us=0)
    with pytest.raises(InputError, match=r"confirms offset 6 of partition \d, which ends at 5"):
        log.commit("loader", partition, 6)
    log.close()


def test_unknown_partitions_are_refused(open_log: Open) -> None:
    log = open_log()
    for call in (
        lambda: log.read(99, 0),
        lambda: log.committed("loader", -1),
        lambda: log.commit("loader", 99, 0),
    ):
        with pytest.raises(InputError, match="has no partition"):
            call()
    log.close()


def test_threads_lose_nothing(open_log: Open) -> None:
    log = open_log()

    def write(thread: int) -> None:
        for i in range(25):
            log.append("same", [f"{thread}:{i}".encode()], received_us=i)

    threads = [threading.Thread(target=write, args=(x,)) for x in range(4)]
    for x in threads:
        x.start()
    for x in threads:
        x.join()
    partition = log.append("same", [b"end"], received_us=0)[0][0]
    payloads = [x.payload.decode() for x in log.read(partition, 0)]
    assert len(payloads) == 101
    for thread in range(4):
        own = [x for x in payloads if x.startswith(f"{thread}:")]
        assert own == [f"{thread}:{i}" for i in range(25)]
    log.close()


def test_groups_are_confirmed_in_the_order_they_came_in(open_log: Open) -> None:
    log = open_log()
    told: list[int] = []
    futures = []
    for i in range(50):
        entries = [LogEntry(f"c{i % 5}", f"{i}:{x}".encode()) for x in range(3)]
        future = log.submit([*entries, LogEntry(f"d{i}", b"")], received_us=i)
        future.add_done_callback(lambda _, i=i: told.append(i))
        futures.append(future)
    barrier = log.submit([], received_us=0)
    assert barrier.result(timeout=30) == []
    assert told == list(range(50))
    for i, future in enumerate(futures):
        offsets = future.result(timeout=0)
        expected = [f"c{i % 5}"] * 3 + [f"d{i}"]
        assert [p for p, _ in offsets] == [log.partition_of(x) for x in expected]
        assert [x for _, x in offsets[:3]] == list(range(offsets[0][1], offsets[0][1] + 3))
    for key in (f"c{x}" for x in range(5)):
        records = log.read(log.partition_of(key), 0)
        own = [x.payload.decode() for x in records if x.key == key]
        assert own == [f"{i}:{x}" for i in range(50) if f"c{i % 5}" == key for x in range(3)]
    log.close()


def test_keys_go_where_every_back_end_puts_them(open_log: Open) -> None:
    log = open_log()
    keys = [f"crm:{x}" for x in range(50)] + ["", "会员:一"]
    assert [log.partition_of(x) for x in keys] == [partition_of(x, 4) for x in keys]
    found = log.submit([LogEntry(x, b"") for x in keys], received_us=0).result(timeout=30)
    assert [p for p, _ in found] == [partition_of(x, 4) for x in keys]
    log.close()


def test_an_event_loop_can_wait_for_a_group(open_log: Open) -> None:
    log = open_log()

    async def door() -> list[object]:
        waits = [
            asyncio.wrap_future(log.submit([LogEntry(f"c{i}", b"x")], received_us=0))
            for i in range(200)
        ]
        return list(await asyncio.gather(*waits))

    assert len(asyncio.run(door())) == 200
    assert log.pressure() == 0
    log.close()


def test_a_closed_log_takes_nothing_more(open_log: Open) -> None:
    log = open_log()
    waiting = [log.submit([LogEntry("c1", b"x")], received_us=0) for _ in range(20)]
    log.close()
    assert [x.result(timeout=0)[0][1] for x in waiting] == list(range(20))
    with pytest.raises(StoreError, match="the event log was closed"):
        log.submit([LogEntry("c1", b"x")], received_us=0)


def test_a_reader_goes_on_where_the_last_one_confirmed(open_log: Open) -> None:
    log = open_log()
    for i in range(40):
        log.append(f"c{i}", [str(i).encode()], received_us=i)
    reader = log.reader("loader")
    found = read_until(reader, 40)
    assert sorted(int(x.payload) for x in found) == list(range(40))
    assert reader.partitions == frozenset(range(4))
    by_partition = {
        p: [x.offset for x in rows]
        for p, rows in groupby(sorted(found, key=lambda x: x.partition), lambda x: x.partition)
    }
    assert all(x == list(range(len(x))) for x in by_partition.values())
    reader.commit({p: len(x) - 1 for p, x in by_partition.items()})
    reader.commit(dict.fromkeys(by_partition, 1))  # never backwards
    start = time.monotonic()
    log.append("c1", [b"new"], received_us=99)
    assert [x.payload for x in read_until(reader, 1)] == [b"new"]
    assert time.monotonic() - start < 1.0
    reader.close()

    again = log.reader("loader")
    later = read_until(again, 5)
    assert sorted(x.partition for x in later if x.payload != b"new") == [0, 1, 2, 3]
    assert all(x.offset >= by_partition[x.partition][-1] for x in later)
    again.close()
    log.close()


def test_a_reader_starts_where_its_own_state_says(open_log: Open) -> None:
    log = open_log()
    partition = log.append("c1", [b"a", b"b", b"c", b"d"], received_us=0)[0][0]
    told: list[int] = []

    def gained(which: int) -> int | None:
        told.append(which)
        return 2 if which == partition else None

    reader = log.reader("loader", gained=gained)
    assert [x.payload for x in read_until(reader, 2)] == [b"c", b"d"]
    assert sorted(told) == [0, 1, 2, 3]
    with pytest.raises(ConflictError, match="does not hold partition 9"):
        reader.commit({9: 1})
    reader.close()
    log.close()


def test_readers_divide_partitions_and_take_over(open_log: Open) -> None:
    log = open_log()
    log.append("c1", [b"before"], received_us=0)
    moved: list[tuple[str, int]] = []
    one = log.reader("loader", lost=lambda p: moved.append(("lost", p)))
    assert len(read_until(one, 1)) == 1
    one.commit({log.partition_of("c1"): 1})
    two = log.reader("loader", gained=lambda p: moved.append(("gained", p)))
    settle([one, two], lambda: len(two.partitions) == 2 == len(one.partitions))
    assert one.partitions | two.partitions == frozenset(range(4))
    assert {p for what, p in moved if what == "lost"} == two.partitions
    assert {p for what, p in moved if what == "gained"} == two.partitions
    # Each partition was given away before it was taken.
    assert all(moved.index(("lost", p)) < moved.index(("gained", p)) for p in two.partitions)
    mine, theirs = sorted(one.partitions), sorted(two.partitions)
    with pytest.raises(ConflictError, match=f"does not hold partition {theirs[0]}"):
        one.commit({theirs[0]: 0, mine[0]: 0})
    another = log.reader("another")
    assert len(read_until(another, 1)) == 1  # consumers know nothing of each other
    another.close()
    one.close()
    settle([two], lambda: two.partitions == frozenset(range(4)))
    two.close()
    log.close()


@pytest.mark.never("kafka", "the brokers remove records by the topic's retention")
def test_only_what_every_consumer_confirmed_expires(open_log: Open) -> None:
    log = open_log()
    partition = log.append("c1", [b"0", b"1"], received_us=10)[0][0]
    log.append("c1", [b"2", b"3"], received_us=20)
    assert log.expire(1_000) == 0  # no consumer yet: nobody has seen them
    log.commit("fast", partition, 4)
    log.commit("slow", partition, 3)
    assert log.expire(10) == 0
    assert log.expire(11) == 2
    assert [x.payload for x in log.read(partition, 0)] == [b"2", b"3"]
    reader = log.reader("new")
    assert log.expire(1_000) == 0  # joined, confirmed nothing
    reader.poll(timeout_s=0)
    reader.commit({partition: 4})
    assert log.expire(1_000) == 1
    assert [(x.offset, x.payload) for x in log.read(partition, 0)] == [(3, b"3")]
    log.commit("slow", partition, 4)
    assert log.expire(1_000) == 1
    assert log.append("c1", [b"next"], received_us=30) == [(partition, 4)]
    assert [x.offset for x in read_until(reader, 1)] == [4]
    reader.close()
    log.close()


@pytest.mark.never("kafka", "records of a topic cannot be changed")
def test_a_payload_can_be_replaced_or_emptied_in_its_place(open_log: Open) -> None:
    log = open_log()
    assert log.capabilities.erase
    partition = log.append("c1", [b"keep", b"c1 Wang", b"gone"], received_us=10)[0][0]
    other = next(x for x in range(4) if x != partition)

    def change(record: LogRecord) -> bytes | None:
        if record.payload == b"gone":
            return None
        return record.payload.replace(b"Wang", b"-")

    assert log.rewrite(partition, change) == 2
    assert log.rewrite(partition, change) == 0
    assert log.rewrite(other, change) == 0
    records = log.read(partition, 0)
    assert [(x.offset, x.key, x.payload, x.received_us) for x in records] == [
        (0, "c1", b"keep", 10),
        (1, "c1", b"c1 -", 10),
        (2, "c1", b"", 10),
    ]
    assert log.append("c1", [b"next"], received_us=11) == [(partition, 3)]
    with pytest.raises(InputError, match="has no partition 7"):
        log.rewrite(7, change)
    log.close()
