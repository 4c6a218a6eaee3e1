"""What an event says about the browser it comes from, and whether that can be true."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from shopkeeper.collect.live.bots.agents import Agent, read_agent
from shopkeeper.collect.live.envelope import Arrived

Facts = tuple[str, str, str, str, str, str, str]
"""User agent, screen, language, time zone, system, webdriver and library, as text."""
_DEFAULT_SCREENS = frozenset({"800x600", "0x0", "1x1"})
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
    context = event.context
    get = context.get
    screen, system, library = get("screen"), get("os"), get("library")
    size = ""
    if type(screen) is dict:
        size = f"{screen.get('width')}x{screen.get('height')}"
    locale, zone = get("locale"), get("timezone")
    return (
        event.agent,
        size,
        locale if type(locale) is str else "",
        zone if type(zone) is str else "",
        _name(system),
        "1" if get("webdriver") is True else "",
        _name(library),
    )


def _name(part: object) -> str:
    if type(part) is dict:
        name = part.get("name")
        if type(name) is str:
            return name
    return ""


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
    text = "\x1f".join(facts).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=8).hexdigest()


def _fault(agent: Agent, facts: Facts) -> str | None:
    _, screen, locale, zone, system, webdriver, library = facts
    if webdriver:
        return "headless"
    if agent.sort != "browser":
        return None  # Apps and old browsers leave things out; programs are told by their agent.
    if screen in _DEFAULT_SCREENS:
        return "headless"
    if library == "analytics.js" and not locale:
        # Every browser tells a page its language. Without screen or zone besides, it is none.
        if not screen:
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
    """Whether a shop's own server tells of a customer, rather than a client of itself.

    Such an event names a user, no device, no page and no browser; the program that sends it is
    the shop's.

    Parameters
    ----------
    event
        The event.
    """
    context = event.context
    return (
        event.customer_ref is not None
        and event.anonymous_id is None
        and "userAgent" not in context
        and "page" not in context
    )
