"""Recommend: lists of a customer, neighbours of a product, the model behind them."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from shopkeeper.apps.service.context import Shop
from shopkeeper.apps.service.queries import recommend as ask
from shopkeeper.apps.service.schemas.recommend import (
    CustomerRecommendations,
    ItemRecommendations,
    RecommendSummary,
)

router = APIRouter(prefix="/predict/recommend", tags=["predict"])

Asked = Literal["for_you", "again", "next_basket", "all"]


@router.get("/summary", operation_id="get_recommend_summary")
def get_recommend_summary(shop: Shop) -> RecommendSummary:
    """Members and weights of the model, its figures beside baselines, coverage and diversity."""
    return ask.summary(shop)


@router.get("/customers/{customer_id}", operation_id="get_customer_recommendations")
def get_customer_recommendations(
    shop: Shop,
    customer_id: str,
    surface: Annotated[Asked, Query(description="which list; all of them by default")] = "all",
) -> CustomerRecommendations:
    """What one customer is shown, and why."""
    return ask.customer(shop, customer_id, surface)


@router.get("/items/{product_id}", operation_id="get_item_recommendations")
def get_item_recommendations(shop: Shop, product_id: str) -> ItemRecommendations:
    """Products like one product, and products bought together with it."""
    return ask.item(shop, product_id)
