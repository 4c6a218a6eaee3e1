"""Reading orders, and the moment they are cut at, for the churn and value benches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv

from shopkeeper.apps.bench.rows import BenchOptions
from shopkeeper.core.errors import MappingError, NotEnoughDataError, SourceError
from shopkeeper.predict.history import DAY_US

__all__ = ["OrdersTask", "order_tasks", "read_orders"]

_CUSTOMER = (
    "customer_id",
    "customer",
    "user_id",
    "user",
    "cust_id",
    "member_id",
    "客户号",
    "会员号",
)
_TIME = (
    "time", "date", "ts_us", "timestamp", "order_time", "order_date", "invoicedate", "datetime",
    "下单时间", "日期",
)  # fmt: skip
_AMOUNT = (
    "amount", "dollar_value", "amount_minor", "value", "price", "revenue", "total", "sales", "金额",
)  # fmt: skip
_FORMATS = (
    "%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ",
    "%Y/%m/%d", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y%m%d", "%m/%d/%Y", "%m/%d/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S", "%d/%m/%Y", "%d/%m/%Y %H:%M", "%d.%m.%Y", "%d-%m-%Y", "%d-%m-%Y %H:%M",
)  # fmt: skip
_CDNOW_CUTOFF, _CDNOW_HORIZON = date(1997, 9, 30), 273
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class OrdersTask:
    """Orders and the window whose truth is held back.

    Parameters
    ----------
    data : str
        Name of the data.
    orders : pa.Table
        Columns `customer_id`, `ts_us`, `amount_minor`; past and truth.
    cutoff : date
        Last day of the past.
    horizon_days : int
        The truth is in (cutoff, cutoff + horizon].
    """

    data: str
    orders: pa.Table
    cutoff: date
    horizon_days: int

    @property
    def as_of_us(self) -> int:
        """Return the first moment after the cut-off day."""
        return ((self.cutoff - _EPOCH).days + 1) * DAY_US

    @property
    def protocol(self) -> str:
        """Return the protocol in words."""
        return f"past to {self.cutoff}, truth the {self.horizon_days} days after"


def order_tasks(options: BenchOptions, *, sample: bool) -> list[OrdersTask]:
    """Return what to measure on: the user's files, or CDNOW.

    Parameters
    ----------
    options : BenchOptions
        `inputs`, column names, `cutoff`, `horizon_days`, `data_folder`.
    sample : bool
        Whether the reference is the 1/10 sample of CDNOW instead of the whole file.

    Returns
    -------
    list[OrdersTask]
        One a file.

    Raises
    ------
    SourceError
        When a file cannot be read.
    MappingError
        When a column cannot be found or understood.
    NotEnoughDataError
        When the orders end before the horizon does.
    """
    if options.inputs:
        return [_user_task(path, options) for path in options.inputs]
    name = "CDNOW_sample.txt" if sample else "CDNOW_master.txt"
    columns = ("master", "customer", "date", "cds", "amount") if sample else (
        "customer", "date", "cds", "amount"
    )  # fmt: skip
    path = options.data_folder / "cdnow" / name
    words = _words(path)[0 if sample else 1 :]
    table = pa.table({column: [row[at] for row in words] for at, column in enumerate(columns)})
    orders = _orders(table, ("customer", "date", "amount"), path)
    cutoff = options.cutoff or _CDNOW_CUTOFF
    horizon = options.horizon_days or _CDNOW_HORIZON
    task = OrdersTask("cdnow sample" if sample else "cdnow master", orders, cutoff, horizon)
    return [_checked(task)]


def read_orders(path: Path, options: BenchOptions) -> pa.Table:
    """Read orders from CSV (comma, semicolon, tab or blanks) or Parquet.

    Parameters
    ----------
    path : Path
        The file; the first line names the columns.
    options : BenchOptions
        `customer`, `time`, `amount`: column names; guessed by common names where absent. Times are
        dates or moments in common writings, or seconds, milliseconds or microseconds since 1970;
        amounts are in major units, except in a column called `amount_minor`.

    Returns
    -------
    pa.Table
        Columns `customer_id`, `ts_us`, `amount_minor`.

    Raises
    ------
    SourceError
        When the file cannot be read.
    MappingError
        When a column is missing or not understood.
    """
    table = _table(path)
    names = (
        _column(table, options.customer, _CUSTOMER, "--customer", path),
        _column(table, options.time, _TIME, "--time", path),
        _column(table, options.amount, _AMOUNT, "--amount", path),
    )
    return _orders(table, names, path)


def _user_task(path: Path, options: BenchOptions) -> OrdersTask:
    orders = read_orders(path, options)
    if orders.num_rows == 0:
        raise NotEnoughDataError(
            f"{path.name} holds no order", next_step="export it again", path=str(path)
        )
    first = _EPOCH + timedelta(days=pc.min(orders["ts_us"]).as_py() // DAY_US)
    last = _EPOCH + timedelta(days=pc.max(orders["ts_us"]).as_py() // DAY_US)
    horizon = options.horizon_days
    if horizon is None:
        known = (last - options.cutoff).days if options.cutoff else (last - first).days // 3
        horizon = max(min(known, 90 if options.cutoff is None else known), 1)
    cutoff = options.cutoff or last - timedelta(days=horizon)
    return _checked(OrdersTask(path.stem, orders, cutoff, horizon))


def _checked(task: OrdersTask) -> OrdersTask:
    last = _EPOCH + timedelta(days=pc.max(task.orders["ts_us"]).as_py() // DAY_US)
    end = task.cutoff + timedelta(days=task.horizon_days)
    # the last days of a file may happen to be without orders
    if last < end - timedelta(days=max(3, task.horizon_days // 10)):
        raise NotEnoughDataError(
            f"the orders of {task.data} end on {last}, the horizon on {end}: the truth of the last "
            f"{(end - last).days} days is missing",
            next_step="choose an earlier --cutoff or a shorter --horizon",
            last=str(last),
            needed=str(end),
        )
    return task


def _words(path: Path) -> list[list[str]]:
    try:
        return [line.split() for line in path.read_text().splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(
            f"{path} cannot be read: {error}",
            next_step="check the path; reference data is looked for in $SHOPKEEPER_DATA",
            path=str(path),
        ) from error


def _table(path: Path) -> pa.Table:
    try:
        if path.suffix == ".parquet":
            return pq.read_table(path)
        with path.open(encoding="utf-8-sig", errors="replace") as stream:
            first = stream.readline().strip()
        mark = max((",", ";", "\t"), key=first.count)
        if mark in first:
            return csv.read_csv(path, parse_options=csv.ParseOptions(delimiter=mark))
    except (OSError, pa.ArrowInvalid) as error:
        raise SourceError(
            f"{path} cannot be read: {str(error).splitlines()[0]}",
            next_step="give a CSV or Parquet file whose first line names the columns",
            path=str(path),
        ) from error
    words = _words(path)
    if not words or any(len(row) != len(words[0]) for row in words):
        raise SourceError(
            f"{path} is no table: its lines differ in their number of columns",
            next_step="give a CSV or Parquet file whose first line names the columns",
            path=str(path),
        )
    return pa.table({name: [row[at] for row in words[1:]] for at, name in enumerate(words[0])})


def _column(
    table: pa.Table, named: str | None, common: Sequence[str], option: str, path: Path
) -> str:
    known = {name.strip().lower(): name for name in table.column_names}
    for name in common if named is None else (named,):
        if name in table.column_names:
            return name
        if name.lower() in known:
            return str(known[name.lower()])
    raise MappingError(
        f"{path.name} has no column {named or f'for {option}'}; it has "
        f"{', '.join(table.column_names)}",
        next_step=f"name it with {option} COL",
        path=str(path),
    )


def _orders(table: pa.Table, names: tuple[str, str, str], path: Path) -> pa.Table:
    customer, time, amount = (table[name] for name in names)
    try:
        number = amount.cast(pa.float64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise MappingError(
            f"column {names[2]} of {path.name} is no number: {str(error).splitlines()[0]}",
            next_step="name the column of amounts with --amount COL",
            path=str(path),
        ) from error
    minor = pc.round(pc.multiply(number, 1.0 if names[2] == "amount_minor" else 100.0))
    return pa.table(
        {
            "customer_id": customer.cast(pa.string()),
            "ts_us": _moments(time, names[1], path),
            "amount_minor": pc.fill_null(minor, 0.0).cast(pa.int64()),
        }
    )


def _moments(column: pa.ChunkedArray, name: str, path: Path) -> pa.ChunkedArray:
    """Bring times to microseconds since 1970."""
    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return column.cast(
            pa.timestamp("us", kind.tz if pa.types.is_timestamp(kind) else None)
        ).cast(pa.int64())
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        highest = pc.max(column).as_py() or 0
        if not 19_000_101 <= highest <= 21_001_231:
            unit = next((u for u in (1, 1_000, 1_000_000) if highest * u > 1e14), 1_000_000)
            values = np.asarray(column.to_numpy(), dtype=np.float64) * unit
            return pa.chunked_array([pa.array(values.astype(np.int64))])
        column = column.cast(pa.int64())
    text = pc.utf8_trim_whitespace(column.cast(pa.string()))
    for written in _FORMATS:
        parsed = pc.strptime(text, format=written, unit="us", error_is_null=True)
        if parsed.null_count == text.null_count:
            return parsed.cast(pa.int64())
    raise MappingError(
        f"column {name} of {path.name} is no date or moment that is understood, such as "
        f"{next((word for word in text.to_pylist() if word), '')!r}",
        next_step="write times as YYYY-MM-DD or YYYY-MM-DD HH:MM:SS",
        path=str(path),
    )
