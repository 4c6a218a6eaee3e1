"""Social influence: what somebody tells others about the shop."""

from __future__ import annotations

from functools import partial

import ibis

from shopkeeper.features.definition import (
    LIFE,
    Feature,
    derived,
    of_activity,
    quotient,
    since_activity,
)

_days = partial(of_activity, "social")
_since = partial(since_activity, "social")


def _voice(row: ibis.Table) -> ibis.Value:
    return row.reviews_365d + row.shares_365d


FEATURES: tuple[Feature, ...] = (
    *_days(
        "reviews",
        (90, 365, LIFE),
        lambda t, w: t.reviews.sum(where=w),
        "发表评价数",
        "Product reviews written",
        "reviews",
    ),
    *_days(
        "shares",
        (90, 365, LIFE),
        lambda t, w: t.shares.sum(where=w),
        "分享次数",
        "Products, carts or pages shared",
        "shares",
    ),
    *_days(
        "wishes",
        (30, 90, 365),
        lambda t, w: t.wishes.sum(where=w),
        "收藏次数",
        "Additions to a wish list",
        "additions",
    ),
    _since(
        "review_recency_days",
        "距最近一次评价天数",
        "Days since last review",
        lambda t: t.age_day.min(where=t.reviews > 0),
    ),
    _since(
        "share_recency_days",
        "距最近一次分享天数",
        "Days since last share",
        lambda t: t.age_day.min(where=t.shares > 0),
    ),
    derived(
        "voice_365d",
        ("reviews_365d", "shares_365d"),
        _voice,
        source="activity",
        group="social",
        window_days=365,
        zh="评价与分享合计（近 365 天）",
        en="Reviews and shares together, last 365 days",
        unit="acts",
        dtype="int64",
    ),
    derived(
        "reviews_per_order_365d",
        ("reviews_365d", "orders_365d"),
        quotient("reviews_365d", "orders_365d"),
        source="activity",
        group="social",
        window_days=365,
        zh="每单评价数（近 365 天）",
        en="Reviews per order, last 365 days",
        unit="ratio",
    ),
)
"""Social family, in the order of the manual."""
