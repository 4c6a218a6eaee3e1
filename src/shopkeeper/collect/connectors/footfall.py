"""Counts of visitors: what a counter's export needs before it is mapped like any other table."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.collect.lexicon import headers_of, normal
from shopkeeper.collect.mapping import SourceMapping
from shopkeeper.collect.text import plain
from shopkeeper.core import columns as c

MOMENT = "shopkeeper.moment"
DATES = ("date", "day", "日期", "统计日期", "业务日期")
HOURS = ("hour", "hour_of_day", "time_slot", "小时", "时段", "时", "钟点")


def with_moment(rows: pa.Table) -> pa.Table:
    """Rows with one moment where date and hour stand in two columns.

    Parameters
    ----------
    rows
        As read.

    Returns
    -------
    pa.Table
        With the column ``shopkeeper.moment`` in place of the two, or as given.

    Examples
    --------
    >>> rows = pa.table({"日期": ["2026-01-02"], "小时": ["9"], "客流": ["31"]})
    >>> with_moment(rows).to_pylist()
    [{'客流': '31', 'shopkeeper.moment': '2026-01-02 09:00:00'}]
    """
    by_form = {normal(str(x)): str(x) for x in rows.column_names}
    date = next((by_form[x] for x in map(normal, DATES) if x in by_form), None)
    hour = next((by_form[x] for x in map(normal, HOURS) if x in by_form), None)
    if date is None or hour is None:
        return rows
    # "9", "09", "9:00" and "09:00-10:00" all begin with the hour.
    struck = pc.extract_regex(plain(rows.column(hour)), r"^(?P<hour>\d{1,2})")
    digits = pc.utf8_lpad(pc.struct_field(struck, "hour"), 2, "0")
    days = pc.replace_substring_regex(plain(rows.column(date)), r"[ T].*$", "")
    moment = pc.binary_join_element_wise(
        days, pc.binary_join_element_wise(digits, ":00:00", ""), " "
    )
    return rows.drop_columns([date, hour]).append_column(MOMENT, moment)


def column_words(header: str) -> str:
    """Contract column a header names exactly; empty if none."""
    form = normal(header)
    return next((k for k, names in headers_of("footfall").items() if form in names), "")


def by_hand(headers: list[str], source: str) -> SourceMapping | None:
    """The mapping if every header needed is named exactly; None leaves it to the guess.

    A counter without a store is its own store: many exports name only the counter.
    """
    found: dict[str, str] = {}
    wanted = headers_of("footfall")
    by_form = {normal(x): x for x in headers}
    for column in (c.VISITORS, c.OCCURRED_AT, c.STORE_ID, c.SENSOR):
        for form in wanted[column]:
            if form in by_form and by_form[form] not in found.values():
                found[str(column)] = by_form[form]
                break
    if MOMENT in headers:
        found[str(c.OCCURRED_AT)] = MOMENT
    if c.STORE_ID not in found and c.SENSOR in found:
        found[str(c.STORE_ID)] = found[str(c.SENSOR)]
    if not {c.VISITORS, c.OCCURRED_AT, c.STORE_ID} <= set(found):
        return None
    columns = {k: (v,) for k, v in found.items()}
    return SourceMapping("footfall", columns, source=source)
