"""Steps are done once; an interrupted run resumes; a failure is written down."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from shopkeeper.apps.flows.steps import Step, run_identity, run_steps
from shopkeeper.backends.embedded.state import open_state
from shopkeeper.core import state
from shopkeeper.core.errors import PlanError, SourceError

AS_OF = datetime(2024, 1, 1, tzinfo=UTC)


class Fixed:
    def now(self) -> datetime:
        return datetime(2024, 6, 1, tzinfo=UTC)


@pytest.fixture
def engine(tmp_path: Path):
    opened = open_state(tmp_path / "state.db")
    yield opened
    opened.dispose()


def counted(calls: list[str], name: str, fail: list[BaseException] | None = None) -> Step:
    def perform() -> dict[str, int]:
        calls.append(name)
        if fail:
            raise fail.pop()
        return {"rows": len(calls)}

    return Step(name, perform)


def status(engine, run_id: str) -> str:
    with engine.connect() as connection:
        return connection.execute(
            select(state.runs.c.status).where(state.runs.c.run_id == run_id)
        ).scalar_one()


def test_a_finished_run_is_not_done_again(engine) -> None:
    calls: list[str] = []
    steps = [counted(calls, "a"), counted(calls, "b")]
    first = run_steps(engine, Fixed(), "loop", AS_OF, {"orders": 3}, steps)
    again = run_steps(engine, Fixed(), "loop", AS_OF, {"orders": 3}, steps)
    assert calls == ["a", "b"]
    assert again.repeated
    assert not first.repeated
    assert again.steps == first.steps
    other = run_steps(engine, Fixed(), "loop", AS_OF, {"orders": 4}, steps)
    assert other.run_id != first.run_id
    assert calls == ["a", "b", "a", "b"]


@pytest.mark.parametrize("error", [SourceError("the file went away"), KeyboardInterrupt()])
def test_an_interrupted_run_resumes_where_it_stopped(engine, error: BaseException) -> None:
    calls: list[str] = []
    fail = [error]
    steps = [counted(calls, "a"), counted(calls, "b", fail), counted(calls, "c")]
    run_id, _ = run_identity("loop", AS_OF, {})
    with pytest.raises(type(error)):
        run_steps(engine, Fixed(), "loop", AS_OF, {}, steps)
    assert status(engine, run_id) == "failed"
    report = run_steps(engine, Fixed(), "loop", AS_OF, {}, steps)
    assert calls == ["a", "b", "b", "c"]
    assert status(engine, run_id) == "done"
    assert list(report.steps) == ["a", "b", "c"]


def test_a_report_that_cannot_be_stored_fails_the_run(engine) -> None:
    steps = [Step("a", lambda: {"when": AS_OF})]
    run_id, _ = run_identity("loop", AS_OF, {})
    with pytest.raises(Exception, match="not JSON serializable"):
        run_steps(engine, Fixed(), "loop", AS_OF, {}, steps)
    assert status(engine, run_id) == "failed"


def test_other_steps_are_refused(engine) -> None:
    calls: list[str] = []
    run_steps(engine, Fixed(), "loop", AS_OF, {}, [counted(calls, "a")])
    with pytest.raises(PlanError, match="started with other steps"):
        run_steps(engine, Fixed(), "loop", AS_OF, {}, [counted(calls, "z")])
