from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopkeeper.collect.dates import day_month_order, has_open_order, local_parts, moments
from shopkeeper.core.clock import from_us, to_us

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY = dt.datetime(2024, 1, 31, tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-01-31", DAY),
        ("2024/1/31", DAY),
        ("31/01/2024", DAY),
        ("2024年1月31日", DAY),
        ("２０２４年１月３１日", DAY),
        ("20240131", DAY),
        ("45322", DAY),
        ("1706630400", DAY),
        ("1706630400000", DAY),
        ("2024-01-31 09:05:33.25", DAY.replace(hour=9, minute=5, second=33, microsecond=250_000)),
        ("2024年1月31日 9时5分", DAY.replace(hour=9, minute=5)),
        ("31/01/2024 9:05 PM", DAY.replace(hour=21, minute=5)),
        ("20240131093000", DAY.replace(hour=9, minute=30)),
        ("2024-01-31T09:05:33Z", dt.datetime(2024, 1, 31, 9, 5, 33, tzinfo=dt.UTC)),
        ("2024-01-31T09:05:33+05:30", dt.datetime(2024, 1, 31, 3, 35, 33, tzinfo=dt.UTC)),
        ("45322.5", DAY.replace(hour=12)),
    ],
)
def test_every_style_is_the_same_moment(text: str, moment: dt.datetime) -> None:
    found = moments(pa.array([text, "no date"]), zone_name="Asia/Shanghai").to_pylist()
    assert found == [to_us(moment), None]


@pytest.mark.parametrize(
    "text", ["2024-02-30", "2024-13-01", "32/01/2024", "2024-01", "2024", "25:00", "12", "abc", "-"]
)
def test_what_is_no_day_is_refused(text: str) -> None:
    assert moments(pa.array([text]), zone_name="UTC").to_pylist() == [None]


def test_order_of_day_and_month_follows_the_column() -> None:
    assert day_month_order(pa.array(["03/04/2024", "13/04/2024"])) == "dmy"
    assert day_month_order(pa.array(["03/04/2024", "04/13/2024"])) == "mdy"
    assert day_month_order(pa.array(["03/04/2024"])) is None
    assert has_open_order(pa.array(["03/04/2024"]))
    assert not has_open_order(pa.array(["2024-04-03"]))
    us = moments(pa.array(["03/04/2024"]), zone_name="UTC", order="mdy").to_pylist()[0]
    assert from_us(us).month == 3


def test_a_declared_format_reads_nothing_else() -> None:
    found = moments(pa.array(["31.01.24", "2024-01-31"]), zone_name="UTC", pattern="%d.%m.%y")
    assert found.to_pylist() == [to_us(dt.datetime(2024, 1, 31, tzinfo=dt.UTC)), None]


def test_summer_time_is_that_of_the_day() -> None:
    found = moments(pa.array(["2024-01-15 12:00", "2024-07-15 12:00"]), zone_name="Europe/Berlin")
    assert [from_us(x).hour for x in found.to_pylist()] == [11, 10]


def test_typed_columns_keep_their_moment() -> None:
    aware = pa.array([DAY.astimezone(dt.UTC)], pa.timestamp("ms", tz="UTC"))
    naive = pa.array([dt.datetime(2024, 1, 31)], pa.timestamp("s"))
    date = pa.array([dt.date(2024, 1, 31)])
    for column in (aware, naive, date):
        assert moments(column, zone_name="Asia/Shanghai").to_pylist() == [to_us(DAY)]


STYLES = (
    "%Y-%m-%d %H:%M:%S",
    "%Y/%m/%d %H:%M:%S",
    "%d/%m/%Y %H:%M:%S",
    "%Y年%m月%d日 %H:%M:%S",
    "%Y%m%d%H%M%S",
)


@given(
    st.lists(
        st.datetimes(dt.datetime(1971, 1, 1), dt.datetime(2069, 12, 31)), min_size=1, max_size=20
    ),
    st.sampled_from(["Asia/Shanghai", "UTC", "America/New_York", "Asia/Kolkata"]),
    st.data(),
)
def test_reading_what_was_written(days: list[dt.datetime], zone: str, data: st.DataObject) -> None:
    where = ZoneInfo(zone)
    days = [x.replace(microsecond=0, tzinfo=where) for x in days]
    days = [x for x in days if x.astimezone(dt.UTC).astimezone(where) == x and not _doubled(x)]
    text = [x.strftime(data.draw(st.sampled_from(STYLES))) for x in days]
    found = moments(pa.array(text, pa.string()), zone_name=zone).to_pylist()
    assert found == [to_us(x) for x in days]
    number, hour = local_parts(pa.array(found, pa.int64()).to_numpy(), zone)
    assert hour.tolist() == [x.hour for x in days]
    assert number.tolist() == [(x.date() - dt.date(1970, 1, 1)).days for x in days]


def _doubled(moment: dt.datetime) -> bool:
    """Whether the wall clock does not name one moment (skipped or shown twice)."""
    utc = moment.astimezone(dt.UTC)
    back = utc.astimezone(moment.tzinfo)
    return moment.replace(fold=0).utcoffset() != moment.replace(fold=1).utcoffset() or back.replace(
        tzinfo=None
    ) != moment.replace(tzinfo=None)
