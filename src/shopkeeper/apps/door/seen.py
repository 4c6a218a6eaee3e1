"""Message ids that the door has let in: an optimisation in bounded memory.

The promise that nothing is doubled is the worker's; this saves the log from retries. Two
generations of 64-bit hashes: when the young one is full the old one is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class Seen:
    """Hashes of source and message id.

    Parameters
    ----------
    places
        Hashes of one generation; at most twice as many are kept.
    """

    def __init__(self, places: int = 500_000) -> None:
        self._places = places
        self._young: set[int] = set()
        self._old: set[int] = set()
        self.failures = 0
        """How often a group of ids was forgotten: an answer built on an earlier count is void."""

    def __len__(self) -> int:
        """Hashes kept."""
        return len(self._young) + len(self._old)

    def admit(self, hashes: Sequence[int]) -> list[int] | None:
        """Remember those that are new.

        Parameters
        ----------
        hashes
            Of the events of one request, in order.

        Returns
        -------
        list of int or None
            None if all are new, else the places of the new ones.

        Examples
        --------
        >>> seen = Seen()
        >>> seen.admit([1, 2]), seen.admit([2, 3, 3]), seen.admit([1])
        (None, [1], [])
        """
        young, old = self._young, self._old
        distinct = set(hashes)
        if (
            len(distinct) == len(hashes)
            and young.isdisjoint(distinct)
            and (not old or old.isdisjoint(distinct))
        ):
            young |= distinct
            self._turn()
            return None
        fresh = []
        for place, value in enumerate(hashes):
            if value not in young and value not in old:
                young.add(value)
                fresh.append(place)
        self._turn()
        return fresh

    def forget(self, hashes: Iterable[int]) -> None:
        """Drop the ids of a group that did not become durable.

        Parameters
        ----------
        hashes
            As they were admitted.
        """
        gone = set(hashes)
        self._young -= gone
        self._old -= gone
        self.failures += 1

    def _turn(self) -> None:
        if len(self._young) >= self._places:
            self._old, self._young = self._young, set()


def identity(source: str, message_id: str) -> int:
    """Hash of one message of one source, valid within this process.

    Parameters
    ----------
    source
        Source it came from.
    message_id
        As the client gave it.

    Returns
    -------
    int
        64 bits.
    """
    return hash((source, message_id))
