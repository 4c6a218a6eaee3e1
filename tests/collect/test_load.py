from __future__ import annotations

import datetime as dt
import errno
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from shopkeeper.collect.load import load, plan_load
from shopkeeper.collect.mapping import SourceMapping
from shopkeeper.collect.sources.arrow import ArrowSource
from shopkeeper.collect.sources.base import Reading
from shopkeeper.collect.sources.open import locate, open_source
from shopkeeper.core.errors import MappingError, SourceError, StorageFullError, StoreError
from shopkeeper.core.tables import (
    CORRECTIONS,
    CUSTOMERS,
    EVENTS,
    LOADS,
    ORDER_LINES,
    ORDERS,
    PRODUCTS,
    QUARANTINE,
)

Shop = Any  # the fixture of conftest.py
NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
HEADER = "订单号,会员号,下单时间,实付金额,数量,状态\n"


def put(shop: Shop, text: str, name: str = "orders.csv", encoding: str = "utf-8") -> Path:
    file = shop.folder / name
    file.write_bytes(text.encode(encoding))
    return file


def versions(shop: Shop) -> dict[str, int]:
    return {
        t.name: shop.runtime.tables.version(t) for t in (ORDERS, QUARANTINE, CORRECTIONS, LOADS)
    }


def day_rows(day: int, count: int = 20) -> str:
    return "".join(
        f"D{day:03d}-{i},M{(day * 7 + i) % 50},2024-{day // 28 + 1:02d}-{day % 28 + 1:02d} {i % 24:02d}:00,"
        f"{(day * 31 + i * 17) % 900 / 10:.2f},{i % 3 + 1},已完成\n"
        for i in range(count)
    )


def test_clean_rows_arrive_typed_and_placed_in_time(shop: Shop) -> None:
    report = shop.load(
        put(shop, HEADER + "A1,007,2024-01-31 23:30,¥1,2,已完成\n".replace("¥1,2", "¥12.5,2"))
    )
    assert (report.rows_in, report.rows_admitted) == (1, 1)
    row = shop.rows(ORDERS).to_pylist()[0]
    assert row["customer_ref"] == "member_card:007"
    assert row["amount_minor"] == 1250
    assert row["occurred_at"] == dt.datetime(2024, 1, 31, 15, 30, tzinfo=dt.UTC)
    assert (row["day"], row["month"], row["dow"], row["hour"]) == (
        dt.date(2024, 1, 31),
        "2024-01",
        3,
        23,
    )
    assert (row["kind"], row["currency"], row["quantity"]) == ("sale", "CNY", 2.0)


def test_five_styles_of_date_in_one_column(shop: Shop) -> None:
    styles = ["2024-01-31", "31/01/2024", "2024年1月31日", "20240131", "45322"]
    text = HEADER + "".join(f"A{i},c{i},{x},5,1,\n" for i, x in enumerate(styles))
    assert shop.load(put(shop, text)).rows_admitted == 5
    assert set(shop.rows(ORDERS)["day"].to_pylist()) == {dt.date(2024, 1, 31)}


def test_order_of_day_and_month_is_settled_by_a_later_row(shop: Shop) -> None:
    rows = "".join(f"A{i},c,0{i % 9 + 1}/05/2024,5,1,\n" for i in range(6000))
    report = shop.load(put(shop, HEADER + rows + "Z,c,05/31/2024,5,1,\n"))
    assert report.rows_quarantined == 0
    assert pc.max(shop.rows(ORDERS)["day"]).as_py() == dt.date(2024, 9, 5)


