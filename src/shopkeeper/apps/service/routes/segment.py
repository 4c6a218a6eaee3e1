"""Segment."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from shopkeeper.apps.service.context import Shop
from shopkeeper.apps.service.queries import audiences as ask
from shopkeeper.apps.service.queries import vocabulary as words
from shopkeeper.apps.service.queries.schemes import schemes
from shopkeeper.apps.service.schemas.segment import (
    Audience,
    AudienceCreate,
    AudienceDraft,
    AudienceList,
    AudiencePreview,
    AudienceWhy,
    SchemeList,
    Vocabulary,
)

router = APIRouter(prefix="/segment", tags=["segment"])


@router.get("/schemes", operation_id="list_schemes")
def list_schemes(shop: Shop) -> SchemeList:
    """RFM-8, tiers, life cycle and clusters with sizes and value."""
    return schemes(shop)


@router.get("/vocabulary", operation_id="get_vocabulary")
def get_vocabulary(shop: Shop) -> Vocabulary:
    """Fields and operators that audience rules may use."""
    return words.vocabulary(shop)


@router.get("/audiences", operation_id="list_audiences")
def list_audiences(shop: Shop) -> AudienceList:
    """Audiences, newest first."""
    return ask.audiences(shop)


@router.post("/audiences", operation_id="create_audience", status_code=201)
def create_audience(shop: Shop, body: AudienceCreate) -> Audience:
    """Save a rule under a name; nothing is built yet."""
    return ask.create_audience(shop, body)


@router.post("/audiences/preview", operation_id="preview_audience")
def preview_audience(shop: Shop, body: AudienceDraft) -> AudiencePreview:
    """Size and sample a rule would give now, or the position of its error."""
    return ask.preview(shop, body)


@router.get("/audiences/{audience_id}", operation_id="get_audience")
def get_audience(shop: Shop, audience_id: str) -> Audience:
    """One audience."""
    return ask.audience(shop, audience_id)


@router.post("/audiences/{audience_id}/build", operation_id="build_audience")
def build_audience(shop: Shop, audience_id: str) -> Audience:
    """Freeze the customers that the rule gives now."""
    return ask.build(shop, audience_id)


@router.get("/audiences/{audience_id}/why", operation_id="explain_audience_member")
def explain_audience_member(
    shop: Shop, audience_id: str, customer_id: Annotated[str, Query(max_length=200)]
) -> AudienceWhy:
    """Why a customer is, or is not, in the audience, with the facts."""
    return ask.why(shop, audience_id, customer_id)
