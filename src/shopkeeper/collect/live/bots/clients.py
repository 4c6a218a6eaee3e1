"""What an event says about the browser it comes from, and whether that can be true."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from shopkeeper.collect.live.bots.agents import Agent, read_agent
from shopkeeper.collect.live.envelope import Arrived

Facts = tuple[str, int, int, str, str, str, bool, str]
"""User agent, width and height of the screen (-1 when not said), language, time zone, system,
whether a program drives it, and library."""
_DEFAULT_SCREENS = frozenset({(800, 600), (0, 0), (1, 1)})
"""Screens of browsers that have none: what headless browsers start with."""
_SYSTEMS = {
    "windows": "Windows", "win32": "Windows", "win64": "Windows", "macos": "macOS", "mac os": "macOS",
    "mac os x": "macOS", "macintel": "macOS", "ios": "iOS", "iphone os": "iOS", "ipados": "iOS",
    "android": "Android", "harmonyos": "Android", "linux": "Linux", "ubuntu": "Linux",
}  # fmt: skip


class Client(NamedTuple):
    """A browser, app or program as it describes itself.

    Parameters
    ----------
    digest
        Names it in 16 characters.
    agent
        Its user agent, understood.
    fault
        Reason key if what it says cannot be a person's browser; else None.
    """

    digest: str
    agent: Agent
    fault: str | None


def facts_of(event: Arrived) -> Facts:
    """What an event says about its client; wrong types count as absent.

    Parameters
    ----------
    event
        The event.

    Returns
    -------
    tuple of str
        See :data:`Facts`; empty where nothing is said.
    """
    get = event.context.get
    width: Any = -1
    height: Any = -1
    screen = get("screen")
    if type(screen) is dict:
        width, height = screen.get("width"), screen.get("height")
        if type(width) is not int or type(height) is not int:
            width = height = -1
    system, library, locale, zone = get("os"), get("library"), get("locale"), get("timezone")
    if type(system) is dict:
        system = system.get("name")
    if type(library) is dict:
        library = library.get("name")
    return (
        event.agent,
        width,
        height,
        locale if type(locale) is str else "",
        zone if type(zone) is str else "",
        system if type(system) is str else "",
        get("webdriver") is True,
        library if type(library) is str else "",
    )


def client_of(facts: Facts) -> Client:
    """Understand what a client says about itself.

    Parameters
    ----------
    facts
        From :func:`facts_of`.

    Returns
    -------
    Client
    """
    agent = read_agent(facts[0])
    return Client(_digest(facts), agent, _fault(agent, facts))


@lru_cache(maxsize=32_768)
def _digest(facts: Facts) -> str:
    text = "\x1f".join(map(str, facts)).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=8).hexdigest()


def _fault(agent: Agent, facts: Facts) -> str | None:
    _, width, height, locale, zone, system, webdriver, library = facts
    if webdriver:
        return "headless"
    if agent.sort != "browser":
        return None  # Apps and old browsers leave things out; programs are told by their agent.
    if (width, height) in _DEFAULT_SCREENS:
        return "headless"
    if library == "analytics.js" and not locale:
        # Every browser tells a page its language. Without screen or zone besides, it is none.
        if width < 0:
            return "headless"
        if zone in ("UTC", "Etc/UTC", "GMT"):
            return "headless"
    claimed = _SYSTEMS.get(system.lower())
    if claimed and agent.system and claimed != agent.system:
        return "contradiction"
    return None


def fingerprint(event: Arrived) -> str | None:
    """The name of an event's client, as stored in column ``client``.

    Parameters
    ----------
    event
        The event.

    Returns
    -------
    str or None
        16 hexadecimal characters; None for events of servers, which describe no client.
    """
    if not _described(event.context):
        return None
    return _digest(facts_of(event))


def _described(context: Mapping[str, Any]) -> bool:
    return "userAgent" in context or "screen" in context or "locale" in context


def from_server(event: Arrived) -> bool:
    """Whether the shop's own software tells of a customer, rather than a browser of itself.

    Such an event describes no browser: the user agent is that of the library which delivers it,
    a server's or an app's. It names the library, or a user and neither device nor page.

    Parameters
    ----------
    event
        The event.
    """
    context = event.context
    if "userAgent" in context:
        return False
    library = context.get("library")
    if type(library) is dict and library.get("name") and library.get("name") != "analytics.js":
        return True
    return event.customer_ref is not None and event.anonymous_id is None and "page" not in context
