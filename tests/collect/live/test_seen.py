from __future__ import annotations

import json
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopkeeper.collect.live.seen import SECOND, Seen, message_key
from shopkeeper.collect.live.seen_files import MANIFEST
from shopkeeper.core.errors import StoreError

KEY = bytes(range(16))
DAY_S = 86_400


def seen_of(most=1_000_000, days=31):
    return Seen(KEY, most=most, window_s=days * DAY_S)


batches = st.lists(
    st.tuples(
        st.integers(0, 3 * DAY_S),
        st.lists(st.integers(0, 60), min_size=0, max_size=40),
    ),
    max_size=30,
)


@given(batches)
@settings(max_examples=150, deadline=None)
def test_agrees_with_a_plain_dictionary_and_a_clock(steps):
    window = DAY_S
    seen = Seen(KEY, most=10_000, window_s=window)
    last: dict[int, int] = {}
    clock = 0
    for wait, ids in steps:
        clock += wait
        got = seen.admit([b"%d" % x for x in ids], [clock * SECOND] * len(ids)).tolist()
        expected = []
        for each in ids:
            new = each not in last or clock - last[each] > window
            expected.append(new)
            if new:
                last[each] = clock
        assert got == expected


@given(st.integers(1, 400), st.integers(1, 60), st.integers(0, 3))
@settings(max_examples=40, deadline=None)
def test_memory_is_bounded_and_what_it_reports_as_remembered_is_remembered(rounds, size, pause):
    most = 1000
    seen = Seen(KEY, most=most, window_s=DAY_S)
    admitted: dict[int, int] = {}
    clock, number = 0, 0
    for _ in range(rounds):
        clock += pause
        ids = range(number, number + size)
        number += size
        assert seen.admit([b"%d" % x for x in ids], [clock * SECOND] * size).all()
        admitted.update(dict.fromkeys(ids, clock))
        assert len(seen) <= most
    remembered = [x for x, at in admitted.items() if at * SECOND >= seen.since_us]
    assert seen.contains([b"%d" % x for x in remembered], clock * SECOND).all()
    if number > most and pause:
        assert seen.since_us > 0
        assert len(remembered) >= most // 2


def test_million_ids_take_twelve_bytes_each():
    seen = seen_of()
    for start in range(0, 1_000_000, 50_000):
        ids = [b"%d" % x for x in range(start, start + 50_000)]
        assert seen.admit(ids, np.full(50_000, start)).all()
    assert seen.nbytes == 12 * 1_000_000
    again = seen.admit([b"%d" % x for x in range(0, 1_000_000, 100)], np.zeros(10_000, np.int64))
    assert not again.any()


def test_sources_and_purposes_are_kept_apart():
    ids = [
        message_key("web", "m"), message_key("app", "m"), message_key("web", "m", purpose="r"),
        message_key("we", "bm"),
    ]  # fmt: skip
    assert seen_of().admit(ids, [0] * 4).all()


@given(batches, st.integers(0, 29))
@settings(max_examples=40, deadline=None)
def test_saved_and_loaded_answers_the_same(tmp_path_factory, steps, cut):
    folder = tmp_path_factory.mktemp("seen")
    whole, half = seen_of(), seen_of()
    clock = 0
    for number, (wait, ids) in enumerate(steps):
        clock += wait
        if number == cut:
            half.save(folder, offset=number, facts={"plan": 3})
            loaded = Seen.load(folder, most=1_000_000, window_s=31 * DAY_S)
            assert loaded is not None
            assert (loaded.offset, loaded.facts) == (number, {"plan": 3})
            half = loaded.seen
        keys = [b"%d" % x for x in ids]
        moments = [clock * SECOND] * len(ids)
        assert half.admit(keys, moments).tolist() == whole.admit(keys, moments).tolist()


def test_checkpoint_writes_only_what_is_new(tmp_path):
    seen = seen_of()
    seen.admit([b"%d" % x for x in range(10_000)], [0] * 10_000)
    seen.save(tmp_path, offset=5)
    first = {x.name: x.stat().st_mtime_ns for x in tmp_path.iterdir() if x.suffix == ".npz"}
    seen.admit([b"x"], [0])
    seen.save(tmp_path, offset=6)
    second = {x.name: x.stat().st_mtime_ns for x in tmp_path.iterdir() if x.suffix == ".npz"}
    assert first.items() <= second.items()
    assert len(second) == 2


def test_stale_files_of_a_checkpoint_are_removed_after_a_while(tmp_path):
    seen = seen_of()
    seen.admit([b"a"], [0])
    seen.save(tmp_path, offset=1)
    (old,) = [x for x in tmp_path.iterdir() if x.suffix == ".npz"]
    os.utime(old, (1, 1))
    seen.admit([b"b", b"c"], [0, 0])
    seen.save(tmp_path, offset=2)
    assert not old.exists()
    assert Seen.load(tmp_path, most=1000, window_s=DAY_S).offset == 2


@pytest.mark.parametrize("damage", ["manifest", "run", "missing", "format"])
def test_damaged_checkpoint_is_named(tmp_path, damage):
    seen = seen_of()
    seen.admit([b"%d" % x for x in range(100)], [0] * 100)
    seen.save(tmp_path, offset=1)
    (run,) = [x for x in tmp_path.iterdir() if x.suffix == ".npz"]
    manifest = tmp_path / MANIFEST
    if damage == "manifest":
        text = manifest.read_text()
        manifest.write_text(text.replace('"offset": 1', '"offset": 2'))
    elif damage == "run":
        raw = bytearray(run.read_bytes())
        raw[len(raw) // 2] ^= 1
        run.write_bytes(bytes(raw))
    elif damage == "missing":
        run.unlink()
    else:
        manifest.write_text(json.dumps({"body": {}, "digest": ""}))
    with pytest.raises(StoreError, match="checkpoint of admitted message ids .* is damaged"):
        Seen.load(tmp_path, most=1000, window_s=DAY_S)


def test_nothing_saved_is_nothing(tmp_path):
    assert Seen.load(tmp_path / "none", most=1000, window_s=DAY_S) is None


def test_forgotten_ids_are_gone_from_the_next_checkpoint_too(tmp_path):
    seen = seen_of()
    seen.admit([b"a", b"b"], [0, 0])
    assert seen.forget([b"a", b"z"]) == 1
    seen.save(tmp_path, offset=1)
    loaded = Seen.load(tmp_path, most=1000, window_s=DAY_S).seen
    assert loaded.admit([b"a", b"b"], [0, 0]).tolist() == [True, False]


def test_going_back_forgets_what_came_later_and_nothing_else():
    seen = seen_of()
    seen.admit([b"a", b"b"], [5 * SECOND, 6 * SECOND])
    seen.admit([b"c"], [7 * SECOND])
    seen.go_back(6)
    assert seen.admit([b"a", b"b", b"c"], [8 * SECOND] * 3).tolist() == [False, True, True]
