"""What rules may speak about: every field with type, unit, labels and values."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from shopkeeper.core import columns as c
from shopkeeper.core.columns import Column, Kind
from shopkeeper.core.errors import RuleError
from shopkeeper.core.scenes import Words
from shopkeeper.segment.rules.tree import Place
from shopkeeper.segment.schemes import SCHEMES, Scheme, Segment

FieldType = Literal["number", "integer", "money", "text", "boolean", "date", "choice"]
Source = Literal["features", "scores", "segments", "profiles", "permits"]

GROUPS: Mapping[str, tuple[str, str]] = {
    "value": ("消费价值", "Value"),
    "rhythm": ("购买节奏", "Rhythm"),
    "basket": ("购物篮", "Basket"),
    "affinity": ("品类与品牌偏好", "Affinity"),
    "promotion": ("价格与促销反应", "Promotion response"),
    "preference": ("渠道与时间偏好", "Channel and time"),
    "returns": ("退货", "Returns"),
    "activity": ("浏览与访问", "Activity"),
    "service": ("客服与售后", "Service"),
    "social": ("社交影响", "Social influence"),
    "contact": ("触达", "Contacts"),
    "trend": ("趋势", "Trend"),
    "features": ("特征", "Features"),
    "scores": ("预测分", "Scores"),
    "segments": ("分群", "Segments"),
    "profile": ("客户资料", "Profile"),
    "permit": ("授权", "Permits"),
}
"""Name of each group of fields in Chinese and English."""

OPERATORS: Mapping[str, tuple[str, str, int]] = {
    "=": ("等于", "equals", 1),
    "!=": ("不等于", "does not equal", 1),
    "<": ("小于", "is less than", 1),
    "<=": ("不大于", "is at most", 1),
    ">": ("大于", "is greater than", 1),
    ">=": ("不小于", "is at least", 1),
    "in": ("属于", "is one of", -1),
    "not in": ("不属于", "is none of", -1),
    "between": ("介于", "is between", 2),
    "contains": ("包含", "contains", 1),
    "is missing": ("为空", "is missing", 0),
    "is known": ("不为空", "is known", 0),
}
"""Label in Chinese and English and number of operands (-1 for a list) of each operator."""

_ORDERED = ("=", "!=", "<", "<=", ">", ">=", "in", "not in", "between", "is missing", "is known")
_WORDS = ("=", "!=", "in", "not in", "contains", "is missing", "is known")
_TRUTH = ("=", "!=", "is missing", "is known")
_KINDS: Mapping[Kind, FieldType] = {
    "string": "text", "int8": "integer", "int16": "integer", "int32": "integer",
    "int64": "integer", "float64": "number", "bool": "boolean", "date": "date",
    "timestamp": "date",
}  # fmt: skip

EXAMPLES: tuple[tuple[str, str], ...] = (
    (
        "recency_days 大于 60 且 orders_365d 不小于 3 且 非 (churn.risk 不小于 7)",
        "recency_days > 60 and orders_365d >= 3 and not (churn.risk >= 7)",
    ),
    (
        "买过(category='咖啡', 近 90 天, 至少 2 次) 且 tier 属于 ('vip', 'core')",
        "bought(category='咖啡', within 90 days, at least 2 times) and tier in ('vip', 'core')",
    ),
    (
        "life_cycle = 'dormant' 且 permit.email = 'GRANT' 且 非 触达过(近 14 天)",
        "life_cycle = 'dormant' and permit.email = 'GRANT' and not contacted(within 14 days)",
    ),
)
"""Rules with Chinese and with English keywords; both parse to the same tree."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field that rules may use.

    Parameters
    ----------
    name
        As rules write it; also the column of the traits.
    source
        Table it comes from.
    column
        Column, or key (score kind, scheme, channel), in that table.
    kind
        Stored type.
    type
        How people see it.
    unit
        What a number counts.
    zh, en
        Label in Chinese and English.
    group
        Key into ``GROUPS``.
    values
        Known values with labels: (code, zh, en).
    aliases
        Other names that parse to this one.
    """

    name: str
    source: Source
    column: str
    kind: Kind
    type: FieldType
    unit: str
    zh: str
    en: str
    group: str
    values: tuple[tuple[str, str, str], ...] = ()
    aliases: tuple[str, ...] = ()

    @property
    def operators(self) -> tuple[str, ...]:
        """Operators that make sense for the type."""
        if self.type in ("text", "choice"):
            return _WORDS
        return _TRUTH if self.type == "boolean" else _ORDERED


@dataclass(frozen=True)
class Vocabulary:
    """All fields.

    Parameters
    ----------
    fields
        In the order they are offered.
    """

    fields: tuple[Field, ...]

    @cached_property
    def _by_name(self) -> dict[str, Field]:
        names = {alias: x for x in self.fields for alias in x.aliases}
        return names | {x.name: x for x in self.fields}

    def field(self, name: str, place: Place | None = None) -> Field:
        """Field by name or alias.

        Parameters
        ----------
        name
            As the rule writes it.
        place
            Where it stands, for the error.

        Returns
        -------
        Field

        Raises
        ------
        RuleError
            If there is no such field; the nearest known one is named.
        """
        found = self._by_name.get(name)
        if found is not None:
            return found
        near = difflib.get_close_matches(name, self._by_name, n=3, cutoff=0.5)
        at = place or Place(1, 1, 0, len(name))
        raise RuleError(
            f"there is no field {name!r}",
            next_step=f"Did you mean {near[0]}?" if near else "See the list of fields",
            field=name, near=near, line=at.line, column=at.column, offset=at.offset,
            length=len(name), expected=near,
            message_zh=f"没有名为 {name} 的字段" + (f"，是否指 {near[0]}？" if near else ""),
        )  # fmt: skip


def build_vocabulary(
    features: Iterable[Column],
    *,
    groups: Mapping[str, str] | None = None,
    clusters: Sequence[Segment] = (),
    channels: Sequence[str] = ("email", "sms", "push", "wecom"),
    scored: Sequence[tuple[str, str, str, str]] = (),
    words: Mapping[str, Words] | None = None,
) -> Vocabulary:
    """Put the vocabulary together.

    Parameters
    ----------
    features
        Columns of the feature table.
    groups
        Group of each feature by name.
    clusters
        Segments of the latest clustering.
    channels
        Channels that permits speak about.
    scored
        Scores that this shop made for itself: name in rules, kind, label in Chinese and English.
    words
        Values of the features that take one of a few, by name: code, Chinese and English.

    Returns
    -------
    Vocabulary
        Features, scores, segments, profile and permits, in this order.
    """
    known, chosen = groups or {}, words or {}
    fields = [_feature(x, known.get(str(x), "features"), chosen.get(str(x), ())) for x in features]
    schemes = [_scheme(x, x.segments or tuple(clusters)) for x in SCHEMES.values()]
    learned = [
        _score(name, f"{kind}.value", "float64", "number", "score", zh, en)
        for name, kind, zh, en in scored
    ]
    fields += [*_scores(), *learned]
    return Vocabulary((*fields, *schemes, *_profile(), *(_permit(x) for x in channels)))


def _feature(column: Column, group: str, words: Words) -> Field:
    money = column.unit == "minor units"
    kind: FieldType = "money" if money else "choice" if words else _KINDS[column.kind]
    return Field(str(column), "features", str(column), column.kind, kind, column.unit, column.zh,
                 column.en, group, words)  # fmt: skip


def _score(name: str, column: str, kind: Kind, type_: FieldType, unit: str, zh: str, en: str,
           *aliases: str, values: tuple[tuple[str, str, str], ...] = ()) -> Field:  # fmt: skip
    return Field(name, "scores", column, kind, type_, unit, zh, en, "scores", values, aliases)


def _scores() -> tuple[Field, ...]:
    bands = (("low", "低", "low"), ("middle", "中", "middle"), ("high", "高", "high"))
    return (
        _score("churn.risk", "churn.risk", "int8", "integer", "0-9", "流失风险分（0–9）",
               "Churn risk, 0 to 9", "risk"),
        _score("churn.value", "churn.value", "float64", "number", "probability", "流失概率",
               "Probability of churn", "churn"),
        _score("churn.band", "churn.band", "string", "choice", "", "流失风险档", "Churn band",
               values=bands),
        _score("p_alive", "p_alive.value", "float64", "number", "probability", "仍活跃的概率",
               "Probability of being alive"),
        _score("expected_orders", "expected_orders.value", "float64", "number", "orders",
               "预计订单数", "Expected orders"),
        _score("expected_spend", "expected_spend.value", "float64", "money", "minor units",
               "预计消费", "Expected spend", "value"),
        _score("sentiment", "sentiment.value", "float64", "number", "score",
               "所写文字的情感（-1 差 … 1 好）", "Sentiment of what was written, -1 to 1"),
    )  # fmt: skip


def _scheme(scheme: Scheme, segments: Sequence[Segment]) -> Field:
    values = tuple((x.code, x.zh, x.en) for x in segments)
    return Field(scheme.code, "segments", scheme.code, "string", "choice", "", scheme.zh,
                 scheme.en, "segments", values)  # fmt: skip


def _profile() -> tuple[Field, ...]:
    columns = (c.GENDER, c.AGE_BAND, c.BIRTH_DATE, c.CITY, c.MEMBER_LEVEL, c.INCOME_BAND,
               c.HOUSEHOLD_SIZE, c.TIME_ZONE, c.LANGUAGE)  # fmt: skip
    return tuple(
        Field(f"profile.{x}", "profiles", str(x), x.kind, _KINDS[x.kind], x.unit, x.zh, x.en,
              "profile", (), (str(x),))
        for x in columns
    )  # fmt: skip


def _permit(channel: str) -> Field:
    states = (
        ("GRANT", "同意", "granted"),
        ("DENY", "拒绝", "denied"),
        ("REVOKED", "撤回", "revoked"),
    )
    return Field(f"permit.{channel}", "permits", channel, "string", "choice", "",
                 f"营销授权：{channel}", f"Marketing permit: {channel}", "permit",
                 states)  # fmt: skip
