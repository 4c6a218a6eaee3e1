"""Measure the quality of the loaded tables: many aggregates in one pass over each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.core import columns as c
from shopkeeper.core import tables as t
from shopkeeper.core.columns import Column
from shopkeeper.core.money import EXPONENTS
from shopkeeper.core.ports import TableStore
from shopkeeper.core.settings import Settings
from shopkeeper.core.tables import QUALITY, TableContract
from shopkeeper.govern import sentences, standards
from shopkeeper.govern.drift import drift
from shopkeeper.govern.indicators import GOVERNED, INDICATORS, PROFILE_COLUMNS
from shopkeeper.govern.vocabulary import CHANNELS

WINDOW_DAYS = 28
"""Length of a month for comparisons: whole weeks, so that weekdays weigh alike."""
DAY_US = 86_400_000_000
AMOUNT_TOLERANCE = 0.01
TIMED = (t.ORDERS, t.ORDER_LINES, t.EVENTS)
KEYED = (*TIMED, t.PRODUCTS, t.CUSTOMERS, t.TOUCHES, t.CONSENTS, t.OFFERS)
DRIFTING = (c.AMOUNT_MINOR, c.CHANNEL, c.HOUR, c.DOW, c.STORE_ID, c.KIND)


@dataclass(frozen=True, slots=True)
class Moment:
    """When the run is.

    Parameters
    ----------
    as_of
        The moment we pretend it is: end of the months compared.
    now
        The clock's moment: what is dated after it cannot be.
    """

    as_of: datetime
    now: datetime

    @property
    def as_of_us(self) -> int:
        """Microseconds since 1970."""
        return int(self.as_of.timestamp() * 1_000_000)

    @property
    def now_us(self) -> int:
        """Microseconds since 1970."""
        return int(self.now.timestamp() * 1_000_000)

    @property
    def month_us(self) -> tuple[int, int, int]:
        """Start of the earlier month, border, end of the later one."""
        end, step = self.as_of_us, WINDOW_DAYS * DAY_US
        return end - 2 * step, end - step, end


@dataclass(frozen=True, slots=True)
class Finding:
    """One measured indicator.

    Parameters
    ----------
    indicator
        Key.
    table
        Table measured; ``all`` for all together.
    column
        Column; empty for the table as a whole.
    value
        In the unit of the indicator.
    rows
        Rows or values counted.
    threshold
        The line held against; None takes the indicator's own.
    """

    indicator: str
    table: str
    column: str
    value: float
    rows: int
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class _Measure:
    indicator: str
    column: str
    part: ibis.Value
    whole: ibis.Value


def measure(tables: TableStore, *, settings: Settings, moment: Moment, run_id: str) -> pa.Table:
    """All indicators of the loaded tables.

    Parameters
    ----------
    tables
        The lake; tables without rows are left out.
    settings
        The shop's currency.
    moment
        End of the months compared, and the clock.
    run_id
        Recorded with each row.

    Returns
    -------
    pa.Table
        Contract ``quality``, sorted by indicator, table and column.
    """
    present = [x for x in t.LOADED if tables.exists(x) and tables.count(x) > 0]
    found: list[Finding] = []
    for contract in present:
        found += _one_pass(tables, contract, settings, moment)
    found += _totals(found)
    found += _references(tables, present)
    for contract in (x for x in present if x in TIMED):
        found += _repeats(tables, contract)
        found += _outliers(tables, contract)
        found += _months(tables, contract, moment)
    if t.ORDERS in present and t.ORDER_LINES in present:
        found += _order_amounts(tables)
    if tables.exists(t.LOADS):
        found += _admitted(tables)
    return _rows(found, moment, run_id)


def _rows(found: list[Finding], moment: Moment, run_id: str) -> pa.Table:
    found = sorted(found, key=lambda x: (x.indicator, x.table, x.column))
    lines = [
        INDICATORS[x.indicator].threshold if x.threshold is None else x.threshold for x in found
    ]
    passed = [
        INDICATORS[x.indicator].passes(x.value, line) for x, line in zip(found, lines, strict=True)
    ]
    said = [
        sentences.finding(x, line, ok) for x, line, ok in zip(found, lines, passed, strict=True)
    ]
    columns = [
        [run_id] * len(found), [moment.as_of] * len(found), [x.indicator for x in found],
        [x.table for x in found], [x.column for x in found], [x.value for x in found], lines,
        passed, [x.rows for x in found], [zh for zh, _ in said], [en for _, en in said],
    ]  # fmt: skip
    schema = QUALITY.arrow_schema
    arrays = [pa.array(x, f.type) for x, f in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _one_pass(
    tables: TableStore, contract: TableContract, settings: Settings, moment: Moment
) -> list[Finding]:
    rows = tables.table(contract)
    measures = [
        *_completeness(contract, rows, moment),
        *_validity(contract, rows, settings, moment),
        *_times(contract, rows, moment),
    ]
    if not measures:
        return []
    parts = {f"p{i}": x.part.cast("float64") for i, x in enumerate(measures)}
    wholes = {f"w{i}": x.whole.cast("int64") for i, x in enumerate(measures)}
    result = tables.run(rows.agg(**parts, **wholes)).to_pylist()[0]
    found = []
    for i, x in enumerate(measures):
        part, whole = result[f"p{i}"], result[f"w{i}"]
        if part is None or not whole:
            continue
        filled = x.indicator in {"completeness", "coverage"}
        if filled and part == 0 and x.column not in contract.required:
            continue  # no source delivers the column
        value = part if x.indicator in {"freshness", "completeness_drop"} else part / whole
        found.append(Finding(x.indicator, contract.name, x.column, value, whole))
    return found


def _completeness(contract: TableContract, rows: ibis.Table, moment: Moment) -> Iterator[_Measure]:
    everything = ibis._.count()
    governed = GOVERNED.get(contract.name, ())
    for column in governed:
        yield _Measure("completeness", column, rows[column].count(), everything)
    if contract is t.CUSTOMERS:
        for column in PROFILE_COLUMNS:
            yield _Measure("coverage", column, rows[column].count(), everything)
    if contract in TIMED:
        start, border, end = moment.month_us
        now = (rows[c.TS_US] >= border) & (rows[c.TS_US] < end)
        before = (rows[c.TS_US] >= start) & (rows[c.TS_US] < border)
        for column in dict.fromkeys((*governed, c.STORE_ID, c.SESSION_ID)):
            if column in rows.columns and column not in {*contract.required, *contract.key}:
                filled = rows[column].notnull()
                then = (filled & before).sum() / before.sum().cast("float64").nullif(0)
                lately = (filled & now).sum() / now.sum().cast("float64").nullif(0)
                fell = ibis.greatest(then - lately, ibis.literal(0).cast("float64"))
                yield _Measure("completeness_drop", column, fell, now.sum())


def _validity(
    contract: TableContract, rows: ibis.Table, settings: Settings, moment: Moment
) -> Iterator[_Measure]:
    def valid(indicator: str, column: Column, good: ibis.Value) -> _Measure:
        return _Measure(indicator, column, good.sum(), rows[column].count())

    for column in (x for x in contract.columns if x in {c.PHONE, c.EMAIL}):
        pattern = standards.PHONE_PATTERN if column == c.PHONE else standards.EMAIL_PATTERN
        yield valid(f"validity_{column}", column, rows[column].re_search(pattern))
    if c.GENDER in contract.columns:
        yield valid("validity_gender", c.GENDER, rows[c.GENDER].isin([1, 2, 9]))
    if c.BIRTH_DATE in contract.columns:
        born = rows[c.BIRTH_DATE]
        today = ibis.literal(moment.now.date() + timedelta(days=1))
        plausible = (born >= ibis.literal(standards.OLDEST_BIRTH)) & (born <= today)
        yield valid("validity_birth_date", c.BIRTH_DATE, plausible)
    if c.CURRENCY in contract.columns:
        yield valid("validity_currency", c.CURRENCY, rows[c.CURRENCY].isin(sorted(EXPONENTS)))
        yield valid("one_currency", c.CURRENCY, rows[c.CURRENCY] == settings.shop.currency)
    if c.CHANNEL in contract.columns:
        known = sorted(set(CHANNELS.values()))
        yield valid("validity_channel", c.CHANNEL, rows[c.CHANNEL].isin(known))
    if contract in {t.ORDERS, t.ORDER_LINES}:
        amount, is_return = rows[c.AMOUNT_MINOR], rows[c.KIND] == "return"
        right = is_return.ifelse(amount <= 0, amount >= 0)
        yield valid("amount_signs", c.AMOUNT_MINOR, right)
    if contract is t.ORDER_LINES:
        yield valid("quantity_zero", c.QUANTITY, rows[c.QUANTITY] == 0)
    if contract in KEYED:
        key = rows[contract.key[0]].cast("string")
        for column in contract.key[1:]:
            key = key.concat("|", rows[column].cast("string"))
        yield _Measure("uniqueness_key", "", key.nunique(), ibis._.count())


def _times(contract: TableContract, rows: ibis.Table, moment: Moment) -> Iterator[_Measure]:
    if contract not in TIMED:
        return
    ts = rows[c.TS_US]
    newest = ts.max(where=ts < moment.as_of_us)
    age = (ibis.literal(moment.as_of_us) - newest).cast("float64") / float(DAY_US)
    yield _Measure("freshness", c.TS_US, age, ibis._.count())
    yield _Measure("future", c.TS_US, (ts > moment.now_us + DAY_US).sum(), ibis._.count())


def _totals(found: list[Finding]) -> Iterator[Finding]:
    for total, keys in (
        ("completeness_overall", ("completeness",)),
        ("accuracy", tuple(x for x in INDICATORS if x.startswith("validity_"))),
    ):
        parts = [x for x in found if x.indicator in keys]
        whole = sum(x.rows for x in parts)
        if whole:
            yield Finding(total, "all", "", sum(x.value * x.rows for x in parts) / whole, whole)


def _references(tables: TableStore, present: list[TableContract]) -> Iterator[Finding]:
    wanted = [
        ("reference_products", t.ORDER_LINES, c.PRODUCT_ID, t.PRODUCTS, True),
        ("reference_customers", t.ORDERS, c.CUSTOMER_REF, t.CUSTOMERS, False),
        ("reference_customers", t.ORDER_LINES, c.CUSTOMER_REF, t.CUSTOMERS, False),
    ]
    for indicator, child, column, parent, by_row in wanted:
        if child not in present or parent not in present:
            continue
        used = tables.table(child).group_by(column).agg(n=ibis._.count())
        known = tables.table(parent).select(known=column).distinct()
        joined = used.left_join(known, used[column] == known["known"]).select("n", "known")
        weight = joined["n"] if by_row else ibis.literal(1).cast("int64")
        counted = joined.select(weight=weight, hit=joined["known"].notnull())
        row = tables.run(
            counted.agg(
                part=counted["weight"].sum(where=counted["hit"]).coalesce(0).cast("int64"),
                whole=counted["weight"].sum().cast("int64"),
            )
        ).to_pylist()[0]
        if row["whole"]:
            share = row["part"] / row["whole"]
            yield Finding(indicator, child.name, column, share, row["whole"])


def _repeats(tables: TableStore, contract: TableContract) -> Iterator[Finding]:
    rows = tables.table(contract)
    same = {
        t.ORDERS: (c.CUSTOMER_REF, c.KIND, c.STORE_ID, c.TS_US, c.AMOUNT_MINOR),
        t.ORDER_LINES: (c.ORDER_ID, c.PRODUCT_ID, c.TS_US, c.QUANTITY, c.AMOUNT_MINOR),
        t.EVENTS: (c.KIND, c.CUSTOMER_REF, c.ANONYMOUS_ID, c.PRODUCT_ID, c.PAGE, c.TS_US),
    }[contract]
    groups = rows.group_by([*map(str, same)]).agg(n=ibis._.count())
    row = tables.run(
        groups.agg(whole=groups["n"].sum().cast("int64"), kinds=ibis._.count())
    ).to_pylist()[0]
    if row["whole"]:
        share = (row["whole"] - row["kinds"]) / row["whole"]
        yield Finding("duplicates", contract.name, "", share, row["whole"])


def _outliers(tables: TableStore, contract: TableContract) -> Iterator[Finding]:
    if contract is t.EVENTS:
        return
    rows = tables.table(contract)
    sales = rows.filter((rows[c.KIND] == "sale") & (rows[c.AMOUNT_MINOR] > 0))
    logs = sales.select(x=sales[c.AMOUNT_MINOR].cast("float64").ln())
    # A histogram of a hundredth of a log unit stands in for the rows: quartiles to 1 %.
    binned = logs.select(bin=(logs["x"] * 100).floor().cast("int64"))
    counted = tables.run(binned.group_by("bin").agg(n=ibis._.count()).order_by("bin"))
    if counted.num_rows == 0:
        return
    at, n = (counted[x].to_numpy().astype(np.float64) for x in ("bin", "n"))
    low, high = (at[np.searchsorted(np.cumsum(n), q * n.sum())] for q in (0.25, 0.75))
    reach = 3.0 * max(high - low, 10.0)
    far = n[(at < low - reach) | (at > high + reach)].sum()
    yield Finding("outliers", contract.name, c.AMOUNT_MINOR, far / n.sum(), int(n.sum()))


def _months(tables: TableStore, contract: TableContract, moment: Moment) -> Iterator[Finding]:
    start, border, end = moment.month_us
    rows = tables.table(contract)
    inside = rows.filter((rows[c.TS_US] >= start) & (rows[c.TS_US] < end))
    if contract is not t.EVENTS:
        inside = inside.filter(inside[c.KIND] == "sale")
    late = (inside[c.TS_US] >= border).ifelse(1, 0).cast("int64")
    daily = inside.select(late=late, day=(inside[c.TS_US] - start) // DAY_US)
    days = tables.run(daily.group_by(["late", "day"]).agg(n=ibis._.count()))
    counts = np.zeros(2 * WINDOW_DAYS)
    counts[days["day"].to_numpy().astype(np.int64)] = days["n"].to_numpy()
    before, now = counts[:WINDOW_DAYS], counts[WINDOW_DAYS:]
    if not before.any():
        return
    total = int(counts.sum())
    yield Finding("volume", contract.name, "", abs(now.sum() / before.sum() - 1), total)
    yield Finding("days_missing", contract.name, c.DAY, float((now == 0).sum()), WINDOW_DAYS)
    who = inside[c.CUSTOMER_REF]
    if contract is t.EVENTS:
        who = who.coalesce(inside[c.ANONYMOUS_ID])
    people = inside.select(late=late, who=who)
    units = tables.run(people.group_by("late").agg(n=people["who"].nunique()).order_by("late"))
    if units.num_rows < 2:
        return
    per_month = (float(units["n"][0].as_py()), float(units["n"][1].as_py()))
    parts = []
    for column in DRIFTING:
        if column not in rows.columns or (contract is not t.EVENTS and column == c.KIND):
            continue
        value = inside[column]
        if column == c.AMOUNT_MINOR:
            value = ((value.cast("float64").abs() + 1.0).ln() * 2.0).floor()
        bins = inside.select(late=late, bin=value.cast("string")).filter(ibis._.bin.notnull())
        counted = bins.group_by("bin").agg(now=bins["late"].sum().cast("int64"), n=ibis._.count())
        parts.append(counted.mutate(column=ibis.literal(str(column))))
    found = tables.run(reduce(ibis.Table.union, parts).order_by(["column", "bin"]))
    for column in pc.unique(found["column"]).to_pylist():
        part = found.filter(pc.equal(found["column"], column))
        later = part["now"].to_numpy().astype(np.float64)
        earlier = part["n"].to_numpy().astype(np.float64) - later
        moved = drift(earlier, later, units=per_month)
        if moved is not None:
            line = moved.line(INDICATORS["distribution"].threshold)
            yield Finding("distribution", contract.name, column, moved.effect, total, line)


def _order_amounts(tables: TableStore) -> Iterator[Finding]:
    orders, lines = tables.table(t.ORDERS), tables.table(t.ORDER_LINES)
    summed = lines.group_by(c.ORDER_ID).agg(total=lines[c.AMOUNT_MINOR].sum().cast("int64"))
    both = orders.inner_join(summed, c.ORDER_ID).select(
        stated=orders[c.AMOUNT_MINOR], total=summed["total"]
    )
    slack = ibis.greatest(both["stated"].abs().cast("float64") * AMOUNT_TOLERANCE, 1.0)
    near = (both["stated"] - both["total"]).abs().cast("float64") <= slack
    row = tables.run(both.agg(part=near.sum().cast("int64"), whole=ibis._.count())).to_pylist()[0]
    if row["whole"]:
        share = row["part"] / row["whole"]
        yield Finding("order_amounts", "orders", c.AMOUNT_MINOR, share, row["whole"])


def _admitted(tables: TableStore) -> Iterator[Finding]:
    loads = tables.table(t.LOADS)
    row = tables.run(
        loads.agg(
            bad=loads[c.ROWS_QUARANTINED].sum().cast("int64"),
            whole=loads[c.ROWS_IN].sum().cast("int64"),
        )
    ).to_pylist()[0]
    if row["whole"]:
        share = 1 - (row["bad"] or 0) / row["whole"]
        yield Finding("admitted", "loads", "", share, row["whole"])
