"""Reasons of a score as sentences: which fact, in which direction, compared with what.

A score row stores reasons compactly (code, weight, value, usual value); sentences are made when
somebody reads them, so that a million rows cost no million sentences.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.core.errors import InputError, NotFoundError
from shopkeeper.predict.history import Floats

Language = Literal["zh", "en"]

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

OTHER = Template(
    "{code} 为 {value}（中位数 {usual}）", "{code} is {value} (median {usual})", digits=2
)
"""For columns from elsewhere, which have no sentence of their own."""

DIRECTIONS: dict[str, tuple[str, str]] = {
    "zh": ("升高风险", "降低风险"),
    "en": ("raises", "lowers"),
}
"""Words for a positive and a negative weight, per language."""


def fold_reasons(names: Sequence[str], contributions: Floats, told_by: Mapping[str, str]) -> Floats:
    """Add the weight of columns that restate a fact to the column that tells it.

    Parameters
    ----------
    names : Sequence[str]
        One code a column.
    contributions : Floats
        What each column adds; shape (rows, columns).
    told_by : Mapping[str, str]
        Telling column by restating column; pairs with an absent column are ignored.

    Returns
    -------
    Floats
        Contributions of the same shape; restating columns are 0.

    Examples
    --------
    >>> fold_reasons(["a", "b"], np.array([[1.0, 2.0]]), {"b": "a"}).tolist()
    [[3.0, 0.0]]
    """
    folded = contributions.copy()
    place = {name: at for at, name in enumerate(names)}
    for name, fact in told_by.items():
        if name in place and fact in place:
            folded[:, place[fact]] += folded[:, place[name]]
            folded[:, place[name]] = 0.0
    return folded


def store_reasons(
    names: Sequence[str],
    contributions: Floats,
    values: Floats,
    usual: Floats,
    top: int = 3,
    least: float = 0.02,
) -> pa.Array:
    """Write the strongest reasons of each row as compact JSON, without a loop over rows.

    Parameters
    ----------
    names : Sequence[str]
        One code a column.
    contributions : Floats
        What each column adds to the log-odds; shape (rows, columns).
    values : Floats
        Values of the columns; same shape; NaN where there is none.
    usual : Floats
        What is usual, to compare with: shape (columns,), or (rows, columns) where it is personal.
    top : int
        Most reasons a row.
    least : float
        Contributions below this size are no reason.

    Returns
    -------
    pa.Array
        Strings such as `[{"code":"days_since_last","weight":0.81,"value":92,"usual":31}]`.

    Examples
    --------
    >>> stored = store_reasons(
    ...     ["days_since_last"], np.array([[0.8]]), np.array([[92.0]]), np.array([31.0])
    ... )
    >>> render(stored[0].as_py(), "en")
    ['no purchase for 92 days, 3× the usual 31-day gap']
    """
    rows, columns = contributions.shape
    used = min(top, columns)
    order = np.argsort(-np.abs(contributions), axis=1, kind="stable")[:, :used]
    at = np.arange(rows)
    personal = np.broadcast_to(usual, contributions.shape)
    codes = pa.array([f'{{"code":{json.dumps(name)},"weight":' for name in names])
    pieces = []
    for place in range(used):
        column = order[:, place]
        weight = contributions[at, column]
        piece = pc.binary_join_element_wise(
            codes.take(pa.array(column)),
            _numbers(weight, 3),
            pa.scalar(',"value":'),
            _numbers(values[at, column], 4),
            pa.scalar(',"usual":'),
            _numbers(personal[at, column], 4),
            pa.scalar("}"),
            "",
        )
        # sorted by size: where this one is kept, the ones before are, so a comma may lead it
        kept = pa.array(np.abs(weight) >= least)
        led = pc.binary_join_element_wise(pa.scalar("," if place else ""), piece, "")
        pieces.append(pc.if_else(kept, led, pa.scalar("")))
    return pc.binary_join_element_wise(pa.scalar("["), *pieces, pa.scalar("]"), "")


def _numbers(values: Floats, digits: int) -> pa.Array:
    """Write numbers as JSON; what is not finite becomes null."""
    finite = np.isfinite(values)
    rounded = np.round(np.where(finite, values, 0.0), digits)
    rounded = np.where(rounded == 0.0, 0.0, rounded)  # no minus zero
    text = pc.cast(pa.array(rounded), pa.string())
    return pc.if_else(pa.array(finite), text, pa.scalar("null"))


def reason_without_history() -> str:
    """Return the stored reason for a customer without history.

    Returns
    -------
    str
        Compact JSON.
    """
    return json.dumps(
        [{"code": NO_HISTORY, "weight": 0.0, "value": None, "usual": None}], separators=(",", ":")
    )


def render(reasons_json: str | None, lang: Language) -> list[str]:
    """Turn stored reasons into sentences.

    Parameters
    ----------
    reasons_json : str | None
        What `store_reasons` wrote; None gives no sentence.
    lang : Language
        `zh` or `en`.

    Returns
    -------
    list[str]
        Strongest reason first.

    Raises
    ------
    NotFoundError
        When the language is not known.
    InputError
        When the text is not what `store_reasons` writes.
    """
    return [str(reason[lang]) for reason in explained(reasons_json, (lang,))]


def explained(
    reasons_json: str | None, languages: Sequence[str] = ("zh", "en")
) -> list[dict[str, Any]]:
    """Return stored reasons with their sentences and direction.

    Parameters
    ----------
    reasons_json : str | None
        What `store_reasons` wrote.
    languages : Sequence[str]
        Languages to write.

    Returns
    -------
    list[dict[str, Any]]
        `code`, `weight`, `value`, `usual`, `direction` (`up` or `down`), and one key a language.

    Raises
    ------
    NotFoundError
        When a language is not known.
    InputError
        When the text is not what `store_reasons` writes.

    Examples
    --------
    >>> text = '[{"code":"purchases","weight":-0.4,"value":12,"usual":2}]'
    >>> explained(text)[0]["zh"], explained(text)[0]["direction"]
    ('共购买 12 次（客户中位数 2 次）', 'down')
    """
    if not reasons_json:
        return []
    unknown = [lang for lang in languages if lang not in DIRECTIONS]
    if unknown:
        raise NotFoundError(
            f"reasons are not written in {unknown[0]!r}", next_step="use zh or en", lang=unknown[0]
        )
    try:
        stored: list[Mapping[str, Any]] = json.loads(reasons_json)
        return [
            {
                **reason,
                "direction": "up" if reason["weight"] > 0 else "down",
                **{lang: _sentence(reason, lang) for lang in languages},
            }
            for reason in stored
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"stored reasons cannot be read ({type(error).__name__}: {error})",
            next_step="score the customers again",
            reasons=reasons_json[:200],
        ) from error


def _sentence(reason: Mapping[str, Any], lang: str) -> str:
    template = TEMPLATES.get(reason["code"], OTHER)
    value, usual = reason["value"], reason["usual"]
    text = template.zh if lang == "zh" else template.en
    if reason["weight"] < 0:
        text = (template.zh_down if lang == "zh" else template.en_down) or text
    elif value is not None and usual is not None and usual > 0 and value >= 2 * usual:
        text = (template.zh_times if lang == "zh" else template.en_times) or text
    return text.format(
        code=reason["code"],
        value=_shown(value, template, lang),
        usual=_shown(usual, template, lang),
        times=f"{value / usual:.0f}" if value is not None and usual else "",
    )


def _shown(value: float | None, template: Template, lang: str) -> str:
    if value is None:
        return "未知" if lang == "zh" else "unknown"
    return f"{value * template.scale:,.{template.digits}f}"
