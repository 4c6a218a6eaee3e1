"""What every event log keeps: order, durability, offsets that never go back."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from shopkeeper.core.errors import InputError
from shopkeeper.core.ports import EventLog

Open = Callable[[], EventLog]


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


def test_a_consumer_never_goes_back_nor_beyond_the_end(open_log: Open) -> None:
    log = open_log()
    (partition, _), *_ = log.append("c1", [b"x"] * 5, received_us=0)
    assert log.committed("loader", partition) == 0
    log.commit("loader", partition, 4)
    log.commit("loader", partition, 2)
    assert log.committed("loader", partition) == 4
    assert log.committed("another", partition) == 0
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
