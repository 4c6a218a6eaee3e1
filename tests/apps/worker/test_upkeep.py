from __future__ import annotations

from datetime import UTC, datetime, timedelta

from shopkeeper.apps.worker.restore import checkpoint_folder
from shopkeeper.apps.worker.start import SourceKinds, StreamThread, metrics_folder, stream_folder
from shopkeeper.apps.worker.stream import CONSUMER
from shopkeeper.apps.worker.stream_metrics import Metrics, read_metrics
from shopkeeper.apps.worker.upkeep import Upkeep
from shopkeeper.core import state
from shopkeeper.core.clock import to_us
from shopkeeper.core.tables import EVENTS


def parts(shop):
    return len(list((shop.runtime.settings.store.folder / "lake" / "events").rglob("*.parquet")))


def test_small_files_are_put_together_after_many_commits(shop):
    upkeep = Upkeep(shop.runtime.tables, shop.runtime.log, shop.runtime.clock, retention_days=7)
    for x in range(6):
        shop.send(shop.track(x))
        shop.work(written=upkeep.written)
    assert upkeep.compact(least=100) == []
    version = shop.runtime.tables.version(EVENTS)
    assert upkeep.compact(least=6) == ["events"]
    assert shop.runtime.tables.version(EVENTS) == version + 1
    assert shop.event_ids() == [f"m{x}" for x in range(6)]
    shop.send(shop.track(5), shop.track(6))
    shop.work()
    assert shop.event_ids() == [f"m{x}" for x in range(7)]


def test_old_records_go_once_they_are_worked_off(shop):
    shop.received_us = to_us(datetime.now(UTC) - timedelta(days=8))
    shop.send(shop.track(1))
    upkeep = Upkeep(shop.runtime.tables, shop.runtime.log, shop.runtime.clock, retention_days=7)
    assert upkeep.expire() == 0
    shop.work()
    assert upkeep.expire() == 1
    shop.send(shop.track(1), shop.track(2))
    shop.work()
    assert shop.event_ids() == ["m1", "m2"]


def test_figures_of_living_workers_can_be_read_by_another_process(shop):
    folder = metrics_folder(shop.runtime.settings)
    shop.send(shop.track(1), shop.track(1), {"type": "track", "messageId": "bad", "userId": "u"})
    worker = shop.worker(metrics=Metrics(folder, "w1"))
    while worker.step(0.0):
        pass
    worker.flush()
    now = to_us(shop.runtime.clock.now())
    worker.metrics.told(shop.runtime.log, worker._positions(), now, force=True)
    (found,) = read_metrics(folder, now_us=now)
    assert (found["worker"], found["events"], found["admitted"], found["repeated"]) == (
        "w1",
        3,
        1,
        1,
    )
    assert found["refused"] == {"missing_event_name": 1}
    assert found["rows"] == {"events": 1, "quarantine": 1}
    assert {x["lag_records"] for x in found["partitions"].values()} == {0}
    assert read_metrics(folder, now_us=now + 61_000_000) == []
    assert read_metrics(folder / "none", now_us=now) == []
    worker.close()


def test_a_worker_beside_the_service_ends_with_everything_in_the_lake(shop):
    shop.send(*(shop.track(x) for x in range(30)))
    thread = StreamThread(shop.runtime)
    for _ in range(200):
        if shop.runtime.tables.exists(EVENTS):
            break
        thread._stop.wait(0.05)
    thread.stop()
    assert len(shop.event_ids()) == 30
    log = shop.runtime.log
    assert all(log.committed(CONSUMER, x) == log.head(x) for x in range(log.partitions))
    assert checkpoint_folder(stream_folder(shop.runtime.settings), 0).is_dir()


def test_user_ids_are_of_the_kind_that_their_source_says(shop):
    with shop.runtime.state.begin() as connection:
        connection.execute(
            state.sources.insert().values(
                source_id="web", write_key="k", kind="web", user_kind="crm", origins=[],
                enabled=True, settings={}, created_at=datetime.now(UTC),
            )
        )  # fmt: skip
    kinds = SourceKinds(shop.runtime.state, shop.runtime.settings)
    assert (kinds("web").user_kind, kinds("other").user_kind) == ("crm", "user")
