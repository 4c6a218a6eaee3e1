"""The stream worker: reads the log once and brings every event to profiles and lake."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent import futures
from dataclasses import replace
from pathlib import Path

from shopkeeper.apps.worker.held import Covered, Flush, Held, Plans, Work
from shopkeeper.apps.worker.judging import Check, Judge, Judged
from shopkeeper.apps.worker.lake import Clean, LakeSink
from shopkeeper.apps.worker.lake_rows import Batch
from shopkeeper.apps.worker.profile_lane import ProfileLane, ProfileSink
from shopkeeper.apps.worker.restore import Restored, checkpoint_folder, restore
from shopkeeper.apps.worker.stream_metrics import Metrics
from shopkeeper.core.clock import to_us
from shopkeeper.core.errors import ConflictError, ShopkeeperError, StoreError
from shopkeeper.core.ports import Clock, EventLog, LogReader, TableStore
from shopkeeper.core.settings import Live

log = logging.getLogger(__name__)

CONSUMER = "stream"
"""Name under which workers read the log; partitions are divided among those that live."""
POLL_RECORDS = 100
"""Records of one micro-batch: more is cheaper, and later visible."""
POLL_S = 0.05
CHECKPOINT_S = 1.0
CHECKPOINT_SHARE = 0.05
"""Checkpoints are written at most every second, and take at most this share of the time."""
MOST_WAITING = 100_000
"""Events that may wait for the lake before reading pauses."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 10.0


