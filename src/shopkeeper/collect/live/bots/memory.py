"""A mapping that forgets what was not used for long, in bounded memory and without a clock."""

from __future__ import annotations

from typing import Generic, TypeVar

V = TypeVar("V")


class Memory(Generic[V]):
    """At most ``2 * limit`` entries, the most recently used ones among them.

    Entries live in two generations. When the young one is full it becomes the old one, and what
    was in the old one is forgotten; an old entry that is used again becomes young. What is
    forgotten depends on the order of use alone.

    Parameters
    ----------
    limit
        Entries of one generation.

    Examples
    --------
    >>> m = Memory[int](2)
    >>> for n, key in enumerate("abcab"):
    ...     _ = m.get(key) or m.put(key, n)
    >>> len(m), m.get("c")
    (3, 2)
    """

    __slots__ = ("limit", "old", "young")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.young: dict[str, V] = {}
        self.old: dict[str, V] = {}

    def __len__(self) -> int:
        return len(self.young) + len(self.old)

    def get(self, key: str) -> V | None:
        """The entry, which becomes young; None if there is none."""
        found = self.young.get(key)
        if found is None and self.old:
            found = self.old.pop(key, None)
            if found is not None:
                self.put(key, found)
        return found

    def put(self, key: str, value: V) -> None:
        """Add or overwrite an entry."""
        if len(self.young) >= self.limit and key not in self.young:
            self.old = self.young
            self.young = {}
        elif self.old:
            self.old.pop(key, None)
        self.young[key] = value
