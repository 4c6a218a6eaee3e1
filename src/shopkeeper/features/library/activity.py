"""Activity and sessions: what somebody looks at before buying or without buying."""

from __future__ import annotations

from functools import partial

import ibis

from shopkeeper.features.definition import (
    LIFE,
    Feature,
    counted,
    derived,
    of_activity,
    quotient,
    since_activity,
)

_days = partial(of_activity, "activity")
_since = partial(since_activity, "activity")


def _derived(name: str, needs: tuple[str, str], days: int, zh: str, en: str, unit: str) -> Feature:
    above, below = needs
    return derived(
        name,
        needs,
        quotient(above, below),
        source="activity",
        group="activity",
        window_days=days,
        zh=f"{zh}（近 {days} 天）",
        en=f"{en}, last {days} days",
        unit=unit,
    )


def _abandoned(t: ibis.Table) -> ibis.Value:
    later = t.cart_recency_days < t.recency_days
    never = t.cart_recency_days.notnull() & t.recency_days.isnull()
    return ibis.ifelse(later.fill_null(False) | never, 1, 0)


FEATURES: tuple[Feature, ...] = (
    *_days(
        "events",
        (7, 30, 90, 365),
        lambda t, w: t.events.sum(where=w),
        "行为事件数",
        "Events",
        "events",
    ),
    *_days(
        "sessions",
        (7, 30, 90, 365, LIFE),
        lambda t, w: t.sessions.sum(where=w),
        "访问次数",
        "Sessions",
        "sessions",
    ),
    *_days(
        "active_days",
        (7, 30, 90, 365),
        lambda _, w: w.sum(),
        "活跃天数",
        "Days with activity",
        "days",
    ),
    *_days(
        "views",
        (7, 30, 90),
        lambda t, w: t.views.sum(where=w),
        "商品浏览次数",
        "Product views",
        "views",
    ),
    *_days(
        "searches",
        (30, 90),
        lambda t, w: t.searches.sum(where=w),
        "搜索次数",
        "Searches",
        "searches",
    ),
    *_days(
        "carts",
        (7, 30, 90),
        lambda t, w: t.carts.sum(where=w),
        "加购次数",
        "Additions to cart",
        "additions",
    ),
    *_days(
        "checkouts",
        (30, 90),
        lambda t, w: t.checkouts.sum(where=w),
        "发起结算次数",
        "Checkouts started",
        "checkouts",
    ),
    *_days(
        "cart_sessions",
        (90,),
        lambda t, w: t.cart_sessions.sum(where=w),
        "有加购的访问次数",
        "Sessions with an addition to cart",
        "sessions",
    ),
    *_days(
        "mobile_sessions",
        (90,),
        lambda t, w: t.mobile.sum(where=w),
        "移动端访问次数",
        "Sessions on a mobile device",
        "sessions",
    ),
    *_days(
        "short_sessions",
        (90,),
        lambda t, w: t.short.sum(where=w),
        "单事件访问次数",
        "Sessions of a single event",
        "sessions",
    ),
    *_days(
        "session_seconds",
        (90,),
        lambda t, w: t.length_us.sum(where=w) // 1_000_000,
        "访问总时长",
        "Time in sessions",
        "seconds",
    ),
    _since(
        "activity_recency_days",
        "距最近一次行为天数",
        "Days since last activity",
        lambda t: t.age_day.min(),
    ),
    _since(
        "cart_recency_days",
        "距最近一次加购天数",
        "Days since last addition to cart",
        lambda t: t.age_day.min(where=t.carts > 0),
    ),
    _derived(
        "events_per_session_90d",
        ("events_90d", "sessions_90d"),
        90,
        "每次访问事件数",
        "Events per session",
        "events",
    ),
    _derived(
        "seconds_per_session_90d",
        ("session_seconds_90d", "sessions_90d"),
        90,
        "每次访问时长",
        "Seconds per session",
        "seconds",
    ),
    _derived(
        "cart_rate_90d",
        ("carts_90d", "views_90d"),
        90,
        "加购率",
        "Additions to cart per product view",
        "ratio",
    ),
    _derived(
        "cart_session_share_90d",
        ("cart_sessions_90d", "sessions_90d"),
        90,
        "有加购的访问占比",
        "Share of sessions with an addition to cart",
        "share",
    ),
    _derived(
        "mobile_share_90d",
        ("mobile_sessions_90d", "sessions_90d"),
        90,
        "移动端访问占比",
        "Share of sessions on a mobile device",
        "share",
    ),
    _derived(
        "short_session_share_90d",
        ("short_sessions_90d", "sessions_90d"),
        90,
        "单事件访问占比",
        "Share of sessions of a single event",
        "share",
    ),
    _derived(
        "orders_per_session_90d",
        ("orders_90d", "sessions_90d"),
        90,
        "每次访问订单数",
        "Orders per session",
        "ratio",
    ),
    derived(
        "cart_waiting",
        ("cart_recency_days", "recency_days"),
        _abandoned,
        source="activity",
        group="activity",
        dtype="int64",
        zh="最近一次加购后未购买（1 是 0 否）",
        en="Cart filled since the last purchase: 1 yes, 0 no",
        unit="0-1",
    ),
    *(
        Feature(
            f"viewed_categories_{days}d",
            "viewed",
            "activity",
            "activity",
            "int64",
            "categories",
            days,
            f"浏览品类数（近 {days} 天）",
            f"Categories viewed, last {days} days",
            counted("last_age", days),
        )
        for days in (30, 90)
    ),
    Feature(
        "top_viewed_category_90d",
        "viewed",
        "activity",
        "activity",
        "string",
        "",
        90,
        "浏览最多的品类（近 90 天）",
        "Category viewed most, last 90 days",
        lambda t: t.category.min(where=t.views == t.best),
        None,
    ),
)
