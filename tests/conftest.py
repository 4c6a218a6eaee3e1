"""What every test gets."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

WITH_A_BROWSER = {"browser", "sdk"}
"""Folders of tests that drive a browser."""


@pytest.fixture(autouse=True)
def event_loop_of_its_own(request: pytest.FixtureRequest) -> Iterator[None]:
    """A browser kept open for a session leaves its event loop marked as running in this thread.

    Nothing runs in it between its tests, so the others may run loops of their own meanwhile.
    """
    running = asyncio._get_running_loop()
    if running is None or WITH_A_BROWSER & set(request.path.parts):
        yield
        return
    asyncio._set_running_loop(None)
    yield
    asyncio._set_running_loop(running)
