"""Predict: what customers wrote."""

from __future__ import annotations

from fastapi import APIRouter

from shopkeeper.apps.service.context import Shop
from shopkeeper.apps.service.queries import text as ask
from shopkeeper.apps.service.schemas.text import TextAnswer, TextQuestion, TextSummary

router = APIRouter(prefix="/predict/text", tags=["predict"])


@router.get("/summary", operation_id="get_text_summary")
def get_text_summary(shop: Shop) -> TextSummary:
    """Sentiment by week, intents, aspects, products with the worst sentiment."""
    return ask.text_summary(shop)


@router.post("/score", operation_id="score_text")
def score_text(shop: Shop, body: TextQuestion) -> TextAnswer:
    """Read a sentence: sentiment, intent, and the words that decided, with weights that add up."""
    return ask.read_text(shop, body.text)
