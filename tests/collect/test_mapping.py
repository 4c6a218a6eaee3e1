from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from shopkeeper.backends.embedded.state import open_state
from shopkeeper.collect.guess import guess_mapping
from shopkeeper.collect.mapping import SourceMapping, fingerprint, read_mapping
from shopkeeper.collect.remembered import (
    beside,
    mapping_beside,
    save_mapping,
    saved_mapping,
    write_beside,
)
from shopkeeper.core.errors import MappingError
from shopkeeper.core.settings import Settings

DATA = Path(os.environ.get("SHOPKEEPER_DATA", Path(__file__).parents[3] / "shared" / "data"))
ORDERS = {"order_id": "a", "customer_ref": "b", "occurred_at": "c", "amount_minor": "d"}


def guess(columns: dict[str, list[Any]], settings: Settings, **how: Any) -> SourceMapping:
    return guess_mapping(pa.table(columns), settings=settings, **how).mapping


@pytest.mark.parametrize(
    ("columns", "table", "expected"),
    [
        (
            {"订单编号": ["1"], "会员卡号": ["9"], "付款时间": ["2024-01-01 10:00"], "买家实际支付金额": ["5.00"]},
            "orders",
            {"order_id": "订单编号", "customer_ref": "会员卡号", "occurred_at": "付款时间", "amount_minor": "买家实际支付金额"},
        ),
        (
            {"Order No": ["1"], "Mobile": ["13800138000"], "Sale Date": ["31/01/2024"], "Net Amount": ["$5"]},
            "orders",
            {"order_id": "Order No", "customer_ref": "Mobile", "occurred_at": "Sale Date", "amount_minor": "Net Amount"},
        ),
        (
            {"basket_id": ["1"], "household_id": ["1"], "product_id": ["2"], "quantity": ["1"],
             "sales_value": ["1.5"], "retail_disc": ["0"], "transaction_timestamp": ["2017-01-01 08:00:00"], "store_id": ["3"]},
            "order_lines",
            {"order_id": "basket_id", "customer_ref": "household_id", "amount_minor": "sales_value",
             "discount_minor": "retail_disc", "occurred_at": "transaction_timestamp"},
        ),
        (
            {"商品编码": ["1"], "商品名称": ["茶"], "一级类目": ["饮料"], "品牌": ["x"], "售价": ["3"]},
            "products",
            {"product_id": "商品编码", "name": "商品名称", "category": "一级类目", "price_minor": "售价"},
        ),
        (
            {"会员号": ["1"], "姓名": ["张"], "性别": ["男"], "生日": ["1990-01-01"], "手机号": ["13800138000"], "入会日期": ["2020-01-01"]},
            "customers",
            {"customer_ref": "会员号", "person_name": "姓名", "phone": "手机号", "joined_at": "入会日期"},
        ),
        (
            {"活动编号": ["1"], "活动名称": ["x"], "开始时间": ["2024-01-01"], "结束时间": ["2024-02-01"], "预算": ["5"]},
            "campaigns",
            {"campaign_id": "活动编号", "starts_at": "开始时间", "budget_minor": "预算"},
        ),
        (
            {"日期": ["2024-01-01"], "渠道": ["抖音"], "花费": ["5"], "曝光量": ["100"], "点击量": ["3"]},
            "costs",
            {"day": "日期", "channel": "渠道", "spend_minor": "花费", "impressions": "曝光量"},
        ),
        (
            {"event": ["x"], "userId": ["1"], "timestamp": ["2024-01-01T00:00:00Z"], "session_id": ["s"], "page_url": ["/a"]},
            "events",
            {"kind": "event", "customer_ref": "userId", "occurred_at": "timestamp", "page": "page_url"},
        ),
        (
            {"会员号": ["1"], "渠道": ["sms"], "授权状态": ["同意"], "授权时间": ["2024-01-01"], "用途": ["营销"]},
            "consents",
            {"status": "授权状态", "status_at": "授权时间", "purpose": "用途"},
        ),
        (
            {"优惠券编号": ["1"], "优惠券名称": ["x"], "面额": ["5"], "有效期起": ["2024-01-01"], "有效期止": ["2024-02-01"]},
            "offers",
            {"offer_id": "优惠券编号", "cost_minor": "面额", "valid_to": "有效期止"},
        ),
        (
            {"会员号": ["1"], "触达渠道": ["sms"], "发送时间": ["2024-01-01"], "发送状态": ["成功"], "活动编号": ["c"]},
            "touches",
            {"channel": "触达渠道", "sent_at": "发送时间", "status": "发送状态"},
        ),
    ],
)  # fmt: skip
def test_headers_of_both_languages(
    columns: dict[str, list[Any]], table: str, expected: dict[str, str], settings: Settings
) -> None:
    found = guess_mapping(pa.table(columns), settings=settings)
    assert found.mapping.table == table
    flat = {k: v[0] for k, v in found.mapping.columns.items()}
    assert {k: flat.get(k) for k in expected} == expected
    assert found.confidence > 0.5
    found.mapping.check(list(columns))


