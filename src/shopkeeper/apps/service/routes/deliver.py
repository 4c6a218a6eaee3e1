"""Deliver."""

from __future__ import annotations

from fastapi import APIRouter

from shopkeeper.apps.service.context import Cursor, Limit, Shop
from shopkeeper.apps.service.queries import deliver as ask
from shopkeeper.apps.service.schemas.deliver import Outbox

router = APIRouter(prefix="/deliver", tags=["deliver"])


@router.get("/outbox", operation_id="get_outbox")
def get_outbox(
    shop: Shop,
    channel: str | None = None,
    plan_id: str | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Outbox:
    """Messages of the outbox with a summary."""
    return ask.outbox(shop, channel=channel, plan_id=plan_id, cursor=cursor, limit=limit)
