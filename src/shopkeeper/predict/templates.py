"""Sentences of reasons: one template a fact, in Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shopkeeper.predict.intent.words import SENTENCES as INTENT_SENTENCES

NO_HISTORY = "no_history"
"""Code of the reason given for a customer the model knows nothing about."""


@dataclass(frozen=True, slots=True)
class Template:
    """Sentences for one fact; `{value}` and `{usual}` are filled in, `{times}` is their ratio.

    Parameters
    ----------
    zh, en : str
        The fact with what is usual beside it.
    digits : int
        Decimals shown.
    scale : float
        Factor from the stored value to the shown one (0.01 for minor units, 100 for shares).
    zh_times, en_times : str
        Sentences used where the value is at least twice the usual one; empty for none.
    zh_down, en_down : str
        Sentences used where the fact lowers the score; empty for the first ones.
    """

    zh: str
    en: str
    digits: int = 0
    scale: float = 1.0
    zh_times: str = ""
    en_times: str = ""
    zh_down: str = ""
    en_down: str = ""


TEMPLATES: dict[str, Template] = {
    "days_since_last": Template(
        "已 {value} 天未购买（通常间隔 {usual} 天）",
        "no purchase for {value} days (the usual gap is {usual} days)",
        zh_times="已 {value} 天未购买，是其通常间隔 {usual} 天的 {times} 倍",
        en_times="no purchase for {value} days, {times}× the usual {usual}-day gap",
        zh_down="最近一次购买在 {value} 天前（通常间隔 {usual} 天）",
        en_down="last bought {value} days ago (the usual gap is {usual} days)",
    ),
    "last_purchase_days": Template(
        "最近一次购买在 {value} 天前（中位数 {usual} 天）",
        "last bought {value} days ago (median {usual})",
    ),
    "age_days": Template("首次购买已 {value} 天", "first bought {value} days ago"),
    "purchases": Template(
        "共购买 {value} 次（客户中位数 {usual} 次）",
        "bought {value} times in all (the median customer {usual})",
    ),
    "mean_gap_days": Template(
        "平均每 {value} 天购买一次（中位数 {usual} 天）",
        "buys every {value} days on average (median {usual})",
    ),
    "last_gap_days": Template(
        "最近两次购买相隔 {value} 天（中位数 {usual} 天）",
        "the last two purchases were {value} days apart (median {usual})",
    ),
    "longest_gap_days": Template(
        "最长一次间隔 {value} 天（中位数 {usual} 天）",
        "the longest gap was {value} days (median {usual})",
    ),
    "gap_spread": Template(
        "购买间隔的波动为 {value}（中位数 {usual}）",
        "gaps between purchases vary by {value} (median {usual})",
        digits=1,
    ),
    "overdue": Template(
        "距上次购买已达通常间隔的 {value} 倍（中位数 {usual} 倍）",
        "the time since the last purchase is {value}× the usual gap (median {usual}×)",
        digits=1,
    ),
    "idle_share": Template(
        "成为客户以来，最近 {value}% 的时间没有购买（中位数 {usual}%）",
        "idle for the last {value} % of the time as a customer (median {usual} %)",
        scale=100.0,
    ),
    "recent_share": Template(
        "{value}% 的购买发生在后半段时间（中位数 {usual}%）",
        "{value} % of purchases fell in the later half of the time as a customer "
        "(median {usual} %)",
        scale=100.0,
    ),
    "amount_mean": Template(
        "客单价 {value}（中位数 {usual}）",
        "spends {value} per purchase (median {usual})",
        digits=2,
        scale=0.01,
    ),
    "amount_last": Template(
        "最近一次消费 {value}（中位数 {usual}）",
        "the last purchase was {value} (median {usual})",
        digits=2,
        scale=0.01,
    ),
    "amount_trend": Template(
        "最近一次消费是其客单价的 {value} 倍（中位数 {usual} 倍）",
        "the last purchase was {value}× the customer's own mean (median {usual}×)",
        digits=1,
    ),
    "returned_share": Template(
        "退货金额占消费的 {value}%（中位数 {usual}%）",
        "{value} % of the amount went back (median {usual} %)",
        scale=100.0,
    ),
    "orders_per_day": Template(
        "购买日平均下单 {value} 笔（中位数 {usual} 笔）",
        "{value} orders on a day of purchase (median {usual})",
        digits=1,
    ),
    "p_alive": Template(
        "按购买节奏推算，仍为活跃客户的可能性 {value}%（中位数 {usual}%）",
        "by the rhythm of purchases, {value} % likely to be still active (median {usual} %)",
        scale=100.0,
    ),
    "expected_orders": Template(
        "按购买节奏推算，预测期内约购买 {value} 次（中位数 {usual} 次）",
        "by the rhythm of purchases, about {value} purchases ahead (median {usual})",
        digits=2,
    ),
    "p_buy": Template(
        "按购买节奏推算，预测期内购买的可能性 {value}%（中位数 {usual}%）",
        "by the rhythm of purchases, {value} % likely to buy (median {usual} %)",
        scale=100.0,
    ),
    NO_HISTORY: Template(
        "没有购买记录，给出总体平均值", "no purchase on record: the overall average is given"
    ),
}
"""Sentences by column; the windowed columns are added below."""

for _days in (30, 90, 180, 365):
    TEMPLATES[f"purchases_{_days}d"] = Template(
        f"近 {_days} 天购买 {{value}} 次（中位数 {{usual}} 次）",
        f"bought {{value}} times in the last {_days} days (median {{usual}})",
    )
    TEMPLATES[f"amount_{_days}d"] = Template(
        f"近 {_days} 天消费 {{value}}（中位数 {{usual}}）",
        f"spent {{value}} in the last {_days} days (median {{usual}})",
        digits=2,
        scale=0.01,
    )

TEMPLATES.update({code: Template(*told) for code, told in INTENT_SENTENCES.items()})

OTHER = Template(
    "{code} 为 {value}（中位数 {usual}）", "{code} is {value} (median {usual})", digits=2
)
"""For columns from elsewhere, which have no sentence of their own."""


def tell(templates: Mapping[str, Template]) -> None:
    """Make sentences for columns from elsewhere known; those told already stay.

    Parameters
    ----------
    templates : Mapping[str, Template]
        By code.
    """
    for code, template in templates.items():
        TEMPLATES.setdefault(code, template)


def template_of(code: str) -> Template:
    """Return the sentence of a reason.

    Parameters
    ----------
    code : str
        A column, or `column=word` where the reason is that a category has that word.

    Returns
    -------
    Template
        `OTHER` where nobody told one.

    Examples
    --------
    >>> tell({"city": Template("城市：{value}", "City: {value}")})
    >>> template_of("city=Paris").en
    'City: Paris'
    """
    known = TEMPLATES.get(code)
    if known is not None:
        return known
    column, sign, word = code.partition("=")
    if not sign:
        return OTHER
    word = word.replace("{", "{{").replace("}", "}}")
    base = TEMPLATES.get(column)
    if base is None:
        return Template(f"{column} 为 {word or '未知'}", f"{column} is {word or 'unknown'}")
    label_zh, label_en = base.zh.split("：")[0], base.en.split(": {value}")[0]
    return Template(f"{label_zh}：{word or '未知'}", f"{label_en}: {word or 'unknown'}")
