"""Dates and times in the styles shops write them, read a column at a time.

Every value may be in its own style; only the order of day and month in values
such as ``03/04/2024`` is one decision for the column.
"""

from __future__ import annotations

import datetime as dt
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.collect.text import narrow, plain
from shopkeeper.core.clock import MICROSECONDS_PER_DAY, zone

Order = Literal["dmy", "mdy"]
Int64s = npt.NDArray[np.int64]

SECOND = 1_000_000
BIN_US = 900 * SECOND
"""Zone offsets only ever change at a quarter of an hour."""
EXCEL_EPOCH_DAYS = -25569
NONE = np.iinfo(np.int64).min
"""Marks a value that is no moment."""
_TIME = (
    r"(?:[T ,]*(?P<H>\d{1,2})\s*[:时点]\s*(?P<M>\d{1,2})"
    r"(?:\s*[:分]\s*(?P<S>\d{1,2})(?:[.,](?P<f>\d{1,9}))?)?\s*[秒分]?\s*(?P<ap>(?i:[ap]m))?"
    r"\s*(?P<z>Z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})?)?"
)
_YMD = rf"^(?P<y>\d{{4}})\s*[-/.年]\s*(?P<m>\d{{1,2}})\s*[-/.月]\s*(?P<d>\d{{1,2}})\s*日?{_TIME}$"
_XXY = rf"^(?P<a>\d{{1,2}})[-/.](?P<b>\d{{1,2}})[-/.](?P<y>\d{{4}}|\d{{2}}){_TIME}$"
_COMPACT = (
    r"^(?P<y>(?:19|20)\d{2})(?P<m>\d{2})(?P<d>\d{2})"
    r"(?:[ T]?(?P<H>\d{2}):?(?P<M>\d{2})(?::?(?P<S>\d{2}))?)?$"
)
_EPOCH = r"^\d{10}(?:\.\d+)?$|^\d{13}$|^\d{16}$"
_SERIAL = r"^\d{5}(?:\.\d+)?$"
_EITHER = r"^(\d{1,2})[-/.](\d{1,2})[-/.](?:\d{4}|\d{2})(?:\D.*)?$"


def day_month_order(values: pa.Array) -> Order | None:
    """What a column's own values say about the order of day and month.

    Parameters
    ----------
    values
        Text.

    Returns
    -------
    str or None
        ``dmy`` or ``mdy`` when some value is possible in one order only and none
        contradicts it by majority; None when no value decides.

    Examples
    --------
    >>> day_month_order(pa.array(["03/04/2024", "31/01/2024"]))
    'dmy'
    >>> day_month_order(pa.array(["03/04/2024"])) is None
    True
    """
    found = pc.extract_regex(narrow(values), r"^(?P<a>\d{1,2})[-/.](?P<b>\d{1,2})[-/.]\d{2,4}")
    first = pc.cast(pc.struct_field(found, "a"), pa.int32())
    second = pc.cast(pc.struct_field(found, "b"), pa.int32())
    day_first = pc.sum(pc.greater(first, 12)).as_py() or 0
    month_first = pc.sum(pc.greater(second, 12)).as_py() or 0
    if day_first == month_first:
        return None
    return "dmy" if day_first > month_first else "mdy"


def has_open_order(values: pa.Array) -> bool:
    """Whether any value leaves the order of day and month open."""
    return bool(pc.any(pc.match_substring_regex(narrow(values), _EITHER)).as_py())


def moments(
    column: pa.Array | pa.ChunkedArray, *, zone_name: str, order: Order = "dmy", pattern: str = ""
) -> pa.Array:
    """Moments of a column of dates.

    Reads ``2024-01-31``, ``2024/1/31``, ``2024.1.31``, ``2024年1月31日``, ``20240131``,
    ``31/01/2024`` or ``01/31/2024`` (by ``order``), each with or without a time of
    day (``9:05``, ``09:05:33.25``, ``9时5分``, ``PM``) and a zone (``Z``, ``+08:00``);
    Excel serial days, and Unix seconds, milliseconds and microseconds.

    Parameters
    ----------
    column
        Text, dates or timestamps. Without a zone, the shop's wall clock.
    zone_name
        IANA zone of values without their own.
    order
        Which comes first where both can be meant.
    pattern
        A ``strptime`` format; if given, nothing else is read.

    Returns
    -------
    pa.Array
        int64 microseconds since 1970 UTC; null where there is no such moment.

    Examples
    --------
    >>> got = moments(pa.array(["2024-01-31 08:00", "31/01/2024", "45322", "?"]), zone_name="UTC")
    >>> [None if x is None else x // 3_600_000_000 for x in got.to_pylist()]
    [474080, 474072, 474072, None]
    """
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        return _typed(_one(column), zone_name)
    text = plain(column)
    if pattern:
        return _by_pattern(text, pattern, zone_name)
    fast = _iso(text, zone_name)
    if fast is not None:
        return fast
    encoded = text.dictionary_encode()
    return _read(narrow(encoded.dictionary), zone_name, order).take(encoded.indices)