def test_each_bad_row_is_refused_alone_with_field_and_reason(shop: Shop) -> None:
    rows = [
        ("A1,c,2024-01-01,5,1,", None),
        ("A2,c,2024-01-01,5,-1,", "negative_quantity"),
        ("A3,c,2024-01-01,5,1000001,", "absurd_quantity"),
        ("A4,,2024-01-01,5,1,", "missing_customer"),
        ("A5,c,yesterday,5,1,", "bad_date"),
        ("A6,c,2031-01-01,5,1,", "future_date"),
        ("A7,c,1969-01-01,5,1,", "ancient_date"),
        ("A8,c,2024-01-01,five,1,", "bad_amount"),
        ("A9,c,2024-01-01,,1,", "missing_value"),
        (",c,2024-01-01,5,1,", "missing_value"),
        ("A11,c,2024-01-01,5,1,已取消", "not_a_purchase"),
        ("A12,6.22588E+18,2024-01-01,5,1,", "damaged_id"),
        ("A13,c,2024-01-01,999999999999,1,", "absurd_amount"),
        ("A14,c,2024-01-01", "wrong_columns"),
        ("A15,c,2024-01-01,5,1,已完成", None),
    ]
    report = shop.load(put(shop, HEADER + "".join(x + "\n" for x, _ in rows)))
    assert shop.quarantine() == {i: r for i, (_, r) in enumerate(rows, 1) if r}
    assert report.rows_in == len(rows) == report.rows_admitted + report.rows_quarantined
    stored = {x["row_number"]: x for x in shop.rows(QUARANTINE).to_pylist()}
    assert stored[5]["field"] == "下单时间"
    assert stored[5]["reason_zh"] == "下单时间 的值“yesterday”不是日期"
    assert "yesterday" in stored[5]["reason_en"]
    assert " / " in stored[5]["next_step"]
    assert '"订单号":"A5"' in stored[5]["raw"]
    assert stored[14]["reason_zh"] == "列数不符：3/6（读到/应有）"
    words = report.words("zh")
    assert "第 5 行" in words
    assert "quarantine" in report.words("en")


def test_returns_are_recognised(shop: Shop) -> None:
    text = HEADER.replace("状态", "订单类型") + (
        "A1,c,2024-01-01,5,1,销售\nA2,c,2024-01-02,-5,-1,退货\nA3,c,2024-01-03,5,1,退货\n"
        "A4,c,2024-01-04,-5,1,销售\n"
    )
    shop.load(put(shop, text))
    found = {
        x["order_id"]: (x["kind"], x["amount_minor"], x["quantity"])
        for x in shop.rows(ORDERS).to_pylist()
    }
    assert found == {"A1": ("sale", 500, 1), "A2": ("return", -500, -1), "A3": ("return", -500, -1)}
    assert shop.quarantine() == {4: "sign_conflict"}


def test_returns_by_state_or_sign(shop: Shop) -> None:
    text = HEADER + "A1,c,2024-01-01,-5,1,\nA2,c,2024-01-02,5,1,已退款\nA3,c,2024-01-02,0,-1,\n"
    shop.load(put(shop, text))
    found = shop.rows(ORDERS)
    assert found["kind"].to_pylist() == ["return"] * 3
    assert sorted(found["amount_minor"].to_pylist()) == [-500, -500, 0]


def test_repeated_and_contradicting_orders(shop: Shop) -> None:
    text = (
        HEADER
        + "A1,c,2024-01-01,5,1,\nA1,c,2024/1/1,5.00,1,\nA1,c,2024-01-01,6,1,\nA2,c,2024-01-01,5,1,\n"
    )
    report = shop.load(put(shop, text), chunk_rows=1)
    assert (report.rows_admitted, report.rows_repeated, report.rows_quarantined) == (2, 1, 1)
    assert shop.quarantine() == {3: "conflicting_duplicate"}


def test_a_stored_order_does_not_change_silently(shop: Shop) -> None:
    shop.load(put(shop, HEADER + "A1,c,2024-01-01,5,1,\nA2,c,2024-01-01,5,1,\n"))
    later = put(
        shop, HEADER + "A1,c,2024-01-01,5,1,\nA2,c,2024-02-01,7,1,\nA3,c,2024-01-01,5,1,\n", "b.csv"
    )
    report = shop.load(later)
    assert (report.rows_admitted, report.rows_repeated, report.rows_quarantined) == (1, 1, 1)
    assert shop.quarantine() == {2: "changed_since_stored"}
    mapping = {
        "table": "orders", "changed": "replace", "customer_kind": "member_card",
        "columns": {"order_id": "订单号", "customer_ref": "会员号", "occurred_at": "下单时间",
                    "amount_minor": "实付金额", "quantity": "数量", "status": "状态"},
    }  # fmt: skip
    assert shop.load(later, mapping).rows_admitted == 1
    found = {x["order_id"]: x["amount_minor"] for x in shop.rows(ORDERS).to_pylist()}
    assert found == {"A1": 500, "A2": 700, "A3": 500}


