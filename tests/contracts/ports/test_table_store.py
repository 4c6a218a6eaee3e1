"""What every table store keeps: whole commits, types, parts, time, tokens."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

import ibis
import pyarrow as pa
import pytest

from shopkeeper.core.columns import Column
from shopkeeper.core.errors import (
    ContractError,
    InputError,
    NotFoundError,
    StoreError,
)
from shopkeeper.core.ports import TableStore
from shopkeeper.core.tables import (
    AUDIENCE_MEMBERS,
    FEATURES,
    ORDERS,
    SEGMENTS,
    TableContract,
)

Orders = Callable[..., pa.Table]
AS_OF = datetime(2024, 5, 1, 1, 2, 3, 4, tzinfo=UTC)
KINDS = tuple(
    Column(f"c_{kind}", kind, kind, kind)
    for kind in (
        "string", "int8", "int16", "int32", "int64", "float64", "bool", "date", "timestamp",
    )
)  # fmt: skip
EVERY_KIND = TableContract(
    "products",
    (Column("key", "int64", "键", "Key"),),
    (
        Column("key", "int64", "键", "Key"),
        *KINDS,
        Column("p_date", "date", "日", "Day"),
        Column("p_int8", "int8", "数", "Number"),
    ),
    "各种类型",
    "Every kind of column",
    (Column("p_date", "date", "日", "Day"), Column("p_int8", "int8", "数", "Number")),
)


def members(audience: str, *customers: str) -> pa.Table:
    n = len(customers)
    return pa.table(
        {
            "audience_id": pa.array([audience] * n, pa.string()),
            "version": pa.array([1] * n, pa.int32()),
            "as_of": pa.array([AS_OF] * n, pa.timestamp("us", tz="UTC")),
            "customer_id": pa.array(customers, pa.string()),
        }
    ).cast(AUDIENCE_MEMBERS.arrow_schema)


def ids(store: TableStore, contract: TableContract, column: str) -> list[str]:
    expr = store.table(contract).select(column).order_by(column)
    return store.run(expr).column(column).to_pylist()


def segments(label: str, *customers: str) -> pa.Table:
    n = len(customers)
    return pa.table(
        {
            "customer_id": list(customers),
            "as_of": [AS_OF] * n,
            "scheme": ["rfm"] * n,
            "label": [label] * n,
        }
    )


def test_satisfies_the_protocol(store: TableStore) -> None:
    assert isinstance(store, TableStore)
    assert store.capabilities.transactions
    assert store.capabilities.time_travel


def test_a_table_never_written_is_empty_with_types(store: TableStore) -> None:
    assert not store.exists(ORDERS)
    assert (store.version(ORDERS), store.count(ORDERS)) == (-1, 0)
    rows = store.run(store.table(ORDERS))
    assert rows.num_rows == 0
    assert rows.schema.types == ORDERS.arrow_schema.types
    assert store.delete(ORDERS, {"kind": "sale"}).rows == 0
    store.maintain(ORDERS)


def test_every_kind_of_column_comes_back_as_it_went_in(store: TableStore) -> None:
    full = {
        "c_string": "掌柜 O'Neill \"q\" \\ 🛒\n", "c_int8": -128, "c_int16": -32768,
        "c_int32": -(2**31), "c_int64": 2**63 - 1, "c_float64": 0.1, "c_bool": True,
        "c_date": date(1999, 12, 31), "c_timestamp": AS_OF,
    }  # fmt: skip
    rows = [
        {"key": 1, **full, "p_date": date(2024, 2, 29), "p_int8": 7},
        {"key": 2, **dict.fromkeys(full), "p_date": date(2024, 3, 1), "p_int8": -1},
        {
            "key": 3,
            **full,
            "c_float64": float("inf"),
            "c_string": "",
            "p_date": None,
            "p_int8": None,
        },
    ]
    commit = store.append(EVERY_KIND, pa.Table.from_pylist(rows, EVERY_KIND.arrow_schema))
    assert (commit.rows, commit.version, commit.repeated) == (3, 0, False)
    back = store.run(store.table(EVERY_KIND).order_by("key"))
    assert back.schema.types == EVERY_KIND.arrow_schema.types
    assert back.to_pylist() == rows
    batches = list(store.stream(store.table(EVERY_KIND).order_by("key")))
    assert pa.Table.from_batches(batches).to_pylist() == rows


def test_partitions_of_any_text_come_back(store: TableStore) -> None:
    names = ["a b", "人群包", "x/y", "q=1", "100%", "a%20b", "o'k", "[x]*?", "09", "2024-01"]
    store.append(AUDIENCE_MEMBERS, pa.concat_tables([members(x, f"c of {x}") for x in names]))
    t = store.table(AUDIENCE_MEMBERS)
    assert ids(store, AUDIENCE_MEMBERS, "audience_id") == sorted(names)
    for name in ("人群包", "a%20b", "[x]*?"):
        found = store.run(t.filter(t.audience_id == name)).column("customer_id").to_pylist()
        assert found == [f"c of {name}"]


def test_a_filter_on_the_partition_sees_all_its_rows(store: TableStore, orders: Orders) -> None:
    store.append(ORDERS, orders(0, 30))
    store.append(ORDERS, orders(30, 31))
    t = store.table(ORDERS)
    by_filter = store.run(t.filter(t.month == "2024-02").aggregate(n=ibis._.count()))
    assert by_filter.column("n").to_pylist() == [20]
    by_month = store.run(
        t.group_by("month").agg(n=t.count(), s=t.amount_minor.sum()).order_by("month")
    )
    assert by_month.column("n").to_pylist() == [21, 20, 20]
    assert by_month.schema.field("s").type == pa.int64()
    assert sum(by_month.column("s").to_pylist()) == 100 * 60 * 61 // 2


def test_inputs_join_with_tables(store: TableStore, orders: Orders) -> None:
    store.append(ORDERS, orders(0, 10))
    wanted = ibis.table({"customer_ref": "string", "w": "int64"}, name="wanted")
    t = store.table(ORDERS)
    joined = t.join(wanted, "customer_ref")
    expr = joined.aggregate(s=(joined.amount_minor * joined.w).sum())
    inputs = {"wanted": pa.table({"w": pa.array([2], pa.int8()), "customer_ref": ["crm:1"]})}
    assert store.run(expr, inputs).column("s").to_pylist() == [2 * (100 + 800)]
    empty = {
        "wanted": pa.table(
            {"w": pa.array([], pa.int8()), "customer_ref": pa.array([], pa.string())}
        )
    }
    assert store.run(t.join(wanted, "customer_ref").select("order_id"), empty).num_rows == 0


def test_unknown_names_and_thin_inputs_are_named(store: TableStore) -> None:
    stranger = ibis.table({"a": "int64"}, name="stranger")
    with pytest.raises(NotFoundError, match="'stranger', which is neither a table nor an input"):
        store.run(stranger)
    with pytest.raises(InputError, match="input stranger lacks the columns a"):
        store.run(stranger, {"stranger": pa.table({"b": [1]})})


def test_one_name_with_two_types_is_refused(store: TableStore) -> None:
    one, two = ibis.table({"a": "int64"}, name="x"), ibis.table({"a": "string"}, name="x")
    with pytest.raises(InputError, match=r"declares x\.a once as"):
        store.run(one.join(two, one.a.cast("string") == two.a).select(b=one.a))


def test_a_value_beyond_its_declared_type_is_refused(store: TableStore) -> None:
    x = ibis.table({"a": "int64"}, name="x")
    big = {"x": pa.table({"a": [2**62, 2**62, 2**62]})}
    with pytest.raises((ContractError, StoreError), match="does not fit|refused"):
        store.run(x.aggregate(s=x.a.sum()), big)


def test_rows_that_break_the_contract_leave_no_trace(store: TableStore, orders: Orders) -> None:
    store.append(ORDERS, orders(0, 3))
    with pytest.raises(ContractError, match="has no column colour"):
        store.append(ORDERS, orders(3, 1).append_column("colour", pa.array(["red"])))
    with pytest.raises(ContractError, match="column order_id of table orders is missing"):
        store.append(ORDERS, orders(3, 1).drop_columns("order_id"))
    late = pa.RecordBatchReader.from_batches(
        ORDERS.arrow_schema,
        iter([
            *ORDERS.cast(orders(3, 5), fill=True).to_batches(),
            *pa.Table.from_pylist([dict.fromkeys(ORDERS.arrow_schema.names)]).to_batches(),
        ]),
    )  # fmt: skip
    with pytest.raises((ContractError, pa.ArrowInvalid), match=r"empty in 1 rows|Schema"):
        store.append(ORDERS, late)
    assert (store.count(ORDERS), store.version(ORDERS)) == (3, 0)


def test_a_failing_source_keeps_its_error_and_leaves_nothing(
    store: TableStore, orders: Orders
) -> None:
    store.append(ORDERS, orders(0, 3))

    def broken():
        yield ORDERS.cast(orders(3, 5), fill=True).to_batches()[0]
        raise InputError("line 7 is cut off", next_step="Export again")

    reader = pa.RecordBatchReader.from_batches(ORDERS.arrow_schema, broken())
    with pytest.raises(InputError, match="line 7 is cut off"):
        store.append(ORDERS, reader)
    assert ids(store, ORDERS, "order_id") == ["o0", "o1", "o2"]


def test_append_streams_batches(store: TableStore, orders: Orders) -> None:
    parts = [ORDERS.cast(orders(i * 10, 10), fill=True).to_batches()[0] for i in range(4)]
    commit = store.append(ORDERS, pa.RecordBatchReader.from_batches(ORDERS.arrow_schema, parts))
    assert (commit.rows, commit.version, store.count(ORDERS)) == (40, 0, 40)


def test_a_repeated_token_writes_nothing(store: TableStore, orders: Orders) -> None:
    first = store.append(ORDERS, orders(0, 5), token=("loader", 3))
    again = store.append(ORDERS, orders(0, 5), token=("loader", 3))
    earlier = store.append(ORDERS, orders(0, 5), token=("loader", 2))
    assert not first.repeated
    assert again.repeated
    assert earlier.repeated
    assert (again.rows, again.version) == (0, first.version)
    assert not store.append(ORDERS, orders(5, 5), token=("loader", 4)).repeated
    assert not store.append(ORDERS, orders(10, 5), token=("another", 1)).repeated
    assert store.count(ORDERS) == 15


def test_an_empty_append_with_token_is_remembered(store: TableStore) -> None:
    assert not store.append(ORDERS, ORDERS.empty(), token=("loader", 1)).repeated
    assert store.append(ORDERS, ORDERS.empty(), token=("loader", 1)).repeated
    assert store.exists(ORDERS)
    assert store.append(ORDERS, ORDERS.empty()).version == store.version(ORDERS)


def test_replace_everything_or_a_part(store: TableStore, orders: Orders) -> None:
    store.append(ORDERS, orders(0, 9))
    part = store.replace(ORDERS, orders(100, 2, months=1), where={"month": "2024-01"})
    assert part.rows == 2
    assert ids(store, ORDERS, "order_id") == sorted(
        ["o1", "o2", "o4", "o5", "o7", "o8", "o100", "o101"]
    )
    store.replace(ORDERS, ORDERS.empty(), where={"month": "2024-02"})
    assert store.count(ORDERS) == 5
    store.replace(ORDERS, orders(200, 1))
    assert ids(store, ORDERS, "order_id") == ["o200"]
    store.replace(ORDERS, ORDERS.empty())
    assert (store.count(ORDERS), store.exists(ORDERS)) == (0, True)
    assert store.run(store.table(ORDERS)).num_rows == 0


def test_a_part_by_moment_text_and_null(store: TableStore) -> None:
    store.append(SEGMENTS, segments("a", "c1", "c2"))
    store.append(SEGMENTS, segments("b'", "c3"))
    later = segments("a", "c4").set_column(1, "as_of", pa.array([datetime(2025, 1, 1, tzinfo=UTC)]))
    store.append(SEGMENTS, later)
    store.replace(SEGMENTS, segments("b'", "c5"), where={"as_of": AS_OF, "label": "b'"})
    assert ids(store, SEGMENTS, "customer_id") == ["c1", "c2", "c4", "c5"]
    assert store.delete(SEGMENTS, {"as_of": "2025-01-01T00:00:00Z"}).rows == 1
    assert store.delete(SEGMENTS, {"version": "3"}).rows == 0
    assert store.delete(SEGMENTS, {"version": None}).rows == 3
    assert store.count(SEGMENTS) == 0


def test_rows_outside_the_part_are_refused(store: TableStore, orders: Orders) -> None:
    store.append(ORDERS, orders(0, 9))
    with pytest.raises(ContractError, match="2 rows for table orders do not have month = 2024-01"):
        store.replace(ORDERS, orders(0, 3), where={"month": "2024-01"})
    with pytest.raises(InputError, match="has no column colour"):
        store.replace(ORDERS, orders(0, 3), where={"colour": "red"})
    with pytest.raises(InputError, match="'high' is no value of orders.dow"):
        store.delete(ORDERS, {"dow": "high"})
    with pytest.raises(InputError, match="needs at least one condition"):
        store.delete(ORDERS, {})
    assert store.count(ORDERS) == 9


def test_materialise_replaces_what_it_reads(store: TableStore, orders: Orders) -> None:
    store.append(ORDERS, orders(0, 12))
    t = store.table(ORDERS)
    commit = store.materialise(
        t.filter(t.amount_minor >= 600).mutate(status=ibis.literal("kept")), ORDERS
    )
    assert commit.rows == 6
    assert ids(store, ORDERS, "order_id") == sorted(f"o{i}" for i in range(6, 12))
    assert set(store.run(t.select("status")).column("status").to_pylist()) == {"kept"}
    part = t.filter(t.month == "2024-01").mutate(amount_minor=t.amount_minor + 1)
    assert store.materialise(part, ORDERS, where={"month": "2024-01"}).rows == 2
    odd = store.run(t.filter(t.amount_minor % 100 == 1).aggregate(n=ibis._.count()))
    assert odd.column("n").to_pylist() == [2]
    assert store.count(ORDERS) == 6


def test_materialise_nothing_empties_the_table(store: TableStore, orders: Orders) -> None:
    store.append(ORDERS, orders(0, 3))
    t = store.table(ORDERS)
    assert store.materialise(t.filter(t.kind == "return"), ORDERS).rows == 0
    assert (store.count(ORDERS), store.exists(ORDERS)) == (0, True)


def test_further_columns_come_go_and_are_seen(store: TableStore) -> None:
    spend = Column("spend", "float64", "消费", "Spend", unit="CNY")
    gap = Column("gap_days", "int32", "间隔", "Gap", unit="days")
    rows = pa.table({"customer_id": ["c1"], "as_of": [AS_OF], "spend": [1.5]})
    store.replace(FEATURES.extended([spend]), rows)
    assert "spend" in store.table(FEATURES).columns
    more = pa.table({"customer_id": ["c2"], "as_of": [AS_OF], "spend": [2.5], "gap_days": [3]})
    store.append(FEATURES.extended([spend, gap]), more)
    t = store.table(FEATURES)
    back = store.run(t.order_by("customer_id").select("spend", "gap_days"))
    assert back.to_pylist() == [{"spend": 1.5, "gap_days": None}, {"spend": 2.5, "gap_days": 3}]
    assert back.schema.field("gap_days").type == pa.int32()
    fewer = FEATURES.extended([gap])
    store.materialise(t.select("customer_id", "as_of", "gap_days"), fewer)
    assert "spend" not in store.table(FEATURES).columns
    assert store.count(FEATURES) == 2
    store.append(FEATURES, pa.table({"customer_id": ["c3"], "as_of": [AS_OF]}))
    assert store.run(store.table(FEATURES).order_by("customer_id")).column(
        "gap_days"
    ).to_pylist() == [None, 3, None]


def test_merge_inserts_and_overwrites_by_key_the_last_wins(store: TableStore) -> None:
    store.merge(SEGMENTS, segments("first", "c1", "c2"))
    twice = pa.concat_tables([segments("lost", "c2", "c3"), segments("won", "c3", "c2")])
    commit = store.merge(SEGMENTS, twice)
    assert commit.rows == 2
    rows = store.run(store.table(SEGMENTS).order_by("customer_id").select("customer_id", "label"))
    assert rows.to_pylist() == [
        {"customer_id": "c1", "label": "first"},
        {"customer_id": "c2", "label": "won"},
        {"customer_id": "c3", "label": "won"},
    ]
    assert store.merge(SEGMENTS, segments("x")[:0].cast(segments("x", "c").schema)).rows == 0


def test_merge_moves_a_row_between_partitions(store: TableStore, orders: Orders) -> None:
    store.append(ORDERS, orders(0, 6))
    moved = orders(0, 1).set_column(6, "month", pa.array(["2024-09"]))
    store.merge(ORDERS, moved)
    t = store.table(ORDERS)
    assert store.count(ORDERS) == 6
    assert store.run(t.filter(t.month == "2024-09")).column("order_id").to_pylist() == ["o0"]


def test_earlier_versions_stay_readable(store: TableStore, orders: Orders) -> None:
    store.append(ORDERS, orders(0, 5))
    store.append(ORDERS, orders(5, 5))
    store.replace(ORDERS, orders(100, 1))
    for version, n in enumerate((5, 10, 1)):
        view = store.as_of({"orders": version})
        assert view.count(ORDERS) == n
        assert view.run(view.table(ORDERS)).num_rows == n
        assert view.version(ORDERS) == version
    assert store.as_of({"orders": -1}).count(ORDERS) == 0
    with pytest.raises(NotFoundError, match="table orders has no version 9"):
        store.as_of({"orders": 9})


def test_a_snapshot_sees_one_state_and_cannot_write(store: TableStore, orders: Orders) -> None:
    store.append(ORDERS, orders(0, 5))
    pinned = store.snapshot()
    store.append(ORDERS, orders(5, 5))
    store.append(SEGMENTS, segments("a", "c1"))
    assert (pinned.count(ORDERS), pinned.exists(SEGMENTS)) == (5, False)
    assert pinned.run(pinned.table(SEGMENTS)).num_rows == 0
    assert pinned.snapshot().count(ORDERS) == 5
    for write in (
        lambda: pinned.append(ORDERS, orders(0, 1)),
        lambda: pinned.replace(ORDERS, orders(0, 1)),
        lambda: pinned.merge(ORDERS, orders(0, 1)),
        lambda: pinned.delete(ORDERS, {"kind": "sale"}),
        lambda: pinned.materialise(ORDERS.unbound(), ORDERS),
        lambda: pinned.maintain(ORDERS),
    ):
        with pytest.raises(StoreError, match="cannot be written through a view"):
            write()


def test_maintenance_changes_no_row_and_keeps_tokens(store: TableStore, orders: Orders) -> None:
    for i in range(6):
        store.append(ORDERS, orders(i * 10, 10), token=("loader", i))
    before = ids(store, ORDERS, "order_id")
    store.maintain(ORDERS)
    assert ids(store, ORDERS, "order_id") == before
    assert store.append(ORDERS, orders(0, 10), token=("loader", 5)).repeated
    assert store.as_of({"orders": 2}).count(ORDERS) == 30


def test_batches_are_bounded(store: TableStore, orders: Orders) -> None:
    store.append(ORDERS, orders(0, 500))
    batches = list(store.stream(store.table(ORDERS).select("order_id"), batch_rows=100))
    assert sum(x.num_rows for x in batches) == 500
    assert len(batches) >= 1