def test_values_speak_too(settings: Settings) -> None:
    mobile = {
        "order no": ["1"],
        "Mobile": ["13800138000"],
        "date": ["05/31/2024"],
        "amount": ["1.234,50"],
    }
    mapping = guess(mobile, settings)
    assert (mapping.customer_kind, mapping.dates, mapping.decimal) == ("phone", "mdy", ",")
    mail = {"order no": ["1"], "customer": ["a@b.cn"], "date": ["2024-05-31"], "amount": ["1"]}
    assert guess(mail, settings).customer_kind == "email"
    services = {"customerID": ["1"], "gender": ["F"], "PhoneService": ["Yes"]}
    assert "phone" not in guess(services, settings).columns


def test_an_open_question_is_said(settings: Settings) -> None:
    columns = {"order_id": ["1"], "customer_id": ["1"], "date": ["03/04/2024"], "amount": ["1"]}
    notes = guess_mapping(pa.table(columns), settings=settings).notes
    assert any("dates: mdy" in en for _, en in notes)


def test_what_cannot_be_placed_is_said(settings: Settings) -> None:
    with pytest.raises(MappingError, match="cannot tell what this source is. Headers seen: x, y"):
        guess({"x": ["1"], "y": ["2"]}, settings)
    with pytest.raises(MappingError, match="nothing can be loaded into a table 'scores'"):
        guess({"x": ["1"]}, settings, table="scores")


def test_a_missing_column_is_asked_for(settings: Settings) -> None:
    mapping = guess(
        {"order_id": ["1"], "customer_id": ["1"], "date": ["2024-01-01"], "x": ["1"]},
        settings,
        table="orders",
    )
    with pytest.raises(
        MappingError, match="which column of the source is amount_minor .实付金额"
    ) as error:
        mapping.check(["order_id", "customer_id", "date", "x"])
    assert "columns: {amount_minor: HEADER}" in error.value.next_step
    assert error.value.facts["headers"] == ["order_id", "customer_id", "date", "x"]


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"columns": {}}, "does not say which table"),
        ({"table": "orders", "colour": 1}, "unknown keys colour"),
        ({"table": "orders", "decimal": "x"}, "decimal is 'x'"),
        ({"table": "orders", "dates": "ymd"}, "dates is 'ymd'"),
        ({"table": "orders", "time_zone": "Mars"}, "unknown time zone"),
        ({"table": "orders", "currency": "beads"}, "unknown currency"),
        ({"table": "orders", "bounds": {"height": 3}}, "bounds cannot be read"),
        ({"table": "orders", "file": {"colour": 3}}, "no option colour"),
    ],
)
def test_impossible_mappings(given: dict[str, Any], match: str) -> None:
    with pytest.raises(MappingError, match=match):
        SourceMapping.from_dict(given)


def test_headers_and_columns_must_exist() -> None:
    with pytest.raises(MappingError, match="the source has no column d; it has a, b, c"):
        SourceMapping.from_dict({"table": "orders", "columns": ORDERS}).check(["a", "b", "c"])
    with pytest.raises(MappingError, match="table orders has no column colour"):
        SourceMapping.from_dict({"table": "orders", "columns": {"colour": "a"}}).check(["a"])


def test_yaml_there_and_back(tmp_path: Path) -> None:
    mapping = SourceMapping.from_dict(
        {
            "table": "orders", "columns": {**ORDERS, "occurred_at": ["日期", "时间"]}, "constants": {"channel": "store"},
            "dates": "%d.%m.%Y", "currency": "EUR", "time_zone": "Europe/Berlin", "amount_unit": "minor",
            "bounds": {"quantity": 5, "earliest": "2001-01-01"}, "file": {"delimiter": ";", "columns": ["a", "b"]},
        }
    )  # fmt: skip
    file = tmp_path / "m.yaml"
    file.write_text(mapping.to_yaml(), encoding="utf-8")
    assert read_mapping(file) == mapping
    assert read_mapping(file).digest() == mapping.digest()
    assert mapping.bounds.earliest == dt.date(2001, 1, 1)


