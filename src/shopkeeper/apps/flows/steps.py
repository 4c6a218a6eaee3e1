"""Run named steps once each, in order, and remember how far a run came.

A run is identified by what it was asked and what it was given: the flow, the
``as_of`` and the versions of the loaded tables. Asking again for the same run
does the steps that have not finished; a finished run is returned as it is.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, insert, select, update

from shopkeeper.core import state
from shopkeeper.core.errors import PlanError, ShopkeeperError
from shopkeeper.core.ids import content_id
from shopkeeper.core.ports import Clock

log = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]
"""Called with (step, position, total) before each step."""


@dataclass(frozen=True, slots=True)
class Step:
    """One named piece of a flow.

    Parameters
    ----------
    name
        The stage's word.
    perform
        Does the work and returns what a person wants to know of it.
    """

    name: str
    perform: Callable[[], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class RunReport:
    """How a run ended.

    Parameters
    ----------
    run_id, flow, as_of
        Which run.
    steps
        What each step reported, in order.
    seconds
        Duration of each step; of steps done earlier, their duration then.
    repeated
        True if every step had already been done.
    """

    run_id: str
    flow: str
    as_of: datetime
    steps: Mapping[str, Mapping[str, Any]]
    seconds: Mapping[str, float] = field(default_factory=dict)
    repeated: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "run_id": self.run_id,
            "flow": self.flow,
            "as_of": self.as_of.isoformat(),
            "repeated": self.repeated,
            "seconds": {k: round(v, 2) for k, v in self.seconds.items()},
            "steps": {k: dict(v) for k, v in self.steps.items()},
        }


def run_identity(flow: str, as_of: datetime, inputs: Mapping[str, object]) -> tuple[str, str]:
    """Run id and digest of its inputs."""
    digest = content_id(*(f"{k}={inputs[k]}" for k in sorted(inputs)), length=32)
    return content_id(flow, as_of.isoformat(), digest, prefix="run"), digest


def run_steps(
    engine: Engine,
    clock: Clock,
    flow: str,
    as_of: datetime,
    inputs: Mapping[str, object],
    steps: Sequence[Step],
    progress: Progress | None = None,
) -> RunReport:
    """Perform the steps of a run that have not finished.

    Parameters
    ----------
    engine
        State.
    clock
        Where the times of the run come from.
    flow
        Name of the flow.
    as_of
        The moment the run pretends it is.
    inputs
        What the run depends on; another value is another run.
    steps
        In order; a step may rely on those before it.
    progress
        Told before each step.

    Returns
    -------
    RunReport

    Raises
    ------
    ShopkeeperError
        What a step raised; the run stays resumable and says where it stopped.
    """
    run_id, digest = run_identity(flow, as_of, inputs)
    done = _begin(engine, clock, run_id, flow, as_of, digest, steps)
    repeated = len(done) == len(steps)
    details: dict[str, Mapping[str, Any]] = {}
    seconds: dict[str, float] = {}
    for position, step in enumerate(steps):
        if step.name in done:
            details[step.name], seconds[step.name] = done[step.name]
            continue
        if progress:
            progress(step.name, position, len(steps))
        _mark(engine, run_id, step.name, status="running", started_at=clock.now())
        began = time.perf_counter()
        try:
            detail = dict(step.perform())
            seconds[step.name] = time.perf_counter() - began
            _mark(
                engine, run_id, step.name, status="done", seconds=seconds[step.name], detail=detail
            )
        except BaseException as error:
            message = str(error) or type(error).__name__
            _mark(engine, run_id, step.name, status="failed", detail={"error": message})
            _end(engine, clock, run_id, "failed", f"{step.name}: {message}")
            if not isinstance(error, ShopkeeperError):
                log.exception("step %s of run %s failed", step.name, run_id)
            raise
        details[step.name] = detail
    if not repeated:
        _end(engine, clock, run_id, "done", None)
    return RunReport(run_id, flow, as_of, details, seconds, repeated)


def _begin(
    engine: Engine,
    clock: Clock,
    run_id: str,
    flow: str,
    as_of: datetime,
    digest: str,
    steps: Sequence[Step],
) -> dict[str, tuple[Mapping[str, Any], float]]:
    """Create or reopen the run; returns the steps already done."""
    rows = state.run_steps
    with engine.begin() as connection:
        known = connection.execute(select(state.runs).where(state.runs.c.run_id == run_id)).first()
        if known is None:
            connection.execute(
                insert(state.runs).values(
                    run_id=run_id,
                    flow=flow,
                    as_of=as_of,
                    status="running",
                    started_at=clock.now(),
                    inputs_digest=digest,
                )
            )
            connection.execute(
                insert(rows),
                [
                    {"run_id": run_id, "step": s.name, "position": i, "status": "waiting"}
                    for i, s in enumerate(steps)
                ],
            )
            return {}
        found = connection.execute(select(rows).where(rows.c.run_id == run_id)).all()
        if {r.step for r in found} != {s.name for s in steps}:
            raise PlanError(
                f"run {run_id} was started with other steps",
                next_step="Load newer data or choose another as-of date",
                run_id=run_id,
            )
        done = {r.step: (r.detail or {}, r.seconds or 0.0) for r in found if r.status == "done"}
        if len(done) < len(steps):
            connection.execute(
                update(state.runs)
                .where(state.runs.c.run_id == run_id)
                .values(status="running", error=None)
            )
        return done


def _mark(engine: Engine, run_id: str, step: str, **values: Any) -> None:
    rows = state.run_steps
    with engine.begin() as connection:
        connection.execute(
            update(rows).where(rows.c.run_id == run_id, rows.c.step == step).values(**values)
        )


def _end(engine: Engine, clock: Clock, run_id: str, status: str, error: str | None) -> None:
    with engine.begin() as connection:
        connection.execute(
            update(state.runs)
            .where(state.runs.c.run_id == run_id)
            .values(status=status, error=error, ended_at=clock.now().astimezone(UTC))
        )
