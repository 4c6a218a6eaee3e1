"""Predict."""

from __future__ import annotations

from fastapi import APIRouter

from shopkeeper.apps.service.context import Shop
from shopkeeper.apps.service.queries import models
from shopkeeper.apps.service.queries import predict as ask
from shopkeeper.apps.service.schemas.predict import (
    ModelCard,
    ModelList,
    Recommendations,
    ScoresSummary,
)

router = APIRouter(prefix="/predict", tags=["predict"])


@router.get("/models", operation_id="list_models")
def list_models(shop: Shop) -> ModelList:
    """Models with key figures beside their baselines, champions first."""
    return models.models(shop)


@router.get("/models/{task}/{version}", operation_id="get_model_card")
def get_model_card(shop: Shop, task: str, version: str) -> ModelCard:
    """Full card of one model version."""
    return models.model_card(shop, task, version)


@router.get("/scores/summary", operation_id="get_scores_summary")
def get_scores_summary(shop: Shop) -> ScoresSummary:
    """Distribution of risk (0 to 9), bands and value tiers."""
    return ask.scores_summary(shop)


@router.get("/recommendations/{customer_id}", operation_id="get_recommendations")
def get_recommendations(shop: Shop, customer_id: str) -> Recommendations:
    """Products recommended to one customer."""
    return ask.recommendations(shop, customer_id)