@pytest.mark.parametrize(
    ("text", "match"), [("a: [", "is not YAML"), ("- a", "holds no keys"), (None, "cannot be read")]
)
def test_unreadable_yaml(tmp_path: Path, text: str | None, match: str) -> None:
    file = tmp_path / "m.yaml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(MappingError, match=match):
        read_mapping(file)


def test_mappings_are_found_again_by_their_headers(tmp_path: Path) -> None:
    engine = open_state(tmp_path / "state.db")
    mapping = SourceMapping.from_dict({"table": "orders", "columns": ORDERS})
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    assert saved_mapping(engine, ["a", "b", "c", "d"]) is None
    save_mapping(engine, ["a", "b", "c", "d"], mapping, now=now)
    save_mapping(engine, ["a", "b", "c", "d"], mapping, now=now)
    assert saved_mapping(engine, ["D", "c", " b", "a"]) == mapping
    assert fingerprint(["a", "b"]) != fingerprint(["a", "c"])
    engine.dispose()


def test_mappings_lie_beside_their_source(tmp_path: Path) -> None:
    mapping = SourceMapping.from_dict({"table": "orders", "columns": ORDERS})
    file = tmp_path / "orders.csv"
    file.write_text("x")
    assert mapping_beside(str(file)) is None
    assert (
        write_beside(str(file), mapping, tmp_path / "shop") == tmp_path / "orders.csv.mapping.yaml"
    )
    assert mapping_beside(str(file)) == mapping
    assert beside(str(tmp_path)) == tmp_path / "mapping.yaml"
    assert beside("sqlite:///x#t") is None
    assert mapping_beside("sqlite:///x#t") is None
    assert write_beside("sqlite:///x#t", mapping, tmp_path / "shop").parent == tmp_path / "shop"
    assert (
        write_beside("/proc/none/x.csv", mapping, tmp_path / "shop")
        == tmp_path / "shop" / "x.csv.mapping.yaml"
    )


TAOBAO = {
    "table": "order_lines", "constants": {"amount_minor": "0"},
    "columns": {"customer_ref": "user_id", "product_id": "auction_id", "occurred_at": "day", "quantity": "buy_mount"},
}  # fmt: skip
INSTACART = {
    "table": "order_lines", "constants": {"amount_minor": "0", "occurred_at": "2017-01-01"},
    "columns": {"order_id": "order_id", "customer_ref": "user_id", "product_id": "product_id"},
}  # fmt: skip
GROCERIES = {
    "table": "order_lines", "anonymous": "keep", "file": {"layout": "baskets", "delimiter": ","},
    "constants": {"amount_minor": "0", "occurred_at": "2017-01-01"},
    "columns": {"order_id": "basket", "product_id": "item"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("file", "mapping", "table", "rows", "refused"),
    [
        ("cdnow/CDNOW_master.txt", None, "orders", 69_659, 0),
        (
            "taobao_mum_baby/sam_tianchi_mum_baby_trade_history.csv",
            TAOBAO,
            "order_lines",
            29_971,
            0,
        ),
        ("taobao_mum_baby/sam_tianchi_mum_baby.csv", None, "customers", 953, 0),
        ("instacart_sample/df_sample.csv", INSTACART, "order_lines", 150_000, 0),
        ("groceries_arules/groceries.csv", GROCERIES, "order_lines", 43_367, 0),
        ("telco_churn/Telco-Customer-Churn.csv", None, "customers", 7_043, 0),
        ("ecommerce_churn/E Commerce Dataset.xlsx", None, "customers", 5_630, 0),
    ],
)
def test_files_that_nobody_here_wrote(
    shop: Any, file: str, mapping: dict[str, Any] | None, table: str, rows: int, refused: int
) -> None:
    path = DATA / file
    if not path.exists():
        pytest.skip(f"reference data {path} is absent (set SHOPKEEPER_DATA)")
    report = shop.load(path, mapping)
    assert (report.table, report.rows_in, report.rows_quarantined) == (table, rows, refused)
    assert report.rows_admitted + report.rows_repeated == rows
