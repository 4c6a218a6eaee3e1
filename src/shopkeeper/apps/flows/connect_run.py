"""One run of one connector: read, admit, and move its position in the same step.

What was read lies in a spool until it is admitted, and loads know content they have seen;
so a run that is cut off anywhere is repeated without a double. The position moves in one
transaction with the record of the run, after the rows are in the lake.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert, update

from shopkeeper.apps.flows.connect import Connector, connector
from shopkeeper.apps.flows.connect_kinds import READERS
from shopkeeper.apps.flows.connect_read import Brought, Context
from shopkeeper.backends.embedded.locks import exclusive
from shopkeeper.backends.runtime import Runtime
from shopkeeper.collect.connectors.kinds import KINDS, Reads, read_config
from shopkeeper.collect.connectors.references import resolved
from shopkeeper.core import state
from shopkeeper.core.errors import ConflictError, InputError, ShopkeeperError

LONGEST_PASSES = 200
"""Readings of one run; a larger backlog goes on in the next run."""


@dataclass(frozen=True, slots=True)
class RunReport:
    """What one run did.

    Parameters
    ----------
    connector_id, run_id
        Which.
    status
        ``done``, ``failed`` or ``refused`` (an enrichment below its contract).
    rows
        Rows read.
    admitted, repeated, quarantined
        What became of them.
    seconds
        How long it took.
    drained
        Whether nothing was left at the source.
    loads
        Loads they came in.
    notes
        What was noticed, as (Chinese, English).
    error, next_step
        Of a run that failed.
    """

    connector_id: str
    run_id: str
    status: str
    rows: int = 0
    admitted: int = 0
    repeated: int = 0
    quarantined: int = 0
    seconds: float = 0.0
    drained: bool = False
    loads: tuple[str, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()
    error: str = ""
    next_step: str = ""
    facts: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def folder_of(runtime: Runtime, connector_id: str) -> Path:
    """Where a connector keeps its spool and its lock."""
    return runtime.settings.store.folder.expanduser() / "connectors" / connector_id


def run_connector(
    runtime: Runtime,
    connector_id: str,
    *,
    environment: Mapping[str, str],
    full: bool = False,
) -> RunReport:
    """Run a connector once.

    Parameters
    ----------
    runtime
        The open shop.
    connector_id
        Which.
    environment
        Where references to variables are looked up.
    full
        Read everything again; what is known already changes nothing.

    Returns
    -------
    RunReport
        A failure is told in it and recorded, not raised.

    Raises
    ------
    NotFoundError
        If there is none of that name.
    InputError
        If it is one that is sent to.
    ConflictError
        If it is running in another thread or process.
    """
    found = connector(runtime.state, connector_id)
    if not issubclass(KINDS[found.definition.kind].config, Reads):
        raise InputError(
            f"{connector_id} does not read; its rows are sent to it",
            next_step=f"Send them to POST /v1/webhooks/{connector_id}",
            connector=connector_id,
        )
    lock = folder_of(runtime, connector_id) / "run.lock"
    try:
        with exclusive(lock, wait_s=0.0):
            return _locked(runtime, connector(runtime.state, connector_id), environment, full=full)
    except ConflictError as error:
        if error.facts.get("lock") != str(lock):
            raise
        raise ConflictError(
            f"connector {connector_id} is running already",
            next_step="Wait until that run ends",
            connector=connector_id,
        ) from error


def _locked(
    runtime: Runtime, found: Connector, environment: Mapping[str, str], *, full: bool
) -> RunReport:
    started, clock = runtime.clock.now(), time.perf_counter()
    own = found.definition
    run_id = f"run_{uuid.uuid4().hex[:20]}"
    _begin(runtime, own.connector_id, run_id, started)
    total = Brought()
    cursor: Mapping[str, Any] = {} if full else found.cursor
    try:
        config = resolved(
            own.config, environment=environment, read=read_text, where=own.connector_id
        )
        read = read_config(own.kind, config, where=own.connector_id)
        folder = folder_of(runtime, own.connector_id)
        context = Context(runtime, own, read, folder, started)  # type: ignore[arg-type]
        if full:
            context.admitted()
        for _ in range(LONGEST_PASSES):
            brought = READERS[own.kind](context, cursor)
            cursor = brought.cursor
            total = total.plus(brought)
            _advance(runtime, own.connector_id, brought)
            context.admitted()
            late = time.perf_counter() - clock > read.run_seconds  # type: ignore[union-attr]
            if brought.drained or late:
                break
    except ShopkeeperError as error:
        report = _report(found, run_id, "failed", total, clock, error)
    except Exception as error:  # noqa: BLE001  a driver may raise anything; the run must be recorded
        unknown = InputError(
            f"{own.connector_id} failed: {type(error).__name__}: {error}",
            next_step="Correct the definition if it names one; it is tried again by itself",
        )
        report = _report(found, run_id, "failed", total, clock, unknown)
    else:
        status = "refused" if total.refused else "done"
        report = _report(found, run_id, status, total, clock, total.refused)
    _end(runtime, found, report, started)
    return report


def read_text(path: Path) -> str:
    """Content of a file that a reference names."""
    return path.read_text(encoding="utf-8")


def _report(
    found: Connector, run_id: str, status: str, total: Brought, clock: float,
    error: ShopkeeperError | None,
) -> RunReport:  # fmt: skip
    return RunReport(
        found.definition.connector_id, run_id, status, total.rows, total.admitted, total.repeated,
        total.quarantined, round(time.perf_counter() - clock, 3), total.drained, total.loads,
        tuple(dict.fromkeys(total.notes)), error.message if error else "",
        error.next_step if error else "", total.facts,
    )  # fmt: skip


def _begin(runtime: Runtime, connector_id: str, run_id: str, now: datetime) -> None:
    runs, table = state.connector_runs, state.connectors
    with runtime.state.begin() as connection:
        # A run that never ended was cut off with its process.
        connection.execute(
            update(runs)
            .where(runs.c.connector_id == connector_id, runs.c.status == "running")
            .values(status="cut off", ended_at=now)
        )
        connection.execute(
            insert(runs).values(
                run_id=run_id, connector_id=connector_id, status="running", rows=0, detail={},
                started_at=now,
            )
        )  # fmt: skip
        connection.execute(
            update(table).where(table.c.connector_id == connector_id).values(last_started_at=now)
        )


def _advance(runtime: Runtime, connector_id: str, brought: Brought) -> None:
    """Move the position past rows that are in the lake now."""
    table = state.connectors
    with runtime.state.begin() as connection:
        connection.execute(
            update(table)
            .where(table.c.connector_id == connector_id)
            .values(cursor=dict(brought.cursor), rows_total=table.c.rows_total + brought.admitted)
        )


def _end(runtime: Runtime, found: Connector, report: RunReport, started: datetime) -> None:
    """Record the run and say when the next one is due."""
    runs, table = state.connector_runs, state.connectors
    now, own = runtime.clock.now(), found.definition
    values: dict[str, Any]
    if report.status == "failed":
        failures = found.failures + 1
        values = {
            "failures": failures,
            "status": "open" if own.retry.is_open(failures) else "retrying",
            "error": f"{report.error}. {report.next_step}".strip(),
            "next_at": now + own.retry.wait(failures, own.connector_id),
        }
    else:
        wait = timedelta(seconds=own.every_seconds) if report.drained else timedelta(0)
        values = {
            "failures": 0,
            "status": "refused" if report.status == "refused" else "ok",
            "error": f"{report.error}. {report.next_step}" if report.error else None,
            "last_ok_at": now,
            "next_at": max(started + wait, now),
        }
        if report.drained:
            values["data_until"] = started
    detail = {k: v for k, v in report.to_dict().items() if k not in {"error", "run_id"}}
    with runtime.state.begin() as connection:
        connection.execute(
            update(runs)
            .where(runs.c.run_id == report.run_id)
            .values(
                status=report.status, rows=report.rows, detail=detail, ended_at=now,
                error=report.error or None,
            )
        )  # fmt: skip
        connection.execute(
            update(table).where(table.c.connector_id == own.connector_id).values(**values)
        )