class StreamWorker:
    """Works off the partitions it holds until told to stop.

    Reading, judging and profiles happen in the caller's thread, the lake in another: a slow
    commit does not hold profiles up.

    Parameters
    ----------
    events
        The log.
    tables
        The lake.
    folder
        Where checkpoints lie; shared by all workers of the shop.
    judge
        What decides about each event.
    live
        Settings of the event path.
    zone_name, currency
        Of the shop.
    clock
        The time.
    clean
        Brings records of customers to the standards.
    profiles
        Kept up to date when given.
    plans
        Tracking plans; None checks nothing.
    metrics
        Where figures go.
    written
        Told of the rows that each flush brought into each table.
    """

    def __init__(
        self,
        events: EventLog,
        tables: TableStore,
        folder: Path,
        *,
        judge: Judge,
        live: Live,
        zone_name: str,
        currency: str,
        clock: Clock,
        clean: Clean | None = None,
        profiles: ProfileSink | None = None,
        plans: Plans | None = None,
        metrics: Metrics | None = None,
        written: Callable[[Mapping[str, int]], None] | None = None,
    ) -> None:
        self._log, self._tables, self._folder = events, tables, folder
        self._judge, self._live, self._clock = judge, live, clock
        self._plans = plans
        self.metrics = metrics or Metrics()
        self._profiles = ProfileLane(profiles, self.metrics)
        self._zone_name, self._currency, self._clean = zone_name, currency, clean
        self._written = written
        self._lane = futures.ThreadPoolExecutor(1, thread_name_prefix="lake")
        self._stop = threading.Event()
        self._reader: LogReader | None = None
        self._work = self._nothing()

    # --- life --------------------------------------------------------------------------------

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop; what was read is in the lake when this returns.

        Parameters
        ----------
        stop
            Set from another thread or a signal handler.
        """
        self._stop = stop
        pause = FIRST_PAUSE_S
        while not stop.is_set():
            try:
                self.step()
                pause = FIRST_PAUSE_S
            except ConflictError as error:
                log.warning("another worker has taken over: %s", error)
                self.metrics.conflicts += 1
                self.leave()
            except Exception as error:
                # Nothing is lost by starting over from the checkpoint, and nothing gained by dying.
                expected = isinstance(error, ShopkeeperError | OSError)
                log.warning("the worker goes on in %.1f s: %s", pause, error, exc_info=not expected)
                self.metrics.failed(error)
                self.leave()
                stop.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE_S)
        self.close()

    def step(self, timeout_s: float = POLL_S) -> int:
        """Read and judge what is there, and begin what is due; how many events were read.

        Parameters
        ----------
        timeout_s
            Longest wait for events.

        Returns
        -------
        int
        """
        reader = self._joined()
        read = 0
        full = len(self._work.batch) >= MOST_WAITING
        self._finish(wait_s=timeout_s if full else 0.0)
        if not full:
            records = reader.poll(limit=POLL_RECORDS, timeout_s=timeout_s)
            if records:
                held = self._work.held
                judged = self._judge.judge(
                    records,
                    {x: held[x].seen for x in held},
                    {x: held[x].check for x in held},
                )
                read = judged.read
                self._take(judged)
        if self._due():
            self._begin(save=time.monotonic() >= self._work.save_at)
        self._change_plans()
        self._profiles.tick(to_us(self._clock.now()))
        self.metrics.told(self._log, self._positions(), to_us(self._clock.now()))
        return read

    def flush(self) -> None:
        """Bring everything read so far into the lake, and save a checkpoint.

        Raises
        ------
        ConflictError
            If another worker has taken over a partition.
        """
        self._finish(wait_s=None)
        self._begin(save=True, last=True)
        self._finish(wait_s=None)

    def leave(self) -> None:
        """Drop all work in progress and give the partitions back."""
        flight = self._work.flight
        if flight is not None and not flight.work.cancel():
            self._work.given_up.set()
            flight.work.exception()  # waits for its end
        reader, self._reader = self._reader, None
        self._work = self._nothing()
        if reader is not None:
            reader.close()

    def close(self) -> None:
        """Finish what was read, save, give the partitions back."""
        try:
            if self._reader is not None:
                self.flush()
        except (StoreError, OSError) as error:
            log.warning("stopped before the lake had everything; it is read again: %s", error)
        finally:
            self.leave()
            self._lane.shutdown()
            self.metrics.told(self._log, {}, to_us(self._clock.now()), force=True)

    # --- partitions --------------------------------------------------------------------------

    def _nothing(self) -> Work:
        sink = LakeSink(
            self._tables, zone_name=self._zone_name, currency=self._currency, clean=self._clean
        )
        return Work(sink)

    def _joined(self) -> LogReader:
        if self._reader is None:
            self._reader = self._log.reader(CONSUMER, gained=self._gained, lost=self._lost)
        return self._reader

    def _gained(self, partition: int) -> int:
        sink = self._work.sink
        reached = sink.gain(partition)
        found: Restored = restore(
            self._folder, partition, events=self._log, tables=self._tables, live=self._live,
            lake_reached=sink.events_reached(partition),
            latest_plan=self._plans.latest() if self._plans else 0,
            profiles_at=self._profiles.position(partition),
        )  # fmt: skip
        sink.resume(partition, found.people)
        covered = Covered(found.seen.frozen(), found.offset, found.plan)
        self._work.held[partition] = Held(
            found.seen, reached + 1, found.plan, self._check_of(found.plan), covered
        )
        log.info("partition %d from offset %d, lake at %d", partition, found.offset, reached)
        return found.offset

    def _lost(self, partition: int) -> None:
        # A commit in flight ends first: the next owner looks up how far the lake is.
        if self._work.flight is not None:
            self._work.flight.work.exception()
        self._work.batch.drop(partition)
        self._work.sink.lose(partition)
        self._work.held.pop(partition, None)
        log.info("partition %d goes to another worker", partition)

    def _positions(self) -> dict[int, int]:
        return {x: held.covered.offset for x, held in self._work.held.items()}

    # --- events ------------------------------------------------------------------------------

    def _take(self, judged: Judged) -> None:
        """Profiles first, then the queue of the lake; only then is it covered."""
        self._profiles.apply(judged, self._stop)
        self._work.batch.add(judged)
        for partition, offset in judged.positions.items():
            held = self._work.held[partition]
            held.covered = Covered(held.seen.frozen(), offset, held.plan)
        self.metrics.judged(judged)

    # --- lake --------------------------------------------------------------------------------

    def _due(self) -> bool:
        work = self._work
        if work.flight is not None:
            return False
        now = time.monotonic()
        if len(work.batch):
            waited = now - work.began_at
            return waited >= self._live.lake_seconds or len(work.batch) >= MOST_WAITING // 2
        # Nothing to write, but a checkpoint may be behind: after repetitions, or a crash.
        behind = any(x.covered.offset > x.confirmed for x in work.held.values())
        return behind and now >= work.save_at

    def _begin(self, *, save: bool, last: bool = False) -> None:
        work = self._work
        batch, work.batch = work.batch, Batch()
        work.began_at = time.monotonic()
        covered = {x: held.covered for x, held in work.held.items()}
        future = self._lane.submit(self._write, batch, covered if save else {}, work, last=last)
        work.flight = Flush(covered, save, future)

    def _write(self, batch: Batch, saved: Mapping[int, Covered], work: Work, *, last: bool) -> None:
        """In the lake's thread: again and again until it is in, or given up."""
        pause = FIRST_PAUSE_S
        started = time.perf_counter()
        while True:
            try:
                rows = work.sink.write(batch, last=last)
                self._save(saved, work)
            except ConflictError:
                raise
            except (StoreError, OSError) as error:
                log.warning("the lake refuses, again in %.1f s: %s", pause, error)
                self.metrics.failed(error)
                if work.given_up.wait(pause) or self._stop.is_set():
                    raise
                pause = min(2 * pause, LONGEST_PAUSE_S)
            else:
                self.metrics.flushed(batch, rows, time.perf_counter() - started)
                if self._written is not None:
                    self._written(rows)
                return

    def _save(self, saved: Mapping[int, Covered], work: Work) -> None:
        began = time.monotonic()
        for partition, covered in saved.items():
            folder = checkpoint_folder(self._folder, partition)
            facts = {"plan": covered.plan, "people": work.sink.waiting(partition)}
            covered.frozen.save(folder, offset=covered.offset, facts=facts)
        took = time.monotonic() - began
        if saved:
            work.save_at = began + max(CHECKPOINT_S, took / CHECKPOINT_SHARE)

    def _finish(self, *, wait_s: float | None) -> None:
        """Take note of a flush that ended; None waits for it."""
        flight = self._work.flight
        if flight is None or not futures.wait([flight.work], wait_s).done:
            return
        flight.work.result()
        self._work.flight = None
        if flight.save:
            reader, held = self._joined(), self._work.held
            offsets = {x: at.offset for x, at in flight.covered.items() if x in reader.partitions}
            if offsets:
                reader.commit(offsets)
            for partition, offset in offsets.items():
                held[partition].confirmed = offset

    # --- tracking plan -----------------------------------------------------------------------

    def _check_of(self, version: int) -> Check | None:
        return self._plans.check(version) if self._plans is not None and version else None

    def _change_plans(self) -> None:
        """A new version holds from a checkpoint on, so that reading again judges the same."""
        if self._plans is None:
            return
        latest = self._plans.latest()
        if not any(self._may_change(x, latest) for x in self._work.held.values()):
            return
        self.flush()
        changed = {x: y for x, y in self._work.held.items() if self._may_change(y, latest)}
        for held in changed.values():
            held.plan, held.check = latest, self._check_of(latest)
            held.covered = replace(held.covered, plan=latest)
        self.flush()
        log.info("tracking plan %d holds for partitions %s", latest, sorted(changed))

    @staticmethod
    def _may_change(held: Held, latest: int) -> bool:
        return held.plan != latest and held.covered.offset >= held.frontier
