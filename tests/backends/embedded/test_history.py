from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from shopkeeper.backends.embedded.history import History
from shopkeeper.backends.embedded.history_base import BY_ORDER, HistoryTable
from shopkeeper.backends.embedded.history_file import hashes, write_history_file
from shopkeeper.core.errors import NotFoundError

EVENTS = HistoryTable("events", pa.schema({"id": pa.string(), "n": pa.int64()}), "id")
ORDERS = HistoryTable(
    "orders", pa.schema({"order_id": pa.string(), "ref": pa.string(), "n": pa.int64()}),
    "order_id", "order_id",
)  # fmt: skip
LINES = HistoryTable(
    "lines", pa.schema({"line_id": pa.string(), "order_id": pa.string()}), "line_id", "order_id"
)


@pytest.fixture
def history(tmp_path):
    found = History(tmp_path / "history", [EVENTS, ORDERS, LINES], tail_rows=10)
    yield found
    found.close()


def events(*rows):
    owner, key, n = zip(*rows, strict=True)
    return pa.table({"owner": owner, "id": key, "n": pa.array(n, pa.int64())})


def orders(*rows):
    owner, key, n = zip(*rows, strict=True)
    return pa.table({"owner": owner, "order_id": key, "ref": owner, "n": pa.array(n, pa.int64())})


def put(history, tables, customers=(), at_us=1_000):
    return history.add(history.completed(tables), customers, at_us=at_us)


def found(history, name, *owners):
    key = {"events": "id", "orders": "order_id", "lines": "line_id"}[name]
    return history.rows(name, owners).sort_by(key).to_pylist()


def base(history, rows, *, keep_after_us=0, again_after_us=None):
    new = history.rebuild()
    for name, table in rows.items():
        new.write(name, table.sort_by("owner").to_batches())
    new.finish(keep_after_us=keep_after_us, again_after_us=again_after_us)


def test_rows_of_an_owner_come_from_base_and_tail_and_nobody_elses(history):
    base(history, {"events": events(("b", "1", 1), ("a", "2", 2), ("b", "3", 3))})
    put(history, {"events": events(("b", "4", 4), ("c", "5", 5))})
    assert found(history, "events", "b") == [
        {"id": "1", "n": 1},
        {"id": "3", "n": 3},
        {"id": "4", "n": 4},
    ]
    assert found(history, "events", "c", "nobody") == [{"id": "5", "n": 5}]
    assert found(history, "events") == []


def test_a_row_replaces_the_one_with_its_key_wherever_that_lies(history):
    base(history, {"events": events(("a", "1", 1), ("a", "2", 1))})
    put(history, {"events": events(("a", "1", 2), ("a", "3", 2))})
    put(history, {"events": events(("a", "3", 3))})
    assert [x["n"] for x in found(history, "events", "a")] == [2, 1, 3]


def test_long_tails_go_to_files_and_files_are_joined(history, tmp_path):
    for i in range(120):
        put(history, {"events": events((f"o{i % 7}", str(i), i), ("x", f"x{i}", i))})
        history.maintain()
    assert [x["n"] for x in found(history, "events", "x")] == sorted(
        range(120), key=lambda i: f"x{i}"
    )
    assert len(found(history, "events", *(f"o{i}" for i in range(7)))) == 120
    assert len(list((tmp_path / "history").glob("*-events.arrow"))) < 10


def test_what_was_taken_in_survives_a_restart(history, tmp_path):
    base(history, {"events": events(("a", "1", 1))})
    for i in range(25):
        put(history, {"events": events(("a", f"n{i}", i))}, ["c1"], at_us=50 + i)
        history.maintain()
    again = History(tmp_path / "history", [EVENTS, ORDERS, LINES], tail_rows=10)
    assert found(again, "events", "a") == found(history, "events", "a")
    assert again.pending() == {"c1": (50, 74)}
    put(again, {"events": events(("a", "n3", 99))}, at_us=1)  # a clock that went back
    assert {"id": "n3", "n": 99} in found(again, "events", "a")
    again.close()


def test_who_was_touched_again_meanwhile_is_not_done(history):
    first = put(history, {"events": events(("a", "1", 1))}, ["c1", "c2"], at_us=10)
    put(history, {"events": events(("a", "2", 1))}, ["c1"], at_us=20)
    history.done(first)
    assert history.pending() == {"c1": (10, 20)}
    assert sorted(history.touched_since(10)) == ["c1", "c2"]
    assert history.touched_since(15) == ["c1"]