def test_unknown_currency_and_rows_of_several(shop: Shop) -> None:
    text = "order_id,customer_id,date,amount,currency\n1,c,2024-01-01,5,元\n2,c,2024-01-01,500,JPY\n3,c,2024-01-01,5,beads\n4,c,2024-01-01,5,\n"
    shop.load(put(shop, text))
    found = {
        x["order_id"]: (x["amount_minor"], x["currency"]) for x in shop.rows(ORDERS).to_pylist()
    }
    assert found == {"1": (500, "CNY"), "2": (500, "JPY"), "4": (500, "CNY")}
    assert shop.quarantine() == {3: "unknown_currency"}


def test_a_column_that_changes_type_half_way(shop: Shop) -> None:
    rows = [f"A{i},c{i},2024-01-01,{i}.5,1,\n" for i in range(1, 51)]
    rows += [f"A{i},c{i},2024-01-01,see note,1,\n" for i in range(51, 101)]
    report = shop.load(put(shop, HEADER + "".join(rows)))
    assert (report.rows_admitted, report.rows_quarantined) == (50, 50)
    assert report.reasons[0].reason == "bad_amount"
    assert report.reasons[0].rows == 50
    assert report.reasons[0].example_row == 51


def test_mixed_encodings_and_long_lines_end_in_quarantine(shop: Shop) -> None:
    file = put(shop, HEADER + "A1,张先生,2024-01-01,5,1,\n")
    with file.open("ab") as out:
        out.write("A2,李先生,2024-01-01,5,1,\n".encode("gb18030"))
        out.write(b"A3," + b"x" * 3_000_000 + b",2024-01-01,5,1,\n")
        out.write("A4,王先生,2024-01-01,5,1,\n".encode())
    assert shop.load(file).rows_admitted == 2
    assert shop.quarantine() == {2: "undecodable", 3: "line_too_long"}


def test_anonymous_sales_are_kept_when_told(shop: Shop) -> None:
    mapping = {
        "table": "orders", "anonymous": "keep",
        "columns": {"order_id": "id", "customer_ref": "customer", "occurred_at": "day",
                    "amount_minor": "fen", "store_id": "store"},
        "amount_unit": "minor", "dates": "%d.%m.%y", "time_zone": "Europe/Berlin", "currency": "EUR",
        "constants": {"channel": "store"},
    }  # fmt: skip
    file = put(shop, "id,customer,day,fen,store\n1,,31.01.24,150,S1\n2,phone:1,31.01.24,250,S1\n")
    assert shop.load(file, mapping).rows_admitted == 2
    rows = {x["order_id"]: x for x in shop.rows(ORDERS).to_pylist()}
    assert rows["1"]["customer_ref"] == "anonymous:S1"
    assert rows["2"]["customer_ref"] == "phone:1"
    assert rows["1"]["amount_minor"] == 150
    assert rows["1"]["occurred_at"] == dt.datetime(2024, 1, 30, 23, tzinfo=dt.UTC)
    assert (rows["1"]["currency"], rows["1"]["channel"], rows["1"]["hour"]) == ("EUR", "store", 7)


def test_a_date_and_a_time_in_two_columns_are_one_moment(shop: Shop) -> None:
    mapping = {
        "table": "orders",
        "columns": {"order_id": "id", "customer_ref": "who", "occurred_at": ["date", "time"],
                    "amount_minor": "paid"},
    }  # fmt: skip
    text = "id,who,date,time,paid\n1,c,2024-01-31,23:30,5\n2,c,,,5\n3,c,2024-01-31,,5\n"
    shop.load(put(shop, text), mapping)
    found = {x["order_id"]: x["hour"] for x in shop.rows(ORDERS).to_pylist()}
    assert found == {"1": 23, "3": 0}
    assert shop.quarantine() == {2: "missing_value"}


