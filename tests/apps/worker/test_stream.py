from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from shopkeeper.apps.worker import stream
from shopkeeper.apps.worker.judging import Judge
from shopkeeper.collect.live.arrive import ArriveSettings
from shopkeeper.collect.live.envelope import Violation
from shopkeeper.core.errors import ConflictError, StorageFullError
from shopkeeper.core.tables import EVENTS, QUARANTINE


def ids(numbers):
    return sorted(f"m{x}" for x in numbers)


def test_every_event_of_the_log_is_in_the_lake_once(shop):
    for start in range(0, 300, 10):
        shop.send(*(shop.track(x, user=f"u{x}") for x in range(start, start + 10)), key=f"k{start}")
    shop.work()
    assert shop.event_ids() == ids(range(300))
    assert shop.quarantined() == []


def test_rows_say_who_what_when_and_from_where(shop):
    event = shop.track(1, product_id="p1", price=12.5, currency="CNY", category="tea")
    event["timestamp"] = "2026-05-01T23:30:00+08:00"
    event["anonymousId"] = "a1"
    shop.send(event, ip="10.0.0.1", agent="curl/8")
    shop.work()
    (row,) = shop.rows(EVENTS)
    assert (row["event_id"], row["kind"], row["customer_ref"]) == ("m1", "view_item", "user:u1")
    assert (row["anonymous_id"], row["source"]) == ("a1", "web")
    assert row["load_id"].startswith("live-")
    assert (row["day"].isoformat(), row["month"], row["dow"], row["hour"]) == (
        "2026-05-01", "2026-05", 5, 23,
    )  # fmt: skip
    assert row["occurred_at"] == datetime(2026, 5, 1, 15, 30, tzinfo=UTC)
    assert (row["product_id"], row["category"]) == ("p1", "tea")
    assert (row["amount_minor"], row["currency"]) == (1250, "CNY")
    assert (row["ip"], row["agent"]) == ("10.0.0.1", "curl/8")


def test_a_client_that_repeats_itself_changes_nothing(shop):
    for _ in range(3):
        shop.send(shop.track(1), shop.track(2), shop.track(1))
    worker = shop.work()
    assert shop.event_ids() == ids([1, 2])
    assert worker.metrics.repeated == 7
    shop.send(shop.track(2), shop.track(3))
    shop.work()
    assert shop.event_ids() == ids([1, 2, 3])


def test_a_worker_that_died_between_lake_and_checkpoint_writes_nothing_twice(shop, monkeypatch):
    monkeypatch.setattr(stream, "CHECKPOINT_S", 1e9)
    shop.send(*(shop.track(x) for x in range(50)))
    dead = shop.slow_worker()
    dead.step(0.0)
    dead._begin(save=False)
    dead._finish(wait_s=None)
    dead.leave()
    assert shop.event_ids() == ids(range(50))
    shop.send(*(shop.track(x) for x in range(40, 60)))
    shop.work()
    assert shop.event_ids() == ids(range(60))


def test_a_worker_that_died_before_the_lake_loses_nothing(shop):
    shop.send(*(shop.track(x) for x in range(50)))
    dead = shop.slow_worker()
    assert dead.step(0.0) == 50
    dead.leave()
    assert not shop.runtime.tables.exists(EVENTS)
    shop.work()
    assert shop.event_ids() == ids(range(50))


def test_a_worker_that_lost_its_partition_without_knowing_is_refused(shop):
    shop.send(*(shop.track(x) for x in range(10)))
    shop.send(*(shop.track(x) for x in range(10, 20)))
    first = shop.slow_worker()
    first.step(0.0)
    partition = next(iter(first._work.batch.positions))
    rival = shop.slow_worker()
    rival._gained(partition)  # as if the log had given it away
    shop.runtime.tables.append(
        EVENTS, EVENTS.empty(), token=(f"live-{partition}", 0), after=-1
    )  # the rival was faster
    with pytest.raises(ConflictError, match="live-"):
        first.flush()
    first.leave()
    rival.leave()


