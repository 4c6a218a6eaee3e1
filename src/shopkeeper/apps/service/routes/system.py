"""Probes and settings."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse

from shopkeeper.apps.service.context import Shop
from shopkeeper.apps.service.queries import system as ask
from shopkeeper.apps.service.schemas.system import Health, Ready, Settings

router = APIRouter(tags=["system"])
probes = APIRouter(tags=["system"])


@router.get("/settings", operation_id="get_settings")
def get_settings(shop: Shop) -> Settings:
    """Settings in force, secrets left out."""
    return ask.settings(shop)


@probes.get("/health", operation_id="get_health")
def get_health() -> Health:
    """The process answers."""
    return ask.health()


@probes.get("/ready", operation_id="get_ready", responses={503: {"model": Ready}})
def get_ready(shop: Shop, response: Response) -> Ready:
    """Whether lake and state can be read; 503 when not."""
    answer = ask.ready(shop)
    response.status_code = 200 if answer.ready else 503
    return answer


@probes.get("/metrics", operation_id="get_metrics", response_class=PlainTextResponse)
def get_metrics(shop: Shop) -> str:
    """Figures of the process and the shop in Prometheus text format."""
    return ask.metrics(shop)
