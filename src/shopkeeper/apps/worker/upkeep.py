"""What a stream worker tidies up beside its work: small files, old records of the log."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Mapping

from shopkeeper.core.clock import MICROSECONDS_PER_DAY, to_us
from shopkeeper.core.errors import ShopkeeperError
from shopkeeper.core.ports import Clock, EventLog, TableStore
from shopkeeper.core.tables import contract as contract_of

log = logging.getLogger(__name__)

LOOK_S = 5.0
COMPACT_S = 300.0
COMPACT_COMMITS = 60
"""Commits into a table after which its small files are put together, at most every five minutes."""
EXPIRE_S = 600.0


class Upkeep:
    """Tidies up in a thread of its own; commits go on meanwhile.

    Parameters
    ----------
    tables
        The lake.
    events
        The log.
    clock
        The time.
    retention_days
        How long records stay in the log once every consumer has them.
    compact_s, expire_s
        How often.
    """

    def __init__(
        self,
        tables: TableStore,
        events: EventLog,
        clock: Clock,
        *,
        retention_days: int,
        compact_s: float = COMPACT_S,
        expire_s: float = EXPIRE_S,
    ) -> None:
        self._tables, self._log, self._clock = tables, events, clock
        self._retention_us = retention_days * MICROSECONDS_PER_DAY
        self._compact_s, self._expire_s = compact_s, expire_s
        self._commits: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._compacted_at = self._expired_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="upkeep", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; a compaction in progress ends first."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def written(self, rows: Mapping[str, int]) -> None:
        """Count one commit for each table written."""
        with self._lock:
            self._commits.update(x for x in rows)

    def look(self) -> None:
        """Do what is due."""
        now = time.monotonic()
        if now - self._compacted_at >= self._compact_s:
            self._compacted_at = now
            self.compact()
        if now - self._expired_at >= self._expire_s:
            self._expired_at = now
            self.expire()

    def compact(self, least: int = COMPACT_COMMITS) -> list[str]:
        """Put small files of the tables together that had many commits; which."""
        with self._lock:
            due = [name for name, count in self._commits.items() if count >= least]
            for name in due:
                del self._commits[name]
        for name in due:
            if self._stop.is_set():
                break
            started = time.monotonic()
            try:
                self._tables.maintain(contract_of(name))
                log.info("table %s was compacted in %.1f s", name, time.monotonic() - started)
            except ShopkeeperError as error:
                log.warning("table %s was not compacted: %s", name, error)
        return due

    def expire(self) -> int:
        """Remove records of the log that are older than the retention; how many."""
        try:
            return self._log.expire(to_us(self._clock.now()) - self._retention_us)
        except ShopkeeperError as error:
            log.warning("old records of the log were not removed: %s", error)
            return 0

    def _run(self) -> None:
        while not self._stop.wait(LOOK_S):
            try:
                self.look()
            except Exception:
                log.exception("upkeep failed; it goes on later")
