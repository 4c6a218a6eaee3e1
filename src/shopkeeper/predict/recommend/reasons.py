"""Why a product is recommended, in words a shop assistant would use."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Literal

__all__ = ["TEXTS", "reason_text"]

TEXTS: dict[str, dict[str, str]] = {
    "often_after": {"zh": "常在购买{product}之后购买", "en": "often bought after {product}"},
    "bought_together": {
        "zh": "常与{product}一起购买",
        "en": "often bought together with {product}",
    },
    "buy_again": {"zh": "您常购买的商品，已买过 {times} 次", "en": "bought {times} times before"},
    "popular_recently": {"zh": "近 7 天热销", "en": "popular in the last 7 days"},
    "popular": {"zh": "大家都在买", "en": "popular with everybody"},
}
"""Code of a reason → its sentence in each language."""


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
    >>> reason_text('[{"code": "buy_again", "times": 3}]', "zh")
    '您常购买的商品，已买过 3 次'
    """
    said = []
    for reason in json.loads(reasons):
        product = str(reason.get("product_id", ""))
        values = reason | {"product": (names or {}).get(product, product)}
        text = TEXTS.get(reason["code"], {}).get(language, reason["code"])
        said.append(text.format_map(values))
    return ("；" if language == "zh" else "; ").join(said)
