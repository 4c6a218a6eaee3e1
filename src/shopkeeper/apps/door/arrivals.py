"""What came in lately and how much of it: the live debugger's ring, and the door's counts."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Upper ends of the histogram of commit seconds."""
KEPT = 500
SHOWN_EVENTS = 20
"""Events of one request whose names the ring keeps."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request as the debugger shows it.

    Parameters
    ----------
    number
        Counts up from 1.
    at_us
        When it came, microseconds UTC.
    source
        Source it came from; empty if its key is unknown.
    path
        Path of the request.
    status
        HTTP status of the answer.
    reason, zh, en, next_step
        Why it was refused; empty if it was not.
    accepted, duplicates
        Events stored, and events dropped because their id was seen before.
    events
        Events by name, the first ones.
    sample
        The first event as sent; empty if it was refused before it was read.
    ip
        Address of the client.
    """

    number: int
    at_us: int
    source: str
    path: str
    status: int
    reason: str = ""
    zh: str = ""
    en: str = ""
    next_step: str = ""
    accepted: int = 0
    duplicates: int = 0
    events: Mapping[str, int] = field(default_factory=dict)
    sample: bytes = b""
    ip: str = ""


class Arrivals:
    """The last requests and the counts since the start; written by the door's loop alone.

    Parameters
    ----------
    kept
        Requests kept.
    """

    def __init__(self, kept: int = KEPT) -> None:
        self.kept = kept
        self._ring: deque[Arrival] = deque(maxlen=kept)
        self._by_second: dict[str, deque[tuple[int, int]]] = {}
        self._lock = threading.Lock()
        self.last = 0
        self.accepted: Counter[str] = Counter()
        self.duplicates: Counter[str] = Counter()
        self.refused: Counter[tuple[str, str]] = Counter()
        self.last_us: dict[str, int] = {}
        self._seconds = [0] * (len(BUCKETS) + 1)
        self._seconds_sum = 0.0

    def add(self, at_us: int, source: str, path: str, status: int, **facts: Any) -> None:
        """Keep one request and count it.

        Parameters
        ----------
        at_us
            When it came, microseconds UTC.
        source
            Source it came from.
        path
            Path of the request.
        status
            HTTP status of the answer.
        **facts
            Further fields of :class:`Arrival`.
        """
        self.last += 1
        arrival = Arrival(self.last, at_us, source, path, status, **facts)
        if arrival.reason:
            self.refused[source, arrival.reason] += 1
        else:
            self.accepted[source] += arrival.accepted
            self.duplicates[source] += arrival.duplicates
            self.last_us[source] = at_us
            self._pace(source, at_us // 1_000_000, arrival.accepted)
        with self._lock:
            self._ring.append(arrival)

    def per_minute(self, source: str, now_us: int) -> int:
        """Events of a source that were accepted in the last 60 seconds.

        Parameters
        ----------
        source
            Its name.
        now_us
            The current moment, microseconds UTC.

        Returns
        -------
        int
        """
        first = now_us // 1_000_000 - 59
        with self._lock:
            return sum(n for second, n in self._by_second.get(source, ()) if second >= first)

    def _pace(self, source: str, second: int, count: int) -> None:
        seconds = self._by_second.get(source)
        if seconds is None:
            seconds = self._by_second[source] = deque(maxlen=60)
        with self._lock:
            if seconds and seconds[-1][0] == second:
                count += seconds.pop()[1]
            seconds.append((second, count))

    def committed(self, seconds: float) -> None:
        """Count the time one request waited for its group to be on disk.

        Parameters
        ----------
        seconds
            From queueing to confirmation.
        """
        for place, bound in enumerate(BUCKETS):
            if seconds <= bound:
                self._seconds[place] += 1
                break
        else:
            self._seconds[-1] += 1
        self._seconds_sum += seconds

    def latest(self, after: int = 0, *, limit: int = 100) -> Sequence[Arrival]:
        """Requests after a number, oldest first; the newest ones if there are more.

        Parameters
        ----------
        after
            ``number`` of the last one already known.
        limit
            At most so many.

        Returns
        -------
        sequence of Arrival
        """
        with self._lock:
            found = [x for x in self._ring if x.number > after]
        return found[-limit:]

    def lines(self, pressure: float) -> list[str]:
        """Prometheus text of everything counted.

        Parameters
        ----------
        pressure
            How full the log's queue is, 0 to 1.

        Returns
        -------
        list of str
            Lines without line feeds.
        """
        text = _family("events_accepted_total", "counter", "Events acknowledged after commit.")
        text += [
            f'shopkeeper_events_accepted_total{{source="{source}"}} {count}'
            for source, count in sorted(self.accepted.items())
        ]
        text += _family("events_duplicate_total", "counter", "Events whose id was seen before.")
        text += [
            f'shopkeeper_events_duplicate_total{{source="{source}"}} {count}'
            for source, count in sorted(self.duplicates.items())
        ]
        text += _family("requests_refused_total", "counter", "Requests refused, by reason.")
        text += [
            f'shopkeeper_requests_refused_total{{source="{source}",reason="{reason}"}} {count}'
            for (source, reason), count in sorted(self.refused.items())
        ]
        text += _family("log_pressure", "gauge", "How full the queue of unconfirmed events is.")
        text.append(f"shopkeeper_log_pressure {pressure:.4f}")
        text += _family("commit_seconds", "histogram", "Seconds until a request was on disk.")
        total = 0
        for bound, count in zip((*map(str, BUCKETS), "+Inf"), self._seconds, strict=True):
            total += count
            text.append(f'shopkeeper_commit_seconds_bucket{{le="{bound}"}} {total}')
        text.append(f"shopkeeper_commit_seconds_sum {self._seconds_sum:.6f}")
        text.append(f"shopkeeper_commit_seconds_count {total}")
        return text


def _family(name: str, kind: str, meaning: str) -> list[str]:
    return [f"# HELP shopkeeper_{name} {meaning}", f"# TYPE shopkeeper_{name} {kind}"]
