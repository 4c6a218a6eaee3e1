"""Eight dimensions of a customer's value, each as a place among all customers from 0 to 100.

Tiers say how much is expected of a customer; the dimensions say where it comes from. A place is
the share of customers below (percent rank), so that dimensions of different units can stand side
by side and the weakest one is the lever.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import ibis

VERSION = "dimensions/1"
"""Written beside every row; change it with any definition below."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """One side of a customer's value.

    Parameters
    ----------
    code
        Column of the table.
    zh, en
        Name.
    about_zh, about_en
        What a high place means.
    needs
        Features it reads.
    measure
        What customers are ordered by, low to high; empty where it says nothing about them.
    """

    code: str
    zh: str
    en: str
    about_zh: str
    about_en: str
    needs: tuple[str, ...]
    measure: Callable[[ibis.Table], ibis.Value]


DIMENSIONS: tuple[Dimension, ...] = (
    Dimension(
        "spending", "消费力", "Spending", "近一年净消费更多", "spent more in the last year, net",
        ("net_spend_minor_365d",), lambda t: t.net_spend_minor_365d,
    ),
    Dimension(
        "frequency", "购买频次", "Frequency", "近一年购买天数更多", "bought on more days of the last year",
        ("purchase_days_365d",), lambda t: t.purchase_days_365d,
    ),
    Dimension(
        "recency", "活跃近度", "Recency", "最近一次购买更近", "bought more recently",
        ("recency_days",), lambda t: -t.recency_days,
    ),
    Dimension(
        "loyalty", "忠诚度", "Loyalty", "成为客户更久且仍在购买", "a customer for longer, and still buying",
        ("tenure_days", "recency_days"), lambda t: t.tenure_days - t.recency_days,
    ),
    Dimension(
        "breadth", "品类广度", "Breadth", "近一年买过更多品类", "bought more categories in the last year",
        ("categories_365d",), lambda t: t.categories_365d,
    ),
    Dimension(
        "price", "价格接受度", "Full-price share", "购买时得到的折扣更浅", "bought at smaller discounts",
        ("discount_depth_365d",), lambda t: -t.discount_depth_365d,
    ),
    Dimension(
        "engagement", "互动度", "Engagement", "近 90 天活跃天数更多", "active on more of the last 90 days",
        ("active_days_90d",), lambda t: t.active_days_90d,
    ),
    Dimension(
        "influence", "社交影响", "Influence", "评价与分享更多", "wrote and shared more",
        ("voice_365d",), lambda t: t.voice_365d,
    ),
)  # fmt: skip
"""In the order in which they are shown."""

NEEDED = tuple(dict.fromkeys(name for dimension in DIMENSIONS for name in dimension.needs))
"""Features the dimensions read."""


def dimension_table(features: ibis.Table) -> ibis.Table:
    """Place of every customer who ever bought, on each dimension.

    Parameters
    ----------
    features
        Feature table with `orders_life` and the columns of ``NEEDED``.

    Returns
    -------
    ibis.Table
        Rows of VALUE_DIMENSIONS. Equal values share the lower place; 0 is below everyone else and
        100 above; where nobody differs everybody has 0; a place is empty where the feature is.
    """
    bought = features.filter(features.orders_life > 0)
    return bought.select(
        "customer_id",
        "as_of",
        *(_place(dimension.measure(bought)).name(dimension.code) for dimension in DIMENSIONS),
        version=ibis.literal(VERSION),
    )


def _place(measure: ibis.Value) -> ibis.Value:
    # Those without a value stand in a window of their own and get no place.
    known = measure.notnull()
    rank = ibis.percent_rank().over(ibis.window(group_by=["as_of", known], order_by=measure.asc()))
    return ibis.ifelse(known, (rank * 100).round().cast("int64"), ibis.null("int64"))
