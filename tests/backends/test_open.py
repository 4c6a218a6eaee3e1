"""Opening chooses the back ends, says their limits and closes them."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from shopkeeper.backends.open import CHANNELS, open_runtime
from shopkeeper.core.errors import MissingExtraError, SettingsError, StorageFullError
from shopkeeper.core.ports import Message
from shopkeeper.core.settings import Settings, load_settings
from shopkeeper.core.tables import AUDIENCE_MEMBERS, ORDERS


def settings(folder: Path, **flags: object) -> Settings:
    given = {"store.folder": str(folder), "store.memory_mb": 256, "store.threads": 1, **flags}
    return load_settings(flags=given)


class Noon:
    def now(self) -> datetime:
        return datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_one_folder_holds_everything_and_opens_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="shopkeeper")
    runtime = open_runtime(settings(tmp_path / "新店"), clock=Noon())
    assert set(runtime.senders) == set(CHANNELS)
    assert all(sender.channel == channel for channel, sender in runtime.senders.items())
    message = Message("k", "push", "token", "", "hi", {})
    assert runtime.senders["push"].send(message, now=runtime.clock.now()).status == "sent"
    runtime.profiles.put_many({"c1": {"v": 1}})
    runtime.log.append("c1", [b"x"], received_us=0)
    assert runtime.tables.count(ORDERS) == 0
    assert "limits: one machine writes" in caplog.text
    runtime.close()
    again = open_runtime(settings(tmp_path / "新店"))
    assert again.profiles.get("c1") == {"base": {"v": 1}}
    assert again.senders["push"].send(message, now=again.clock.now()).status == "repeated"
    assert again.clock.now().tzinfo is UTC
    again.close()


@pytest.mark.parametrize("name", ["kind=shop", "a[b]", "50%", "a?b", "a#b"])
def test_a_folder_the_lake_cannot_keep_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match=r"has .* in its path, which the lake cannot keep"):
        open_runtime(settings(tmp_path / name))
    assert not (tmp_path / name).exists()


def test_a_folder_with_spaces_and_chinese_is_read_and_rewritten(tmp_path: Path) -> None:
    runtime = open_runtime(settings(tmp_path / "我的 店 'd' (1)"))
    tables = runtime.tables
    rows = pa.table(
        {
            "audience_id": ["人 群", "b"],
            "version": pa.array([1, 1], pa.int32()),
            "as_of": [Noon().now()] * 2,
            "customer_id": ["c1", "c2"],
        }
    )
    tables.append(AUDIENCE_MEMBERS, rows)
    tables.merge(AUDIENCE_MEMBERS, rows)
    tables.replace(AUDIENCE_MEMBERS, rows[:1], where={"audience_id": "人 群"})
    assert tables.delete(AUDIENCE_MEMBERS, {"customer_id": "c2"}).rows == 1
    tables.maintain(AUDIENCE_MEMBERS)
    found = tables.run(tables.table(AUDIENCE_MEMBERS))
    assert found.column("audience_id").to_pylist() == ["人 群"]
    runtime.close()


def test_an_event_log_of_another_width_is_refused(tmp_path: Path) -> None:
    from shopkeeper.backends.embedded.log import SqliteLog

    SqliteLog(tmp_path / "events.db", partitions=2).close()
    with pytest.raises(SettingsError, match="has 2 partitions, not 3"):
        SqliteLog(tmp_path / "events.db", partitions=3)


def test_spark_without_its_extra_says_how_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    runtime = open_runtime(settings(tmp_path, **{"store.engine": "spark"}))
    assert runtime.tables.capabilities.distributed
    with pytest.raises(MissingExtraError, match=r"pip install 'shopkeeper\[spark\]'"):
        runtime.tables.run(runtime.tables.table(ORDERS))
    runtime.close()


def test_full_disks_are_named_for_sqlite_too(tmp_path: Path) -> None:
    import sqlite3

    from shopkeeper.backends.embedded.sqlite import sqlite_errors

    with (
        pytest.raises(StorageFullError, match="no room left"),
        sqlite_errors(tmp_path / "x.db", "rows"),
    ):
        raise sqlite3.OperationalError("database or disk is full")
