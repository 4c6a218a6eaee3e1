"""Measure."""

from __future__ import annotations

import datetime as dt

from fastapi import APIRouter

from shopkeeper.apps.service.context import Shop
from shopkeeper.apps.service.queries import measure as ask
from shopkeeper.apps.service.queries import movement
from shopkeeper.apps.service.schemas.measure import (
    CohortTable,
    EffectList,
    IndicatorList,
    RfmMigration,
)

router = APIRouter(prefix="/measure", tags=["measure"])


@router.get("/indicators", operation_id="list_indicators")
def list_indicators(
    shop: Shop, start: dt.date | None = None, end: dt.date | None = None
) -> IndicatorList:
    """Daily indicators with definition and series; `end` is not included."""
    return ask.indicators(shop, start=start, end=end)


@router.get("/cohorts", operation_id="get_cohorts")
def get_cohorts(shop: Shop) -> CohortTable:
    """Retention of customers by the month of their first purchase."""
    return movement.cohorts(shop)


@router.get("/rfm-migration", operation_id="get_rfm_migration")
def get_rfm_migration(shop: Shop) -> RfmMigration:
    """Moves between RFM segments."""
    return movement.rfm_migration(shop)


@router.get("/effects", operation_id="list_effects")
def list_effects(shop: Shop) -> EffectList:
    """Hold-out effects with intervals, and the spend they save."""
    return ask.effects(shop)
