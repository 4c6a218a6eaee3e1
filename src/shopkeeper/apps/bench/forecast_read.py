"""Reading series of a user's file: keys, times, values, and columns known ahead."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv

from shopkeeper.core.clock import to_us
from shopkeeper.core.errors import InputError, MappingError, SourceError
from shopkeeper.predict.forecast.grain import Grain, find_grain, grain_of_steps
from shopkeeper.predict.forecast.panel import Panel, make_panel
from shopkeeper.predict.history import Floats, Ints

__all__ = ["SeriesFile", "read_series", "series_panel"]

SERIES = ("unique_id", "series", "series_id", "store", "store_id", "shop", "item", "item_id", "sku",
          "product", "product_id", "brand", "retailer", "sensor", "dept", "department", "family",
          "category", "region", "city", "state", "门店", "商品", "品类")  # fmt: skip
TIMES = ("time", "timestamp", "date_time", "datetime", "date", "ds", "day", "week", "month",
         "period", "year", "hour", "日期", "时间", "周", "月")  # fmt: skip
VALUES = ("value", "y", "sales", "units", "units_sold", "quantity", "qty", "demand", "volume",
          "count", "visitors", "traffic", "amount", "revenue", "weekly_sales", "num_sold", "销量",
          "销售额", "客流")  # fmt: skip
AHEAD = re.compile(
    r"price|promo|deal|feat|disp|discount|coupon|markdown|holiday|event|onsale|on_sale|special|"
    r"open|closed|school|campaign|价|促销|折扣|券|节|假|活动|营业",
    re.IGNORECASE,
)
"""Names of what a shop decides or a calendar tells beforehand."""
FORMATS = (
    "%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ",
    "%Y/%m/%d", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y%m%d", "%Y-%m", "%Y/%m", "%m/%d/%Y",
    "%m/%d/%Y %H:%M", "%d/%m/%Y", "%d/%m/%Y %H:%M", "%d.%m.%Y", "%d-%m-%Y", "%b %Y", "%Y年%m月%d日",
    "%Y年%m月",
)  # fmt: skip
SAME = 0.97
MOST_LEVELS = 8
MOST_TRAITS = 3


@dataclass(frozen=True, slots=True)
class SeriesFile:
    """A file as a panel.

    Parameters
    ----------
    panel : Panel
        Series, values and columns known ahead.
    ahead : tuple[str, ...]
        Columns taken as known ahead.
    unused : tuple[str, ...]
        Columns left out, because nothing says that they are known ahead.
    notes : tuple[str, ...]
        What else was decided, in words.
    """

    panel: Panel
    ahead: tuple[str, ...]
    unused: tuple[str, ...]
    notes: tuple[str, ...]


def read_series(
    path: Path, *, series: Sequence[str] = (), time: str | None = None, value: str | None = None,
    exclude: Sequence[str] = (),
) -> SeriesFile:  # fmt: skip
    """Read a CSV (also compressed) or Parquet file.

    Parameters
    ----------
    path : Path
        The file; the first line names the columns.
    series : Sequence[str]
        Columns that name a series; guessed by common names where empty.
    time : str | None
        Column of times: dates, moments, or numbers of periods. Guessed; without one rows of a
        series are taken as successive periods.
    value : str | None
        Column that is forecast; guessed.
    exclude : Sequence[str]
        Columns not to read.

    Returns
    -------
    SeriesFile
        The panel, and what was made of the columns.

    Raises
    ------
    SourceError
        When the file cannot be read.
    MappingError
        When a column is missing or cannot be understood.
    InputError
        When rows lie in the future, or series and time do not tell rows apart.
    """
    table = _table(path)
    return series_panel(table, path.name, series=series, time=time, value=value, exclude=exclude)


def series_panel(
    table: pa.Table, name: str, *, series: Sequence[str] = (), time: str | None = None,
    value: str | None = None, exclude: Sequence[str] = (),
) -> SeriesFile:  # fmt: skip
    """Make a panel of a table; parameters as of `read_series`.

    Parameters
    ----------
    table : pa.Table
        Rows.
    name : str
        Name of the data, for errors.
    series : Sequence[str]
        Columns that name a series.
    time : str | None
        Column of times.
    value : str | None
        Column that is forecast.
    exclude : Sequence[str]
        Columns not to read.

    Returns
    -------
    SeriesFile
        The panel, and what was made of the columns.

    Raises
    ------
    InputError
        When the table has no row, or rows lie in the future.
    MappingError
        When a column is missing or cannot be understood.
    """
    if table.num_rows == 0:
        raise InputError(f"{name} has no row", next_step="give a file with rows")
    keys = [_named(table, column, "--series", name) for column in series]
    keys = keys or [x for x in table.column_names if x.lower() in SERIES and x not in exclude]
    taken = {*keys, *exclude}
    valued = _named(table, value, "--value", name) if value else _guess(table, VALUES, taken)
    if valued is None:
        raise MappingError(
            f"{name} has no column that looks like a value; it has {', '.join(table.column_names)}",
            next_step="name it with --value COL",
        )
    taken.add(valued)
    timed = _named(table, time, "--time", name) if time else _guess(table, TIMES, taken)
    numbers = _numbers(table[valued], valued, name)
    words = [_words(table[key]) for key in keys] or [np.full(table.num_rows, "all")]
    code = _codes(words)
    grain, position, notes = _axis(table, timed, code, numbers, name)
    taken.add(timed or "")
    known, ahead, unused = _ahead(table, [x for x in table.column_names if x not in taken], numbers)
    traits = _traits(table, unused, code)
    words += [_words(table[trait]) for trait in traits]
    unused = [x for x in unused if x not in traits]
    key_names = [*(keys or ["series"]), *traits]
    panel, repeats = make_panel(words, key_names, position, numbers, grain, known)
    if repeats:
        notes.append(f"{repeats} repeated periods averaged")
    return SeriesFile(panel, tuple(ahead), tuple(unused), tuple(notes))


def _table(path: Path) -> pa.Table:
    try:
        if path.suffix == ".parquet":
            return pq.read_table(path)
        with pa.input_stream(str(path), compression="detect") as stream:
            first = stream.read(4096).decode("utf-8-sig", errors="replace").splitlines()
        mark = max((",", ";", "\t"), key=(first or [""])[0].count)
        return csv.read_csv(path, parse_options=csv.ParseOptions(delimiter=mark))
    except (OSError, pa.ArrowInvalid) as error:
        raise SourceError(
            f"{path} cannot be read: {str(error).splitlines()[0]}",
            next_step="give a CSV or Parquet file whose first line names the columns",
            path=str(path),
        ) from error


def _named(table: pa.Table, column: str, option: str, name: str) -> str:
    known = {x.strip().lower(): x for x in table.column_names}
    found = known.get(column.strip().lower())
    if found is None:
        raise MappingError(
            f"{name} has no column {column}; it has {', '.join(table.column_names)}",
            next_step=f"name it with {option}",
            column=column,
        )
    return str(found)


def _guess(table: pa.Table, common: Sequence[str], taken: set[str]) -> str | None:
    known = {x.strip().lower(): x for x in table.column_names if x not in taken}
    return next((known[word] for word in common if word in known), None)


def _words(column: pa.ChunkedArray) -> np.ndarray[tuple[int], np.dtype[np.str_]]:
    text = pc.fill_null(column.cast(pa.string()), "")
    return np.asarray(text.to_numpy(zero_copy_only=False), dtype=str)


def _codes(words: Sequence[np.ndarray[tuple[int], np.dtype[np.str_]]]) -> Ints:
    code = np.zeros(len(words[0]), dtype=np.int64)
    for column in words:
        _, part = np.unique(column, return_inverse=True)
        code = code * (int(part.max()) + 1) + part
    return code


def _numbers(column: pa.ChunkedArray, named: str, name: str) -> Floats:
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    try:
        plain = column.cast(pa.float64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise MappingError(
            f"column {named} of {name} is no number: {str(error).splitlines()[0]}",
            next_step="name the column that is forecast with --value COL",
            column=named,
        ) from error
    return np.asarray(plain.to_numpy(zero_copy_only=False), dtype=np.float64)


def _axis(
    table: pa.Table, timed: str | None, code: Ints, values: Floats, name: str
) -> tuple[Grain, Ints, list[str]]:
    if timed is None:
        order = np.argsort(code, kind="stable")
        rank = np.arange(len(code)) - np.maximum.accumulate(
            np.where(np.diff(code[order], prepend=-1) != 0, np.arange(len(code)), 0)
        )
        position = np.empty(len(code), dtype=np.int64)
        position[order] = rank
        return Grain("step", 1, 0), position, ["no column of times: rows taken in order"]
    column = table[timed]
    moments = _moments(column, timed, name)
    if moments is None:
        number = np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False))
        _must_be_whole(number, timed, name)
        return *grain_of_steps(number.astype(np.int64), timed, code), []
    later = (moments > to_us(datetime.now(UTC))) & np.isfinite(values)
    if later.any():
        row = int(np.argmax(later))
        raise InputError(
            f"row {row + 1} of {name} lies in the future: {column[row].as_py()} "
            f"({int(later.sum()):,} such rows)",
            next_step=f"correct {timed}, or leave its value empty where nothing happened yet",
            row=row + 1,
        )
    return *find_grain(moments, code), []


def _must_be_whole(number: Floats, timed: str, name: str) -> None:
    bad = ~np.isfinite(number)
    if not bad.any():
        bad = number != np.round(number)
    if bad.any():
        row = int(np.argmax(bad))
        raise MappingError(
            f"row {row + 1} of {name} has no period in column {timed}: {number[row]}",
            next_step="write dates as YYYY-MM-DD, or number the periods",
            row=row + 1,
        )


def _moments(column: pa.ChunkedArray, timed: str, name: str) -> Ints | None:
    """Microseconds UTC, or None for numbered periods."""
    kind = column.type
    if pa.types.is_temporal(kind) and not pa.types.is_time(kind):
        if column.null_count:
            _missing(column, timed, name)
        zone = kind.tz if pa.types.is_timestamp(kind) else None
        whole = column.cast(pa.timestamp("us", zone)).cast(pa.int64())
        return np.asarray(whole.to_numpy(zero_copy_only=False))
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return _dated_numbers(column, timed)
    text = pc.utf8_trim_whitespace(column.cast(pa.string()))
    for written in FORMATS:
        parsed = pc.strptime(text, format=written, unit="us", error_is_null=True)
        if parsed.null_count == 0:
            return np.asarray(parsed.cast(pa.int64()).to_numpy(zero_copy_only=False))
    if text.null_count:
        _missing(column, timed, name)
    best = min(FORMATS, key=lambda x: pc.strptime(text, x, "us", error_is_null=True).null_count)
    parsed = pc.strptime(text, best, "us", error_is_null=True)
    row = int(np.argmax(np.asarray(parsed.is_null().to_numpy(zero_copy_only=False))))
    raise MappingError(
        f"row {row + 1} of {name}: {text[row].as_py()!r} in column {timed} is no date or moment",
        next_step="write times as YYYY-MM-DD or YYYY-MM-DD HH:MM:SS, or number the periods",
        row=row + 1,
    )


def _missing(column: pa.ChunkedArray, timed: str, name: str) -> None:
    row = int(np.argmax(np.asarray(column.is_null().to_numpy(zero_copy_only=False))))
    raise MappingError(
        f"row {row + 1} of {name} has no time in column {timed}",
        next_step="fill it, or leave the row out",
        row=row + 1,
    )


def _dated_numbers(column: pa.ChunkedArray, timed: str) -> Ints | None:
    """Numbers that are dates (20150131, 201501) or seconds since 1970; else None."""
    number = np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False))
    if not np.isfinite(number).all():
        return None
    low, high = number.min(), number.max()
    if low >= 19_000_101 and high <= 21_001_231:
        text = pc.cast(column, pa.int64()).cast(pa.string())
        parsed = pc.strptime(text, format="%Y%m%d", unit="us", error_is_null=True)
        if parsed.null_count == 0:
            return np.asarray(parsed.cast(pa.int64()).to_numpy(zero_copy_only=False))
    if low >= 190_001 and high <= 210_012 and np.all((number % 100 >= 1) & (number % 100 <= 12)):
        months = (number // 100 - 1970) * 12 + number % 100 - 1
        return _since_1970(months, "M")
    if low >= 1900 and high <= 2100 and "year" in timed.lower():
        return _since_1970(number - 1970, "Y")
    if low > 1e8:
        unit = next(u for u in (1_000_000, 1_000, 1) if high * u < 4.2e15 or u == 1)
        return (number * unit).astype(np.int64)
    return None


def _since_1970(count: Floats, unit: str) -> Ints:
    moments = count.astype(np.int64).astype(f"datetime64[{unit}]").astype("datetime64[us]")
    return np.asarray(moments.astype(np.int64))


def _ahead(
    table: pa.Table, candidates: Sequence[str], values: Floats
) -> tuple[dict[str, Floats], list[str], list[str]]:
    """Columns whose names say that they are known ahead, as numbers; the others' names."""
    known: dict[str, Floats] = {}
    ahead, unused = [], []
    for name in candidates:
        made = _as_numbers(table[name], name) if AHEAD.search(name) else None
        # A column that moves as the value does is the value in other words.
        if not made or any(_same(x, values) for x in made.values()):
            unused.append(name)
            continue
        known |= {key: column for key, column in made.items() if np.nanstd(column) > 0}
        ahead.append(name)
    return known, ahead, unused


