"""The nouns: errors, money, ids, moments, contracts, settings."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopkeeper.core import columns as c
from shopkeeper.core import errors, tables
from shopkeeper.core.clock import Window, day_start, from_us, parse_as_of, to_us, zone
from shopkeeper.core.errors import ContractError, InputError, NotFoundError, SettingsError
from shopkeeper.core.ids import content_id, unit_interval
from shopkeeper.core.money import Money, currency_code
from shopkeeper.core.settings import known_keys, load_settings


def test_error_tree_is_complete_and_coded() -> None:
    found = [x for x in vars(errors).values() if isinstance(x, type) and issubclass(x, Exception)]
    codes = [x.code for x in found]
    assert len(set(codes)) == len(codes)
    assert all(issubclass(x, errors.ShopkeeperError) for x in found)
    drawn = errors.__doc__ or ""
    assert all(x.__name__ in drawn for x in found)


@given(st.decimals(-(10**9), 10**9, places=2), st.sampled_from(["CNY", "USD"]))
def test_money_keeps_every_cent(amount: object, currency: str) -> None:
    money = Money.parse(str(amount), currency)
    assert money.major == amount
    assert (money + money - money) == money


@pytest.mark.parametrize(
    ("text", "code"), [("￥", "CNY"), ("rmb", "CNY"), ("HK$", "HKD"), ("usd", "USD")]
)
def test_currency_names(text: str, code: str) -> None:
    assert currency_code(text) == code


def test_money_refuses() -> None:
    with pytest.raises(InputError, match="unknown currency 'doubloon'"):
        currency_code("doubloon")
    with pytest.raises(InputError, match="not an amount"):
        Money.parse("twelve", "CNY")
    with pytest.raises(InputError, match="cannot add CNY and USD"):
        Money(1, "CNY") + Money(1, "USD")


@given(st.lists(st.text(), min_size=1), st.lists(st.text(), min_size=1))
def test_content_id_separates_its_parts(a: list[str], b: list[str]) -> None:
    assert (content_id(*a) == content_id(*b)) == (a == b)


def test_unit_interval_is_uniform_and_salted() -> None:
    values = [unit_interval("salt", i) for i in range(20_000)]
    assert 0.49 < sum(values) / len(values) < 0.51
    assert sum(v < 0.1 for v in values) / len(values) == pytest.approx(0.1, abs=0.01)
    assert unit_interval("salt", 1) != unit_interval("other", 1)


@given(st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))
def test_microseconds_round_trip(moment: datetime) -> None:
    assert from_us(to_us(moment)) == moment


def test_days_begin_in_the_shops_zone() -> None:
    assert day_start(date(2024, 11, 11), "Asia/Shanghai").isoformat() == "2024-11-10T16:00:00+00:00"
    assert parse_as_of("2024-11-11T08:00:00+08:00", "UTC").hour == 0
    with pytest.raises(InputError, match="'soon' is not a date"):
        parse_as_of("soon", "UTC")
    with pytest.raises(InputError, match="unknown time zone"):
        zone("Mars/Olympus")
    with pytest.raises(InputError, match="has no time zone"):
        to_us(datetime(2024, 1, 1))
    with pytest.raises(InputError, match="before it starts"):
        Window(datetime(2024, 1, 2, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC))


def test_every_column_has_one_spelling_and_two_languages() -> None:
    seen: dict[str, c.Column] = {}
    for contract in tables.ALL.values():
        assert contract.zh
        assert contract.en
        assert set(contract.key) <= set(contract.columns)
        assert set(contract.partition) <= set(contract.columns)
        for column in contract.columns:
            assert column.zh
            assert column.en
            assert seen.setdefault(str(column), column) is column


def test_contract_casts_and_fills() -> None:
    rows = pa.table({"product_id": ["a"], "price_minor": pa.array([3], pa.int32())})
    cast = tables.PRODUCTS.cast(rows, fill=True)
    assert cast.schema == tables.PRODUCTS.arrow_schema
    assert cast.column("price_minor").to_pylist() == [3]


def test_contract_refuses_with_the_reason() -> None:
    with pytest.raises(ContractError, match="has no column colour"):
        tables.PRODUCTS.cast(pa.table({"product_id": ["a"], "colour": ["red"]}), fill=True)
    with pytest.raises(ContractError, match="column name of table products is missing"):
        tables.PRODUCTS.cast(pa.table({"product_id": ["a"]}))
    with pytest.raises(ContractError, match="product_id of table products is empty in 1 rows"):
        tables.PRODUCTS.cast(pa.table({"product_id": pa.array([None], pa.string())}), fill=True)
    with pytest.raises(ContractError, match="price_minor of table products is string, not int64"):
        tables.PRODUCTS.cast(pa.table({"product_id": ["a"], "price_minor": ["x"]}), fill=True)
    with pytest.raises(NotFoundError, match="no table 'order'"):
        tables.contract("order")


def test_settings_later_wins(tmp_path: Path) -> None:
    file = tmp_path / "shopkeeper.toml"
    file.write_text('[shop]\nname = "一号店"\ncurrency = "CNY"\n', encoding="utf-8")
    settings = load_settings(
        file=file,
        environment={"SHOPKEEPER_SHOP__CURRENCY": "USD", "SHOPKEEPER_DATA": "x", "HOME": "y"},
        flags={"decide.budget": 10, "service.port": None},
    )
    assert (settings.shop.name, settings.shop.currency) == ("一号店", "USD")
    assert settings.decide.budget == 10
    json.loads(settings.model_dump_json())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[shop]\ncurency = 'CNY'", "unknown setting shop.curency"),
        ("[shop]\ncurrency = 'XXY'", "unknown currency"),
        ("[shop", "not valid TOML"),
        ("[decide]\nholdout = 2", "decide.holdout"),
        ("name = 'x'", "unknown setting name"),
    ],
)
def test_settings_refuse(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "shopkeeper.toml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(SettingsError, match=message):
        load_settings(file=file)


def test_settings_name_the_near_key_and_the_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="Did you mean decide.budget"):
        load_settings(flags={"decide.budgt": 1})
    with pytest.raises(SettingsError, match="there is no settings file"):
        load_settings(file=tmp_path / "none.toml")
    assert all(known_keys().values())
