"""Micro-batches into the profiles: again and again until they are in, past events that fail."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from typing import Protocol

from shopkeeper.apps.worker.judging import Judged
from shopkeeper.apps.worker.stream_metrics import Metrics
from shopkeeper.collect.live.envelope import Arrived
from shopkeeper.core.errors import ConflictError, StoreError

log = logging.getLogger(__name__)

MOST_CONFLICTS = 5
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 10.0


class ProfileSink(Protocol):
    """What keeps profiles up to date; knows its own position in each partition."""

    def apply(self, events: Sequence[Arrived], positions: Mapping[int, int]) -> object:
        """Apply events (those below its own position are skipped) and move the position."""
        ...

    def position(self, partition: int) -> int:
        """First offset of a partition that is not applied yet."""
        ...

    def tick(self, now_us: int) -> object:
        """Change what changes by time alone."""
        ...


class ProfileLane:
    """Applies what was judged.

    Parameters
    ----------
    sink
        The profiles; None keeps none.
    metrics
        Told of failures.
    """

    def __init__(self, sink: ProfileSink | None, metrics: Metrics) -> None:
        self._sink, self._metrics = sink, metrics

    def position(self, partition: int) -> int | None:
        """First offset of a partition that the profiles do not have; None without profiles."""
        return None if self._sink is None else self._sink.position(partition)

    def tick(self, now_us: int) -> None:
        """Change what changes by time alone."""
        if self._sink is not None:
            self._sink.tick(now_us)

    def apply(self, judged: Judged, stop: threading.Event) -> None:
        """Apply a micro-batch; returns when it is stored.

        Parameters
        ----------
        judged
            Events and positions.
        stop
            When set, a failure is raised and not tried again.

        Raises
        ------
        ConflictError
            If other workers kept being first.
        StoreError, OSError
            If the profiles refuse and the worker is to stop.
        """
        if self._sink is None:
            return
        pause = FIRST_PAUSE_S
        conflicts = 0
        while True:
            try:
                self._sink.apply(judged.events, judged.positions)
            except ConflictError:
                # The worker that had the partition before went on; its positions are read anew.
                conflicts += 1
                if conflicts == MOST_CONFLICTS:
                    raise
            except (StoreError, OSError) as error:
                log.warning("profiles refuse, again in %.1f s: %s", pause, error)
                self._metrics.failed(error)
                if stop.wait(pause):
                    raise
                pause = min(2 * pause, LONGEST_PAUSE_S)
            except Exception:
                log.exception("profiles failed on some event; applied one by one")
                self._apply_singly(self._sink, judged)
                return
            else:
                return

    def _apply_singly(self, profiles: ProfileSink, judged: Judged) -> None:
        """The event at fault stays in the lake and changes no profile."""
        for event in judged.events:
            try:
                profiles.apply([event], {event.partition: event.offset})
            except (StoreError, OSError):
                raise
            except Exception:
                self._metrics.profile_failures += 1
                log.exception("event %s of %s changes no profile", event.event_id, event.source)
        profiles.apply([], judged.positions)
