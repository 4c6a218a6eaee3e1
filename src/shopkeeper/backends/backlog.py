"""How much was accepted but is not durable yet, and when a full queue has room again."""

from __future__ import annotations

import threading
import time

from shopkeeper.core.errors import BusyError

__all__ = ["Backlog"]

_SHORTEST_S, _LONGEST_S = 0.05, 30.0
_FIRST_RATE = 20e6


class Backlog:
    """Bytes waiting for confirmation, at most a limit; safe to use from several threads.

    One piece larger than the limit is accepted when nothing else waits.

    Parameters
    ----------
    limit
        Bytes.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._bytes = 0
        self._rate = _FIRST_RATE
        self._since = time.monotonic()
        self._lock = threading.Lock()

    def take(self, size: int) -> None:
        """Account for bytes that now wait.

        Parameters
        ----------
        size
            Bytes.

        Raises
        ------
        BusyError
            If there is no room; ``facts["retry_after_s"]`` says when to try again.
        """
        with self._lock:
            if not self._bytes:
                self._since = time.monotonic()
            elif self._bytes + size > self._limit:
                raise self._busy()
            self._bytes += size

    def give(self, size: int) -> None:
        """Account for bytes that no longer wait.

        Parameters
        ----------
        size
            Bytes taken before.
        """
        with self._lock:
            now = time.monotonic()
            rate = size / max(now - self._since, 1e-6)
            self._rate = max(0.8 * self._rate + 0.2 * rate, 1.0)
            self._since = now
            self._bytes -= size

    def pressure(self) -> float:
        """How full, 0 to 1."""
        return min(1.0, self._bytes / self._limit)

    def _busy(self) -> BusyError:
        seconds = min(max(self._bytes / self._rate, _SHORTEST_S), _LONGEST_S)
        return BusyError(
            f"{self._bytes / 1e6:.1f} MB of events wait to be written, the most that are held",
            next_step=f"Send again after {seconds:.2g} seconds",
            retry_after_s=round(seconds, 3),
            waiting_bytes=self._bytes,
        )
