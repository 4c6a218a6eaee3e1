"""Stores: footfall, sales and conversion side by side."""

from __future__ import annotations

import datetime as dt

from pydantic import Field

from shopkeeper.apps.service.schemas.common import Money, NextStep, Shape, Text


class StoreFigures(Shape):
    """What happened in a store in some time."""

    visitors: int | None = Field(description="null: nobody counted")
    orders: int
    sales: Money
    conversion: float | None = Field(
        description="orders by visitor over the days that were counted; null: cannot be said"
    )
    note: Text | None = Field(description="why a figure cannot be said")


class Store(Shape):
    """One store in the list."""

    store_id: str
    figures: StoreFigures


class StoreList(Shape):
    """Stores, most sales first."""

    since: dt.date | None
    until: dt.date | None
    total: int
    items: list[Store]
    simulated: list[str] = Field(description="sources of footfall that are simulated")
    next_step: NextStep | None


class StoreDay(Shape):
    """One day of a store."""

    day: dt.date
    visitors: int | None
    orders: int
    sales_minor: int
    conversion: float | None


class StoreHour(Shape):
    """One hour of the day, over all days of the window."""

    hour: int
    visitors: int | None
    orders: int
    sales_minor: int
    conversion: float | None


class StoreDetail(Shape):
    """One store: its days, its hours, its visits."""

    store_id: str
    since: dt.date
    until: dt.date
    currency: str
    figures: StoreFigures
    days: list[StoreDay]
    hours: list[StoreHour]
    visits: int = Field(description="events store_visited of known customers")
    sources: list[str] = Field(description="where the footfall comes from")
    simulated: list[str]
    next_step: NextStep | None
