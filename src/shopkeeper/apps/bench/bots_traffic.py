"""Labelled traffic sent through the real steps: read, marked on arrival, stored, judged later."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import numpy as np
import numpy.typing as npt

from shopkeeper.backends.open import open_runtime
from shopkeeper.collect.live.arrive import ArriveSettings, arrive
from shopkeeper.collect.live.bots import Marker
from shopkeeper.collect.live.bots.verdict import HUMAN_FROM, verdicts
from shopkeeper.collect.live.envelope import VERSION, Arrived, Envelope, Refused
from shopkeeper.collect.live.rows import event_rows
from shopkeeper.core.ports import TableStore
from shopkeeper.core.settings import load_settings
from shopkeeper.core.tables import EVENTS, TOUCHES
from shopkeeper.simulate.traffic import HOUR_US, Sent, Traffic, TrafficSpec, traffic

_SETTINGS = ArriveSettings(user_kind="user_id")
ZONE = "Asia/Shanghai"


@dataclass(frozen=True, slots=True)
class Judged:
    """One drawn mix and what became of it.

    Parameters
    ----------
    traffic
        The mix with its truth.
    events
        As read.
    marked
        Whether each event was marked on arrival.
    human
        Human probability by the delayed verdict; NaN where there is none.
    seconds
        Processor time of marking alone.
    """

    traffic: Traffic
    events: Sequence[Arrived]
    marked: npt.NDArray[np.bool_]
    human: npt.NDArray[np.float64]
    seconds: float

    @property
    def invalid(self) -> npt.NDArray[np.bool_]:
        """Judged invalid in the end: marked, or found out later."""
        return np.asarray(self.marked | (self.human < HUMAN_FROM))


def read(sent: Sequence[Sent]) -> list[Arrived]:
    """Events as the worker reads them from the log.

    Parameters
    ----------
    sent
        As clients sent them.
    """
    events = []
    for one in sent:
        envelope = Envelope(VERSION, "events", "web", one.received_us, [], one.ip, one.agent)
        found = arrive(msgspec.json.encode(one.raw), envelope, settings=_SETTINGS)
        if isinstance(found, Refused):
            raise TypeError(f"simulated event refused: {found.violations}")
        events.append(found)
    return events


@contextmanager
def stored(mix: Traffic, events: Sequence[Arrived]) -> Iterator[TableStore]:
    """A store in a temporary folder that holds the events and the messages.

    Parameters
    ----------
    mix
        Gives the messages.
    events
        Rows of table events.
    """
    with tempfile.TemporaryDirectory(prefix="shopkeeper-bots-") as folder:
        runtime = open_runtime(load_settings(flags={"store.folder": folder}))
        try:
            runtime.tables.append(EVENTS, event_rows(events, zone_name=ZONE))
            if mix.touches.num_rows:
                runtime.tables.append(TOUCHES, mix.touches)
            yield runtime.tables
        finally:
            runtime.close()


def window(spec: TrafficSpec) -> tuple[int, int]:
    """The window a mix lies in, with room for those who read their mail days later."""
    return spec.start_us - HOUR_US, spec.start_us + (spec.hours + 240) * HOUR_US


def marked_on_arrival(spec: TrafficSpec, mix: Traffic) -> tuple[list[Arrived], float]:
    """Read the events and mark them; returns them with the processor time of marking."""
    events = read(mix.events)
    marker = Marker(honeypots=[spec.honeypot])
    began = time.process_time()
    reasons = [marker.mark(x) for x in events]
    took = time.process_time() - began
    for event, reason in zip(events, reasons, strict=True):
        event.invalid = reason
    return events, took


def judge(spec: TrafficSpec) -> Judged:
    """Draw a mix and send it through every step.

    Parameters
    ----------
    spec
        The mix.

    Returns
    -------
    Judged
    """
    mix = traffic(spec)
    events, seconds = marked_on_arrival(spec, mix)
    start_us, end_us = window(spec)
    with stored(mix, events) as tables:
        decided = datetime.fromtimestamp(end_us / 1e6, UTC)
        found = verdicts(tables, start_us=start_us, end_us=end_us, decided_at=decided)
    probability = dict(
        zip(found.column("event_id").to_pylist(), found.column("human").to_pylist(), strict=True)
    )
    human = np.array([probability.get(x.event_id, np.nan) for x in events])
    return Judged(mix, events, np.array([x.invalid is not None for x in events]), human, seconds)
