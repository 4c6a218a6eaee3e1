"""Predict: forecasts, and the response to price and promotion."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from shopkeeper.apps.service.context import Shop
from shopkeeper.apps.service.queries import forecast as ask
from shopkeeper.apps.service.schemas.forecast import ForecastDetail, ForecastList, PriceResponses

router = APIRouter(prefix="/predict", tags=["predict"])


@router.get("/forecast", operation_id="list_forecasts")
def list_forecasts(shop: Shop) -> ForecastList:
    """Forecasts of the total, the categories and the top products."""
    return ask.forecasts(shop)


@router.get("/forecast/series", operation_id="get_forecast")
def get_forecast(
    shop: Shop,
    kind: Annotated[str, Query(max_length=40, description="total, category or product")] = "total",
    id: Annotated[str, Query(max_length=400, description="all for the total")] = "all",  # noqa: A002
) -> ForecastDetail:
    """Past and forecast of one series, with intervals and figures."""
    return ask.forecast(shop, kind, id)


@router.get("/promotion", operation_id="list_price_responses")
def list_price_responses(shop: Shop) -> PriceResponses:
    """Elasticities, promotion effects and response curves by category."""
    return ask.price_responses(shop)
