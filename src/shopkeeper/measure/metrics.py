"""Fifteen daily indicators as definitions: one meaning, one unit, one computation each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Parts = Mapping[str, Floats]
Better = Literal["up", "down", "neither"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One daily indicator.

    Parameters
    ----------
    name
        Its one spelling.
    zh, en
        What people call it.
    meaning_zh, meaning_en
        How it is computed, in words.
    unit
        ``count``, ``minor`` (minor units of the shop's currency), ``ratio`` or ``number``.
    better
        Which direction is good.
    top, bottom
        Names of the daily parts whose ratio it is; without ``bottom`` it is ``top``.
    squares
        Part with the sum of squares, where the units are orders.
    """

    name: str
    zh: str
    en: str
    meaning_zh: str
    meaning_en: str
    unit: Literal["count", "minor", "ratio", "number"]
    better: Better
    top: str
    bottom: str = ""
    squares: str = ""


def _m(
    name: str,
    zh: str,
    en: str,
    meaning_zh: str,
    meaning_en: str,
    unit: Literal["count", "minor", "ratio", "number"],
    better: Better,
    top: str,
    bottom: str = "",
    squares: str = "",
) -> Metric:
    return Metric(name, zh, en, meaning_zh, meaning_en, unit, better, top, bottom, squares)


METRICS: tuple[Metric, ...] = (
    _m("orders", "订单数", "Orders", "当日销售订单数", "Sales orders of the day", "count", "up", "orders"),
    _m("revenue", "净销售额", "Net revenue", "当日实付金额，已扣退货", "Amount paid that day, returns deducted", "minor", "up", "revenue"),
    _m("buyers", "购买客户数", "Buyers", "当日至少一笔销售的客户数", "Customers with a sale that day", "count", "up", "buyers"),
    _m("new_buyers", "新客数", "New buyers", "当日首次购买的客户数", "Customers whose first sale is that day", "count", "up", "new_buyers"),
    _m("returning_buyers", "老客数", "Returning buyers", "当日购买且此前购买过的客户数", "Buyers who had bought before", "count", "up", "returning_buyers"),
    _m("order_value", "客单价", "Average order value", "销售金额 ÷ 销售订单数", "Sales amount ÷ sales orders", "minor", "up", "sales", "orders", "sales_squares"),
    _m("lines_per_order", "单均商品数", "Products per order", "销售订单的商品行数 ÷ 销售订单数", "Lines of sales orders ÷ sales orders", "number", "up", "lines", "orders"),
    _m("discount_share", "折扣率", "Discount share", "优惠金额 ÷（销售金额 + 优惠金额）", "Discounts ÷ (sales + discounts)", "ratio", "down", "discounts", "gross"),
    _m("return_share", "退货率", "Return share", "退货笔数 ÷ 销售订单数", "Returns ÷ sales orders", "ratio", "down", "returns", "orders"),
    _m("repeat_share_30d", "30 天复购率", "30-day repeat share", "当日买家中此前 30 天内买过的占比", "Share of the day's buyers who bought in the 30 days before", "ratio", "up", "repeat_30d", "buyers"),
    _m("active_30d", "30 天活跃客户数", "Active in 30 days", "截至当日 30 天内购买过的客户数", "Customers with a sale in the 30 days up to the day", "count", "up", "active_30d"),
    _m("visits", "访问次数", "Visits", "当日会话数", "Sessions of the day", "count", "up", "visits"),
    _m("visit_buyers_share", "访客购买率", "Visitors who buy", "当日访客中当日下单的客户占比", "Share of the day's visitors who buy that day", "ratio", "up", "visitors_buying", "visitors"),
    _m("contacts", "触达次数", "Contacts", "当日发出的触达数", "Contacts sent that day", "count", "neither", "contacts"),
    _m("contact_cost", "触达成本", "Contact cost", "当日触达花费", "Cost of the day's contacts", "minor", "down", "contact_cost"),
)  # fmt: skip
"""In the order in which people read them."""

BY_NAME: Mapping[str, Metric] = {m.name: m for m in METRICS}


def evaluate(metric: Metric, parts: Parts) -> tuple[Floats, Floats, Floats, Floats]:
    """Value, n, sum and sum of squares of an indicator for each day.

    Parameters
    ----------
    metric
        Which one.
    parts
        Daily sums by name, aligned arrays.

    Returns
    -------
    value, n, sum, sum_squares
        ``value`` is NaN on days on which the denominator is zero.
    """
    top = parts[metric.top]
    if not metric.bottom:
        return top, top, top, top
    bottom = parts[metric.bottom]
    value = np.divide(top, bottom, out=np.full(len(top), np.nan), where=bottom > 0)
    squares = parts[metric.squares] if metric.squares else top
    return value, bottom, top, squares
