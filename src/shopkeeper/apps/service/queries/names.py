"""Names that belong to the stages, asked from them in one place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, get_args

from shopkeeper.apps.service import labels
from shopkeeper.apps.service.schemas.common import Text, Unit
from shopkeeper.features.definition import Feature
from shopkeeper.features.library_index import all_features
from shopkeeper.predict.churn.words import COLUMNS
from shopkeeper.segment.schemes import SCHEMES

BANDS: dict[str, Text] = {
    "low": Text(zh="低风险", en="Low risk"),
    "middle": Text(zh="中风险", en="Medium risk"),
    "high": Text(zh="高风险", en="High risk"),
}
CHANCES: dict[str, Text] = {
    "low": Text(zh="可能性低", en="Unlikely"),
    "middle": Text(zh="可能性中等", en="Middling"),
    "high": Text(zh="可能性高", en="Likely"),
}
SCORE_KINDS: dict[str, tuple[str, Text]] = {
    "churn": ("churn", Text(zh="流失概率", en="Probability of leaving")),
    "p_alive": ("value", Text(zh="仍活跃的概率", en="Probability of being alive")),
    "expected_orders": ("value", Text(zh="预计订单数", en="Expected orders")),
    "expected_spend": ("value", Text(zh="预计消费", en="Expected spend")),
    "intent:buy_session": (
        "intent",
        Text(zh="本次访问购买概率", en="Chance to buy in the session"),
    ),
    "intent:next_category": ("intent", Text(zh="下一个品类", en="Next category")),
    "expected_days_to_purchase": (
        "intent",
        Text(zh="预计几天后购买", en="Expected days to purchase"),
    ),
}
TASKS: dict[str, Text] = {
    "churn": Text(zh="流失", en="Churn"),
    "value": Text(zh="客户价值", en="Customer value"),
    "recommend": Text(zh="推荐", en="Recommendation"),
    "forecast": Text(zh="销售预测", en="Sales forecast"),
    "promotion": Text(zh="价格与促销", en="Price and promotion"),
    "intent": Text(zh="购买意图", en="Intent"),
    "text": Text(zh="文本", en="Text"),
}
UNITS: dict[str, Unit] = {
    "minor units": "minor",
    "probability": "ratio",
    "share": "ratio",
    "percent": "ratio",
    "units": "count",
    "lines": "count",
    "place": "number",
    "contacts": "count",
    "": "number",
}


def unit(word: str | None) -> Unit:
    """Unit of the API for a unit of the tables.

    Parameters
    ----------
    word
        As stored.

    Returns
    -------
    str
        A word the API does not know is a plain number.

    Examples
    --------
    >>> unit("minor units"), unit("days"), unit("parsecs")
    ('minor', 'days', 'number')
    """
    known: tuple[Unit, ...] = get_args(Unit)
    if word in known:
        return next(x for x in known if x == word)
    return UNITS.get(word or "", "number")


@cache
def _features() -> Mapping[str, Text]:
    return {x.name: Text(zh=x.zh, en=x.en) for x in all_features()}


def feature(name: str) -> Text:
    """Name of a feature.

    Parameters
    ----------
    name
        Column of the features.

    Returns
    -------
    Text
        A column outside the library is its own name.
    """
    if name in COLUMNS:
        zh, en = COLUMNS[name]
        return Text(zh=zh, en=en)
    return _features().get(name) or Text(zh=name, en=name)


def feature_definition(known: Feature) -> Text:
    """What a feature counts, over which days, in which unit.

    Parameters
    ----------
    known
        Definition from the library.

    Returns
    -------
    Text
    """
    since_zh = "全部历史" if known.window_days is None else f"截止日前 {known.window_days} 天"
    since_en = (
        "all history" if known.window_days is None else f"{known.window_days} days before the cut"
    )
    counted_zh = f"，单位 {known.unit}" if known.unit else ""
    counted_en = f", in {known.unit}" if known.unit else ""
    return Text(
        zh=f"{known.zh}；取自 {known.source}，{since_zh}{counted_zh}",
        en=f"{known.en}; from {known.source}, {since_en}{counted_en}",
    )


def band(kind: str, code: str) -> Text:
    """Name of a band of a score.

    Parameters
    ----------
    kind
        What is stated.
    code
        Band as stored.

    Returns
    -------
    Text
    """
    if kind.startswith("propensity:"):
        return labels.named(CHANCES, code)
    return labels.named(BANDS, code) if kind == "churn" else segment("tier", code)


def score(kind: str) -> tuple[str, Text]:
    """Task and name of a kind of score.

    Parameters
    ----------
    kind
        As stored.

    Returns
    -------
    tuple of str and Text
        A kind the catalogue does not know is its own task and name.
    """
    return SCORE_KINDS.get(kind) or (kind, labels.named({}, kind))


METHODS: dict[str, Text] = {
    "p_alive": Text(zh="仍活跃概率", en="P(alive)"),
    "recency": Text(zh="最近购买", en="Recency"),
    "bg_nbd": Text(zh="BG/NBD", en="BG/NBD"),
    "pareto_nbd": Text(zh="Pareto/NBD", en="Pareto/NBD"),
    "logistic": Text(zh="逻辑回归", en="Logistic regression"),
    "boosted": Text(zh="梯度提升树", en="Boosted trees"),
    "blend": Text(zh="融合", en="Blend"),
    "shopkeeper": Text(zh="本模型", en="This model"),
    "base rate": Text(zh="总体比例", en="Base rate"),
    "best single column": Text(zh="最好的单列规则", en="Best single column"),
    "zero": Text(zh="不再购买", en="Nothing more"),
    "pace": Text(zh="保持以往节奏", en="Same pace as before"),
    "popularity": Text(zh="总热销", en="Popularity"),
    "popularity-7-days": Text(zh="近 7 天热销", en="Popularity, 7 days"),
    "markov": Text(zh="马尔可夫（接着买）", en="Markov (bought next)"),
    "item-graph": Text(zh="商品图", en="Item graph"),
    "item-knn": Text(zh="相似商品", en="Item neighbours"),
    "ease": Text(zh="EASE", en="EASE"),
    "buy-again": Text(zh="再次购买", en="Buy again"),
    "popularity-fading": Text(zh="近期热销（逐日衰减）", en="Popularity, fading"),
    "replenish": Text(zh="到期补货", en="Due again"),
    "own-frequent": Text(zh="自己最常买的", en="Own most frequent"),
    "session-knn": Text(zh="相似客户", en="Alike customers"),
    "ials": Text(zh="iALS 矩阵分解", en="iALS factors"),
    "content": Text(zh="商品内容", en="Content"),
    "sequence": Text(zh="序列网络", en="Sequence network"),
    "ranker": Text(zh="提升树排序", en="Boosted ranker"),
    "next-basket": Text(zh="下一单融合", en="Next-basket blend"),
    "random": Text(zh="随机", en="Random"),
}
BASELINES: dict[str, tuple[str, ...]] = {
    "churn": ("recency", "p_alive"),
    "value": ("pace", "zero"),
    "recommend": ("popularity-7-days", "popularity"),
    "propensity": ("best single column", "base rate"),
}


def method(name: str) -> Text:
    """Name of a model or baseline.

    Parameters
    ----------
    name
        As in a card.

    Returns
    -------
    Text
        A method of the shop's own is its own name.
    """
    return labels.named(METHODS, name)


def is_baseline(task: str, name: str) -> bool:
    """Whether a method of a card is a baseline.

    Parameters
    ----------
    task
        What is predicted.
    name
        As in the card.

    Returns
    -------
    bool
    """
    return name in BASELINES.get(task.partition(".")[0], ())


def baseline_of(task: str, others: Sequence[str]) -> str | None:
    """The baseline that a model of a task is held against.

    Parameters
    ----------
    task
        What is predicted.
    others
        Methods of the card besides the chosen one.

    Returns
    -------
    str or None
        ``None`` when no baseline was measured.
    """
    return next((x for x in BASELINES.get(task.partition(".")[0], ()) if x in others), None)


def limits(card: Mapping[str, Any]) -> Text:
    """How the figures of a model were taken.

    Parameters
    ----------
    card
        Of the model.

    Returns
    -------
    Text
    """
    protocol = card.get("protocol") or ""
    if not protocol:
        return Text(zh="没有可用的检验期。", en="There was no period to measure it on.")
    zh = card.get("protocol_zh") or protocol
    return Text(zh=f"检验方式：{zh}。", en=f"How it was measured: {protocol}.")


SLICE_WORDS: dict[str, Text] = {
    "new": Text(zh="新品推荐", en="New products"),
    "again": Text(zh="复购推荐", en="Products bought before"),
    "next_basket": Text(zh="下一单", en="Next basket"),
    "cold": Text(zh="新上架商品", en="New arrivals"),
    "purchases=1": Text(zh="只买过一次", en="Bought once"),
    "purchases=2-4": Text(zh="买过 2–4 次", en="Bought 2 to 4 times"),
    "purchases>=5": Text(zh="买过 5 次以上", en="Bought 5 times or more"),
    **{f"event={n}": Text(zh=f"第 {n} 个事件之后", en=f"After {n} events") for n in (3, 5, 10)},
}


def model_slice(code: str) -> Text:
    """Name of a slice of a card's rows.

    Parameters
    ----------
    code
        As in the card.

    Returns
    -------
    Text
    """
    return labels.named(SLICE_WORDS, code)


def scheme(code: str) -> Text:
    """Name of a scheme.

    Parameters
    ----------
    code
        As stored.

    Returns
    -------
    Text
    """
    known = SCHEMES.get(code)
    return Text(zh=known.zh, en=known.en) if known else Text(zh=code, en=code)


def scheme_definition(code: str) -> Text:
    """How a scheme divides customers.

    Parameters
    ----------
    code
        As stored.

    Returns
    -------
    Text
    """
    known = SCHEMES.get(code)
    return Text(zh=known.definition_zh, en=known.definition_en) if known else scheme(code)


@cache
def _segments() -> Mapping[tuple[str, str], tuple[Text, Text]]:
    return {
        (known.code, x.code): (Text(zh=x.zh, en=x.en), Text(zh=x.meaning_zh, en=x.meaning_en))
        for known in SCHEMES.values()
        for x in known.segments
    }


def segment(scheme_code: str, code: str) -> Text:
    """Name of a segment of a scheme with fixed segments.

    Parameters
    ----------
    scheme_code
        The scheme.
    code
        As stored.

    Returns
    -------
    Text
        A segment of another version is its own name.
    """
    known = _segments().get((scheme_code, code))
    return known[0] if known else Text(zh=code, en=code)


def segment_meaning(scheme_code: str, code: str) -> Text:
    """Who is in a segment.

    Parameters
    ----------
    scheme_code
        The scheme.
    code
        As stored.

    Returns
    -------
    Text
    """
    known = _segments().get((scheme_code, code))
    return known[1] if known else Text(zh="", en="")


def segment_order(scheme_code: str) -> Mapping[str, int]:
    """Place of every fixed segment of a scheme, the best first.

    Parameters
    ----------
    scheme_code
        The scheme.

    Returns
    -------
    dict of str to int
    """
    known = SCHEMES.get(scheme_code)
    return {x.code: place for place, x in enumerate(known.segments)} if known else {}
