"""The parts of the daily indicators, computed where the rows are, one small row per day."""

from __future__ import annotations

from datetime import date, timedelta

import ibis
import numpy as np
import pyarrow as pa

from shopkeeper.core.ports import TableStore
from shopkeeper.core.tables import ACTIVITY, CONTACTS, METRICS, PURCHASES
from shopkeeper.measure.metrics import METRICS as DEFINITIONS
from shopkeeper.measure.metrics import Floats, evaluate

WINDOW = 30
SENT = ("sent", "delivered", "opened", "clicked")


def purchase_days(purchases: ibis.Table) -> ibis.Table:
    """Sums of sales and returns by day.

    Parameters
    ----------
    purchases
        PURCHASES.

    Returns
    -------
    ibis.Table
        day, orders, revenue, sales, sales_squares, lines, discounts, returns.
    """
    sale = purchases.kind == "sale"
    amount = purchases.amount_minor.cast("float64")
    return purchases.group_by("day").aggregate(
        orders=sale.sum().cast("float64"),
        revenue=amount.sum(),
        sales=amount.sum(where=sale),
        sales_squares=(amount * amount).sum(where=sale),
        lines=purchases.lines.fill_null(1).sum(where=sale).cast("float64"),
        discounts=purchases.discount_minor.sum(where=sale).cast("float64"),
        returns=(~sale).sum().cast("float64"),
    )


def buyer_days(purchases: ibis.Table) -> ibis.Table:
    """Buyers by day, split by when they bought before, and how activity begins and ends.

    ``begins`` counts customers who become active on the day (no sale in the
    ``WINDOW`` days before); ``ends`` those whose last sale was ``WINDOW`` days
    earlier, keyed by the day on which they stop counting.

    Parameters
    ----------
    purchases
        PURCHASES.

    Returns
    -------
    ibis.Table
        day, buyers, new_buyers, repeat_30d, begins, ends_day_sales.
    """
    days = _customer_days(purchases)
    return days.group_by("day").aggregate(
        buyers=days.count().cast("float64"),
        new_buyers=days.before.isnull().sum().cast("float64"),
        repeat_30d=(days.before <= WINDOW).sum().cast("float64"),
        begins=(days.before.isnull() | (days.before >= WINDOW)).sum().cast("float64"),
        ends=(days.after.isnull() | (days.after >= WINDOW)).sum().cast("float64"),
    )


def _customer_days(purchases: ibis.Table) -> ibis.Table:
    sales = purchases.filter(purchases.kind == "sale")
    days = sales.select("customer_id", "day").distinct()
    window = ibis.window(group_by=days.customer_id, order_by=days.day)
    previous, following = days.day.lag().over(window), days.day.lead().over(window)
    return days.mutate(
        before=days.day.delta(previous, unit="day"), after=following.delta(days.day, unit="day")
    )


def visit_days(activity: ibis.Table, purchases: ibis.Table) -> ibis.Table:
    """Sessions, visitors and visitors who bought, by day."""
    visits = activity.filter(activity.session_id.notnull())
    seen = visits.group_by("day", "customer_id").aggregate(sessions=visits.session_id.nunique())
    bought = purchases.filter(purchases.kind == "sale")
    bought = bought.select(bought_day="day", bought_by="customer_id").distinct()
    both = seen.left_join(
        bought, [seen.day == bought.bought_day, seen.customer_id == bought.bought_by]
    )
    return both.group_by("day").aggregate(
        visits=both.sessions.sum().cast("float64"),
        visitors=both.count().cast("float64"),
        visitors_buying=both.bought_by.notnull().sum().cast("float64"),
    )


def contact_days(contacts: ibis.Table) -> ibis.Table:
    """Contacts sent and their cost by day."""
    sent = contacts.filter(contacts.status.isin(list(SENT)))
    return sent.group_by("day").aggregate(
        contacts=sent.count().cast("float64"),
        contact_cost=sent.cost_minor.sum().cast("float64"),
    )


def daily_indicators(store: TableStore, end: date, run_id: str) -> pa.Table:
    """Every indicator of every day from the first sale to ``end``.

    Parameters
    ----------
    store
        The lake.
    end
        First day that is not measured.
    run_id
        Written into the rows.

    Returns
    -------
    pa.Table
        METRICS rows with dimension ``all``; empty if nothing was ever sold.
        Days without visits or contacts measure zero; a ratio without
        denominator is null.
    """
    purchases, activity = store.table(PURCHASES), store.table(ACTIVITY)
    blocks = [
        store.run(purchase_days(purchases)),
        store.run(buyer_days(purchases)),
        store.run(visit_days(activity, purchases)),
        store.run(contact_days(store.table(CONTACTS))),
    ]
    first = min((d for d in blocks[0].column("day").to_pylist() if d < end), default=None)
    if first is None:
        return METRICS.empty()
    days = [first + timedelta(days=i) for i in range((end - first).days)]
    parts = _aligned(blocks, days)
    parts["returning_buyers"] = parts["buyers"] - parts["new_buyers"]
    parts["gross"] = parts["sales"] + parts["discounts"]
    parts["active_30d"] = _active(parts["begins"], parts["ends"])
    return _rows(days, parts, run_id)


def _aligned(blocks: list[pa.Table], days: list[date]) -> dict[str, Floats]:
    place = {day: i for i, day in enumerate(days)}
    parts: dict[str, Floats] = {}
    for block in blocks:
        index = np.array([place.get(d, -1) for d in block.column("day").to_pylist()], dtype=int)
        inside = index >= 0
        for name in block.column_names:
            if name == "day":
                continue
            values = np.zeros(len(days))
            found = np.asarray(block.column(name).fill_null(0.0).to_numpy(), dtype=float)
            values[index[inside]] = found[inside]
            parts[name] = values
    return parts


def _active(begins: Floats, ends: Floats) -> Floats:
    """Customers with a sale in the last ``WINDOW`` days, as a running balance."""
    change = begins.copy()
    change[WINDOW:] -= ends[:-WINDOW] if len(ends) > WINDOW else ends[:0]
    return np.cumsum(change)


def _rows(days: list[date], parts: dict[str, Floats], run_id: str) -> pa.Table:
    blocks = []
    for metric in DEFINITIONS:
        value, n, total, squares = evaluate(metric, parts)
        blocks.append(
            pa.table(
                {
                    "metric": [metric.name] * len(days),
                    "day": pa.array(days, pa.date32()),
                    "dimension": ["all"] * len(days),
                    "value": pa.array(value, mask=np.isnan(value)),
                    "n": pa.array(np.rint(n).astype(np.int64)),
                    "sum": pa.array(total),
                    "sum_squares": pa.array(squares),
                    "unit": [metric.unit] * len(days),
                    "run_id": [run_id] * len(days),
                }
            )
        )
    return METRICS.cast(pa.concat_tables(blocks))
