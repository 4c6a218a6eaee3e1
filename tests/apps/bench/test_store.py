from __future__ import annotations

import pytest

from shopkeeper.apps.bench.rows import BenchOptions
from shopkeeper.apps.bench.store import run
from shopkeeper.core.errors import NotFoundError


def test_every_case_reports_figures() -> None:
    rows = run(BenchOptions(customers=50, events=2_000, seed=3))
    figures = {(x.method, x.metric): x.value for x in rows}
    assert {x.method for x in rows} == {
        "append", "append months", "append small", "materialise", "run", "run month", "profiles",
        "log", "log alone", "disk",
    }  # fmt: skip
    assert figures["log", "events_per_second"] == pytest.approx(
        100 * figures["log", "batches_per_second"]
    )
    assert figures["log", "commits_per_second"] < figures["log", "batches_per_second"]
    assert all(value is not None and value > 0 for value in figures.values())
    assert figures["run", "p50"] <= figures["run", "p99"]
    assert {x.n for x in rows if x.method == "append"} == {2_000}


def test_a_choice_of_cases() -> None:
    rows = run(BenchOptions(customers=5, events=50, methods=("append",)))
    assert {x.method for x in rows} == {"append"}
    with pytest.raises(NotFoundError, match="the store has no case speed"):
        run(BenchOptions(methods=("speed",)))
