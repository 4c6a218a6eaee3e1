"""Customers and profiles."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from shopkeeper.apps.service.context import Cursor, Limit, Shop
from shopkeeper.apps.service.queries import customer as who
from shopkeeper.apps.service.queries import customers as ask
from shopkeeper.apps.service.queries.timeline import timeline
from shopkeeper.apps.service.schemas.customers import (
    Customer,
    CustomerFeatures,
    CustomerPage,
    Timeline,
)

router = APIRouter(tags=["customers"])

Sort = Literal["-value", "value", "-risk", "risk", "-last_purchase", "last_purchase", "-spent"]


@router.get("/customers", operation_id="list_customers")
def list_customers(
    shop: Shop,
    search: Annotated[str | None, Query(max_length=200, description="id or identifier")] = None,
    segment: Annotated[
        str | None, Query(max_length=120, description="scheme:segment, e.g. tier:vip")
    ] = None,
    sort: Sort = "-value",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> CustomerPage:
    """Customers with their headline scores and segments."""
    return ask.customers(
        shop, search=search, segment=segment, sort=sort, cursor=cursor, limit=limit
    )


@router.get("/customers/{customer_id}", operation_id="get_customer")
def get_customer(shop: Shop, customer_id: str) -> Customer:
    """Everything known about one customer."""
    return who.customer(shop, customer_id)


@router.get("/customers/{customer_id}/timeline", operation_id="get_customer_timeline")
def get_customer_timeline(
    shop: Shop,
    customer_id: str,
    kind: str | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Timeline:
    """What happened, newest first."""
    return timeline(shop, customer_id, kind=kind, cursor=cursor, limit=limit)


@router.get("/customers/{customer_id}/features", operation_id="get_customer_features")
def get_customer_features(shop: Shop, customer_id: str) -> CustomerFeatures:
    """All features of one customer at the latest cut-off."""
    return who.features(shop, customer_id)


@router.get("/profiles/{identifier:path}", operation_id="get_profile")
def get_profile(shop: Shop, identifier: str) -> Customer:
    """Customer that answers to an identifier, given as `kind:value`."""
    return who.profile(shop, identifier)
