"""Predict, text: what customers wrote, and look-alikes of an audience."""

from __future__ import annotations

import datetime as dt

from pydantic import Field

from shopkeeper.apps.service.schemas.common import Count, Freshness, NextStep, Shape, Text


class SentimentWeek(Shape):
    """Texts of one week by sentiment."""

    week: dt.date = Field(description="Monday of the week")
    texts: int
    positive: int
    neutral: int
    negative: int
    score: float | None = Field(description="mean score, -1 (bad) to 1 (good)")


class AspectFigures(Shape):
    """How one aspect is spoken about."""

    aspect: str
    label: Text
    texts: int
    positive: int
    negative: int
    score: float | None


class ProductSentiment(Shape):
    """How one product is spoken about."""

    product_id: str
    name: str | None
    texts: int
    negative: int
    score: float = Field(
        description="mean score of its texts, drawn to the shop's mean where there are few"
    )


class TextSummary(Shape):
    """What customers wrote, read by the model in use."""

    freshness: Freshness
    method: str = Field(description="rules, or the model trained on the shop's own rated texts")
    method_label: Text
    model_version: str | None
    texts: int
    customers: int
    sentiment: list[Count] = Field(description="positive, neutral, negative")
    weeks: list[SentimentWeek]
    intents: list[Count]
    aspects: list[AspectFigures]
    worst: list[ProductSentiment] = Field(description="products with the worst sentiment first")
    next_step: NextStep | None


class TextQuestion(Shape):
    """A sentence to be read."""

    text: str = Field(min_length=1, max_length=20_000)


class WordWeight(Shape):
    """A part of the text and what it adds."""

    word: str
    weight: float = Field(description="added to the log-odds of positive")


class AspectScore(Shape):
    """One aspect the text speaks about."""

    aspect: str
    label: Text
    sentiment: str
    score: float


class TextAnswer(Shape):
    """How a sentence is read, and which words decided it."""

    sentiment: str
    sentiment_label: Text
    score: float = Field(description="-1 (bad) to 1 (good): twice the probability, less one")
    probability: float = Field(description="probability that the writer is satisfied")
    log_odds: float = Field(description="its log-odds: `base` plus all weights plus `rest`")
    base: float
    words: list[WordWeight] = Field(description="strongest first")
    rest: float = Field(description="what all weaker words add together")
    intent: str | None
    intent_label: Text | None
    intent_words: list[str] = Field(description="what in the text showed the intent")
    aspects: list[AspectScore]
    method: str
    method_label: Text
    model_version: str | None


class LookalikeQuestion(Shape):
    """An audience to be widened."""

    audience_id: str
    size: int | None = Field(default=None, ge=1, description="how many new customers")
    min_similarity: float | None = Field(
        default=None, ge=0, le=1, description="least similarity, 0 to 1, instead of a size"
    )


class LookalikeSave(LookalikeQuestion):
    """A widened audience to be kept."""

    name: str = Field(min_length=1, max_length=200)


class LookalikeMember(Shape):
    """A customer who is like the audience."""

    customer_id: str
    similarity: float
    reasons: list[Text]


class LookalikeFigure(Shape):
    """How well one method finds members that were held back."""

    method: str
    label: Text
    lift: float = Field(description="share of members in its best tenth over their share in all")
    auc: float


class LookalikePreview(Shape):
    """Who an audience would be widened by."""

    audience_id: str
    audience: str
    seeds: int
    candidates: int
    found: int
    least_similarity: float | None
    figures: list[LookalikeFigure]
    differences: list[Text] = Field(description="what sets the audience apart, strongest first")
    members: list[LookalikeMember] = Field(description="most similar first, at most 100")
    next_step: NextStep | None


class LookalikeSaved(Shape):
    """The widened audience, kept as one of its own."""

    audience_id: str
    name: str
    size: int
    score_kind: str = Field(description="kind of the scores, usable in rules")
