"""Names of the churn model's own columns in Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping

_WINDOWS = (30, 90, 180, 365)

COLUMNS: Mapping[str, tuple[str, str]] = {
    "days_since_last": ("距最近一次购买的天数", "Days since the last purchase"),
    "age_days": ("距首次购买的天数", "Days since the first purchase"),
    "purchases": ("购买次数", "Purchases"),
    "mean_gap_days": ("平均购买间隔", "Mean gap between purchases"),
    "last_gap_days": ("最近一次购买间隔", "Last gap between purchases"),
    "longest_gap_days": ("最长购买间隔", "Longest gap between purchases"),
    "gap_spread": ("购买间隔的波动", "Spread of the gaps"),
    "overdue": ("距上次购买是通常间隔的几倍", "Silence in usual gaps"),
    "idle_share": ("沉默时间占历史的比例", "Silent share of the history"),
    "recent_share": ("近期购买占比", "Share of recent purchases"),
    **{
        f"purchases_{days}d": (f"近 {days} 天购买次数", f"Purchases, last {days} days")
        for days in _WINDOWS
    },
    **{f"amount_{days}d": (f"近 {days} 天消费", f"Spend, last {days} days") for days in _WINDOWS},
    "amount_mean": ("客单价", "Spend per purchase"),
    "amount_last": ("最近一次消费", "Spend of the last purchase"),
    "amount_trend": ("客单价走势", "Trend of the spend per purchase"),
    "returned_share": ("退货占比", "Share returned"),
    "orders_per_day": ("日均购买次数", "Purchases a day"),
    "p_alive": ("仍活跃的概率（购买过程模型）", "Chance of being alive, by the purchase process"),
    "expected_orders": (
        "预计购买次数（购买过程模型）",
        "Purchases expected by the purchase process",
    ),
    "p_buy": ("预测期内购买的概率（购买过程模型）", "Chance to buy, by the purchase process"),
    "bg_buy": ("预测期内购买的概率（BG/NBD）", "Chance to buy, by BG/NBD"),
    "hazard_buy": ("预测期内购买的概率（风险率模型）", "Chance to buy, by the hazard"),
}
"""Name by column; a column from the features stage has its name there."""
