"""What a stream worker has in hand: partitions, a batch, a flush on its way."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from concurrent import futures
from dataclasses import dataclass, field
from typing import Protocol

from shopkeeper.apps.worker.judging import Check
from shopkeeper.apps.worker.lake import LakeSink
from shopkeeper.apps.worker.lake_rows import Batch
from shopkeeper.collect.live.seen import Seen
from shopkeeper.collect.live.seen_files import Frozen


class Plans(Protocol):
    """Tracking plans by version."""

    def latest(self) -> int:
        """Version in force; 0 if there is none."""
        ...

    def check(self, version: int) -> Check | None:
        """What a version checks; None if it checks nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Covered:
    """What was judged of a partition, and taken over by profiles and the lake's queue."""

    frozen: Frozen
    offset: int
    plan: int


@dataclass(slots=True)
class Held:
    """A partition that this worker holds.

    ``confirmed`` is the offset of its last checkpoint. ``frontier`` is the first offset that no
    table has: below it the verdicts of an earlier worker stand, so its tracking plan judges until
    there.
    """

    seen: Seen
    frontier: int
    plan: int
    check: Check | None
    covered: Covered
    confirmed: int = -1


@dataclass(slots=True)
class Flush:
    """A batch on its way into the lake, with the state of the moment it ends at."""

    covered: Mapping[int, Covered]
    save: bool
    work: futures.Future[None]


@dataclass(slots=True)
class Work:
    """Everything in progress; dropped as a whole when another worker takes over."""

    sink: LakeSink
    batch: Batch = field(default_factory=Batch)
    held: dict[int, Held] = field(default_factory=dict)
    flight: Flush | None = None
    given_up: threading.Event = field(default_factory=threading.Event)
    began_at: float = field(default_factory=time.monotonic)
    save_at: float = 0.0
