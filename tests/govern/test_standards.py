"""Standards of several countries, and forms that must not pass."""

from __future__ import annotations

import datetime as dt
import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopkeeper.govern import standards


def one(function, value, *more):
    return function(pa.array([value], pa.string()), *more)[0].as_py()


@pytest.mark.parametrize(
    ("written", "country", "standard"),
    [
        ("138 1234 5678", "CN", "+8613812345678"),
        ("+86 138-1234-5678", "US", "+8613812345678"),
        ("8613812345678", "CN", "+8613812345678"),
        ("(0755) 8660 1234", "CN", "+8675586601234"),
        ("400-820-8820", "CN", "+864008208820"),
        ("+86 0755 86601234", "CN", "+8675586601234"),
        ("12812345678", "CN", None),
        ("1381234567", "CN", None),
        ("1.38E+10", "CN", None),
        ("(415) 555-2671", "US", "+14155552671"),
        ("1-415-555-2671", "US", "+14155552671"),
        ("115-555-2671", "US", None),
        ("020 7946 0018", "GB", "+442079460018"),
        ("9123 4567", "HK", "+85291234567"),
        ("0044 20 7946 0018", "CN", "+442079460018"),
        ("12345678", "ZZ", None),
        (None, "CN", None),
    ],
)
def test_phone(written, country, standard):
    assert one(standards.phone, written, country) == standard


@pytest.mark.parametrize(
    ("written", "standard"),
    [
        ("a.b+c@sub.shop.com", "a.b+c@sub.shop.com"),
        ("ann@qq.com;", "ann@qq.com"),
        ("ann@-qq.com", None),
        (".ann@qq.com", None),
        ("ann@qq", None),
        ("ann bob@qq.com", "annbob@qq.com"),
        ("@", None),
    ],
)
def test_email(written, standard):
    assert one(standards.email, written) == standard


@pytest.mark.parametrize(
    "value", ["2023-02-29", "2023-13-01", "2023-00-10", "01/02/1990", "0000-01-01", "", "19901301"]
)
def test_days_that_do_not_exist(value):
    assert one(standards.iso_date, value) is None


@given(
    st.dates(dt.date(1, 1, 1), dt.date(9999, 12, 31)),
    st.sampled_from(
        ["{y:04}-{m}-{d}", "{y:04}年{m}月{d}日", "{y:04}{m:02}{d:02}", "{y:04}.{m:02}.{d:02} 10:00"]
    ),
)
def test_every_day_is_read_in_every_form(day, form):
    written = form.format(y=day.year, m=day.month, d=day.day)
    assert one(standards.iso_date, written) == day.isoformat()


@given(st.text(max_size=20), st.sampled_from(["CN", "US", "GB", "HK"]))
def test_what_comes_out_is_standard_and_stays(text, country):
    phone = one(standards.phone, text, country)
    email = one(standards.email, text)
    name = one(standards.name, text)
    if phone is not None:
        assert re.match(standards.PHONE_PATTERN, phone)
        assert one(standards.phone, phone, country) == phone
    if email is not None:
        assert one(standards.email, email) == email
    if name is not None:
        assert one(standards.name, name) == name


def test_on_unique_keeps_order_and_nulls():
    column = pa.chunked_array([["男", None], ["女", "男"]])
    assert standards.on_unique(column, standards.gender).to_pylist() == ["1", None, "2", "1"]


def test_half_width_survives_its_own_separator():
    values = pa.array(["Ａ\x1eＢ", None, "c", "１"])
    assert standards.half_width(values).to_pylist() == ["A B", None, "c", "1"]


def test_plausible_birth():
    days = pa.array([dt.date(1904, 12, 31), dt.date(1990, 1, 1), dt.date(2027, 1, 1), None])
    today = dt.date(2026, 1, 1)
    assert standards.plausible_birth(days, today).to_pylist() == [False, True, False, None]
