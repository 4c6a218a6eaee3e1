"""The stream worker of a shop, put together and run: as a thread of ``up`` or as a process."""

from __future__ import annotations

import gc
import logging
import os
import socket
import threading
import time
from pathlib import Path

from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError

from shopkeeper.apps.flows.tracking import Plans
from shopkeeper.apps.worker.judging import Judge
from shopkeeper.apps.worker.online import OnlineFeatures, online_features
from shopkeeper.apps.worker.online_sink import ProfilesAndFeatures, watched
from shopkeeper.apps.worker.profiles import LiveProfiles
from shopkeeper.apps.worker.stream import StreamWorker
from shopkeeper.apps.worker.stream_metrics import Metrics, remove_gone
from shopkeeper.apps.worker.upkeep import Upkeep
from shopkeeper.backends.runtime import Runtime
from shopkeeper.collect.live.arrive import ArriveSettings
from shopkeeper.collect.live.bots.marker import Marker
from shopkeeper.core import state
from shopkeeper.core.clock import to_us
from shopkeeper.core.settings import Settings
from shopkeeper.govern.rules import clean

log = logging.getLogger(__name__)

SOURCES_S = 5.0
"""How often the kinds of user id of the sources are read again."""


GC_THRESHOLDS = (200_000, 20, 100)


def stream_folder(settings: Settings) -> Path:
    """Where workers of a shop keep checkpoints.

    Parameters
    ----------
    settings
        Of the shop.

    Returns
    -------
    Path
    """
    return settings.store.folder.expanduser().resolve() / "live" / "stream"


def metrics_folder(settings: Settings) -> Path:
    """Where workers of a shop keep their figures; see :func:`read_metrics`."""
    return stream_folder(settings).parent / "workers"


class SourceKinds:
    """How events of each source are read; the table is read again every few seconds.

    Parameters
    ----------
    engine
        The state.
    settings
        Of the shop.
    """

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._settings = engine, settings
        self._kinds: dict[str, ArriveSettings] = {}
        self._read_at = -SOURCES_S

    def __call__(self, source: str) -> ArriveSettings:
        """Settings of one source; an unknown one names its users ``user``."""
        if time.monotonic() - self._read_at >= SOURCES_S:
            self._read()
        return self._kinds.get(source) or self._of("user")

    def _read(self) -> None:
        self._read_at = time.monotonic()
        columns = (state.sources.c.source_id, state.sources.c.user_kind)
        try:
            with self._engine.connect() as connection:
                rows = connection.execute(select(*columns)).all()
        except SQLAlchemyError as error:
            log.warning("sources were not read, the last copy holds: %s", error)
            return
        self._kinds = {row.source_id: self._of(row.user_kind) for row in rows}

    def _of(self, kind: str) -> ArriveSettings:
        settings = self._settings
        return ArriveSettings(
            user_kind=kind,
            currency=settings.shop.currency,
            event_bytes=settings.live.event_kb * 1024,
        )


def create_stream(
    runtime: Runtime, *, upkeep: Upkeep | None = None, online: OnlineFeatures | None = None
) -> StreamWorker:
    """The stream worker of an open shop.

    Parameters
    ----------
    runtime
        Must stay open as long as the worker runs.
    upkeep
        Told of commits.
    online
        Told of events and orders.

    Returns
    -------
    StreamWorker
    """
    settings = runtime.settings
    name = f"{socket.gethostname()}-{os.getpid()}"
    live = LiveProfiles(runtime)
    zone_name = settings.shop.time_zone
    both = None if online is None else ProfilesAndFeatures(live, online, zone_name=zone_name)
    return StreamWorker(
        runtime.log,
        runtime.tables if online is None else watched(runtime.tables, online),
        stream_folder(settings),
        judge=Judge(SourceKinds(runtime.state, settings), mark=Marker().mark),
        live=settings.live,
        zone_name=settings.shop.time_zone,
        currency=settings.shop.currency,
        clean=lambda rows, contract: clean(
            rows, contract, settings=settings, today=runtime.clock.now().date()
        ),
        clock=runtime.clock,
        profiles=both or live,
        plans=Plans(runtime.state),
        metrics=Metrics(metrics_folder(settings), name),
        written=upkeep.written if upkeep is not None else None,
    )


def run_stream(runtime: Runtime, stop: threading.Event) -> None:
    """Work off the log until told to stop.

    Parameters
    ----------
    runtime
        The open shop.
    stop
        Set from another thread or a signal handler.
    """
    upkeep = Upkeep(
        runtime.tables, runtime.log, runtime.clock,
        retention_days=runtime.settings.live.retention_days,
    )  # fmt: skip
    upkeep.start()
    now_us = to_us(runtime.clock.now())
    remove_gone(metrics_folder(runtime.settings), now_us=now_us)
    try:
        with online_features(runtime) as online:
            create_stream(runtime, upkeep=upkeep, online=online).run(stop)
    finally:
        upkeep.stop()


def collect_garbage_seldom() -> None:
    """Let a process that works off events or answers requests look for cycles seldom.

    Events of a whole batch are alive at once and hold no cycles; looking through them again and
    again would take a third of the time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


class StreamThread:
    """The stream worker beside a service.

    Parameters
    ----------
    runtime
        The open shop; close it after :meth:`stop`.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=run_stream, args=(runtime, self._stop), name="stream", daemon=True
        )
        self._thread.start()

    def stop(self, wait_s: float = 30.0) -> None:
        """Finish what was read and end.

        Parameters
        ----------
        wait_s
            Longest wait; what is not in the lake by then is read again next time.
        """
        self._stop.set()
        self._thread.join(wait_s)
        if self._thread.is_alive():
            log.warning("the stream worker did not end in %g s", wait_s)
