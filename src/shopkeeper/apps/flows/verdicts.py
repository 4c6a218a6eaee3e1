"""Judge the events of the last days once more, now that it is known what came after them."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.backends.runtime import Runtime
from shopkeeper.collect.live.bots.verdict import HUMAN_FROM, verdicts
from shopkeeper.core import columns as c
from shopkeeper.core.clock import MICROSECONDS_PER_DAY, to_us
from shopkeeper.core.tables import EVENTS, VERDICTS

WINDOW_DAYS = 4
"""Days judged again by default: long enough for a message that is read after a week-end."""
WITHDRAWN = '[{"sign": "withdrawn"}]'
"""Reasons of a verdict that no longer holds."""


@dataclass(frozen=True, slots=True)
class VerdictsReport:
    """What one round of judging found.

    Parameters
    ----------
    judged
        Events with a verdict.
    programs
        Of these, less likely a person's than not.
    withdrawn
        Earlier verdicts of the window that no longer hold.
    by_reason
        Events of programs by reason.
    seconds
        Time taken.
    """

    judged: int
    programs: int
    withdrawn: int
    by_reason: dict[str, int]
    seconds: float = field(compare=False)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def run_verdicts(runtime: Runtime, *, as_of: datetime, days: int = WINDOW_DAYS) -> VerdictsReport:
    """Judge the events of a window and store the verdicts under their event.

    Parameters
    ----------
    runtime
        Its tables are read and written.
    as_of
        End of the window, exclusive, and the moment of deciding.
    days
        Length of the window.

    Returns
    -------
    VerdictsReport
        Running again on the same data writes the same rows.

    Notes
    -----
    A later verdict replaces an earlier one. On the first day of the window a visit may be seen
    from its middle, so that verdicts of that day are added to and never withdrawn.
    """
    began = time.perf_counter()
    tables = runtime.tables
    if not tables.exists(EVENTS):
        return VerdictsReport(0, 0, 0, {}, 0.0)
    end_us = to_us(as_of)
    start_us = end_us - days * MICROSECONDS_PER_DAY
    found = verdicts(tables, start_us=start_us, end_us=end_us, decided_at=as_of)
    earlier = _held(runtime, start_us + MICROSECONDS_PER_DAY, end_us)
    gone = earlier.filter(
        pc.invert(pc.is_in(earlier.column(c.EVENT_ID), value_set=found.column(c.EVENT_ID)))
    )
    if found.num_rows or gone.num_rows:
        tables.merge(VERDICTS, pa.concat_tables([found, _withdrawn(gone, as_of)]))
    bad = found.filter(pc.less(found.column(c.HUMAN), HUMAN_FROM))
    counts = bad.group_by(str(c.REASON)).aggregate([([], "count_all")])
    names, sizes = counts.column(str(c.REASON)), counts.column("count_all")
    by_reason = dict(sorted(zip(names.to_pylist(), sizes.to_pylist(), strict=True)))
    seconds = round(time.perf_counter() - began, 3)
    return VerdictsReport(found.num_rows, bad.num_rows, gone.num_rows, by_reason, seconds)


def _held(runtime: Runtime, start_us: int, end_us: int) -> pa.Table:
    """Stored verdicts of the window that call an event a program's."""
    table = runtime.tables.table(VERDICTS)
    bad = table.filter(
        table[c.TS_US].between(start_us, end_us - 1) & (table[c.HUMAN] < ibis.literal(HUMAN_FROM))
    )
    return runtime.tables.run(bad)


def _withdrawn(rows: pa.Table, as_of: datetime) -> pa.Table:
    n = rows.num_rows
    changed = {
        str(c.HUMAN): pa.repeat(1.0, n),
        str(c.REASON): pa.nulls(n, pa.string()),
        str(c.REASONS): pa.repeat(WITHDRAWN, n),
        str(c.DECIDED_AT): pa.array([as_of] * n, pa.timestamp("us", tz="UTC")),
    }
    return VERDICTS.cast(
        pa.table({x: changed.get(x, rows.column(x)) for x in VERDICTS.arrow_schema.names})
    )