def test_the_same_file_twice_changes_nothing(shop: Shop) -> None:
    file = put(shop, HEADER + day_rows(1) + "bad\n")
    first = shop.load(file)
    before = versions(shop)
    again = shop.load(file)
    assert again.status == "known"
    assert again.rows_admitted == 0
    assert again.rows_repeated == first.rows_admitted
    assert versions(shop) == before


def test_checking_writes_nothing(shop: Shop) -> None:
    report = shop.load(put(shop, HEADER + day_rows(1) + "bad\n"), check=True)
    assert (report.status, report.rows_admitted, report.rows_quarantined) == ("checked", 20, 1)
    assert set(versions(shop).values()) == {-1}


def test_day_files_add_up_to_the_whole(shop: Shop, tmp_path: Path) -> None:
    folder = tmp_path / "days"
    folder.mkdir()
    days = 8
    for day in range(days):
        (folder / f"{day:03d}.csv").write_text(HEADER + day_rows(day))
    for file in locate(str(folder)):
        shop.load(file)
    parts = _content(shop.rows(ORDERS))
    whole = type(shop)(tmp_path, shop.settings, _other(tmp_path))
    try:
        whole.load(put(shop, HEADER + "".join(map(day_rows, range(days))), "whole.csv"))
        assert _content(whole.rows(ORDERS)) == parts
        assert len(parts) == days * 20
    finally:
        whole.runtime.close()
    assert (
        shop.load(
            put(shop, HEADER + "".join(map(day_rows, range(days))), "whole.csv")
        ).rows_repeated
        == days * 20
    )


def test_made_keys_are_the_same_in_parts_and_in_the_whole(shop: Shop) -> None:
    rows = ["0001 19970101 1 11.77", "0001 19970101 1 11.77", "0002 19970102 2 5.00"]
    head = "customer_id date number_of_cds dollar_value\n"
    shop.load(put(shop, head + "\n".join(rows[:2]) + "\n", "a.txt"))
    assert shop.runtime.tables.count(ORDERS) == 2
    report = shop.load(put(shop, head + "\n".join(rows) + "\n", "b.txt"), chunk_rows=1)
    assert (report.rows_admitted, report.rows_repeated) == (1, 2)
    assert shop.runtime.tables.count(ORDERS) == 3


def test_a_file_that_grew_brings_only_its_rest(shop: Shop) -> None:
    file = put(shop, HEADER + day_rows(1) + "D001-999,M1,2024-0")
    source = open_source(str(file), known=lambda _: True)
    with file.open("a") as out:
        out.write("1-01,5,1,\n" + day_rows(2))
    mapping = SourceMapping.from_dict({"table": "orders", "columns": _columns()})
    report = load(plan_load(source, mapping, settings=shop.settings), shop.runtime.tables, now=NOW)
    assert report.rows_admitted == 20
    assert any("still being written" in en for _, en in report.notes)
    rest = shop.load(file, {"table": "orders", "columns": _columns()})
    assert (rest.rows_admitted, rest.rows_repeated) == (21, 20)


def test_a_file_rewritten_while_read_is_not_called_done(shop: Shop) -> None:
    file = put(shop, HEADER + day_rows(1))
    mapping = SourceMapping.from_dict({"table": "orders", "columns": _columns()})
    source = open_source(str(file), known=lambda _: True)
    plan = plan_load(source, mapping, settings=shop.settings)
    put(shop, HEADER + day_rows(2))
    with pytest.raises(SourceError, match="was rewritten while it was read"):
        load(plan, shop.runtime.tables, now=NOW)
    assert shop.runtime.tables.count(LOADS) == 0


def test_a_header_alone_is_said(shop: Shop) -> None:
    report = shop.load(put(shop, HEADER))
    assert (report.rows_in, report.rows_admitted) == (0, 0)
    assert any("a header and no row" in en for _, en in report.notes)


def test_a_wrong_delimiter_is_explained(shop: Shop) -> None:
    mapping = {"table": "orders", "columns": _columns(), "file": {"delimiter": ";"}}
    with pytest.raises(MappingError, match="the source has no column"):
        shop.load(put(shop, HEADER + day_rows(1)), mapping)


