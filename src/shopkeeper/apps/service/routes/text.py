"""Predict: what customers wrote, and who resembles an audience."""

from __future__ import annotations

from fastapi import APIRouter

from shopkeeper.apps.service.context import Shop
from shopkeeper.apps.service.queries import lookalike as alike
from shopkeeper.apps.service.queries import text as ask
from shopkeeper.apps.service.schemas.text import (
    LookalikePreview,
    LookalikeQuestion,
    LookalikeSave,
    LookalikeSaved,
    TextAnswer,
    TextQuestion,
    TextSummary,
)

router = APIRouter(prefix="/predict", tags=["predict"])


@router.get("/text/summary", operation_id="get_text_summary")
def get_text_summary(shop: Shop) -> TextSummary:
    """Sentiment by week, intents, aspects, products with the worst sentiment."""
    return ask.text_summary(shop)


@router.post("/text/score", operation_id="score_text")
def score_text(shop: Shop, body: TextQuestion) -> TextAnswer:
    """Read a sentence: sentiment, intent, and the words that decided, with weights that add up."""
    return ask.read_text(shop, body.text)


@router.post("/lookalike", operation_id="preview_lookalike")
def preview_lookalike(shop: Shop, body: LookalikeQuestion) -> LookalikePreview:
    """Customers who resemble an audience, with reasons and how well hidden members are found."""
    return alike.preview(shop, body)


@router.post("/lookalike/save", operation_id="save_lookalike", status_code=201)
def save_lookalike(shop: Shop, body: LookalikeSave) -> LookalikeSaved:
    """Keep them as an audience whose rule reads the likeness."""
    return alike.save(shop, body)