def _as_numbers(column: pa.ChunkedArray, name: str) -> dict[str, Floats] | None:
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        plain = np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)
        return {name: plain} if np.isfinite(plain).any() else None
    words = _words(column)
    levels, count = np.unique(words, return_counts=True)
    if not 1 < len(levels) <= 50:
        return None
    often = levels[np.argsort(-count)][1:MOST_LEVELS]
    return {f"{name}={level}": (words == level).astype(np.float64) for level in often}


def _same(column: Floats, values: Floats) -> bool:
    both = np.isfinite(column) & np.isfinite(values)
    if both.sum() < 10 or np.std(column[both]) == 0 or np.std(values[both]) == 0:
        return False
    return abs(float(np.corrcoef(column[both], values[both])[0, 1])) > SAME


def _traits(table: pa.Table, candidates: Sequence[str], code: Ints) -> list[str]:
    """Text columns that say one thing about each series: its kind, its region."""
    found = []
    for name in candidates:
        if not (pa.types.is_string(table[name].type) or pa.types.is_large_string(table[name].type)):
            continue
        _, part = np.unique(_words(table[name]), return_inverse=True)
        size = int(part.max()) + 1
        pairs = np.unique(code * size + part)
        if 1 < size <= 50 and len(pairs) == len(np.unique(code)) > size:
            found.append(name)
    return found[:MOST_TRAITS]
