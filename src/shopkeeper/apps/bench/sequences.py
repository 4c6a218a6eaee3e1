"""Reading histories and baskets from the files a bench is given."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv

from shopkeeper.apps.bench.rows import BenchOptions
from shopkeeper.core.errors import MappingError, SourceError
from shopkeeper.predict.recommend.interactions import Interactions

__all__ = ["read_baskets", "read_histories", "read_lines"]

_EARLIEST_SECONDS = 500_000_000
"""1985-11-05: smaller numbers only say the order."""

_USER = ("user", "user_id", "customer", "customer_id", "session", "sessionid", "session_id")
_ITEM = ("item", "item_id", "itemid", "product", "product_id")
_TIME = ("time", "timestamp", "ts", "ts_us", "date", "order_number")
_BASKET = ("basket", "basket_id", "order", "order_id", "transaction", "transaction_id", *_USER)


def read_lines(path: Path) -> list[str]:
    """Lines of a text file, plain or gzip, without line ends.

    Parameters
    ----------
    path
        UTF-8.

    Returns
    -------
    list of str
        Empty lines are left out.

    Raises
    ------
    SourceError
        If the file is missing, unreadable or empty.
    """
    try:
        with _open(path) as stream:
            lines = [line.strip() for line in stream if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(
            f"{path} cannot be read: {error}",
            next_step="check the path; reference data is looked for in $SHOPKEEPER_DATA",
            path=str(path),
        ) from error
    if not lines:
        raise SourceError(f"{path} is empty", next_step="export it again", path=str(path))
    return lines


def read_histories(path: Path, options: BenchOptions) -> Interactions:
    """Histories from ``user item item …`` lines in time order, or CSV/Parquet user, item, time.

    A file is taken as a table if it is Parquet, or if its first line has a separator of columns
    (comma, tab or semicolon).

    Parameters
    ----------
    path
        The file.
    options
        Names of the columns where they are not common ones.

    Returns
    -------
    Interactions
        Times in microseconds UTC where the table has dates or epoch seconds; None where its
        numbers only say the order (all below 500 million, such as order numbers).

    Raises
    ------
    SourceError
        If the file cannot be read.
    MappingError
        If a column cannot be found.
    """
    table = _table(path)
    if table is None:
        words = [line.split() for line in read_lines(path)]
        return Interactions.from_sequences([w[1:] for w in words], [w[0] for w in words])
    user = _column(table, options.customer, _USER, "--customer", path)
    item = _column(table, options.item, _ITEM, "--item", path)
    time = _column(table, options.time, _TIME, "--time", path)
    plain = pa.table({"u": table[user], "i": table[item], "t": _microseconds(table[time])})
    histories = Interactions.from_table(plain, customer="u", item="i", time="t")
    if pa.types.is_primitive(table[time].type) and _is_order_only(table[time]):
        return replace(histories, times=None)
    return histories


def _is_order_only(column: pa.ChunkedArray) -> bool:
    """Numbers too small to be seconds of our century: order numbers, ranks, weeks."""
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        return False
    largest = pc.max(column).as_py()
    return largest is None or largest < _EARLIEST_SECONDS


def read_baskets(path: Path, options: BenchOptions) -> Interactions:
    """Baskets: one a line with items between commas, or a table basket, item.

    Parameters
    ----------
    path
        The file. A CSV is a table if its first line names a basket and an item column.
    options
        ``customer`` names the basket column, ``item`` the item column.

    Returns
    -------
    Interactions
        One user a basket, all its items in one step.

    Raises
    ------
    SourceError
        If the file cannot be read.
    MappingError
        If a named column is missing.
    """
    named = options.customer is not None or options.item is not None
    table = _table(path)
    if table is not None and (named or _has_basket_columns(table)):
        basket = _column(table, options.customer, _BASKET, "--customer", path)
        item = _column(table, options.item, _ITEM, "--item", path)
        plain = pa.table({"b": table[basket], "i": table[item], "t": _zeros(table.num_rows)})
        return Interactions.from_table(plain, customer="b", item="i", time="t")
    lines = read_lines(path)
    # Lines without a comma anywhere hold items between blanks.
    commas = any("," in line for line in lines)
    cut = [line.split(",") if commas else line.split() for line in lines]
    lists = [[item.strip() for item in words if item.strip()] for words in cut]
    lengths = np.fromiter((len(words) for words in lists), np.int64, len(lists))
    basket_of = np.repeat(np.arange(len(lists)), lengths)
    flat = pa.array([item for words in lists for item in words], pa.string())
    plain = pa.table({"b": basket_of, "i": flat, "t": _zeros(len(flat))})
    return Interactions.from_table(plain, customer="b", item="i", time="t")


def _zeros(n: int) -> pa.Array:
    return pa.array(np.zeros(n, dtype=np.int64))


def _table(path: Path) -> pa.Table | None:
    try:
        if path.suffix == ".parquet":
            return pq.read_table(path)
        with _open(path) as stream:
            first: str = stream.readline().strip()
        mark = next((m for m in (",", "\t", ";") if m in first), None)
        if mark is None:
            return None
        names = first.split(mark)
        if len(set(names)) != len(names):
            return None
        return csv.read_csv(path, parse_options=csv.ParseOptions(delimiter=mark))
    except pa.ArrowInvalid:
        # Baskets have lines of different length: not a table.
        return None
    except OSError as error:
        raise SourceError(
            f"{path} cannot be read: {error}",
            next_step="check the path; reference data is looked for in $SHOPKEEPER_DATA",
            path=str(path),
        ) from error


def _open(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig")
    return path.open(encoding="utf-8-sig")


def _has_basket_columns(table: pa.Table) -> bool:
    names = {name.lower() for name in table.column_names}
    return bool(names & set(_BASKET)) and bool(names & set(_ITEM))


def _column(
    table: pa.Table, named: str | None, common: tuple[str, ...], option: str, path: Path
) -> str:
    by_lower = {name.strip().lower(): name for name in table.column_names}
    if named is not None:
        found = named if named in table.column_names else None
    else:
        found = next((by_lower[name] for name in common if name in by_lower), None)
    if found is not None:
        return str(found)
    raise MappingError(
        f"{path.name} has no column {named or f'for {option}'}; it has "
        f"{', '.join(table.column_names)}",
        next_step=f"name it with {option} COL",
        path=str(path),
    )


def _microseconds(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_string(kind):
        column = pc.cast(column, pa.timestamp("us"))
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        return column.cast(pa.timestamp("us")).cast(pa.int64())
    # Seconds since 1970 by custom of these data sets; an order number only needs its order.
    return pc.cast(pc.round(pc.multiply(column.cast(pa.float64()), 1e6)), pa.int64())
