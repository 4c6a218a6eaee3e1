"""What the marker remembers of visitors and groups of them, and how that is saved."""

from __future__ import annotations

from typing import Any

from shopkeeper.collect.live.bots.memory import Memory


class Visitor:
    """What is remembered of one anonymous id (or user, where there is none)."""

    __slots__ = (
        "carts", "carts_us", "clock_faults", "events", "last_us", "level", "mean", "orders",
        "orders_us", "other", "product", "products", "reason", "received_us", "run", "sent_us",
        "steps", "sum2",
    )  # fmt: skip

    def __init__(self) -> None:
        self.events = 0
        self.last_us = 0
        self.level = 0.0
        self.mean = 0.0
        self.sum2 = 0.0
        self.run = 0
        self.other = 0
        self.product = ""
        self.products = 0
        self.steps = ""
        self.carts = 0
        self.carts_us = 0
        self.orders = 0
        self.orders_us = 0
        self.sent_us = 0
        self.received_us = 0
        self.clock_faults = 0
        self.reason = ""


class Group:
    """What is remembered of one client, or one client at one address."""

    __slots__ = ("cold", "last", "reason", "run", "visitors")

    def __init__(self) -> None:
        self.run = 0
        self.visitors = 0
        self.cold = 0
        self.last = ""
        self.reason = ""


def fields(entry: Any) -> list[Any]:
    """Values of an entry, in the order of its slots."""
    return [getattr(entry, x) for x in entry.__slots__]


def filled(entry: Any, values: list[Any]) -> Any:
    """The entry with the values that :func:`fields` gave."""
    for name, value in zip(entry.__slots__, values, strict=True):
        setattr(entry, name, value)
    return entry


def generations(memory: Memory[Any], plain: Any) -> list[dict[str, Any]]:
    """Both generations of a memory as plain values, the old one first."""
    return [{k: plain(v) for k, v in x.items()} for x in (memory.old, memory.young)]


def restore(memory: Memory[Any], saved: list[dict[str, Any]], read: Any) -> None:
    """Fill a memory with what :func:`generations` gave."""
    memory.old, memory.young = ({k: read(v) for k, v in x.items()} for x in saved)
