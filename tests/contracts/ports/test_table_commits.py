"""Commits in turn: a writer that lost its work does not write; small commits stay cheap."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from shopkeeper.backends import delta_log
from shopkeeper.backends.embedded.lake import DeltaStore
from shopkeeper.backends.embedded.open_lake import open_delta_store
from shopkeeper.core.errors import ConflictError, InputError, NotFoundError
from shopkeeper.core.tables import EVENTS, ORDERS, TableContract

Orders = Callable[..., pa.Table]


@pytest.fixture
def lake(tmp_path: Path) -> DeltaStore:
    return open_delta_store(tmp_path, memory_mb=256, threads=1)


def ids(store: DeltaStore, contract: TableContract = ORDERS) -> list[str]:
    found = store.run(store.table(contract))
    return sorted(found.column(contract.key[0]).to_pylist())


def test_a_commit_names_the_one_it_follows(lake: DeltaStore, orders: Orders) -> None:
    assert lake.committed(ORDERS, "stream-0") == -1
    with pytest.raises(ConflictError, match="stream-0 committed -1 to table orders last, not 4"):
        lake.append(ORDERS, orders(0, 1), token=("stream-0", 9), after=4)
    assert not lake.exists(ORDERS)
    lake.append(ORDERS, orders(0, 2), token=("stream-0", 9), after=-1)
    lake.append(ORDERS, orders(2, 2), token=("stream-0", 12), after=9)
    assert lake.committed(ORDERS, "stream-0") == 12
    assert lake.committed(ORDERS, "stream-1") == -1
    again = lake.append(ORDERS, orders(2, 2), token=("stream-0", 12), after=9)
    assert (again.repeated, again.rows) == (True, 0)
    # One that was taken over: neither an earlier nor a later number gets in.
    for number in (10, 20):
        with pytest.raises(ConflictError, match="stream-0 committed 12 to table orders last") as e:
            lake.append(ORDERS, orders(90, 1), token=("stream-0", number), after=9)
        assert (e.value.facts["committed"], e.value.facts["after"]) == (12, 9)
    assert ids(lake) == ["o0", "o1", "o2", "o3"]
    with pytest.raises(InputError, match="must follow 3 needs a token"):
        lake.append(ORDERS, orders(0, 1), after=3)


def test_of_two_that_think_it_is_their_turn_one_writes(tmp_path: Path, orders: Orders) -> None:
    """Two stores as two workers have them, each with its own open tables."""
    stores = [open_delta_store(tmp_path, memory_mb=256, threads=1) for _ in range(2)]
    stores[0].append(ORDERS, orders(0, 1), token=("w", 0), after=-1)
    won: list[tuple[int, int]] = []
    barrier = threading.Barrier(2)

    def work(me: int) -> None:
        for turn in range(8):
            barrier.wait()
            rows = orders(100 * turn + 1 + me, 1)
            try:
                stores[me].append(ORDERS, rows, token=("w", 10 * turn + 1 + me), after=last[0])
            except ConflictError:
                pass
            else:
                won.append((turn, me))
            barrier.wait()
            if me == 0:
                last[0] = stores[0].committed(ORDERS, "w")
            barrier.wait()

    last = [0]
    threads = [threading.Thread(target=work, args=(x,)) for x in range(2)]
    for x in threads:
        x.start()
    for x in threads:
        x.join()
    assert [turn for turn, _ in sorted(won)] == list(range(8))
    assert ids(stores[0]) == sorted(["o0", *(f"o{100 * turn + 1 + me}" for turn, me in won)])


def test_a_writer_elsewhere_that_was_first_is_noticed(
    tmp_path: Path, orders: Orders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Machines do not share the lock: Delta refuses the commit, the check is repeated."""
    ours, theirs = (open_delta_store(tmp_path, memory_mb=256, threads=1) for _ in range(2))
    ours.append(ORDERS, orders(0, 1), token=("w", 0), after=-1)
    real = ours._writer._write
    raced: list[int] = []

    def late(*args: object, **options: object) -> object:
        if not raced:
            raced.append(1)
            theirs._writer._lake = elsewhere
            theirs.append(ORDERS, orders(5, 1), token=("w", 7), after=0)
        return real(*args, **options)

    # The same folder under another name, so that the lock files differ as on two machines.
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "orders").symlink_to(tmp_path / "lake" / "orders")
    monkeypatch.setattr(ours._writer, "_write", late)
    with pytest.raises(ConflictError, match="w committed 7 to table orders last, not 0"):
        ours.append(ORDERS, orders(9, 1), token=("w", 9), after=0)
    assert raced
    assert ids(ours) == ["o0", "o5"]


