"""What customers wrote, as the Text page shows it; a sentence read on the spot."""

from __future__ import annotations

import datetime as dt

import ibis

from shopkeeper.apps.flows.text import RULES_VERSION, reader_in_use
from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.queries.reading import Record, freshness, latest, one, rows
from shopkeeper.apps.service.schemas.common import Count, NextStep, Text
from shopkeeper.apps.service.schemas.text import (
    AspectFigures,
    AspectScore,
    ProductSentiment,
    SentimentWeek,
    TextAnswer,
    TextSummary,
    WordWeight,
)
from shopkeeper.core import columns as c
from shopkeeper.core.tables import PRODUCTS, SCORES, TEXT_SIGNALS
from shopkeeper.predict.text.intents import ASPECT_WORDS, WORDS
from shopkeeper.predict.text.reader import METHODS, score_of, words_of
from shopkeeper.predict.text.rules import METHOD as RULES
from shopkeeper.predict.text.summary import PRIOR

SENTIMENTS = {
    "positive": Text(zh="满意", en="Satisfied"),
    "neutral": Text(zh="中性", en="Neutral"),
    "negative": Text(zh="不满", en="Dissatisfied"),
}
WORST = 10
WEEKS = 53
NOTHING_WRITTEN = NextStep(
    text=Text(
        zh="还没有读过任何文字。接入评价、客服会话或搜索词后运行闭环。",
        en="No text was read yet. Connect reviews, chats or searches, then run the loop.",
    ),
    action=Text(zh="接入文字", en="Connect texts"),
    link="/collect",
    command="shopkeeper connector add",
)


def text_summary(shop: OpenShop) -> TextSummary:
    """Sentiment by week, intents, aspects, and the products that disappoint most.

    Parameters
    ----------
    shop
        The open shop.

    Returns
    -------
    TextSummary
        Searches count among texts and intents, not among sentiments.
    """
    return shop.remember("text_summary", (TEXT_SIGNALS, PRODUCTS), lambda: _summary(shop))


def _summary(shop: OpenShop) -> TextSummary:
    table = shop.tables.table(TEXT_SIGNALS)
    whole = table.filter(table[c.ASPECT] == "")
    head = one(
        shop,
        whole.aggregate(
            texts=whole.count(),
            customers=whole[c.CUSTOMER_ID].nunique(),
            method=whole[c.MODEL].max(),
            version=whole[c.MODEL_VERSION].max(),
        ),
    )
    texts = int(head["texts"]) if head else 0
    method = str(head["method"]) if head and head["method"] else RULES
    said = whole.filter(whole[c.KIND] != "search")
    weeks = _weeks(shop, said)
    return TextSummary(
        freshness=freshness(shop, latest(shop, SCORES)),
        method=method,
        method_label=_method(method),
        model_version=str(head["version"]) if head and head["version"] else None,
        texts=texts,
        customers=int(head["customers"]) if head else 0,
        sentiment=_sentiments(weeks),
        weeks=weeks[-WEEKS:],
        intents=_intents(shop, whole),
        aspects=_aspects(shop, table.filter(table[c.ASPECT] != "")),
        worst=_worst(shop, said),
        next_step=None if texts else NOTHING_WRITTEN,
    )


def _sums(table: ibis.Table) -> dict[str, ibis.Value]:
    """How many texts of each sentiment, and their mean score."""
    counts: dict[str, ibis.Value] = {
        x: (table[c.SENTIMENT] == x).cast("int64").sum() for x in SENTIMENTS
    }
    return {**counts, "texts": table.count(), "score": table[c.SCORE].mean()}


def _weeks(shop: OpenShop, said: ibis.Table) -> list[SentimentWeek]:
    monday = said.mutate(week=said[c.DAY].truncate("W"))
    found = rows(shop, monday.group_by("week").aggregate(**_sums(monday)).order_by("week"))
    return [
        SentimentWeek(
            week=row["week"].date() if isinstance(row["week"], dt.datetime) else row["week"],
            texts=row["texts"], positive=row["positive"], neutral=row["neutral"],
            negative=row["negative"], score=row["score"],
        )
        for row in found
    ]  # fmt: skip


def _sentiments(weeks: list[SentimentWeek]) -> list[Count]:
    counts = {x: sum(getattr(week, x) for week in weeks) for x in SENTIMENTS}
    total = sum(counts.values())
    return [
        Count(key=x, label=SENTIMENTS[x], count=n, share=n / total if total else None)
        for x, n in counts.items()
    ]


