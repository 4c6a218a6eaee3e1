"""Why a product is recommended, in words a shop assistant would use."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Literal

__all__ = ["TEXTS", "reason_text"]

TEXTS: dict[str, dict[str, str]] = {
    "often_after": {"zh": "常在购买{product}之后购买", "en": "often bought after {product}"},
    "often_after_days": {
        "zh": "您 {days} 天前买了{product}，之后常接着买它",
        "en": "often bought after {product}, which you bought {days} days ago",
    },
    "bought_together": {
        "zh": "常与{product}一起购买",
        "en": "often bought together with {product}",
    },
    "bought_together_days": {
        "zh": "常与您 {days} 天前买的{product}一起购买",
        "en": "bought together with {product}, which you bought {days} days ago",
    },
    "bought_by_alike": {
        "zh": "购买习惯与您相近的客户买过",
        "en": "bought by customers whose purchases are like yours",
    },
    "alike": {"zh": "与{product}相似", "en": "like {product}"},
    "alike_days": {
        "zh": "与您 {days} 天前买的{product}相似",
        "en": "like {product}, which you bought {days} days ago",
    },
    "buy_again": {"zh": "您常购买的商品，已买过 {times} 次", "en": "bought {times} times before"},
    "due": {
        "zh": "您约每 {every} 天买一次，上次购买在 {days} 天前",
        "en": "bought about every {every} days, last {days} days ago",
    },
    "popular_recently": {"zh": "近 7 天热销", "en": "popular in the last 7 days"},
    "popular": {"zh": "大家都在买", "en": "popular with everybody"},
    "in_baskets": {
        "zh": "{times} 单里同时买了这两件",
        "en": "in {times} orders both were bought",
    },
    "same_buyers": {
        "zh": "{times} 位客户两件都买过",
        "en": "{times} customers bought both",
    },
    "nearby": {"zh": "常在相邻几次购买中出现", "en": "often bought a few purchases apart"},
    "same_words": {"zh": "名称、品类或品牌相近", "en": "alike in name, category or brand"},
}
"""Code of a reason → its sentence in each language; ``…_days`` says when as well."""


def reason_text(
    reasons: str, language: Literal["zh", "en"], names: Mapping[str, str] | None = None
) -> str:
    """Render the ``reasons`` column of a recommendation.

    Parameters
    ----------
    reasons
        JSON list of objects with ``code`` and the values its sentence needs.
    language
        ``zh`` or ``en``.
    names
        Product id → name; an id without a name is shown as it is.

    Returns
    -------
    str
        Sentences joined by the language's semicolon; an unknown code is shown as it is.

    Examples
    --------
    >>> reason_text('[{"code": "often_after", "product_id": "7"}]', "en", {"7": "whole milk"})
    'often bought after whole milk'
    >>> reason_text('[{"code": "alike", "product_id": "7", "days": 3}]', "zh", {"7": "牛奶"})
    '与您 3 天前买的牛奶相似'
    >>> reason_text('[{"code": "buy_again", "times": 3}]', "zh")
    '您常购买的商品，已买过 3 次'
    """
    said = []
    for reason in json.loads(reasons):
        product = str(reason.get("product_id", ""))
        values = reason | {"product": (names or {}).get(product, product)}
        dated = f"{reason['code']}_days"
        code = dated if "days" in reason and dated in TEXTS else reason["code"]
        text = TEXTS.get(code, {}).get(language, reason["code"])
        said.append(text.format_map(values))
    return ("；" if language == "zh" else "; ").join(said)
