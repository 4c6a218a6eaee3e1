"""Small ways of reading the lake that the queries share."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import Any, overload

import ibis
import pyarrow as pa

from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.schemas.common import Freshness, Money
from shopkeeper.core import columns as c
from shopkeeper.core.clock import zone
from shopkeeper.core.tables import PURCHASES, TableContract

Record = dict[str, Any]


def rows(
    shop: OpenShop, expr: ibis.Table, inputs: Mapping[str, pa.Table] | None = None
) -> list[Record]:
    """Rows of a small expression as dictionaries.

    Parameters
    ----------
    shop
        The open shop.
    expr
        Already limited to what one page shows.
    inputs
        Small extra tables by the name used in `expr`.

    Returns
    -------
    list of dict
        Timestamps carry their zone, missing values are ``None``.
    """
    found: list[Record] = shop.tables.run(expr, inputs).to_pylist()
    return found


def one(shop: OpenShop, expr: ibis.Table) -> Record | None:
    """First row of an expression, or None.

    Parameters
    ----------
    shop
        The open shop.
    expr
        Ordered so that the first row is the wanted one.

    Returns
    -------
    dict or None
    """
    found = rows(shop, expr.limit(1))
    return found[0] if found else None


def latest(shop: OpenShop, contract: TableContract) -> dt.datetime | None:
    """Latest `as_of` of a table of judgements.

    Parameters
    ----------
    shop
        The open shop.
    contract
        A table with the column ``as_of``.

    Returns
    -------
    datetime or None
        UTC; ``None`` when the table is empty.
    """

    def ask() -> dt.datetime | None:
        table = shop.tables.table(contract)
        found = rows(shop, table.aggregate(as_of=table[c.AS_OF].max()))
        return found[0]["as_of"] if found else None

    return shop.remember(("latest", contract.name), (contract,), ask)


def at_latest(shop: OpenShop, contract: TableContract) -> ibis.Table | None:
    """Rows of a table of judgements at its latest `as_of`.

    Parameters
    ----------
    shop
        The open shop.
    contract
        A table with the column ``as_of``.

    Returns
    -------
    ibis.Table or None
        Unbound expression; ``None`` when the table is empty.
    """
    moment = latest(shop, contract)
    if moment is None:
        return None
    table = shop.tables.table(contract)
    return table.filter(table[c.AS_OF] == ibis.literal(moment, type=table[c.AS_OF].type()))


def among(column: ibis.Value, values: Sequence[str]) -> ibis.Value:
    """Condition that a text column holds one of a page's values.

    Parameters
    ----------
    column
        Column of text.
    values
        At most a few hundred.

    Returns
    -------
    ibis.Value
        Boolean expression; false everywhere for no values.
    """
    return column.isin(list(values)) if values else ibis.literal(value=False)


def money(shop: OpenShop, minor: float | None) -> Money | None:
    """Amount in the shop's currency.

    Parameters
    ----------
    shop
        The open shop.
    minor
        Minor units; fractions are rounded to the nearest unit.

    Returns
    -------
    Money or None
        ``None`` for a missing amount.
    """
    if minor is None:
        return None
    return Money(minor=round(minor), currency=shop.settings.shop.currency)


def day_of(shop: OpenShop, moment: dt.datetime | None) -> dt.date | None:
    """Day of the shop on which a moment falls.

    Parameters
    ----------
    shop
        The open shop.
    moment
        With zone.

    Returns
    -------
    date or None
    """
    return moment.astimezone(zone(shop.settings.shop.time_zone)).date() if moment else None


def freshness(
    shop: OpenShop, as_of: dt.datetime | None, computed_at: dt.datetime | None = None
) -> Freshness:
    """How new a number is.

    Parameters
    ----------
    shop
        The open shop.
    as_of
        Moment the number speaks about.
    computed_at
        When it was computed, where known.

    Returns
    -------
    Freshness
        Stale when the last data lie later than the number's day by more than a day.
    """
    stale = False
    if as_of is not None:
        newest = last_data_day(shop)
        spoken = day_of(shop, as_of)
        stale = newest is not None and spoken is not None and newest - spoken > dt.timedelta(days=1)
    return Freshness(as_of=day_of(shop, as_of), computed_at=computed_at, stale=stale)


def last_data_day(shop: OpenShop) -> dt.date | None:
    """Last day on which anybody bought anything.

    Parameters
    ----------
    shop
        The open shop.

    Returns
    -------
    date or None
        ``None`` for a shop without purchases.
    """

    def ask() -> dt.date | None:
        table = shop.tables.table(PURCHASES)
        found = rows(shop, table.aggregate(day=table[c.DAY].max()))
        return found[0]["day"] if found else None

    return shop.remember("last_data_day", (PURCHASES,), ask)


@overload
def utc(moment: dt.datetime) -> dt.datetime: ...


@overload
def utc(moment: None) -> None: ...


def utc(moment: dt.datetime | None) -> dt.datetime | None:
    """Moment with its zone, also where the state store forgot it (SQLite does).

    Parameters
    ----------
    moment
        UTC, with or without saying so.

    Returns
    -------
    datetime or None
    """
    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=dt.UTC)


def parsed(text: str | None) -> Any:
    """Content of a column that holds JSON.

    Parameters
    ----------
    text
        JSON or nothing.

    Returns
    -------
    Any
        ``None`` for nothing, and for text that is no JSON (a hand-written attribute).
    """
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None