def test_further_columns_and_another_order_are_welcome(shop: Shop) -> None:
    text = 'sku,颜色,商品名称,价格,尺码\nP0,,空,1,\nP1,红,"茶 ""好""",12.50,\nP2,,杯,,L\n'
    assert shop.load(put(shop, text)).table == "products"
    rows = {x["product_id"]: x for x in shop.rows(PRODUCTS).to_pylist()}
    assert rows["P0"]["attributes"] is None
    assert rows["P1"]["attributes"] == '{"颜色":"红"}'
    assert rows["P2"]["attributes"] == '{"尺码":"L"}'
    assert rows["P1"]["name"] == '茶 "好"'
    assert rows["P1"]["price_minor"] == 1250


def test_records_of_things_follow_the_newest_file(shop: Shop) -> None:
    head = "customer_id,gender,birthday,email,city\n"
    shop.load(put(shop, head + "1,男,1990-01-02,a@b.cn,上海\n2,F,unknown,b@b.cn,北京\n", "a.csv"))
    found = {x["customer_ref"]: x for x in shop.rows(CUSTOMERS).to_pylist()}
    assert (found["crm:1"]["gender"], found["crm:2"]["gender"]) == (1, 2)
    assert found["crm:2"]["birth_date"] is None
    blank = shop.rows(CORRECTIONS).to_pylist()
    assert [(x["row_key"], x["column_name"], x["before"], x["after"]) for x in blank] == [
        ("crm:2|shop", "birth_date", "unknown", None)
    ]
    before = shop.runtime.tables.version(CUSTOMERS)
    again = shop.load(put(shop, head + "1,男,1990-01-02,a@b.cn,上海\n2,F,,b@b.cn,北京\n", "b.csv"))
    assert again.rows_repeated == 2
    assert shop.runtime.tables.version(CUSTOMERS) == before
    shop.load(put(shop, head + "2,F,1991-05-05,b@b.cn,广州\n2,F,1991-05-06,b@b.cn,广州\n", "c.csv"))
    found = {x["customer_ref"]: x for x in shop.rows(CUSTOMERS).to_pylist()}
    assert len(found) == 2
    assert found["crm:2"]["birth_date"] == dt.date(1991, 5, 6)


def test_events_lines_and_frames(shop: Shop) -> None:
    events = put(
        shop,
        '{"event":"Product Viewed","userId":"u1","timestamp":"2024-01-31T08:00:00Z","properties":{"product_id":"P1","price":3}}\n',
        "e.jsonl",
    )
    assert shop.load(events).rows_admitted == 1
    event = shop.rows(EVENTS).to_pylist()[0]
    assert (event["kind"], event["customer_ref"], event["product_id"]) == (
        "Product Viewed",
        "crm:u1",
        "P1",
    )
    assert event["properties"] == '{"properties.price":"3"}'
    lines = pa.table(
        {
            "household_id": pa.array([1, 1, 2], pa.int32()),
            "basket_id": pa.array([5.0, 5.0, 6.0]),
            "product_id": ["P1", "P2", "P1"],
            "quantity": [1, 2, 0],
            "sales_value": [1.39, 0.82, 0.0],
            "transaction_timestamp": pa.array(
                [dt.datetime(2017, 1, 1, 8)] * 3, pa.timestamp("us", tz="UTC")
            ),
        }
    )
    from shopkeeper.collect.guess import guess_mapping

    mapping = guess_mapping(lines, settings=shop.settings).mapping
    plan = plan_load(ArrowSource(lines, "frame"), mapping, settings=shop.settings)
    assert load(plan, shop.runtime.tables, now=NOW).rows_admitted == 3
    found = shop.rows(ORDER_LINES)
    assert sorted(found["order_id"].to_pylist()) == ["5", "5", "6"]
    assert sorted(found["amount_minor"].to_pylist()) == [0, 82, 139]
    assert len(set(found["line_id"].to_pylist())) == 3


def test_cleaning_is_applied_before_comparing(shop: Shop) -> None:
    def clean(rows: pa.Table, contract: Any) -> tuple[pa.Table, pa.Table]:
        at = rows.column_names.index("status")
        upper = pc.utf8_upper(rows["status"])
        return rows.set_column(at, "status", upper), CORRECTIONS.empty()

    text = "order_id,customer_id,date,amount,status\n1,c,2024-01-01,5,{}\n"
    assert shop.load(put(shop, text.format("done"), "a.csv"), clean=clean).rows_admitted == 1
    assert shop.load(put(shop, text.format("DONE"), "b.csv"), clean=clean).rows_repeated == 1