def test_run_goes_on_after_a_conflict_and_stops_when_told(shop):
    shop.send(*(shop.track(x) for x in range(20)))
    worker = shop.worker()
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    for x in range(20, 40):
        shop.send(shop.track(x, user=f"u{x}"), key=f"u{x}")
    for _ in range(200):
        if shop.runtime.tables.exists(EVENTS) and shop.event_ids() == ids(range(40)):
            break
        threading.Event().wait(0.05)
    stop.set()
    thread.join(20)
    assert not thread.is_alive()
    assert shop.event_ids() == ids(range(40))


def test_what_cannot_be_read_is_quarantined_and_the_rest_goes_on(shop):
    shop.append(b"no envelope at all")
    shop.append(b"\xff\xfe")
    shop.send(shop.track(1), {"type": "track"}, '"just text"', shop.track(2))
    shop.work()
    assert shop.event_ids() == ids([1, 2])
    rows = sorted(shop.quarantined(), key=lambda x: x["row_number"])
    assert [x["table_name"] for x in rows] == ["events"] * 4
    assert [x["load_id"] for x in rows] == ["live-log", "live-log", "live-web", "live-web"]
    assert len({x["row_number"] for x in rows}) == 4
    assert rows[0]["raw"] == "no envelope at all"
    assert rows[2]["raw"] == '{"type": "track"}'
    assert all(x["reason_zh"] and x["reason_en"] and x["next_step"] for x in rows)


def test_an_event_that_breaks_a_step_is_quarantined_alone(shop):
    shop.send(shop.track(1), shop.track(2, query="\\ud800"), shop.track(3))
    broken = {**shop.track(4), "event": "Bad \\ud800 name"}
    import json

    shop.send(json.dumps(broken).replace("\\\\ud800", "\\ud800"))
    shop.work()
    assert set(shop.event_ids()) >= {"m1", "m3"}
    assert len(shop.event_ids()) + len(shop.quarantined()) == 4


def test_a_refused_event_is_one_row_however_often_it_is_sent(shop):
    bad = {"type": "track", "messageId": "x1", "userId": "u1"}
    shop.send(bad)
    shop.send(bad)
    shop.work()
    shop.send(bad)
    shop.work()
    assert len(shop.quarantined()) == 1
    mended = {**bad, "event": "Product Viewed"}
    for _ in range(5):
        shop.send(mended, replay=True)
    shop.work()
    assert shop.event_ids() == ["x1"]
    assert len(shop.quarantined()) == 1


class Plans:
    """Version 1 refuses what has no price, version 2 nothing."""

    version = 1

    def latest(self):
        return self.version

    def check(self, version):
        def check(event):
            if version == 1 and "price" not in event.properties:
                return (Violation("properties.price", "missing", "缺少", "missing"),)
            return ()

        return check


def test_a_new_tracking_plan_holds_from_a_checkpoint_on(shop):
    plans = Plans()
    shop.send(shop.track(1), shop.track(2, price=1))
    worker = shop.worker(plans=plans)
    while worker.step(0.0):
        pass
    plans.version = 2
    worker.step(0.0)
    shop.send(shop.track(3))
    while worker.step(0.0):
        pass
    worker.close()
    assert shop.event_ids() == ids([2, 3])
    assert [x["path"] for x in shop.quarantined()] == ["live/web/m1"]


def test_an_event_is_either_in_the_lake_or_in_quarantine_when_the_plan_changed_in_a_crash(
    shop, monkeypatch
):
    monkeypatch.setattr(stream, "CHECKPOINT_S", 1e9)
    plans = Plans()
    shop.send(shop.track(1), shop.track(2, price=1))
    dead = shop.slow_worker(plans=plans)
    dead.step(0.0)
    dead._begin(save=False)
    dead._finish(wait_s=None)
    dead.leave()
    plans.version = 2
    shop.send(shop.track(3))
    shop.work(plans=plans)
    assert "m1" not in shop.event_ids()
    assert [x["path"] for x in shop.quarantined()].count("live/web/m1") == 1
    assert {"m2", "m3"} <= set(shop.event_ids()) | {x["path"][9:] for x in shop.quarantined()}


