"""Connectors."""

from __future__ import annotations

from fastapi import APIRouter

from shopkeeper.apps.service.context import Cursor, Limit, Shop
from shopkeeper.apps.service.queries import connectors as ask
from shopkeeper.apps.service.schemas.connectors import (
    Connector,
    ConnectorDraft,
    ConnectorKinds,
    ConnectorList,
    ConnectorRun,
    ConnectorRunPage,
    Enabled,
)

router = APIRouter(prefix="/connectors", tags=["connectors"])


@router.get("/kinds", operation_id="list_connector_kinds")
def list_connector_kinds() -> ConnectorKinds:
    """What can be connected, and what a definition of each kind may say."""
    return ask.kinds()


@router.get("", operation_id="list_connectors")
def list_connectors(shop: Shop) -> ConnectorList:
    """All connectors with state, lag, last error and next run; those in need first."""
    return ask.connectors(shop)


@router.get("/{connector_id}", operation_id="get_connector")
def get_connector(shop: Shop, connector_id: str) -> Connector:
    """One connector."""
    return ask.connector(shop, connector_id)


@router.put("/{connector_id}", operation_id="put_connector")
def put_connector(shop: Shop, connector_id: str, draft: ConnectorDraft) -> Connector:
    """Create or change a connector; secrets are references such as ${NAME}."""
    return ask.define(shop, connector_id, draft)


@router.delete("/{connector_id}", operation_id="delete_connector", status_code=204)
def delete_connector(shop: Shop, connector_id: str) -> None:
    """Forget a connector; what it brought stays."""
    ask.remove(shop, connector_id)


@router.post("/{connector_id}/enabled", operation_id="enable_connector")
def enable_connector(shop: Shop, connector_id: str, wanted: Enabled) -> Connector:
    """Let a connector run by itself, or stop it."""
    return ask.enable(shop, connector_id, enabled=wanted.enabled)


@router.post("/{connector_id}/run", operation_id="run_connector")
def run_connector(shop: Shop, connector_id: str, full: bool = False) -> ConnectorRun:
    """Run a connector once and say what it did; a failure is told in the answer."""
    return ask.run(shop, connector_id, full=full)


@router.get("/{connector_id}/runs", operation_id="list_connector_runs")
def list_connector_runs(
    shop: Shop, connector_id: str, cursor: Cursor = None, limit: Limit = 50
) -> ConnectorRunPage:
    """Runs of a connector, newest first."""
    return ask.runs(shop, connector_id, cursor=cursor, limit=limit)
