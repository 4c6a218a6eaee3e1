"""Predict: uplift."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from shopkeeper.apps.service.context import Shop
from shopkeeper.apps.service.queries import uplift as ask
from shopkeeper.apps.service.schemas.uplift import UpliftGroups, UpliftOverview

router = APIRouter(prefix="/predict", tags=["predict"])


@router.get("/uplift", operation_id="get_uplift")
def get_uplift(shop: Shop) -> UpliftOverview:
    """Uplift models beside their baselines with Qini curves, and what waits for random contacts."""
    return ask.uplift(shop)


@router.get("/uplift/{task}/groups", operation_id="get_uplift_groups")
def get_uplift_groups(
    shop: Shop,
    task: str,
    cost_minor: Annotated[
        int, Query(ge=0, le=10**12, description="cost of one treatment, minor units")
    ] = 100,
    worth_minor: Annotated[
        int, Query(ge=1, le=10**12, description="worth of one unit of the outcome, minor units")
    ] = 10_000,
) -> UpliftGroups:
    """Persuadables, sure things, lost causes and do-not-disturbs at a cost, and the spend saved."""
    return ask.groups(shop, task, cost_minor, worth_minor)
