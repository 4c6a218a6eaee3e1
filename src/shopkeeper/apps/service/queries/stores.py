"""The store page: footfall from FOOTFALL, sales from ORDERS, conversion where both are known."""

from __future__ import annotations

import datetime as dt
from typing import Any

import ibis

from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.queries.reading import rows
from shopkeeper.apps.service.schemas.common import Money, NextStep, Text
from shopkeeper.apps.service.schemas.stores import (
    Store,
    StoreDay,
    StoreDetail,
    StoreFigures,
    StoreHour,
    StoreList,
)
from shopkeeper.core import columns as c
from shopkeeper.core.errors import InputError, NotFoundError
from shopkeeper.core.tables import EVENTS, FOOTFALL, ORDER_LINES, ORDERS

DAYS = 28
"""Days a page shows unless told otherwise."""
LONGEST_DAYS = 400
SIMULATED = "simulated"
NO_COUNTS = Text(zh="没有客流计数，无法计算转化率", en="Nobody was counted: no conversion")
MORE_ORDERS = Text(
    zh="订单多于客流：计数不全，转化率不可信", en="More orders than visitors: counts are incomplete"
)
CONNECT_COUNTERS = NextStep(
    text=Text(
        zh="还没有客流数据。接入门店计数器后，这里会显示客流、销售和转化率。",
        en="No footfall yet. Connect the counters at the doors to see footfall, sales and "
        "conversion together.",
    ),
    action=Text(zh="接入客流计数", en="Connect counters"),
    link="/connectors",
    command="shopkeeper connector add doors --kind footfall --set path=counts.csv",
)

Record = dict[str, Any]


def stores(shop: OpenShop, *, days: int) -> StoreList:
    """Stores over the last days of data, most sales first.

    Parameters
    ----------
    shop
        The open shop.
    days
        Length of the window.

    Returns
    -------
    StoreList
    """
    until = _last_day(shop)
    if until is None:
        return StoreList(
            since=None, until=None, total=0, items=[], simulated=[], next_step=CONNECT_COUNTERS
        )
    since = until - dt.timedelta(days=_window(days) - 1)
    sold = _sold(shop, since, until, c.STORE_ID)
    seen = _counted(shop, since, until, c.STORE_ID)
    both = _sold_when_counted(shop, since, until, c.STORE_ID)
    names = sorted({*sold, *seen}, key=lambda x: (-sold.get(x, {}).get("sales", 0), str(x)))
    items = [
        Store(store_id=x, figures=_figures(shop, sold.get(x), seen.get(x), both.get(x)))
        for x in names[:500]
    ]
    return StoreList(
        since=since, until=until, total=len(names), items=items, simulated=_simulated(shop, None),
        next_step=None if seen else CONNECT_COUNTERS,
    )  # fmt: skip


def store(
    shop: OpenShop, store_id: str, *, since: dt.date | None, until: dt.date | None
) -> StoreDetail:
    """One store by day and by hour.

    Parameters
    ----------
    shop
        The open shop.
    store_id
        Which.
    since, until
        First and last day; None takes the last days of the store's data.

    Returns
    -------
    StoreDetail

    Raises
    ------
    NotFoundError
        If nothing was ever sold or counted there.
    InputError
        If the window is the wrong way round or too long.
    """
    last = _last_day(shop, store_id)
    if last is None:
        raise NotFoundError(
            f"there is no store {store_id!r}",
            next_step="See them with GET /api/v1/stores",
            store=store_id,
        )
    until = until or last
    since = since or until - dt.timedelta(days=DAYS - 1)
    if since > until or (until - since).days >= LONGEST_DAYS:
        raise InputError(
            f"the window {since} to {until} cannot be shown",
            next_step=f"Give since before until, at most {LONGEST_DAYS} days apart",
        )
    by_day = _joined(shop, since, until, c.DAY, store_id)
    by_hour = _joined(shop, since, until, c.HOUR, store_id)
    sold = _sold(shop, since, until, c.STORE_ID, store_id).get(store_id)
    seen = _counted(shop, since, until, c.STORE_ID, store_id).get(store_id)
    both = _sold_when_counted(shop, since, until, c.STORE_ID, store_id).get(store_id)
    calendar = [since + dt.timedelta(days=x) for x in range((until - since).days + 1)]
    sources = _sources(shop, store_id)
    return StoreDetail(
        store_id=store_id,
        since=since,
        until=until,
        currency=shop.settings.shop.currency,
        figures=_figures(shop, sold, seen, both),
        days=[StoreDay(day=x, **by_day(x)) for x in calendar],
        hours=[StoreHour(hour=x, **by_hour(x)) for x in range(24)],
        visits=_visits(shop, since, until, store_id),
        sources=sources,
        simulated=[x for x in sources if x.startswith(SIMULATED)],
        next_step=None if seen else CONNECT_COUNTERS,
    )


def _window(days: int) -> int:
    return max(1, min(days, LONGEST_DAYS))


