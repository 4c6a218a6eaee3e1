"""Collect."""

from __future__ import annotations

from fastapi import APIRouter

from shopkeeper.apps.service.context import Cursor, Limit, Shop
from shopkeeper.apps.service.queries import collect as ask
from shopkeeper.apps.service.schemas.collect import (
    LoadPage,
    QuarantinePage,
    QuarantineSummary,
    TableList,
)

router = APIRouter(prefix="/collect", tags=["collect"])


@router.get("/loads", operation_id="list_loads")
def list_loads(
    shop: Shop, table: str | None = None, cursor: Cursor = None, limit: Limit = 50
) -> LoadPage:
    """Loads, newest first."""
    return ask.loads(shop, table=table, cursor=cursor, limit=limit)


@router.get("/quarantine", operation_id="list_quarantine")
def list_quarantine(
    shop: Shop,
    reason: str | None = None,
    table: str | None = None,
    load_id: str | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> QuarantinePage:
    """Rows that were refused, each with row, field, reason and next step."""
    return ask.quarantine(
        shop, reason=reason, table=table, load_id=load_id, cursor=cursor, limit=limit
    )


@router.get("/quarantine/summary", operation_id="get_quarantine_summary")
def get_quarantine_summary(shop: Shop) -> QuarantineSummary:
    """Refused rows by reason, table and field."""
    return ask.quarantine_summary(shop)


@router.get("/tables", operation_id="list_tables")
def list_tables(shop: Shop) -> TableList:
    """Tables of the lake with their row counts."""
    return ask.tables(shop)
