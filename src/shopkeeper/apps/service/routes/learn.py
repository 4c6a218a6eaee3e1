"""Learn: the life of models."""

from __future__ import annotations

from fastapi import APIRouter

from shopkeeper.apps.service.context import Limit, Shop
from shopkeeper.apps.service.queries import learn as ask
from shopkeeper.apps.service.queries import learn_change
from shopkeeper.apps.service.schemas.learn import (
    ChangePlan,
    ChangeRequest,
    DriftReport,
    LearnStatus,
    ModelComparison,
    ModelEventList,
    ModelExtra,
)

router = APIRouter(prefix="/learn", tags=["learn"])


@router.get("/status", operation_id="get_learn_status")
def get_learn_status(shop: Shop) -> LearnStatus:
    """How the models of every task stand, and when they are trained again."""
    return ask.status(shop)


@router.get("/events", operation_id="list_model_events")
def list_model_events(
    shop: Shop,
    task: str | None = None,
    version: str | None = None,
    act: str | None = None,
    limit: Limit = 50,
) -> ModelEventList:
    """What happened to models and on what evidence, newest first."""
    return ask.model_events(shop, task, version, act, limit)


@router.get("/{task}/drift", operation_id="get_model_drift")
def get_model_drift(shop: Shop, task: str) -> DriftReport:
    """Today's customers beside those the champion learned from, column by column."""
    return ask.drift_report(shop, task)


@router.get("/{task}/compare", operation_id="compare_models")
def compare_models(
    shop: Shop, task: str, a: str = "champion", b: str = "challenger"
) -> ModelComparison:
    """Two versions of a task side by side; aliases will do."""
    return learn_change.compare(shop, task, a, b)


@router.get("/{task}/versions/{version}", operation_id="get_model_extra")
def get_model_extra(shop: Shop, task: str, version: str) -> ModelExtra:
    """Gains, calibration, events and drift of one version."""
    return learn_change.model_extra(shop, task, version)


@router.post("/{task}/promote", operation_id="promote_model")
def promote_model(shop: Shop, task: str, body: ChangeRequest) -> ChangePlan:
    """Plan to bring a version in; with the plan's digest in `confirm`, do it."""
    return learn_change.change(shop, task, "promoted", body)


@router.post("/{task}/rollback", operation_id="roll_back_model")
def roll_back_model(shop: Shop, task: str, body: ChangeRequest) -> ChangePlan:
    """Plan to return to the champion before; with the plan's digest in `confirm`, do it."""
    return learn_change.change(shop, task, "rolled_back", body)