def _orders(shop: OpenShop) -> ibis.Table:
    """One row for each order of a store; orders that came as lines alone are added up."""
    orders = shop.tables.table(ORDERS)
    names = (c.ORDER_ID, c.STORE_ID, c.DAY, c.HOUR, c.KIND, c.AMOUNT_MINOR)
    whole = orders.filter(orders[c.STORE_ID].notnull()).select(*names)
    lines = shop.tables.table(ORDER_LINES)
    summed = (
        lines.filter(lines[c.STORE_ID].notnull())
        .anti_join(orders.select(c.ORDER_ID), c.ORDER_ID)
        .group_by(c.ORDER_ID, c.STORE_ID, c.DAY, c.HOUR, c.KIND)
        .aggregate(amount_minor=ibis._.amount_minor.sum().cast("int64"))
    )
    return whole.union(summed.select(*names))


def _between(table: ibis.Table, since: dt.date, until: dt.date, store_id: str | None) -> ibis.Table:
    found = table.filter((table[c.DAY] >= since) & (table[c.DAY] <= until))
    return found if store_id is None else found.filter(found[c.STORE_ID] == store_id)


def _sold(
    shop: OpenShop, since: dt.date, until: dt.date, by: str, store_id: str | None = None
) -> dict[Any, Record]:
    """Orders and net sales by store, day or hour."""
    table = _between(_orders(shop), since, until, store_id)
    found = table.group_by(by).aggregate(
        orders=(table[c.KIND] == "sale").sum().cast("int64"),
        sales=table[c.AMOUNT_MINOR].sum().cast("int64"),
    )
    return {x[str(by)]: x for x in rows(shop, found)}


def _counted(
    shop: OpenShop, since: dt.date, until: dt.date, by: str, store_id: str | None = None
) -> dict[Any, int]:
    """Visitors by store, day or hour; keys without a count are absent."""
    table = _between(shop.tables.table(FOOTFALL), since, until, store_id)
    found = table.group_by(by).aggregate(visitors=table[c.VISITORS].sum().cast("int64"))
    return {x[str(by)]: x["visitors"] for x in rows(shop, found)}


def _sold_when_counted(
    shop: OpenShop, since: dt.date, until: dt.date, by: str, store_id: str | None = None
) -> dict[Any, int]:
    """Orders of the days on which the same store was counted: what conversion is told from."""
    seen = _between(shop.tables.table(FOOTFALL), since, until, store_id)
    days = seen.select(c.STORE_ID, c.DAY).distinct()
    table = _between(_orders(shop), since, until, store_id)
    table = table.filter(table[c.KIND] == "sale").semi_join(days, [c.STORE_ID, c.DAY])
    found = table.group_by(by).aggregate(orders=table.count())
    return {x[str(by)]: x["orders"] for x in rows(shop, found)}


def _joined(shop: OpenShop, since: dt.date, until: dt.date, by: str, store_id: str) -> Any:
    sold = _sold(shop, since, until, by, store_id)
    seen = _counted(shop, since, until, by, store_id)
    both = _sold_when_counted(shop, since, until, by, store_id)

    def at(key: Any) -> Record:
        visitors = seen.get(key)
        return {
            "visitors": visitors,
            "orders": sold.get(key, {}).get("orders", 0),
            "sales_minor": sold.get(key, {}).get("sales", 0),
            "conversion": _conversion(visitors, both.get(key, 0))[0],
        }

    return at


def _conversion(visitors: int | None, orders: int) -> tuple[float | None, Text | None]:
    if not visitors:
        return None, NO_COUNTS
    if orders > visitors:
        return None, MORE_ORDERS
    return orders / visitors, None


def _figures(
    shop: OpenShop, sold: Record | None, visitors: int | None, orders_counted: int | None
) -> StoreFigures:
    conversion, note = _conversion(visitors, orders_counted or 0)
    currency = shop.settings.shop.currency
    return StoreFigures(
        visitors=visitors,
        orders=sold["orders"] if sold else 0,
        sales=Money(minor=sold["sales"] if sold else 0, currency=currency),
        conversion=conversion,
        note=note,
    )


def _last_day(shop: OpenShop, store_id: str | None = None) -> dt.date | None:
    """Last day of a sale in a store, or of a count."""

    def ask() -> dt.date | None:
        last = []
        for contract in (ORDERS, ORDER_LINES, FOOTFALL):
            table = shop.tables.table(contract)
            table = table.filter(table[c.STORE_ID].notnull())
            if store_id is not None:
                table = table.filter(table[c.STORE_ID] == store_id)
            last += [x["day"] for x in rows(shop, table.aggregate(day=table[c.DAY].max()))]
        return max((x for x in last if x is not None), default=None)

    key = ("last store day", store_id)
    return shop.remember(key, (ORDERS, ORDER_LINES, FOOTFALL), ask)


def _sources(shop: OpenShop, store_id: str | None) -> list[str]:
    table = shop.tables.table(FOOTFALL)
    if store_id is not None:
        table = table.filter(table[c.STORE_ID] == store_id)
    found = rows(shop, table.select(c.SOURCE).distinct().order_by(c.SOURCE))
    return [x["source"] or "" for x in found]


def _simulated(shop: OpenShop, store_id: str | None) -> list[str]:
    return [x for x in _sources(shop, store_id) if x.startswith(SIMULATED)]


def _visits(shop: OpenShop, since: dt.date, until: dt.date, store_id: str) -> int:
    table = _between(shop.tables.table(EVENTS), since, until, store_id)
    table = table.filter((table[c.KIND] == "store_visited") & table[c.INVALID].isnull())
    (found,) = rows(shop, table.aggregate(n=table.count()))
    return int(found["n"])
