"""Measure the quality of what was loaded, and say what may not go on."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.backends.runtime import Runtime
from shopkeeper.core import columns as c
from shopkeeper.core import tables as t
from shopkeeper.core.ports import TableStore
from shopkeeper.govern import gates
from shopkeeper.govern.gates import Block
from shopkeeper.govern.quality import Moment, measure
from shopkeeper.govern.report import Section, report


@dataclass(frozen=True, slots=True)
class GovernReport:
    """What one run of govern found.

    Parameters
    ----------
    run_id
        The run.
    indicators, passed, failed
        How many were measured, met their line, and did not.
    completeness, accuracy
        Overall shares; None without data.
    corrections
        Values changed, by cleaning rule.
    stopped
        Stages that may not run, with the reasons.
    failures
        Sentences of the indicators that failed, in Chinese and English.
    sections
        The report in words.
    seconds
        Time taken.
    """

    run_id: str
    indicators: int
    passed: int
    failed: int
    completeness: float | None
    accuracy: float | None
    corrections: Mapping[str, int]
    stopped: tuple[Block, ...]
    failures: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
    seconds: float = field(compare=False)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def run_govern(runtime: Runtime, *, as_of: datetime, run_id: str) -> GovernReport:
    """Measure all indicators, write them to ``quality``, and judge the gates.

    Parameters
    ----------
    runtime
        Tables, settings and clock.
    as_of
        End of the months that are compared.
    run_id
        Rows of an earlier run with this id are replaced.

    Returns
    -------
    GovernReport
    """
    started = time.perf_counter()
    tables = runtime.tables
    moment = Moment(as_of, runtime.clock.now())
    rows = measure(tables, settings=runtime.settings, moment=moment, run_id=run_id)
    tables.replace(t.QUALITY, rows, where={str(c.RUN_ID): run_id})
    stopped = gates.blocks(rows)
    changed = corrections_by_rule(tables)
    words = report(rows, tables.run(tables.table(t.LOADS)), changed, stopped)
    bad = rows.filter(pc.invert(rows[str(c.PASSED)]))
    return GovernReport(
        run_id=run_id,
        indicators=rows.num_rows,
        passed=rows.num_rows - bad.num_rows,
        failed=bad.num_rows,
        completeness=_value(rows, "completeness_overall"),
        accuracy=_value(rows, "accuracy"),
        corrections={x["rule"]: x["n"] for x in changed.to_pylist()},
        stopped=stopped,
        failures=tuple(
            zip(bad[str(c.REASON_ZH)].to_pylist(), bad[str(c.REASON_EN)].to_pylist(), strict=True)
        ),
        sections=words,
        seconds=round(time.perf_counter() - started, 3),
    )


def corrections_by_rule(tables: TableStore) -> pa.Table:
    """How many values each cleaning rule changed: ``rule``, ``n``, sorted by rule."""
    rows = tables.table(t.CORRECTIONS)
    return tables.run(rows.group_by(c.RULE).agg(n=ibis._.count()).order_by(c.RULE))


def _value(rows: pa.Table, indicator: str) -> float | None:
    part = rows.filter(pc.equal(rows[str(c.INDICATOR)], indicator))
    value: float | None = part[str(c.VALUE)][0].as_py() if part.num_rows else None
    return value
