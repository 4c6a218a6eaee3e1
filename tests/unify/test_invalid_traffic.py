"""Events of programs stay in the lake and out of what is known about people."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa

from shopkeeper.core import tables as t
from shopkeeper.unify import resolve

AT = dt.datetime(2026, 1, 9, tzinfo=dt.UTC)


def verdict(event_id, human):
    return {
        "event_id": event_id, "kind": "view_item", "ts_us": 1, "human": human, "reason": None,
        "reasons": "[]", "decided_at": AT, "version": "1",
    }  # fmt: skip


def test_marked_and_judged_events_are_no_activity(runtime, event):
    given = [event(x, 1, anonymous_id="a") for x in ("plain", "sure", "doubtful", "even")]
    given.append(event("marked", 1, anonymous_id="a", invalid="honeypot"))
    runtime.tables.append(t.EVENTS, pa.concat_tables(given))
    rows = [verdict("sure", 0.99), verdict("doubtful", 0.49), verdict("even", 0.5)]
    runtime.tables.append(t.VERDICTS, pa.Table.from_pylist(rows, schema=t.VERDICTS.arrow_schema))
    events, identities = runtime.tables.table(t.EVENTS), runtime.tables.table(t.IDENTITIES)

    judged = resolve.activity(events, identities, runtime.tables.table(t.VERDICTS))
    assert set(runtime.tables.run(judged)["event_id"].to_pylist()) == {"plain", "sure", "even"}

    unjudged = resolve.activity(events, identities)
    found = set(runtime.tables.run(unjudged)["event_id"].to_pylist())
    assert found == {"plain", "sure", "doubtful", "even"}
    assert runtime.tables.count(t.EVENTS) == 5
