"""The HTTP API: every number and every action of the console, under ``/api/v1``."""

from __future__ import annotations

from shopkeeper.apps.service.app import create_app

__all__ = ["create_app"]