def test_progress_is_told(shop: Shop) -> None:
    seen: list[tuple[int, int]] = []
    file = put(shop, HEADER + "".join(map(day_rows, range(10))))
    shop.load(file, chunk_rows=50, progress=lambda x: seen.append((x.bytes_done, x.rows_in)))
    assert seen[-1] == (file.stat().st_size, 200)


class FullAfter:
    """The real store on a disk that fills up after some commits."""

    def __init__(self, store: Any, commits: int) -> None:
        self._store = store
        self._left = commits

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def append(self, contract: Any, rows: Any, *, token: Any = None) -> Any:
        if self._left == 0:
            raise StorageFullError("the disk is full", next_step="Make room") from OSError(
                errno.ENOSPC, os.strerror(errno.ENOSPC)
            )
        self._left -= 1
        return self._store.append(contract, rows, token=token)


@pytest.mark.parametrize("commits", [0, 1, 2, 7])
def test_a_full_disk_leaves_whole_chunks_and_the_rest_comes_later(shop: Shop, commits: int) -> None:
    rows = "".join(day_rows(day) + f"broken {day}\n" for day in range(6))
    file = put(shop, HEADER + rows)
    with pytest.raises(StorageFullError, match="the disk is full"):
        shop.load(file, chunk_rows=21, tables=FullAfter(shop.runtime.tables, commits))
    assert shop.runtime.tables.count(LOADS) == 0
    report = shop.load(file, chunk_rows=21)
    assert report.rows_admitted == 120
    assert len(_content(shop.rows(ORDERS))) == 120
    assert shop.runtime.tables.count(ORDERS) == 120
    assert shop.runtime.tables.count(QUARANTINE) == 6


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_really_full_disk(tmp_path: Path, shop: Shop) -> None:
    from shopkeeper.backends.open import open_runtime
    from shopkeeper.core.settings import load_settings

    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)],
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("this machine does not allow mounting")
    try:
        chosen = load_settings(flags={"store.folder": str(disk / "shop")})
        runtime = open_runtime(chosen)
        shop = type(shop)(tmp_path, chosen, runtime)
        rng = np.random.default_rng(1)
        noise = rng.integers(10**12, 10**13, size=300_000)
        rows = "".join(
            f"{x},M{x % 99991},2024-01-{i % 28 + 1:02d},{x % 10007}.5,1,\n"
            for i, x in enumerate(noise)
        )
        file = put(shop, HEADER + rows)
        try:
            with pytest.raises(StoreError) as refused:
                shop.load(file, chunk_rows=50_000)
            assert isinstance(refused.value, StorageFullError)
            kept = runtime.tables.count(ORDERS)
            assert kept % 50_000 == 0
            subprocess.run(["mount", "-o", "remount,size=200m", str(disk)], check=True)
            assert shop.load(file, chunk_rows=50_000).rows_admitted == 300_000
            assert runtime.tables.count(ORDERS) == 300_000
        finally:
            runtime.close()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_reading_can_be_repeated(shop: Shop) -> None:
    source = open_source(str(put(shop, HEADER + day_rows(1))), known=lambda _: True)
    assert [b.rows.num_rows for b in source.batches(Reading())] == [20]
    assert [b.rows.num_rows for b in source.batches(Reading())] == [20]


def _columns() -> dict[str, str]:
    return {
        "order_id": "订单号", "customer_ref": "会员号", "occurred_at": "下单时间",
        "amount_minor": "实付金额", "quantity": "数量", "status": "状态",
    }  # fmt: skip


def _content(rows: pa.Table) -> set[tuple[Any, ...]]:
    names = [x for x in rows.column_names if x != "load_id"]
    return {tuple(x[n] for n in names) for x in rows.to_pylist()}


def _other(folder: Path) -> Any:
    from shopkeeper.backends.open import open_runtime
    from shopkeeper.core.settings import load_settings

    return open_runtime(load_settings(flags={"store.folder": str(folder / "other")}))
