"""What the features of a session are called, and sentences for them, in Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping

from shopkeeper.predict.intent.events import ACTIONS

__all__ = ["COLUMNS", "SENTENCES"]

_ACTIONS = {
    "other": ("其他操作", "other actions"), "page": ("浏览页面", "pages"),
    "search": ("搜索", "searches"), "view": ("浏览商品", "product views"),
    "cart": ("加购", "carts"), "checkout": ("进入结算", "checkouts"), "buy": ("下单", "purchases"),
}  # fmt: skip

COLUMNS: Mapping[str, tuple[str, str]] = {
    "events": ("本次访问的操作数", "Events in this session"),
    "seconds": ("本次访问的时长（秒）", "Length of this session, seconds"),
    "mean_gap_s": ("平均每步停留（秒）", "Mean pause, seconds"),
    "last_gap_s": ("最近一步停留（秒）", "Latest pause, seconds"),
    "longest_gap_s": ("最长停留（秒）", "Longest pause, seconds"),
    **{
        f"{action}_events": (f"本次访问的{_ACTIONS[action][0]}次数",
                             f"{_ACTIONS[action][1].capitalize()} in this session")
        for action in ACTIONS
    },
    "recent_views": ("最近五步中浏览商品的次数", "Product views among the last five events"),
    "recent_carts": ("最近五步中加购的次数", "Carts among the last five events"),
    "has_added_to_cart": ("本次访问是否加购", "Whether anything was put into the cart"),
    "events_since_cart": ("距最近一次加购的步数", "Events since the last cart"),
    "distinct_items": ("看过的不同商品数", "Different products"),
    "distinct_categories": ("看过的不同品类数", "Different categories"),
    "item_repeats": ("重复查看的次数", "Repeated looks"),
    "item_again": ("当前商品此前看过的次数", "Earlier looks at the product at hand"),
    "category_run": ("连续停留在同一品类的步数", "Events in one category without a break"),
    "category_share": ("当前品类在访问中的占比", "Share of the category at hand"),
    "carted_item_again": ("再次查看已加购商品", "Looks again at what is in the cart"),
    "last_action": ("最近一步的操作", "Latest action"),
    "action_before": ("前一步的操作", "Action before it"),
    "hour": ("时刻", "Hour"),
    "weekday": ("星期", "Weekday"),
    "sessions_before": ("此前访问次数", "Sessions before"),
    "events_before": ("此前操作总数", "Events before"),
    "views_before": ("此前浏览商品次数", "Product views before"),
    "carts_before": ("此前加购次数", "Carts before"),
    "checkouts_before": ("此前进入结算次数", "Checkouts before"),
    "buys_before": ("此前下单次数", "Purchases before"),
    "days_since_session": ("距上次访问的天数", "Days since the last session"),
    "days_since_checkout": ("距上次结算的天数", "Days since the last checkout"),
    "days_since_buy": ("距上次下单的天数", "Days since the last purchase online"),
    "checkouts_a_session_before": ("此前每次访问的结算次数", "Checkouts a session before"),
    "buys_a_session_before": ("此前每次访问的下单次数", "Purchases a session before"),
}  # fmt: skip
"""Name of each feature of `state.FEATURES`."""

_DIGITS = {
    "category_share": 2, "checkouts_a_session_before": 2, "buys_a_session_before": 2,
    "days_since_session": 1,
}  # fmt: skip

SENTENCES: Mapping[str, tuple[str, str, int]] = {
    name: (
        f"{zh}为 {{value}}（中位数 {{usual}}）",
        f"{en[0].lower()}{en[1:]}: {{value}} (median {{usual}})",
        _DIGITS.get(name, 0),
    )
    for name, (zh, en) in COLUMNS.items()
} | {
    "has_added_to_cart": ("本次访问已加购：{value}", "put something into the cart: {value}", 0),
    "carted_item_again": ("再次查看已加购的商品", "looked again at what is in the cart", 0),
    "prefix_network": ("操作的先后顺序", "the order of the actions", 0),
}
"""Sentence in Chinese and English and the decimals shown, by code."""
