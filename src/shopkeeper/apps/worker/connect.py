"""The runner of connectors: each has its own thread, so that a dead one holds up nobody.

A thread belongs to its connector alone and waits for nothing but its own source: no queue,
no pool of connections and no open transaction is shared with another connector while a source
is being asked. What all of them share (the lake, the state) is touched after the source has
answered.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from shopkeeper.apps.flows.connect import Connector, connectors
from shopkeeper.apps.flows.connect_run import RunReport, run_connector
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.errors import ConflictError, ShopkeeperError

log = logging.getLogger(__name__)

MOST = 64
"""Connectors that have a thread at the same time; further ones are named in the log."""
LOOK_SECONDS = 1.0
"""How often definitions are looked at for new, changed and removed connectors."""


@dataclass(slots=True)
class _Worker:
    """The thread of one connector."""

    thread: threading.Thread
    wake: threading.Event = field(default_factory=threading.Event)
    stop: threading.Event = field(default_factory=threading.Event)


class ConnectorRunner:
    """Runs every enabled connector when it is due.

    Parameters
    ----------
    runtime
        The open shop; closed after the runner has stopped.
    environment
        Where references to variables are looked up.
    most
        Threads at the same time.
    """

    def __init__(
        self, runtime: Runtime, environment: Mapping[str, str], *, most: int = MOST
    ) -> None:
        self._runtime = runtime
        self._environment = environment
        self._most = most
        self._workers: dict[str, _Worker] = {}
        self._waiting: set[str] = set()
        self._stopping = threading.Event()
        self._watch = threading.Thread(target=self._watching, name="connectors", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._watch.start()

    def stop(self, wait_s: float = 5.0) -> None:
        """End the threads; a run that waits for a dead source is left to its time limit.

        Parameters
        ----------
        wait_s
            Longest wait for runs in progress; what they read is repeated, never doubled.
        """
        self._stopping.set()
        for worker in self._workers.values():
            worker.stop.set()
            worker.wake.set()
        deadline = time.monotonic() + wait_s
        self._watch.join(wait_s)
        # All are waited for until one moment, so that a dead one takes no time from the others.
        for worker in list(self._workers.values()):
            worker.thread.join(max(0.0, deadline - time.monotonic()))

    def look(self) -> None:
        """Give each enabled connector a thread, and stop those that are gone."""
        wanted = {x.definition.connector_id: x for x in connectors(self._runtime.state)}
        due = {k: x for k, x in wanted.items() if _runs(x)}
        for name, worker in list(self._workers.items()):
            if name not in due:
                worker.stop.set()
                worker.wake.set()
            if not worker.thread.is_alive():
                del self._workers[name]
        for name, found in due.items():
            worker_of = self._workers.get(name)
            if worker_of is None:
                self._begin(name)
            elif found.next_at is not None and found.next_at <= self._runtime.clock.now():
                worker_of.wake.set()

    def _begin(self, name: str) -> None:
        if len(self._workers) >= self._most:
            if name not in self._waiting:
                self._waiting.add(name)
                log.warning(
                    "connector %s waits: %d run already; enable fewer, or start another "
                    "worker for them", name, self._most,
                )  # fmt: skip
            return
        self._waiting.discard(name)
        thread = threading.Thread(
            target=self._running, args=(name,), name=f"connector {name}", daemon=True
        )
        self._workers[name] = _Worker(thread)
        thread.start()

    def _watching(self) -> None:
        while not self._stopping.is_set():
            try:
                self.look()
            except ShopkeeperError as error:
                log.warning("connectors: %s", error)
            except Exception:  # the watch must outlive a state that is busy for a moment
                log.exception("connectors: looking at the definitions failed")
            self._stopping.wait(LOOK_SECONDS)

    def _running(self, name: str) -> None:
        worker = self._workers[name]
        while not worker.stop.is_set():
            wait = self._wait_of(name)
            if wait is None:
                return
            if wait > 0:
                # New definitions wake it: the wait is looked up again.
                worker.wake.wait(min(wait, 60.0))
                worker.wake.clear()
                continue
            self._once(name, worker)

    def _once(self, name: str, worker: _Worker) -> None:
        try:
            report = run_connector(self._runtime, name, environment=self._environment)
        except ConflictError:
            worker.stop.wait(1.0)
        except ShopkeeperError as error:
            log.warning("connector %s: %s", name, error)
            worker.stop.wait(5.0)
        except Exception:  # one connector never ends another
            log.exception("connector %s", name)
            worker.stop.wait(5.0)
        else:
            _say(report)

    def _wait_of(self, name: str) -> float | None:
        """Seconds until a connector is due; None if it does not run any more."""
        found = {x.definition.connector_id: x for x in connectors(self._runtime.state)}.get(name)
        if found is None or not _runs(found):
            return None
        return _seconds_until(found.next_at, self._runtime.clock.now())


def start_connectors(runtime: Runtime, environment: Mapping[str, str]) -> ConnectorRunner:
    """Start the runner; stop it before the runtime is closed.

    Parameters
    ----------
    runtime
        The open shop.
    environment
        Where references to variables are looked up.
    """
    runner = ConnectorRunner(runtime, environment)
    runner.start()
    return runner


def _runs(found: Connector) -> bool:
    return found.definition.enabled and found.definition.every_seconds > 0


def _seconds_until(moment: datetime | None, now: datetime) -> float:
    return 0.0 if moment is None else (moment - now).total_seconds()


def _say(report: RunReport) -> None:
    if report.status == "done" and report.rows:
        log.info(
            "connector %s: %d rows read, %d admitted, %d refused, %.2f s",
            report.connector_id, report.rows, report.admitted, report.quarantined, report.seconds,
        )  # fmt: skip
    elif report.status != "done":
        log.warning("connector %s %s: %s", report.connector_id, report.status, report.error)
