"""Collect: the tracking plan, and live events that it refused."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from shopkeeper.apps.service.context import Cursor, Limit, Shop
from shopkeeper.apps.service.queries import live_quarantine as refused
from shopkeeper.apps.service.queries import tracking as ask
from shopkeeper.apps.service.schemas.tracking import (
    EventEdit,
    EventStatus,
    PlanApplied,
    PlanApply,
    PlanDraft,
    PlanGuess,
    QuarantinedEventPage,
    QuarantinedEventView,
    ReplayRequest,
    ReplayResult,
    TrackingPlanView,
    TrackingPreview,
)

router = APIRouter(prefix="/collect", tags=["collect"])
Number = Annotated[int, Path(ge=1, lt=2**53, description="number of the event in quarantine")]
Word = Annotated[str | None, Query(max_length=300)]


@router.get("/tracking", operation_id="get_tracking_plan")
def get_tracking_plan(shop: Shop) -> TrackingPlanView:
    """The tracking plan in force as file and structure, with its history."""
    return ask.view(shop)


@router.get("/tracking/versions/{version}", operation_id="get_tracking_plan_version")
def get_tracking_plan_version(
    shop: Shop, version: Annotated[int, Path(ge=1, lt=2**31)]
) -> TrackingPlanView:
    """An earlier version of the tracking plan."""
    return ask.view(shop, version)


@router.post("/tracking/preview", operation_id="preview_tracking_plan")
def preview_tracking_plan(shop: Shop, body: PlanDraft) -> TrackingPreview:
    """What a draft would change, and what it would refuse of the latest events."""
    return ask.preview(shop, body)


@router.put("/tracking", operation_id="apply_tracking_plan")
def apply_tracking_plan(shop: Shop, body: PlanApply) -> PlanApplied:
    """Put a plan in force; 409 if another version is in force than it was made from."""
    return ask.apply(shop, body)


@router.get("/tracking/guess", operation_id="guess_tracking_plan")
def guess_tracking_plan(
    shop: Shop, recent: Annotated[int, Query(ge=1, le=200_000)] = 10_000
) -> PlanGuess:
    """A plan inferred from the latest events, to look at; nothing is put in force."""
    return ask.guess(shop, recent)


@router.get("/quarantine/events", operation_id="list_quarantined_events")
def list_quarantined_events(
    shop: Shop,
    reason: Word = None,
    source: Word = None,
    field: Word = None,
    status: EventStatus | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> QuarantinedEventPage:
    """Live events that were refused and are not in the lake, with counts by reason."""
    return refused.events(
        shop, reason=reason, source=source, field=field, status=status, cursor=cursor, limit=limit
    )


@router.get("/quarantine/events/{number}", operation_id="get_quarantined_event")
def get_quarantined_event(shop: Shop, number: Number) -> QuarantinedEventView:
    """One refused event, and what the plan in force says to it now."""
    return refused.one(shop, number)


@router.patch("/quarantine/events/{number}", operation_id="edit_quarantined_event")
def edit_quarantined_event(shop: Shop, number: Number, body: EventEdit) -> QuarantinedEventView:
    """Change a refused event; answers the verdict before anything is sent."""
    return refused.edit(shop, number, body)


@router.post("/quarantine/replays", operation_id="replay_quarantined_events")
def replay_quarantined_events(shop: Shop, body: ReplayRequest) -> ReplayResult:
    """Send refused events again; however often, each is in the lake once."""
    return refused.replay(shop, body)
