"""The routes of the door that give something out: profiles, their changes, and decisions."""

from __future__ import annotations

from shopkeeper.apps.door.changes import streaming
from shopkeeper.apps.door.context import Handler
from shopkeeper.apps.door.decide import deciding
from shopkeeper.apps.door.guarded import Guard, guarded
from shopkeeper.apps.door.profiles import PREFIX, reading, reading_many
from shopkeeper.backends.runtime import Runtime


def customer_routes(runtime: Runtime, guard: Guard) -> list[tuple[str, str, Handler]]:
    """Method, prefix of the path and handler of each.

    Parameters
    ----------
    runtime
        The open shop.
    guard
        The gate of the console's API.

    Returns
    -------
    list of tuple
        For ``create_door``.
    """
    routes = [
        ("POST", "/v1/decide", deciding(runtime)),
        ("POST", f"{PREFIX}batch", reading_many(runtime)),
        ("GET", PREFIX, reading(runtime)),
        ("GET", "/v1/changes", streaming(runtime)),
    ]
    return [(method, path, guarded(guard, handler)) for method, path, handler in routes]
