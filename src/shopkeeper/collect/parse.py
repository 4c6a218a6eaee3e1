"""A chunk of raw records becomes typed rows of a table, and quarantined rows with a reason."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.collect import amounts, checks, dates
from shopkeeper.collect.mapping import EXTRA, FILLED, MOMENT, SourceMapping
from shopkeeper.collect.quarantine import Faults, Int64s
from shopkeeper.collect.sources.base import RawBatch
from shopkeeper.collect.text import by_distinct, joined, json_objects, plain, words
from shopkeeper.collect.vocabulary import CONSENTS
from shopkeeper.core import columns as c
from shopkeeper.core.clock import MICROSECONDS_PER_DAY, from_us
from shopkeeper.core.columns import Column
from shopkeeper.core.errors import InputError
from shopkeeper.core.money import currency_code
from shopkeeper.core.tables import ARROW_TYPES, TableContract

Bools = npt.NDArray[np.bool_]

IDS = frozenset({c.ORDER_ID, c.LINE_ID, c.PRODUCT_ID, c.EVENT_ID, c.TOUCH_ID, c.CAMPAIGN_ID,
                 c.OFFER_ID, c.CUSTOMER_REF, c.COUPON_ID, c.STORE_ID})  # fmt: skip
_DAMAGED = r"^\d(\.\d+)?[eE]\+\d{2}$"
_PREFIXED = r"^(crm|member_card|phone|email|device_id|anonymous|openid|unionid):"


@dataclass(frozen=True, slots=True)
class Parsed:
    """A chunk after parsing.

    Parameters
    ----------
    rows
        Typed columns of the contract (``gender`` still as written), only rows
        without fault; key columns that are derived are still null.
    numbers
        Row number of each row.
    raw
        The source's own columns of the same rows.
    faults
        Rows that are refused.
    blanked
        Optional values that could not be read: row position in ``rows``, column, text.
    """

    rows: pa.Table
    numbers: Int64s
    raw: pa.Table
    faults: Faults
    blanked: tuple[tuple[str, npt.NDArray[np.int64], pa.Array], ...]


def parse(batch: RawBatch, mapping: SourceMapping, *, now_us: int) -> Parsed:
    """Turn raw records into rows of the mapping's table.

    Parameters
    ----------
    batch
        As read.
    mapping
        Resolved: zone and currency set.
    now_us
        The moment of the load; later times are not believed.

    Returns
    -------
    Parsed
    """
    return _Parser(batch, mapping, now_us).run()


class _Parser:
    """One chunk on its way; columns are added one by one, faults noted as they appear."""

    def __init__(self, batch: RawBatch, mapping: SourceMapping, now_us: int) -> None:
        self.batch = batch
        self.mapping = mapping
        self.now_us = now_us
        self.contract: TableContract = mapping.contract
        self.n = batch.rows.num_rows
        self.faults = Faults(batch, mapping)
        self.columns: dict[str, pa.Array] = {}
        self.blanked: list[tuple[str, pa.Array, pa.Array]] = []
        self.required = {str(x) for x in (*self.contract.key, *self.contract.required)}

    def run(self) -> Parsed:
        """All columns, then the checks between them."""
        self._currency()
        for column in self.contract.columns:
            if column in self.columns or (column in FILLED and column not in self.mapping.columns):
                continue
            self.columns[str(column)] = self._column(column)
        self._extras()
        if self.contract.name in {"orders", "order_lines"}:
            checks.sales(self.columns, self._text(c.STATUS), self.faults, self.mapping)
        if self.contract.name == "footfall":
            checks.visitors(self.columns, self.faults)
        self._when()
        return self._result()

    # --- columns ---------------------------------------------------------------------------

    def _raw(self, column: str) -> pa.Array | pa.ChunkedArray | None:
        headers = self.mapping.columns.get(column)
        if headers is None:
            constant = self.mapping.default(column)
            return None if constant is None else pa.repeat(pa.scalar(constant), self.n)
        present = [self.batch.rows.column(h) for h in headers if h in self.batch.rows.column_names]
        if not present:
            return None
        if len(headers) == 1:
            return present[0]
        return joined([plain(x) for x in present], " ")

    def _text(self, column: str) -> pa.Array:
        raw = self._raw(column)
        return pa.nulls(self.n, pa.string()) if raw is None else plain(raw)

    def _column(self, column: Column) -> pa.Array:
        if column == c.CUSTOMER_REF:
            return self._customer()
        raw = self._raw(column)
        if raw is None:
            if column in self.required and not self._comes_later(column):
                self.faults.add(np.ones(self.n, dtype=bool), "missing_value", column, None)
            return pa.nulls(self.n, ARROW_TYPES[column.kind])
        if column.kind == "string" or column == c.GENDER:
            return self._string(column, plain(raw))
        values, reason = self._typed(column, raw)
        return self._judged(column, raw, values, reason)

    def _comes_later(self, column: str) -> bool:
        return column == c.KIND or column in FILLED or self.mapping.derives(column)

    def _string(self, column: Column, text: pa.Array) -> pa.Array:
        if column in IDS:
            damaged = _mask(pc.match_substring_regex(text, _DAMAGED))
            self.faults.add(damaged, "damaged_id", column, text)
        if column == c.STATUS and self.contract.name == "consents":
            known = words(text, CONSENTS)
            unknown = _mask(pc.and_(pc.is_valid(text), pc.is_null(known)))
            self.faults.add(unknown, "unknown_status", column, text)
            text = known
        if column in self.required and not self._comes_later(column):
            self.faults.add(_mask(pc.is_null(text)), "missing_value", column, None)
        return text

    def _typed(self, column: Column, raw: pa.Array | pa.ChunkedArray) -> tuple[pa.Array, str]:
        mapping = self.mapping
        if column.kind == "timestamp":
            return self._moments(raw).cast(ARROW_TYPES["timestamp"]), "bad_date"
        if column.kind == "date":
            days = pc.divide(self._moments(raw, zone_name="UTC"), MICROSECONDS_PER_DAY)
            return days.cast(pa.int32(), safe=False).cast(pa.date32()), "bad_date"
        if column.endswith("_minor"):
            found = amounts.minor_units(
                raw, self.columns[c.CURRENCY], unit=mapping.amount_unit, mark=mapping.decimal
            )
            return found, "bad_amount"
        values = amounts.numbers(raw, mark=mapping.decimal)
        if column == c.DISCOUNT_RATE and pa.types.is_string(raw.type):
            values = _with_percent(plain(raw), values, mapping)
        if column.kind != "float64":
            values = pc.round(values).cast(ARROW_TYPES[column.kind], safe=False)
        return values, "bad_number"

    def _moments(self, raw: pa.Array | pa.ChunkedArray, zone_name: str = "") -> pa.Array:
        style = self.mapping.dates
        return dates.moments(
            raw,
            zone_name=zone_name or self.mapping.time_zone,
            order="mdy" if style == "mdy" else "dmy",
            pattern=style if "%" in style else "",
        )

    def _judged(
        self, column: Column, raw: pa.Array | pa.ChunkedArray, values: pa.Array, reason: str
    ) -> pa.Array:
        """Note what is empty or unreadable; unreadable optional values become empty."""
        if not values.null_count:
            return values
        text = plain(raw)
        unread = pc.and_(pc.is_null(values), pc.is_valid(text))
        if column in self.required:
            self.faults.add(_mask(unread), reason, column, text)
            self.faults.add(_mask(pc.is_null(text)), "missing_value", column, None)
        elif pc.any(unread).as_py():
            self.blanked.append((str(column), unread, text))
        return values

    def _currency(self) -> None:
        if c.CURRENCY not in self.contract.columns:
            return
        if c.CURRENCY in self.mapping.columns:
            text = self._text(c.CURRENCY)
            codes = by_distinct(text, _codes)
            unknown = _mask(pc.and_(pc.is_valid(text), pc.is_null(codes)))
            self.faults.add(unknown, "unknown_currency", c.CURRENCY, text)
        else:
            mapped = [x for x in self.contract.columns if x in self.mapping.columns]
            money = [x for x in mapped if x.endswith("_minor")]
            raw = self._raw(money[0]) if money else None
            codes = pa.nulls(self.n, pa.string()) if raw is None else amounts.written_currency(raw)
        fallback = currency_code(self.mapping.constants.get(c.CURRENCY, self.mapping.currency))
        self.columns[c.CURRENCY] = pc.fill_null(codes, fallback)

    def _customer(self) -> pa.Array:
        text = self._string_checked()
        kind = self.mapping.customer_kind
        if kind == "email":
            text = pc.utf8_lower(text)
        if kind == "phone":
            text = pc.replace_substring_regex(text, r"[\s\-()]+", "")
        prefixed = pc.fill_null(pc.match_substring_regex(text, _PREFIXED), fill_value=False)
        refs = pc.if_else(prefixed, text, pc.binary_join_element_wise(kind, text, ":"))
        empty = pc.is_null(refs)
        if c.CUSTOMER_REF not in self.required or not pc.any(empty).as_py():
            return refs
        if self.mapping.anonymous == "keep":
            where = pc.fill_null(self._text(c.STORE_ID), "shop")
            return pc.if_else(empty, pc.binary_join_element_wise("anonymous", where, ":"), refs)
        self.faults.add(_mask(empty), "missing_customer", c.CUSTOMER_REF, None)
        return refs

    def _string_checked(self) -> pa.Array:
        text = self._text(c.CUSTOMER_REF)
        damaged = _mask(pc.match_substring_regex(text, _DAMAGED))
        self.faults.add(damaged, "damaged_id", c.CUSTOMER_REF, text)
        return text

    def _extras(self) -> None:
        target = EXTRA.get(self.contract.name)
        if target is None or target in self.mapping.columns or self.mapping.extra == "drop":
            return
        used = {h for names in self.mapping.columns.values() for h in names}
        left = [x for x in self.batch.rows.column_names if x not in used]
        self.columns[str(target)] = json_objects(self.batch.rows.select(left))

    def _when(self) -> None:
        """Time stamps must be believable; what follows from them is filled in."""
        moment = MOMENT.get(self.contract.name)
        if moment is None:
            return
        ts = self.columns[moment].cast(pa.int64())
        bounds = self.mapping.bounds
        earliest = (bounds.earliest - dt.date(1970, 1, 1)).days * MICROSECONDS_PER_DAY
        latest = self.now_us + bounds.future_hours * 3600 * 1_000_000
        text = self._text(moment)
        self.faults.add(_mask(pc.greater(ts, latest)), "future_date", moment, text)
        self.faults.add(_mask(pc.less(ts, earliest)), "ancient_date", moment, text)
        filled = time_columns(pc.fill_null(ts, 0), self.mapping.shop_zone or self.mapping.time_zone)
        for column in self.contract.columns:
            if column in filled:
                self.columns[str(column)] = filled[str(column)]
        if c.RECEIVED_AT in self.contract.columns and c.RECEIVED_AT not in self.columns:
            now = pa.scalar(from_us(self.now_us), ARROW_TYPES["timestamp"])
            self.columns[c.RECEIVED_AT] = pa.repeat(now, self.n)

    def _result(self) -> Parsed:
        good = self.faults.good()
        at = pa.array(np.flatnonzero(good))
        position = np.cumsum(good) - 1
        names = [str(x) for x in self.contract.columns if x in self.columns]
        rows = pa.table({x: self.columns[x] for x in names}).take(at)
        blanked = []
        for column, mask, text in self.blanked:
            kept = _mask(mask) & good
            if kept.any():
                where = np.flatnonzero(kept)
                blanked.append((column, position[where], text.take(pa.array(where))))
        return Parsed(
            rows,
            self.batch.numbers[good],
            self.batch.rows.take(at),
            self.faults,
            tuple(blanked),
        )


def time_columns(ts_us: pa.Array, zone_name: str) -> dict[str, pa.Array]:
    """The columns that follow from a moment, on the shop's wall clock.

    Parameters
    ----------
    ts_us
        UTC microseconds, no nulls.
    zone_name
        The shop's zone.

    Returns
    -------
    dict
        ``ts_us``, ``day``, ``month``, ``dow`` (1 Monday), ``hour``.

    Examples
    --------
    >>> got = time_columns(pa.array([0]), "Asia/Shanghai")
    >>> {k: v[0].as_py() for k, v in got.items() if k != "day"}
    {'ts_us': 0, 'month': '1970-01', 'dow': 4, 'hour': 8}
    """
    values = np.asarray(ts_us.to_numpy(zero_copy_only=False), dtype=np.int64)
    days, hours = dates.local_parts(values, zone_name)
    day = pa.array(days.astype(np.int32)).cast(pa.date32())
    month = by_distinct(day, lambda x: pc.strftime(x, format="%Y-%m"))
    return {
        str(c.TS_US): pa.array(values),
        str(c.DAY): day,
        str(c.MONTH): month,
        str(c.DOW): pa.array(((days + 3) % 7 + 1).astype(np.int8)),
        str(c.HOUR): pa.array(hours.astype(np.int8)),
    }


def _mask(found: pa.Array) -> Bools:
    return np.asarray(
        pc.fill_null(found, fill_value=False).to_numpy(zero_copy_only=False), dtype=bool
    )


def _codes(text: pa.Array) -> pa.Array:
    found: list[str | None] = []
    for value in text.to_pylist():
        try:
            found.append(None if value is None else currency_code(value))
        except InputError:
            found.append(None)
    return pa.array(found, pa.string())


def _with_percent(text: pa.Array, values: pa.Array, mapping: SourceMapping) -> pa.Array:
    percent = pc.fill_null(pc.ends_with(text, "%"), fill_value=False)
    bare = amounts.numbers(pc.utf8_rtrim(text, characters="% "), mark=mapping.decimal)
    return pc.if_else(percent, pc.divide(bare, 100.0), values)