def test_a_new_base_takes_over_and_later_rows_stay(history, tmp_path):
    put(history, {"events": events(("a", "1", 1))}, ["c1"], at_us=10)
    done = put(history, {"events": events(("a", "2", 2))}, ["c2"], at_us=30)
    history.done(done)
    other = History(tmp_path / "history", [EVENTS, ORDERS, LINES], tail_rows=10)
    base(other, {"events": events(("a", "0", 0), ("a", "1", 7))}, keep_after_us=20,
         again_after_us=20)  # fmt: skip
    assert history.reopen()  # built by another process
    assert not history.reopen()
    for one in (history, other):
        assert found(one, "events", "a") == [
            {"id": "0", "n": 0},
            {"id": "1", "n": 7},
            {"id": "2", "n": 2},
        ]
        assert set(one.pending()) == {"c1", "c2"}
    assert len(list((tmp_path / "history").glob("base-*"))) == 1
    other.close()


def test_rows_of_one_order_reach_every_owner_that_has_a_part_of_it(history):
    pairs = pa.table({"owner": ["o1", "o2"], "reference": ["a", "a"]})
    base(history, {"orders": orders(("a", "o1", 1), ("a", "o2", 1)), BY_ORDER: pairs})
    lines = pa.table({"owner": ["a"], "line_id": ["l1"], "order_id": ["o1"]})
    put(history, {"lines": lines})
    rows = history.completed({"orders": orders(("b", "o1", 5))})
    assert set(rows) == {"orders", "lines"}
    assert set(rows["orders"]["owner"].to_pylist()) == {"a", "b"}
    history.add(rows, ["c"], at_us=2_000)
    for owner in ("a", "b"):
        now = {x["order_id"]: x for x in found(history, "orders", owner)}
        assert now["o1"] == {"order_id": "o1", "ref": "b", "n": 5}
        assert [x["line_id"] for x in found(history, "lines", owner)] == ["l1"]
    assert len(found(history, "orders", "a", "b")) == 2
    # The next line of that order goes to both at once.
    put(history, {"lines": pa.table({"owner": ["b"], "line_id": ["l2"], "order_id": ["o1"]})})
    assert [x["line_id"] for x in found(history, "lines", "a")] == ["l1", "l2"]


def test_lines_that_a_changed_order_no_longer_has_are_gone(history):
    lines = pa.table({"owner": ["a"] * 3, "line_id": ["l1", "l2", "x1"],
                      "order_id": ["o1", "o1", "o2"]})  # fmt: skip
    put(history, {"lines": lines})
    rows = history.completed({"lines": lines.slice(1, 1)}, whole=["lines"])
    history.add(rows, ["c"], at_us=2_000)
    assert [x["line_id"] for x in found(history, "lines", "a")] == ["l2", "x1"]
    put(history, {"lines": lines.slice(0, 1)}, at_us=3_000)  # and it comes back
    assert [x["line_id"] for x in found(history, "lines", "a")] == ["l1", "l2", "x1"]


def test_an_unknown_table_is_refused(history):
    with pytest.raises(NotFoundError, match="the history keeps no table 'x'"):
        history.rebuild().write("x", [])


@pytest.mark.parametrize("rows", [0, 1, 5_000])
def test_files_give_back_exactly_the_rows_of_the_owners_asked_for(tmp_path, monkeypatch, rows):
    monkeypatch.setattr("shopkeeper.backends.embedded.history_file._BATCH_ROWS", 700)
    rng = np.random.default_rng(3)
    names = [f"{'长' * int(rng.integers(0, 40))}-{i}" for i in range(300)]
    owners = sorted(np.array(names)[rng.integers(0, 250, rows)].tolist(), key=str.encode)
    table = pa.table({"owner": pa.array(owners, pa.string()), "n": pa.array(np.arange(rows))})
    file = write_history_file(tmp_path / "x.arrow", table.to_batches(97), table.schema)
    assert file.rows == rows
    wanted = pa.array(sorted(set(rng.choice(names, 60))), pa.string())
    expected = table.filter(pc.is_in(table["owner"], wanted)).sort_by("n")
    assert file.take(wanted, hashes(wanted)).sort_by("n").equals(expected)


def test_equal_numbers_of_other_texts_do_not_mix_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "shopkeeper.backends.embedded.history_file.hashes",
        lambda x: np.zeros(len(x), dtype=np.uint64),
    )
    table = pa.table({"owner": ["a", "b", "b", "c"], "n": [1, 2, 3, 4]})
    file = write_history_file(tmp_path / "x.arrow", table.to_batches(), table.schema)
    found = file.take(pa.array(["b", "z"]), np.zeros(2, dtype=np.uint64))
    assert found["n"].to_pylist() == [2, 3]
