"""Routes of the door by prefix of the path; the first that fits answers."""

from __future__ import annotations

from shopkeeper.apps.door import other, webhooks
from shopkeeper.apps.door.context import Handler

ROUTES: list[tuple[str, str, Handler]] = [
    ("POST", "/mp/collect", other.measurement),
    ("POST", "/debug/mp/collect", other.measurement_debug),
    ("POST", "/v1/cloudevents", other.cloud_events),
    ("GET", "/v1/pixel/", other.pixel),
    ("GET", "/v1/projects/", other.browser_settings),
    ("POST", "/v1/m", other.nothing),
    ("*", "/v1/honeypot/", other.honeypot),
    ("POST", webhooks.PREFIX, webhooks.webhook),
]
"""Method (``*`` for any), prefix, handler."""
