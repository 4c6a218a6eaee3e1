"""Runs."""

from __future__ import annotations

from fastapi import APIRouter

from shopkeeper.apps.service.context import Cursor, Limit, Shop
from shopkeeper.apps.service.queries import runs as ask
from shopkeeper.apps.service.queries import start
from shopkeeper.apps.service.schemas.runs import NightlyRequest, Run, RunPage

router = APIRouter(prefix="/runs", tags=["runs"])


@router.get("", operation_id="list_runs")
def list_runs(shop: Shop, cursor: Cursor = None, limit: Limit = 20) -> RunPage:
    """Runs, newest first."""
    return ask.runs(shop, cursor=cursor, limit=limit)


@router.post("/nightly", operation_id="start_nightly", status_code=202)
def start_nightly(shop: Shop, body: NightlyRequest) -> Run:
    """Start the nightly loop for a day; answers at once, progress at `/runs/{run_id}`."""
    return start.start_nightly(shop, body)


@router.get("/{run_id}", operation_id="get_run")
def get_run(shop: Shop, run_id: str) -> Run:
    """One run with its steps."""
    return ask.run(shop, run_id)
