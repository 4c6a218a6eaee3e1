"""How the worker is doing, for people and for the freshness board: one small file a worker."""

from __future__ import annotations

import json
import logging
import os
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shopkeeper.apps.worker.judging import Judged
from shopkeeper.apps.worker.lake_rows import Batch
from shopkeeper.core.errors import ShopkeeperError
from shopkeeper.core.ports import EventLog

log = logging.getLogger(__name__)

EVERY_S = 1.0
RATE_S = 10.0
FLUSHES = 64
GONE_S = 60.0
"""A file that was not renewed for so long is of a worker that has ended."""


@dataclass(slots=True)
class Metrics:
    """Figures of one worker since it started.

    Parameters
    ----------
    folder
        Where the file lies; None keeps the figures in memory only.
    name
        Of the worker; its file is ``NAME.json``.
    """

    folder: Path | None = None
    name: str = field(default_factory=lambda: f"worker-{os.getpid()}")
    events: int = 0
    admitted: int = 0
    repeated: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    invalid: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    conflicts: int = 0
    profile_failures: int = 0
    error: str = ""
    error_at: float = 0.0
    _flushes: deque[float] = field(default_factory=lambda: deque(maxlen=FLUSHES))
    _rate: deque[tuple[float, int]] = field(default_factory=deque)
    _received_us: dict[int, int] = field(default_factory=dict)
    _lake_us: dict[int, int] = field(default_factory=dict)
    _told_at: float = 0.0

    def judged(self, judged: Judged) -> None:
        """Count what was judged."""
        self.events += judged.read
        self.admitted += len(judged.events)
        self.repeated += judged.repeated
        self.invalid += sum(1 for x in judged.events if x.invalid)
        for refused in judged.refused:
            self.refused[refused.violations[0].reason if refused.violations else ""] += 1
        self._received_us.update(judged.received_us)
        now = time.monotonic()
        self._rate.append((now, judged.read))
        while self._rate and now - self._rate[0][0] > RATE_S:
            self._rate.popleft()

    def flushed(self, batch: Batch, rows: Mapping[str, int], seconds: float) -> None:
        """Count what came into the lake."""
        self._flushes.append(seconds)
        self.rows.update(rows)
        for event in batch.events:
            self._lake_us[event.partition] = event.received_us
        self.error = ""

    def failed(self, error: BaseException) -> None:
        """Note what stands in the way; cleared by the next success."""
        self.error, self.error_at = str(error), time.time()

    def told(
        self,
        events: EventLog,
        positions: Mapping[int, int],
        now_us: int,
        *,
        force: bool = False,
    ) -> None:
        """Write the file, at most once a second.

        Parameters
        ----------
        events
            The log, for the lag.
        positions
            First offset not yet read, by partition.
        now_us
            The moment.
        force
            Write now.
        """
        now = time.monotonic()
        if self.folder is None or (now - self._told_at < EVERY_S and not force):
            return
        self._told_at = now
        try:
            text = json.dumps(self.to_dict(events, positions, now_us), ensure_ascii=False)
            self.folder.mkdir(parents=True, exist_ok=True)
            partial = self.folder / f".{self.name}"
            partial.write_text(text, encoding="utf-8")
            partial.replace(self.folder / f"{self.name}.json")
        except (OSError, ShopkeeperError) as error:
            log.warning("the worker's figures were not written: %s", error)

    def to_dict(
        self, events: EventLog, positions: Mapping[int, int], now_us: int
    ) -> dict[str, Any]:
        """Plain values for JSON; lags are None where the log cannot tell."""
        flushes = sorted(self._flushes)
        lag = {
            partition: max(events.head(partition) - offset, 0)
            for partition, offset in positions.items()
            if events.capabilities.lag
        }
        behind = {
            partition: (now_us - self._received_us.get(partition, now_us)) / 1e6 if lag_ else 0.0
            for partition, lag_ in lag.items()
        }
        return {
            "worker": self.name,
            "at_us": now_us,
            "events": self.events,
            "events_per_second": round(self._per_second(), 1),
            "admitted": self.admitted,
            "repeated": self.repeated,
            "invalid": self.invalid,
            "refused": dict(self.refused),
            "rows": dict(self.rows),
            "conflicts": self.conflicts,
            "profile_failures": self.profile_failures,
            "partitions": {
                str(partition): {
                    "position": offset,
                    "lag_records": lag.get(partition),
                    "lag_seconds": behind.get(partition),
                    "lake_until_us": self._lake_us.get(partition),
                }
                for partition, offset in sorted(positions.items())
            },
            "flush_seconds": {
                "p50": flushes[len(flushes) // 2] if flushes else None,
                "max": flushes[-1] if flushes else None,
            },
            "error": self.error,
        }

    def _per_second(self) -> float:
        if len(self._rate) < 2:
            return 0.0
        seconds = max(time.monotonic() - self._rate[0][0], 1e-3)
        return sum(count for _, count in self._rate) / seconds


def remove_gone(folder: Path, *, now_us: int) -> None:
    """Remove the files of workers that ended long ago.

    Parameters
    ----------
    folder
        As given to :class:`Metrics`.
    now_us
        The moment.
    """
    for file in folder.glob("*.json") if folder.is_dir() else ():
        try:
            if now_us / 1e6 - file.stat().st_mtime > GONE_S:
                file.unlink()
        except OSError:
            continue


def read_metrics(folder: Path, *, now_us: int) -> Sequence[Mapping[str, Any]]:
    """Figures of the workers that live.

    Parameters
    ----------
    folder
        As given to :class:`Metrics`.
    now_us
        The moment; files that were not renewed for a minute do not count.

    Returns
    -------
    Sequence
        As :meth:`Metrics.to_dict`, by name.
    """
    found = []
    for file in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        try:
            figures = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if now_us - int(figures.get("at_us", 0)) <= GONE_S * 1e6:
            found.append(figures)
    return found
