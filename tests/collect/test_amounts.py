from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopkeeper.collect.amounts import (
    decimal_mark,
    decimals,
    minor_units,
    numbers,
    written_currency,
)
from shopkeeper.core.money import Money


@pytest.mark.parametrize(
    ("text", "fen"),
    [
        ("1,234.56", 123456),
        ("¥1,234.56", 123456),
        ("￥ 12", 1200),
        ("(1,234.50)", -123450),
        ("¥(5)", -500),
        ("5-", -500),
        ("-$3", -300),
        ("１２３．４", 12340),
        ("12元", 1200),
        ("1.2E+3", 120000),
        ("12,345,678.9", 1234567890),
        ("US$5", 500),
        ("+7", 700),
        (".5", 50),
        ("1.015", 102),
        ("1.005", 100),
        ("29.850000000000001", 2985),
        ("1,23", None),
        ("abc", None),
        ("12万", None),
        ("1e40", None),
        ("--5x", None),
    ],
)
def test_amounts_as_people_write_them(text: str, fen: int | None) -> None:
    # the second value keeps the whole column off the fast path
    found = minor_units(pa.array([text, "¥1,0"]), pa.array(["CNY", "CNY"]))
    assert found.to_pylist() == [fen, None]


def test_minor_units_follow_the_currency_of_the_row() -> None:
    codes = pa.array(["CNY", "JPY", "KWD"])
    assert minor_units(pa.array(["1.5", "150", "1.5"]), codes).to_pylist() == [150, 150, 1500]
    assert minor_units(pa.array(["150"]), pa.array(["CNY"]), unit="minor").to_pylist() == [150]


def test_typed_amounts_are_exact() -> None:
    money = pa.array([Decimal("12.345"), None])
    assert minor_units(money, pa.array(["CNY", "CNY"])).to_pylist() == [1234, None]
    assert minor_units(pa.array([0.1 + 0.2]), pa.array(["CNY"])).to_pylist() == [30]


def test_comma_as_decimal_mark() -> None:
    column = pa.array(["1.234,50", "7,5"])
    assert decimal_mark(column) == ","
    assert [float(x) for x in decimals(column, mark=",").to_pylist()] == [1234.5, 7.5]


def test_quantities_must_be_finite() -> None:
    assert numbers(pa.array(["1", "nan", "inf", "x", "2.5"])).to_pylist() == [
        1,
        None,
        None,
        None,
        2.5,
    ]
    assert numbers(pa.array([1.0, float("inf")])).to_pylist() == [1.0, None]


def test_signs_of_one_currency_only_are_believed() -> None:
    column = pa.array(["US$5", "¥3", "$3", "5 EUR", "7", None])
    assert written_currency(column).to_pylist() == ["USD", None, None, "EUR", None, None]


RENDER = (
    lambda x: f"{x:f}",
    lambda x: f"{x:,f}",
    lambda x: f"¥{x:,f}" if x >= 0 else f"-¥{-x:,f}",
    lambda x: f"({-x:,f})" if x < 0 else f"{x:f}元",
    lambda x: f"{x:f}".translate(str.maketrans("0123456789.", "０１２３４５６７８９．")),
    lambda x: f"{-x:f}-" if x < 0 else f"+{x:f}",
)


@given(
    st.lists(st.decimals(-(10**9), 10**9, places=3), min_size=1, max_size=20),
    st.sampled_from(["CNY", "JPY", "KWD"]),
    st.data(),
)
def test_reading_what_was_written(
    values: list[Decimal], currency: str, data: st.DataObject
) -> None:
    text = [data.draw(st.sampled_from(RENDER))(x) for x in values]
    found = minor_units(pa.array(text), pa.array([currency] * len(text)))
    assert found.to_pylist() == [Money.parse(x, currency).minor for x in values]
    exact = decimals(pa.array(text)).to_pylist()
    assert [x.quantize(Decimal("0.001"), ROUND_HALF_EVEN) for x in exact] == values
