"""Category, brand and product affinity: how wide, how faithful, how curious."""

from __future__ import annotations

import ibis

from shopkeeper.core.columns import Kind
from shopkeeper.features.definition import LIFE, Builder, Feature, counted, derived, quotient, ratio


def _count(
    stem: str, grain: str, windows: tuple[int | None, ...], zh: str, en: str, unit: str
) -> tuple[Feature, ...]:
    return tuple(
        Feature(
            f"{stem}_{'life' if days is None else f'{days}d'}",
            grain,
            "purchase_lines",
            "affinity",
            "int64",
            unit,
            days,
            f"{zh}（{'全部历史' if days is None else f'近 {days} 天'}）",
            f"{en}, {'all history' if days is None else f'last {days} days'}",
            counted("last_age", days),
        )
        for days in windows
    )


def _top(key: str, measure: str, best: str) -> Builder:
    # Ties go to the first in alphabetical order, so that every engine agrees.
    return lambda t: t[key].min(where=(t[measure] == t[best]) & (t[measure] > 0))


def _new(t: ibis.Table) -> ibis.Value:
    return (t.first_age < 90).sum()


def _concentration(t: ibis.Table) -> ibis.Value:
    spend = t.spend_365.cast("float64")
    return ratio((spend * spend).sum(), spend.sum() * spend.sum())


def _line(
    name: str,
    grain: str,
    dtype: Kind,
    unit: str,
    days: int | None,
    zh: str,
    en: str,
    build: Builder,
    absent: int | None = 0,
) -> Feature:
    return Feature(
        name, grain, "purchase_lines", "affinity", dtype, unit, days, zh, en, build, absent
    )


FEATURES: tuple[Feature, ...] = (
    *_count(
        "categories",
        "categories",
        (30, 90, 365, LIFE),
        "购买品类数",
        "Categories bought",
        "categories",
    ),
    *_count("brands", "brands", (90, 365, LIFE), "购买品牌数", "Brands bought", "brands"),
    *_count(
        "products", "products", (30, 90, 365, LIFE), "购买商品数", "Products bought", "products"
    ),
    _line(
        "top_category_365d",
        "categories",
        "string",
        "",
        365,
        "消费最多的品类（近 365 天）",
        "Category with the highest spend, last 365 days",
        _top("category", "spend_365", "best"),
        None,
    ),
    _line(
        "top_category_90d",
        "categories",
        "string",
        "",
        90,
        "消费最多的品类（近 90 天）",
        "Category with the highest spend, last 90 days",
        _top("category", "spend_90", "best_90"),
        None,
    ),
    _line(
        "top_category_share_365d",
        "categories",
        "float64",
        "share",
        365,
        "首选品类消费占比（近 365 天）",
        "Share of spend in the top category, last 365 days",
        lambda t: ratio(t.spend_365.max(), t.spend_365.sum()),
        None,
    ),
    _line(
        "category_concentration_365d",
        "categories",
        "float64",
        "index 0-1",
        365,
        "品类集中度（近 365 天，1 为只买一类）",
        "Concentration of spend over categories, last 365 days; 1 is a single one",
        _concentration,
        None,
    ),
    _line(
        "top_brand_365d",
        "brands",
        "string",
        "",
        365,
        "消费最多的品牌（近 365 天）",
        "Brand with the highest spend, last 365 days",
        _top("brand", "spend_365", "best"),
        None,
    ),
    _line(
        "top_brand_share_365d",
        "brands",
        "float64",
        "share",
        365,
        "首选品牌消费占比（近 365 天）",
        "Share of spend in the top brand, last 365 days",
        lambda t: ratio(t.spend_365.max(), t.spend_365.sum()),
        None,
    ),
    _line(
        "new_products_90d",
        "products",
        "int64",
        "products",
        90,
        "首次购买的商品数（近 90 天）",
        "Products bought for the first time, last 90 days",
        _new,
    ),
    _line(
        "new_categories_90d",
        "categories",
        "int64",
        "categories",
        90,
        "首次购买的品类数（近 90 天）",
        "Categories bought for the first time, last 90 days",
        _new,
    ),
    _line(
        "repeat_products_365d",
        "products",
        "int64",
        "products",
        365,
        "重复购买的商品数（近 365 天）",
        "Products bought at least twice, last 365 days",
        lambda t: (t.lines_365 >= 2).sum(),
    ),
    derived(
        "repeat_product_share_365d",
        ("repeat_products_365d", "products_365d"),
        quotient("repeat_products_365d", "products_365d"),
        source="purchase_lines",
        group="affinity",
        window_days=365,
        zh="重复购买商品占比（近 365 天）",
        en="Share of products bought again, last 365 days",
        unit="share",
    ),
    derived(
        "new_product_share_90d",
        ("new_products_90d", "products_90d"),
        quotient("new_products_90d", "products_90d"),
        source="purchase_lines",
        group="affinity",
        window_days=90,
        zh="尝新占比（近 90 天）",
        en="Share of products never bought before, last 90 days",
        unit="share",
    ),
)