def _intents(shop: OpenShop, whole: ibis.Table) -> list[Count]:
    known = whole.filter(whole[c.INTENT].notnull())
    grouped = known.group_by(c.INTENT).aggregate(n=known.count())
    found = rows(shop, grouped.order_by([grouped["n"].desc(), grouped[c.INTENT]]))
    total = sum(row["n"] for row in found)
    return [
        Count(
            key=row["intent"], label=_intent(row["intent"]), count=row["n"], share=row["n"] / total
        )
        for row in found
    ]


def _aspects(shop: OpenShop, spoken: ibis.Table) -> list[AspectFigures]:
    grouped = spoken.group_by(c.ASPECT).aggregate(**_sums(spoken))
    return [
        AspectFigures(
            aspect=row["aspect"], label=_aspect(row["aspect"]), texts=row["texts"],
            positive=row["positive"], negative=row["negative"], score=row["score"],
        )
        for row in rows(shop, grouped.order_by([grouped["texts"].desc(), grouped[c.ASPECT]]))
    ]  # fmt: skip


def _worst(shop: OpenShop, said: ibis.Table) -> list[ProductSentiment]:
    """Products below the shop's mean, drawn to it where there are few texts."""
    named = said.filter(said[c.PRODUCT_ID].notnull())
    mean = one(shop, named.aggregate(score=named[c.SCORE].mean()))
    if mean is None or mean["score"] is None:
        return []
    usual = float(mean["score"])
    grouped = named.group_by(c.PRODUCT_ID).aggregate(
        texts=named.count(),
        negative=(named[c.SENTIMENT] == "negative").cast("int64").sum(),
        total=named[c.SCORE].sum(),
    )
    drawn = grouped.mutate(score=(grouped["total"] + PRIOR * usual) / (grouped["texts"] + PRIOR))
    low = drawn.filter((drawn["score"] < usual) & (drawn["negative"] > 0))
    found = rows(shop, low.order_by([low["score"], low[c.PRODUCT_ID]]).limit(WORST))
    titles = _titles(shop, [row["product_id"] for row in found])
    return [
        ProductSentiment(
            product_id=row["product_id"], name=titles.get(row["product_id"]), texts=row["texts"],
            negative=row["negative"], score=row["score"],
        )
        for row in found
    ]  # fmt: skip


def _titles(shop: OpenShop, ids: list[str]) -> dict[str, str | None]:
    if not ids:
        return {}
    table = shop.tables.table(PRODUCTS)
    found: list[Record] = rows(
        shop, table.filter(table[c.PRODUCT_ID].isin(ids)).select(c.PRODUCT_ID, c.NAME)
    )
    return {row["product_id"]: row["name"] for row in found}


def read_text(shop: OpenShop, text: str) -> TextAnswer:
    """Read one sentence and say which words decided.

    Parameters
    ----------
    shop
        The open shop; its champion reads, or the rules where there is none.
    text
        Chinese or English.

    Returns
    -------
    TextAnswer
        `base`, the weights of `words` and `rest` add up to `log_odds`.

    Raises
    ------
    InputError
        If the text is empty or written in another script.
    """
    reader, version = reader_in_use(shop.runtime)
    found = reader.explain(text)
    sentiment = words_of([found.log_odds])[0]
    score = float(score_of([found.log_odds])[0])
    return TextAnswer(
        sentiment=sentiment,
        sentiment_label=SENTIMENTS[sentiment],
        score=score,
        probability=(score + 1) / 2,
        log_odds=found.log_odds,
        base=found.base,
        words=[WordWeight(word=word, weight=weight) for word, weight in found.words],
        rest=found.rest,
        intent=found.intent,
        intent_label=_intent(found.intent) if found.intent else None,
        intent_words=found.intent_words,
        aspects=[
            AspectScore(
                aspect=name, label=_aspect(name), sentiment=words_of([odds])[0],
                score=float(score_of([odds])[0]),
            )
            for name, odds in found.aspects
        ],
        method=reader.method,
        method_label=_method(reader.method),
        model_version=None if version == RULES_VERSION else version,
    )  # fmt: skip


def _method(method: str) -> Text:
    zh, en = METHODS.get(method, (method, method))
    return Text(zh=zh, en=en)


def _intent(intent: str) -> Text:
    zh, en = WORDS.get(intent, (intent, intent))
    return Text(zh=zh, en=en)


def _aspect(aspect: str) -> Text:
    zh, en = ASPECT_WORDS.get(aspect, (aspect, aspect))
    return Text(zh=zh, en=en)
