"""Customers who wait for their features, those who wait longest first."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Freshness:
    """How far the online features are behind.

    Parameters
    ----------
    waiting
        Customers touched and not yet computed.
    oldest_s
        How long the first of them has waited.
    p50_s, p95_s, worst_s
        From touch to stored, of the last customers done; 0 before the first.
    done
        Customers done since the start.
    left_out
        Customers who did not fit in and wait for the nightly refresh.
    """

    waiting: int
    oldest_s: float
    p50_s: float
    p95_s: float
    worst_s: float
    done: int
    left_out: int


class Waiting:
    """A queue in which everybody stands once, at the place of the first touch; thread-safe.

    Parameters
    ----------
    most
        Customers it holds; more are left out and counted.
    remembered
        Customers done whose delays are kept for the figures.

    Examples
    --------
    >>> queue = Waiting()
    >>> queue.add({"a": 1, "b": 1}, at_us=10)
    >>> queue.add({"a": 2}, at_us=20)
    >>> queue.take(1)
    {'a': (10, 2)}
    >>> len(queue)
    1
    """

    def __init__(self, *, most: int = 2_000_000, remembered: int = 100_000) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._waiting: dict[str, tuple[int, int]] = {}
        self._delays = np.zeros(remembered, dtype=np.int64)
        self._done = self._left_out = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, customers: Mapping[str, int], *, at_us: int) -> None:
        """Customers were touched.

        Parameters
        ----------
        customers
            With the stamp of the touch.
        at_us
            When, microseconds UTC.
        """
        with self._lock:
            for customer, stamp in customers.items():
                known = self._waiting.get(customer)
                if known is not None:
                    self._waiting[customer] = (known[0], max(stamp, known[1]))
                elif len(self._waiting) < self._most:
                    self._waiting[customer] = (at_us, stamp)
                else:
                    self._left_out += 1

    def take(self, most: int) -> dict[str, tuple[int, int]]:
        """Remove those who wait longest.

        Parameters
        ----------
        most
            How many.

        Returns
        -------
        dict
            Since when and latest stamp, by customer.
        """
        with self._lock:
            taken = {}
            for customer in list(_first(self._waiting, most)):
                taken[customer] = self._waiting.pop(customer)
            return taken

    def put_back(self, taken: Mapping[str, tuple[int, int]]) -> None:
        """Return customers whose computation failed to the head of the queue.

        Parameters
        ----------
        taken
            From :meth:`take`.
        """
        with self._lock:
            later = self._waiting
            self._waiting = dict(taken)
            for customer, (since, stamp) in later.items():
                known = self._waiting.get(customer)
                self._waiting[customer] = (known[0], stamp) if known else (since, stamp)

    def told(self, taken: Mapping[str, tuple[int, int]], *, at_us: int) -> None:
        """Their features are stored.

        Parameters
        ----------
        taken
            From :meth:`take`.
        at_us
            When, microseconds UTC.
        """
        with self._lock:
            delays = np.array([max(at_us - since, 0) for since, _ in taken.values()], np.int64)
            size = len(self._delays)
            at = (self._done + np.arange(len(delays))) % size
            self._delays[at] = delays
            self._done += len(delays)

    def freshness(self, now_us: int) -> Freshness:
        """How far behind.

        Parameters
        ----------
        now_us
            The moment.

        Returns
        -------
        Freshness
        """
        with self._lock:
            delays = self._delays[: min(self._done, len(self._delays))] / 1e6
            oldest = next((since for since, _ in self._waiting.values()), now_us)
            p50, p95, worst = np.quantile(delays, (0.5, 0.95, 1.0)) if len(delays) else (0, 0, 0)
            return Freshness(
                len(self._waiting), max(now_us - oldest, 0) / 1e6, float(p50), float(p95),
                float(worst), self._done, self._left_out,
            )  # fmt: skip


def _first(waiting: Mapping[str, tuple[int, int]], most: int) -> Iterable[str]:
    return (customer for customer, _ in zip(waiting, range(most), strict=False))