def local_parts(ts_us: Int64s, zone_name: str) -> tuple[Int64s, Int64s]:
    """Day number since 1970 and hour of the day on the shop's wall clock.

    Parameters
    ----------
    ts_us
        UTC microseconds.
    zone_name
        IANA zone.

    Returns
    -------
    tuple of ndarray
    """
    local = ts_us + _offsets(ts_us, zone_name, local=False)
    days = np.floor_divide(local, MICROSECONDS_PER_DAY)
    return days, np.floor_divide(local - days * MICROSECONDS_PER_DAY, 3600 * SECOND)


def _one(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _typed(column: pa.Array, zone_name: str) -> pa.Array:
    kind = column.type
    stamp = column.cast(pa.timestamp("us", tz=getattr(kind, "tz", None)), safe=False)
    us = stamp.cast(pa.int64())
    if getattr(kind, "tz", None):
        return us
    return _from_local(us, zone_name)


def _iso(text: pa.Array, zone_name: str) -> pa.Array | None:
    """The whole column at once where every value is plain ISO."""
    try:
        us = text.cast(pa.timestamp("us")).cast(pa.int64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None
    # A bare "2024" or "2024-01" is accepted by the cast but says no day.
    if (pc.min(pc.utf8_length(text)).as_py() or 10) < 10:
        return None
    return _from_local(us, zone_name)


def _by_pattern(text: pa.Array, pattern: str, zone_name: str) -> pa.Array:
    encoded = text.dictionary_encode()
    us = []
    for value in encoded.dictionary.to_pylist():
        try:
            moment = dt.datetime.strptime(value, pattern)  # noqa: DTZ007  zone follows
        except ValueError:
            us.append(NONE)
            continue
        moment = moment if moment.tzinfo else moment.replace(tzinfo=zone(zone_name))
        us.append((moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1))
    return _nullable(np.array(us, dtype=np.int64)).take(encoded.indices)


def _read(text: pa.Array, zone_name: str, order: Order) -> pa.Array:
    result = np.full(len(text), NONE, dtype=np.int64)
    for pattern in (_YMD, _XXY, _COMPACT):
        open_ = np.flatnonzero(result == NONE)
        if not len(open_):
            break
        parts = pc.extract_regex(text.take(pa.array(open_)), pattern)
        hit = pc.is_valid(parts).to_numpy(zero_copy_only=False)
        if hit.any():
            found = parts.filter(pa.array(hit))
            result[open_[hit]] = _assemble(found, zone_name, order, two_first=pattern is _XXY)
    _numbers(text, _EPOCH, result, _epoch)
    _numbers(text, _SERIAL, result, lambda x: _from_local_np(_serial(x), zone_name))
    return _nullable(result)


def _numbers(text: pa.Array, pattern: str, result: Int64s, convert: object) -> None:
    open_ = np.flatnonzero(result == NONE)
    if not len(open_):
        return
    some = text.take(pa.array(open_))
    hit = pc.fill_null(pc.match_substring_regex(some, pattern), fill_value=False)
    mask = hit.to_numpy(zero_copy_only=False)
    if mask.any():
        result[open_[mask]] = convert(some.filter(hit))  # type: ignore[operator]


def _epoch(text: pa.Array) -> Int64s:
    digits = pc.utf8_length(pc.replace_substring_regex(text, r"\..*$", "")).to_numpy()
    scale = np.where(digits == 10, SECOND, np.where(digits == 13, 1000, 1)).astype(np.int64)
    whole = pc.cast(pc.replace_substring_regex(text, r"\..*$", ""), pa.int64()).to_numpy()
    part = pc.cast(pc.replace_substring_regex(text, r"^\d+", "0"), pa.float64()).to_numpy()
    return np.asarray(whole * scale + np.rint(part * scale).astype(np.int64))


def _serial(text: pa.Array) -> Int64s:
    days = pc.cast(text, pa.float64()).to_numpy()
    whole = np.floor(days)
    seconds = np.rint((days - whole) * 86400)
    us = (whole.astype(np.int64) + EXCEL_EPOCH_DAYS) * MICROSECONDS_PER_DAY
    return np.asarray(us + seconds.astype(np.int64) * SECOND)


def _assemble(parts: pa.StructArray, zone_name: str, order: Order, *, two_first: bool) -> Int64s:
    names = {x.name for x in parts.type}

    def number(name: str) -> Int64s:
        if name not in names:
            return np.zeros(len(parts), dtype=np.int64)
        text = pc.struct_field(parts, name)
        filled = pc.if_else(pc.equal(text, ""), "0", text)
        return np.asarray(pc.cast(filled, pa.int64()).to_numpy(zero_copy_only=False))

    year = number("y")
    if two_first:
        first, second = number("a"), number("b")
        day, month = (first, second) if order == "dmy" else (second, first)
        year = np.where(year < 100, np.where(year < 70, 2000 + year, 1900 + year), year)
    else:
        month, day = number("m"), number("d")
    hour, minute, second_ = number("H"), number("M"), number("S")
    if "ap" in names:
        mark = pc.utf8_lower(pc.struct_field(parts, "ap")).to_numpy(zero_copy_only=False)
        hour = np.where(mark == "pm", hour % 12 + 12, np.where(mark == "am", hour % 12, hour))
    days, valid = _day_number(year, month, day)
    valid &= (hour < 24) & (minute < 60) & (second_ < 60)
    us = days * MICROSECONDS_PER_DAY + ((hour * 60 + minute) * 60 + second_) * SECOND
    if "f" in names:
        fraction = pc.struct_field(parts, "f")
        digits = pc.utf8_slice_codeunits(pc.utf8_rpad(fraction, 6, "0"), 0, 6)
        us = us + pc.cast(digits, pa.int64()).to_numpy(zero_copy_only=False)
    written = pc.struct_field(parts, "z") if "z" in names else None
    us = _with_zone(us, written, zone_name)
    return np.asarray(np.where(valid, us, NONE))


def _with_zone(us: Int64s, written: pa.Array | None, zone_name: str) -> Int64s:
    local = _from_local_np(us, zone_name)
    if written is None or not pc.any(pc.not_equal(written, "")).as_py():
        return local
    text = pc.replace_substring(pc.replace_substring_regex(written, "Z|UTC|GMT", "+0000"), ":", "")
    none = pc.equal(text, "").to_numpy(zero_copy_only=False)
    text = pc.utf8_rpad(pc.if_else(pc.equal(text, ""), "+0000", text), 5, "0")
    sign = np.where(pc.starts_with(text, "-").to_numpy(zero_copy_only=False), -1, 1)
    hours = pc.cast(pc.utf8_slice_codeunits(text, 1, 3), pa.int64()).to_numpy()
    minutes = pc.cast(pc.utf8_slice_codeunits(text, 3, 5), pa.int64()).to_numpy()
    return np.asarray(np.where(none, local, us - sign * (hours * 60 + minutes) * 60 * SECOND))


def _day_number(year: Int64s, month: Int64s, day: Int64s) -> tuple[Int64s, npt.NDArray[np.bool_]]:
    """Days since 1970 and whether there is such a day."""
    valid = (month >= 1) & (month <= 12) & (day >= 1) & (year >= 1) & (year <= 9999)
    safe_year, safe_month = np.where(valid, year, 1970), np.where(valid, month, 1)
    months = (safe_year - 1970) * 12 + (safe_month - 1)
    first = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    after = (months + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    valid &= day <= after - first
    return first + day - 1, valid


def _from_local(us: pa.Array, zone_name: str) -> pa.Array:
    values = pc.fill_null(us, NONE).to_numpy(zero_copy_only=False)
    known = values != NONE
    moved = np.where(known, _from_local_np(np.where(known, values, 0), zone_name), NONE)
    return _nullable(moved)


def _from_local_np(us: Int64s, zone_name: str) -> Int64s:
    return np.asarray(us - _offsets(us, zone_name, local=True))


def _offsets(us: Int64s, zone_name: str, *, local: bool) -> Int64s:
    """Offset from UTC in microseconds of each moment, looked up once per quarter of an hour.

    The first of two equal wall-clock times is meant; one that was skipped is read
    with the offset before the change.
    """
    if zone_name == "UTC":
        return np.zeros(len(us), dtype=np.int64)
    bins, index = np.unique(np.floor_divide(us, BIN_US), return_inverse=True)
    where = zone(zone_name)
    epoch = dt.datetime(1970, 1, 1, tzinfo=None if local else dt.UTC)
    found = np.zeros(len(bins), dtype=np.int64)
    for at, bin_ in enumerate(bins.tolist()):
        try:
            moment = epoch + dt.timedelta(microseconds=bin_ * BIN_US)
        except OverflowError:
            continue
        seen = moment.replace(tzinfo=where) if local else moment.astimezone(where)
        found[at] = (seen.utcoffset() or dt.timedelta()) // dt.timedelta(microseconds=1)
    return np.asarray(found[index])


def _nullable(us: Int64s) -> pa.Array:
    return pa.array(us, mask=us == NONE)
