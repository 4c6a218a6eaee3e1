"""Govern."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from shopkeeper.apps.service.context import Shop
from shopkeeper.apps.service.queries import govern as ask
from shopkeeper.apps.service.queries import quality as measured
from shopkeeper.apps.service.schemas.govern import (
    CleaningRules,
    Dictionary,
    GovernReport,
    Lineage,
    Quality,
)

router = APIRouter(prefix="/govern", tags=["govern"])


@router.get("/quality", operation_id="get_quality")
def get_quality(shop: Shop) -> Quality:
    """Quality indicators of the latest run, with their history."""
    return measured.quality(shop)


@router.get("/rules", operation_id="list_cleaning_rules")
def list_cleaning_rules(shop: Shop) -> CleaningRules:
    """Named cleaning rules with examples and how often each was applied."""
    return ask.rules(shop)


@router.get("/dictionary", operation_id="get_dictionary")
def get_dictionary() -> Dictionary:
    """Data dictionary: every column of every table."""
    return ask.dictionary()


@router.get("/lineage", operation_id="get_lineage")
def get_lineage(
    shop: Shop,
    column: Annotated[str | None, Query(description="table.column", max_length=200)] = None,
    direction: Literal["upstream", "downstream", "both"] = "both",
    depth: Annotated[int, Query(ge=1, le=20)] = 6,
) -> Lineage:
    """Where a column comes from and what depends on it."""
    return ask.lineage(shop, column=column, direction=direction, depth=depth)


@router.get("/report", operation_id="get_govern_report")
def get_govern_report(shop: Shop) -> GovernReport:
    """Quality report in words."""
    return measured.report(shop)