def test_a_full_disk_holds_nothing_back_for_good(shop, monkeypatch):
    append = shop.runtime.tables.append
    refusals = iter([True, True, True])

    def full(*args, **kwargs):
        if next(refusals, False):
            raise StorageFullError("no room", next_step="make some")
        return append(*args, **kwargs)

    monkeypatch.setattr(shop.runtime.tables, "append", full)
    shop.send(*(shop.track(x) for x in range(10)))
    shop.work()
    assert shop.event_ids() == ids(range(10))


def test_a_damaged_checkpoint_is_built_anew_from_the_lake(shop, caplog):
    shop.send(shop.track(1), shop.track(2), {"type": "track", "messageId": "bad", "userId": "u"})
    shop.work()
    folder = shop.runtime.settings.store.folder / "live" / "stream"
    for file in folder.rglob("seen.json"):
        file.write_text("{}")
    shop.send(shop.track(2), shop.track(3), {"type": "track", "messageId": "bad", "userId": "u"})
    shop.work()
    assert shop.event_ids() == ids([1, 2, 3])
    assert len(shop.quarantined()) == 1
    assert "is damaged" in caplog.text


class Profiles:
    """Counts what is applied; fails on one event as often as asked."""

    def __init__(self, poison=None):
        self.applied, self.positions, self.poison = [], {}, poison

    def apply(self, events, positions):
        if any(x.event_id == self.poison for x in events):
            raise ZeroDivisionError
        self.applied += [x.event_id for x in events]
        self.positions.update(positions)

    def position(self, partition):
        return self.positions.get(partition, 0)

    def tick(self, now_us):
        pass


def test_an_event_that_breaks_the_profiles_stays_in_the_lake(shop):
    profiles = Profiles(poison="m2")
    shop.send(shop.track(1), shop.track(2), shop.track(3))
    worker = shop.work(profiles=profiles)
    assert profiles.applied == ["m1", "m3"]
    assert worker.metrics.profile_failures == 1
    assert list(profiles.positions.values()) == [1]
    assert shop.event_ids() == ids([1, 2, 3])


def test_profiles_that_a_power_cut_set_back_get_again_what_they_lost(shop):
    profiles = Profiles()
    for x in range(6):
        shop.send(shop.track(x))
        shop.received_us += 400_000  # several records a second
    shop.work(profiles=profiles)
    partition = next(iter(profiles.positions))
    assert profiles.applied == [f"m{x}" for x in range(6)]
    profiles.positions[partition] = 4  # what the disk kept
    shop.send(shop.track(5), shop.track(6))
    again = Profiles()
    again.positions = dict(profiles.positions)
    shop.work(profiles=again)
    assert [x for x in again.applied if x in {"m4", "m5", "m6"}] == ["m4", "m5", "m6"]
    assert shop.event_ids() == ids(range(7))


def test_marks_of_invalid_traffic_are_kept_and_a_failing_marker_stops_nothing(shop):
    def mark(event):
        if event.event_id == "m3":
            raise ValueError("no opinion")
        return "declared_bot" if event.event_id == "m1" else None

    shop.send(shop.track(1), shop.track(2), shop.track(3))
    shop.work(judge=Judge(lambda _: ArriveSettings(), mark=mark))
    assert {x["event_id"]: x["invalid"] for x in shop.rows(EVENTS)} == {
        "m1": "declared_bot", "m2": None, "m3": None,
    }  # fmt: skip


def test_a_record_emptied_by_erasure_is_passed_over(shop):
    shop.send(shop.track(1))
    shop.append(b"")
    shop.send(shop.track(2))
    shop.work()
    assert shop.event_ids() == ids([1, 2])
    assert not shop.runtime.tables.exists(QUARANTINE)
