"""System: health, readiness, settings."""

from __future__ import annotations

from pydantic import Field

from shopkeeper.apps.service.schemas.common import Shape, Text


class Health(Shape):
    """The process answers."""

    status: str
    version: str


class Check(Shape):
    """One thing the process needs."""

    name: str
    ok: bool
    detail: str | None


class Ready(Shape):
    """Whether the process can do its work."""

    ready: bool
    checks: list[Check]


class Setting(Shape):
    """One setting that is not secret."""

    key: str
    value: str | None
    meaning: Text | None
    source: str | None


class Settings(Shape):
    """The settings in force; secrets are never listed."""

    items: list[Setting]
    backends: dict[str, str] = Field(description="port to back end")
    version: str