def _earlier(contract: TableContract, *without: str) -> TableContract:
    columns = tuple(x for x in contract.columns if str(x) not in without)
    return dataclasses.replace(contract, columns=columns)


def test_columns_that_are_new_in_a_release_are_null_in_older_rows(lake: DeltaStore) -> None:
    before = _earlier(EVENTS, "store_id", "invalid", "ip", "agent", "client")
    assert len(before.columns) == len(EVENTS.columns) - 5

    def rows(n: int, **more: object) -> pa.Table:
        moment = pa.scalar(1_704_067_200_000_000, pa.int64())
        one = {
            "event_id": f"e{n}", "kind": "view_item", "occurred_at": moment.cast(_UTC),
            "received_at": moment.cast(_UTC), "ts_us": moment, "day": "2024-01-01",
            "month": "2024-01", "dow": 1, "hour": 0, "source": "web", **more,
        }  # fmt: skip
        return EVENTS.cast(pa.table({k: [_plain(v)] for k, v in one.items()}), fill=True)

    lake.append(before, before.cast(rows(1).select(before.arrow_schema.names)))
    table = lake.table(EVENTS)
    wanted = table.select("event_id", "store_id", "invalid").order_by("event_id")
    assert lake.run(wanted).to_pylist() == [{"event_id": "e1", "store_id": None, "invalid": None}]
    lake.append(EVENTS, rows(2, store_id="s1"), token=("w", 1), after=-1)
    assert [x["store_id"] for x in lake.run(wanted).to_pylist()] == [None, "s1"]
    # A process of the earlier release that still runs can go on writing.
    lake.append(before, before.cast(rows(3).select(before.arrow_schema.names)))
    assert [x["store_id"] for x in lake.run(wanted).to_pylist()] == [None, "s1", None]
    lake.maintain(EVENTS)
    assert [x["store_id"] for x in lake.run(wanted).to_pylist()] == [None, "s1", None]


_UTC = pa.timestamp("us", tz="UTC")


def _plain(value: object) -> object:
    return value.as_py() if isinstance(value, pa.Scalar) else value


def test_many_commits_leave_a_short_log_and_every_version_readable(
    lake: DeltaStore, orders: Orders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delta_log, "_SETTLED_S", 0.0)
    stale = open_delta_store(tmp_path, memory_mb=256, threads=1)
    for i in range(130):
        lake.append(ORDERS, orders(i, 1, months=1), token=("w", i), after=i - 1)
        if i == 3:
            assert stale.committed(ORDERS, "w") == 3
    log = tmp_path / "lake" / "orders" / "_delta_log"
    assert len(list(log.iterdir())) < 100
    assert lake.version(ORDERS) == 129
    for version in (0, 1, 19, 20, 45, 60, 79, 80, 110, 129):
        assert lake.as_of({"orders": version}).count(ORDERS) == version + 1
    with pytest.raises(NotFoundError, match="has no version 500"):
        lake.as_of({"orders": 500})
    # One whose open table is far behind goes on, and so does any other reader of Delta.
    assert stale.committed(ORDERS, "w") == 129
    stale.append(ORDERS, orders(500, 1, months=1), token=("w", 130), after=129)
    assert DeltaTable(tmp_path / "lake" / "orders").version() == 130
    assert lake.count(ORDERS) == 131


def test_appends_go_on_while_files_are_compacted(
    lake: DeltaStore, orders: Orders, tmp_path: Path
) -> None:
    stop = threading.Event()
    failures: list[BaseException] = []

    def maintain() -> None:
        other = open_delta_store(tmp_path, memory_mb=256, threads=1)
        try:
            while not stop.is_set():
                other.maintain(ORDERS)
        except BaseException as error:  # noqa: BLE001 - shown by the test
            failures.append(error)

    thread = threading.Thread(target=maintain)
    lake.append(ORDERS, orders(0, 1, months=1), token=("w", 0), after=-1)
    thread.start()
    for i in range(1, 60):
        lake.append(ORDERS, orders(i, 1, months=1), token=("w", i), after=i - 1)
        if i % 20 == 0:
            with pytest.raises(Exception, match="currency"):
                lake.append(ORDERS, orders(i, 1).drop_columns(["currency"]))
    stop.set()
    thread.join()
    assert not failures
    assert ids(lake) == sorted(f"o{i}" for i in range(60))
