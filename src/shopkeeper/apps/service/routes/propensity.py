"""New models without code."""

from __future__ import annotations

from fastapi import APIRouter

from shopkeeper.apps.service.context import Shop
from shopkeeper.apps.service.queries import propensity as ask
from shopkeeper.apps.service.schemas.propensity import (
    Propensity,
    PropensityDetail,
    PropensityList,
    PropensityOptions,
    PropensityPreview,
    PropensityRequest,
)

router = APIRouter(prefix="/predict/propensity", tags=["predict"])


@router.get("/options", operation_id="get_propensity_options")
def get_propensity_options(shop: Shop) -> PropensityOptions:
    """Events, categories, features and horizons that a new model can be made of."""
    return ask.options(shop)


@router.post("/preview", operation_id="preview_propensity")
def preview_propensity(shop: Shop, body: PropensityRequest) -> PropensityPreview:
    """What would be trained, or why it cannot be; trains nothing."""
    return ask.preview(shop, body)


@router.get("", operation_id="list_propensities")
def list_propensities(shop: Shop) -> PropensityList:
    """Models that people asked for, newest first."""
    return ask.propensities(shop)


@router.post("", operation_id="create_propensity", status_code=202)
def create_propensity(shop: Shop, body: PropensityRequest) -> Propensity:
    """Keep the definition and start training; answers at once, progress at `/runs/{run_id}`."""
    return ask.create(shop, body)


@router.get("/{name}", operation_id="get_propensity")
def get_propensity(shop: Shop, name: str) -> PropensityDetail:
    """One model with its report."""
    return ask.propensity(shop, name)


@router.delete("/{name}", operation_id="delete_propensity", status_code=204)
def delete_propensity(shop: Shop, name: str) -> None:
    """Forget the definition: it is not trained again; versions and scores stay."""
    ask.delete(shop, name)
