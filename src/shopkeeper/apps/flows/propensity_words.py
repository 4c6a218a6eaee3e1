"""A definition as a sentence, and features as reasons, in both languages."""

from __future__ import annotations

import re
from collections.abc import Mapping

from shopkeeper.apps.flows.propensity_spec import PropensitySpec
from shopkeeper.features.library_index import all_features
from shopkeeper.predict.explain import Template

EVENT_WORDS: Mapping[str, tuple[str, str]] = {
    "page_view": ("浏览页面", "views a page"), "product_viewed": ("浏览商品", "views a product"),
    "product_view": ("浏览商品", "views a product"), "view_item": ("浏览商品", "views a product"),
    "search": ("搜索", "searches"), "add_to_cart": ("加购", "adds to the cart"),
    "product_added": ("加购", "adds to the cart"), "begin_checkout": ("开始结算", "starts a checkout"),
    "purchase": ("下单", "places an order"), "refund": ("退款", "gets a refund"),
    "add_to_wishlist": ("加入心愿单", "adds to the wish list"), "share": ("分享", "shares"),
    "product_reviewed": ("评价商品", "reviews a product"), "login": ("登录", "logs in"),
    "email_opened": ("打开邮件", "opens an e-mail"), "email_clicked": ("点击邮件", "clicks in an e-mail"),
    "coupon_redeemed": ("核销优惠券", "redeems a coupon"),
}  # fmt: skip
WINDOW = re.compile(r"_(\d+d|life|per_month_life)$")
"""Ending of a feature that says over which window it is measured."""
CONDITION_WORDS: Mapping[str, tuple[str, str]] = {
    "product_id": ("商品", "product"), "category": ("品类", "category"),
    "subcategory": ("子品类", "subcategory"), "brand": ("品牌", "brand"),
    "channel": ("渠道", "channel"), "page": ("页面", "page"), "store_id": ("门店", "store"),
}  # fmt: skip


def sentence(spec: PropensitySpec) -> tuple[str, str]:
    """What a model predicts, of whom, in Chinese and English.

    Parameters
    ----------
    spec
        The definition.

    Returns
    -------
    tuple of str
        Chinese and English.

    Examples
    --------
    >>> from shopkeeper.apps.flows.propensity_spec import spec_of
    >>> spec = spec_of(
    ...     {"name": "c", "horizon_days": 14, "target": {"kind": "event", "event": "add_to_cart"}}
    ... )
    >>> sentence(spec)[0]
    '预测所有客户在未来 14 天内加购的可能性'
    """
    target = spec.target
    zh, en = _target(spec)
    where_zh = "、".join(f"{CONDITION_WORDS[k][0]}为 {v}" for k, v in target.where.items())
    where_en = " and ".join(f"{CONDITION_WORDS[k][1]} {v}" for k, v in target.where.items())
    if where_zh:
        zh, en = f"{zh}（{where_zh}）", f"{en} ({where_en})"
    if target.at_least > 1:
        zh, en = f"{zh}至少 {target.at_least} 次", f"{en} at least {target.at_least} times"
    who = spec.audience.strip()
    whom_zh = f"符合“{who}”的客户" if who else "所有客户"
    whom_en = f"a customer with {who}" if who else "any customer"
    return (
        f"预测{whom_zh}在未来 {spec.horizon_days} 天内{zh}的可能性",
        f"How likely is it that {whom_en} {en} within the next {spec.horizon_days} days?",
    )


def _target(spec: PropensitySpec) -> tuple[str, str]:
    target = spec.target
    if target.kind == "purchase":
        return "购买", "buys"
    if target.kind == "rule":
        return f"变为符合“{target.rule}”", f"comes to meet {target.rule}"
    event = target.event or ""
    return EVENT_WORDS.get(event, (f"发生“{event}”", f"does {event!r}"))


def feature_templates() -> dict[str, Template]:
    """A sentence for every feature of the library, for `predict.explain`.

    Returns
    -------
    dict of str to Template
        By feature.
    """
    return {x.name: _template(x.unit, x.zh, x.en) for x in all_features()}


def _template(unit: str, zh: str, en: str) -> Template:
    scale, digits, sign = 1.0, 0, ""
    if unit == "minor units":
        scale, digits = 0.01, 2
    elif unit == "share":
        scale, digits, sign = 100.0, 0, "%"
    elif unit in ("ratio", "index", "index 0-1", "sd", "lines", "orders"):
        digits = 1
    return Template(
        f"{zh}：{{value}}{sign}（中位数 {{usual}}{sign}）",
        f"{en}: {{value}}{sign} (median {{usual}}{sign})",
        digits=digits,
        scale=scale,
    )


def told_by(importances: Mapping[str, float]) -> dict[str, str]:
    """Which feature tells the weight of others that measure the same over another window.

    Parameters
    ----------
    importances
        Share of each feature in a model, largest first.

    Returns
    -------
    dict of str to str
        Telling feature by restating feature.

    Examples
    --------
    >>> told_by({"orders_90d": 0.5, "recency_days": 0.3, "orders_life": 0.2})
    {'orders_life': 'orders_90d'}
    """
    first: dict[str, str] = {}
    told: dict[str, str] = {}
    for name in importances:
        stem = WINDOW.sub("", name)
        if stem in first:
            told[name] = first[stem]
        else:
            first[stem] = name
    return told


def named_feature(text: str, name: str) -> tuple[str, str]:
    """A text in which a feature's code is replaced by its meaning, in Chinese and English.

    Parameters
    ----------
    text
        Any.
    name
        The code.
    """
    meaning = next(((x.zh, x.en) for x in all_features() if x.name == name), (name, name))
    return text.replace(name, meaning[0]), text.replace(name, meaning[1])
