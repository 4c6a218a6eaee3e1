"""Counts and durations of requests, for ``/metrics``."""

from __future__ import annotations

import threading
import time
from collections import defaultdict

from starlette.types import ASGIApp, Message, Receive, Scope, Send

BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper ends of the duration histogram, in seconds."""


class RequestCounts:
    """Requests by route and status, and a histogram of their seconds by route."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: dict[tuple[str, str, int], int] = defaultdict(int)
        self._buckets: dict[str, list[int]] = {}
        self._seconds: dict[str, float] = defaultdict(float)

    def add(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request.

        Parameters
        ----------
        method
            HTTP method.
        route
            Path template, so that ids do not multiply the series.
        status
            HTTP status.
        seconds
            Time to the last byte.
        """
        with self._lock:
            self._requests[method, route, status] += 1
            counts = self._buckets.setdefault(route, [0] * (len(BUCKETS) + 1))
            for place, bound in enumerate(BUCKETS):
                counts[place] += seconds <= bound
            counts[-1] += 1
            self._seconds[route] += seconds

    def lines(self) -> list[str]:
        """Prometheus text of everything counted.

        Returns
        -------
        list of str
            Lines without line feeds.
        """
        with self._lock:
            text = [
                "# HELP shopkeeper_http_requests_total Requests answered.",
                "# TYPE shopkeeper_http_requests_total counter",
            ]
            for (method, route, status), count in sorted(self._requests.items()):
                labels = f'method="{method}",route="{route}",status="{status}"'
                text.append(f"shopkeeper_http_requests_total{{{labels}}} {count}")
            text += [
                "# HELP shopkeeper_http_request_seconds Seconds to the last byte.",
                "# TYPE shopkeeper_http_request_seconds histogram",
            ]
            name = "shopkeeper_http_request_seconds"
            for route, counts in sorted(self._buckets.items()):
                for bound, count in zip((*BUCKETS, "+Inf"), counts, strict=True):
                    text.append(f'{name}_bucket{{route="{route}",le="{bound}"}} {count}')
                text.append(f'{name}_sum{{route="{route}"}} {self._seconds[route]:.6f}')
                text.append(f'{name}_count{{route="{route}"}} {counts[-1]}')
        return text


class Telemetry:
    """ASGI middleware that counts into a `RequestCounts`.

    Parameters
    ----------
    app
        The application behind.
    counts
        Where to count.
    """

    def __init__(self, app: ASGIApp, *, counts: RequestCounts) -> None:
        self.app = app
        self.counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on and count what came back."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 500
        started = time.perf_counter()

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, watched)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            seconds = time.perf_counter() - started
            self.counts.add(scope["method"], str(route), status, seconds)
