"""Collect: the live event debugger, and the sources of live events."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from shopkeeper.apps.service.context import Shop
from shopkeeper.apps.service.queries import live as ask
from shopkeeper.apps.service.schemas.live import (
    LiveFeed,
    LiveSource,
    LiveSources,
    SourceChange,
    SourceNew,
)

router = APIRouter(prefix="/collect", tags=["collect"])
Name = Annotated[str, Path(max_length=64, description="name of the source")]


@router.get("/live", operation_id="get_live")
def get_live(
    shop: Shop,
    after: Annotated[int, Query(ge=0, lt=2**53, description="`last` of the answer before")] = 0,
    source: Annotated[str | None, Query(max_length=64)] = None,
    refused: Annotated[bool, Query(description="only refused requests")] = False,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> LiveFeed:
    """Requests with events as they arrive: accepted or refused, and why."""
    return ask.feed(shop, after=after, source=source, refused=refused, limit=limit)


@router.get("/sources", operation_id="list_sources")
def list_sources(shop: Shop) -> LiveSources:
    """Sources of live events with their keys, health and rates."""
    return ask.sources(shop)


@router.post("/sources", operation_id="create_source", status_code=201)
def create_source(shop: Shop, body: SourceNew) -> LiveSource:
    """Make a source; the answer holds its write key."""
    return ask.create(shop, body)


@router.patch("/sources/{source_id}", operation_id="change_source")
def change_source(shop: Shop, source_id: Name, body: SourceChange) -> LiveSource:
    """Enable, disable, rotate the key, or say which pages may send."""
    return ask.change(shop, source_id, body)
