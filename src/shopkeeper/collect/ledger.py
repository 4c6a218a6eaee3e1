"""The rows of table ``loads``: which contents were loaded, and what became of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import pyarrow as pa

from shopkeeper.collect.mapping import SourceMapping
from shopkeeper.collect.report import LoadReport
from shopkeeper.collect.sources.base import Source
from shopkeeper.core import columns as c
from shopkeeper.core.ports import TableStore
from shopkeeper.core.tables import LOADS


def finished(tables: TableStore, load_id: str | None = None) -> dict[str, dict[str, int]]:
    """Counts of the loads that were finished, by their name.

    Parameters
    ----------
    tables
        The lake.
    load_id
        One load; None gives all.

    Returns
    -------
    dict
        ``rows_in`` and ``rows_quarantined`` of each.
    """
    if not tables.exists(LOADS):
        return {}
    stored = tables.table(LOADS)
    chosen = stored.filter(stored[c.STATUS] == "done")
    if load_id is not None:
        chosen = chosen.filter(chosen[c.LOAD_ID] == load_id)
    rows = tables.run(chosen.select(c.LOAD_ID, c.ROWS_IN, c.ROWS_QUARANTINED)).to_pylist()
    return {x.pop(str(c.LOAD_ID)): x for x in rows}


def loads_row(report: LoadReport, now: dt.datetime) -> pa.Table:
    """The row that says a load is finished.

    Parameters
    ----------
    report
        What it did.
    now
        Moment of the load.

    Returns
    -------
    pa.Table
        One row under the contract ``LOADS``.
    """
    return LOADS.cast(
        pa.table(
            {
                str(c.LOAD_ID): [report.load_id],
                str(c.TABLE_NAME): [report.table],
                str(c.PATH): [report.path],
                str(c.SOURCE): [report.source],
                str(c.BYTES): [report.bytes],
                str(c.ROWS_IN): [report.rows_in],
                str(c.ROWS_ADMITTED): [report.rows_admitted],
                str(c.ROWS_REPEATED): [report.rows_repeated],
                str(c.ROWS_QUARANTINED): [report.rows_quarantined],
                str(c.STATUS): [report.status],
                str(c.CREATED_AT): pa.array([now], pa.timestamp("us", tz="UTC")),
            }
        )
    )


def known_report(
    load_id: str, mapping: SourceMapping, source: Source, counts: Mapping[str, int]
) -> LoadReport:
    """The report of a content that was loaded before.

    Parameters
    ----------
    load_id, mapping, source
        Which load.
    counts
        From :func:`finished`.

    Returns
    -------
    LoadReport
        With status ``known``.
    """
    refused = counts[str(c.ROWS_QUARANTINED)]
    rows = counts[str(c.ROWS_IN)]
    return LoadReport(
        load_id=load_id,
        table=mapping.table,
        path=source.name,
        source=mapping.source,
        bytes=source.size,
        rows_in=rows,
        rows_admitted=0,
        rows_repeated=rows - refused,
        rows_quarantined=refused,
        reasons=(),
        blanked={},
        corrections=0,
        notes=(),
        status="known",
    )
