"""How old what the profiles say is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shopkeeper.apps.flows.freshness import freshness
from shopkeeper.backends.open import open_runtime
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.ports import LogEntry, ProfileUpdate
from shopkeeper.core.settings import load_settings

S = 1_000_000
NOW = 1_750_000_000 * S


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    flags = {"store.folder": str(tmp_path), "live.partitions": 2}
    opened = open_runtime(load_settings(flags=flags))
    yield opened
    opened.close()


def test_an_empty_shop_knows_nothing(runtime: Runtime) -> None:
    board = freshness(runtime, now_us=NOW)
    sections = {x.name: x.worst_s for x in board.lines if x.kind == "section"}
    assert sections == {"base": None, "live": 0.0, "features": None}
    assert [x for x in board.lines if x.kind == "trait"] == []


def test_what_waits_in_the_log_makes_the_live_section_old(runtime: Runtime) -> None:
    entries = [LogEntry("k", b"x")] * 3
    at = runtime.log.submit(entries, received_us=NOW - 7 * S).result()
    partition, offset = at[0]
    board = freshness(runtime, now_us=NOW)
    line = next(x for x in board.lines if x.kind == "partition" and x.name == str(partition))
    assert (line.worst_s, line.waiting) == (7.0, 3)
    assert board.worst_s == 7.0
    done = ProfileUpdate("live", positions={("profiles", partition): offset + 3})
    runtime.profiles.apply(done)
    assert freshness(runtime, now_us=NOW).worst_s == 0.0


def test_a_moment_that_passed_unseen_makes_it_old_too(runtime: Runtime) -> None:
    runtime.profiles.apply(
        ProfileUpdate("live", profiles={"c_1": {}}, timers={"c_1": NOW - 20 * S})
    )
    board = freshness(runtime, now_us=NOW)
    assert next(x.worst_s for x in board.lines if x.name == "live") == 20.0
    assert freshness(runtime, now_us=NOW - 30 * S).worst_s == 0.0


def test_each_trait_has_the_age_of_its_facts(runtime: Runtime) -> None:
    runtime.profiles.put_many(
        {
            "c_1": {"as_of_us": NOW - 3600 * S, "traits": {"city": ["x", NOW - 90 * S, "crm"]}},
            "c_f": {"as_of_us": NOW - 3600 * S, "traits": {"city": ["y", NOW - 10 * S, "crm"]}},
        }
    )
    live = {"traits": {"last_page": ["/", NOW - 5 * S, "web"]}, "updated_us": NOW}
    runtime.profiles.put_many({"c_1": live}, section="live")
    runtime.profiles.put_many({"c_1": {"as_of_us": NOW - 2 * S}}, section="features")
    board = freshness(runtime, now_us=NOW)
    lines = {(x.kind, x.name): x for x in board.lines}
    assert (lines["trait", "city"].worst_s, lines["trait", "city"].median_s) == (90.0, 50.0)
    assert lines["trait", "last_page"].worst_s == 5.0
    assert lines["section", "base"].worst_s == 3600.0
    assert lines["section", "features"].worst_s == 2.0
    assert board.worst_s == 3600.0
    assert freshness(runtime, now_us=NOW, traits=False).worst_s == 3600.0
