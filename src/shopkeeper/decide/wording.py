"""Reasons of decisions as sentences in Chinese and English."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from shopkeeper.core.errors import InputError
from shopkeeper.core.money import said

Language = Literal["zh", "en"]

SENTENCES: Mapping[str, Mapping[Language, str]] = {
    "best_value": {
        "zh": "在预算与频控内，此触达的预期增量毛利最高：{value}（成本 {cost}）",
        "en": "Best expected incremental margin within budget and caps: {value}, cost {cost}",
    },
    "explored": {
        "zh": "随机探索：为了学习而随机选择的可用方案",
        "en": "Explored: chosen at random among the permitted options in order to learn",
    },
    "holdout": {
        "zh": "属于留白对照组，不触达，用于衡量真实增量",
        "en": "Held out: not contacted, so that the true effect can be measured",
    },
    "no_consent": {
        "zh": "没有任何渠道的营销授权",
        "en": "No consent for marketing on any channel",
    },
    "no_address": {
        "zh": "已授权的渠道没有可用的联系方式",
        "en": "No usable address on any consented channel",
    },
    "frequency_cap": {
        "zh": "近 {cap_days} 天已触达 {contacts} 次，达到疲劳度上限 {cap}",
        "en": "Already contacted {contacts} times in {cap_days} days; the cap is {cap}",
    },
    "no_gain": {
        "zh": "没有任何方案的预期增量毛利超过成本",
        "en": "No option is expected to earn more than it costs",
    },
    "budget": {
        "zh": "预算用于增量更高的客户",
        "en": "The budget earns more with other customers",
    },
    "stock": {
        "zh": "合适的权益已发完",
        "en": "The offers that fit are out of stock",
    },
    "quiet_hours": {
        "zh": "客户当地正处于勿扰时段（{from_hour} 点至 {to_hour} 点）",
        "en": "Quiet hours where the customer is ({from_hour}:00 to {to_hour}:00)",
    },
    "not_personalised": {
        "zh": "客户关闭了个性化推荐，按原顺序展示",
        "en": "The customer switched personalisation off: shown in the order given",
    },
    "stranger": {
        "zh": "尚不认识此人，按一般客户估计",
        "en": "Nothing is known of this visitor: judged as an average customer",
    },
    "declared": {
        "zh": "按调用方给出的价值排序：{value}",
        "en": "Ranked by the value the caller declared: {value}",
    },
    "uplift": {
        "zh": "预计多带来 {uplift:.2%} 的下单概率（{origin}）",
        "en": "Expected to add {uplift:.2%} to the chance of an order ({origin})",
    },
    "hour": {
        "zh": "按客户习惯在 {hour} 点发送（避开勿扰时段）",
        "en": "Sent at {hour}:00 by the customer's habit, outside quiet hours",
    },
}
ORIGIN: Mapping[str, Mapping[Language, str]] = {
    "assumed": {"zh": "假定值，待实验校准", "en": "an assumption until experiments measure it"},
    "measured": {"zh": "来自随机对照的实测", "en": "measured by randomised contacts"},
}
ACTIONS: Mapping[str, Mapping[Language, str]] = {
    "send": {"zh": "触达", "en": "Contact"},
    "show": {"zh": "页面展示", "en": "Shown"},
    "none": {"zh": "不触达", "en": "No contact"},
}
SHORT: Mapping[str, Mapping[Language, str]] = {
    "best_value": {"zh": "价值最优", "en": "Best value"},
    "explored": {"zh": "随机探索", "en": "Explored"},
    "holdout": {"zh": "留白对照", "en": "Held out"},
    "no_consent": {"zh": "无授权", "en": "No consent"},
    "no_address": {"zh": "无联系方式", "en": "No address"},
    "frequency_cap": {"zh": "疲劳度上限", "en": "Frequency cap"},
    "no_gain": {"zh": "无增量", "en": "No gain"},
    "budget": {"zh": "预算不足", "en": "Budget"},
    "stock": {"zh": "权益发完", "en": "Out of stock"},
    "quiet_hours": {"zh": "勿扰时段", "en": "Quiet hours"},
    "not_personalised": {"zh": "已关闭个性化", "en": "Not personalised"},
}


def render(reasons: str, currency: str) -> list[dict[Language, str]]:
    """Sentences of a decision's ``reasons``.

    Parameters
    ----------
    reasons
        JSON list of objects with ``code`` and its values, as in the ledger.
    currency
        Of the amounts.

    Returns
    -------
    list
        One ``{"zh", "en"}`` per reason, in order.

    Raises
    ------
    InputError
        If a code is unknown.

    Examples
    --------
    >>> render('[{"code":"budget"}]', "CNY")[0]["en"]
    'The budget earns more with other customers'
    """
    return [sentence(item, currency) for item in json.loads(reasons)]


def sentence(item: Mapping[str, Any], currency: str) -> dict[Language, str]:
    """One reason in words.

    Parameters
    ----------
    item
        ``code`` and its values.
    currency
        Of the amounts.

    Returns
    -------
    dict
        By language.

    Raises
    ------
    InputError
        If the code is unknown.
    """
    code = item["code"]
    if code not in SENTENCES:
        raise InputError(
            f"unknown reason code {code!r} in a decision",
            next_step="Read the ledger with the version that wrote it",
            code=code,
        )
    result: dict[Language, str] = {}
    for language in ("zh", "en"):
        facts = dict(item)
        for name in ("value", "cost"):
            if name in facts:
                facts[name] = said(int(facts[name]), currency)
        if "origin" in facts:
            facts["origin"] = ORIGIN[facts["origin"]][language]
        result[language] = SENTENCES[code][language].format(**facts)
    return result
