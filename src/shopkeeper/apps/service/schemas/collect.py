"""Collect: what was loaded, what was refused."""

from __future__ import annotations

import datetime as dt

from shopkeeper.apps.service.schemas.common import Count, NextStep, Page, Shape, Text


class Load(Shape):
    """One load of one source into one table."""

    load_id: str
    source: str
    table: str
    table_label: Text
    status: str
    rows_read: int
    rows_admitted: int
    rows_duplicate: int
    rows_quarantined: int
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    seconds: float | None
    digest: str | None


class LoadPage(Page[Load]):
    """Loads, newest first."""


class QuarantinedRow(Shape):
    """One row that was not admitted, with where it stands and what to do."""

    quarantine_id: str
    load_id: str
    table: str
    table_label: Text
    source: str
    row_number: int | None
    field: str | None
    value: str | None
    reason: str
    reason_text: Text
    next_step: Text
    record: dict[str, str | None]
    quarantined_at: dt.datetime | None


class QuarantinePage(Page[QuarantinedRow]):
    """Quarantined rows, newest first."""


class QuarantineSummary(Shape):
    """How many rows wait in quarantine, by reason and table."""

    total: int
    admitted: int
    share: float | None
    by_reason: list[Count]
    by_table: list[Count]
    by_field: list[Count]
    next_step: NextStep | None


class TableInfo(Shape):
    """One table of the lake."""

    table: str
    label: Text
    stage: str
    rows: int
    columns: int
    version: int | None
    changed_at: dt.datetime | None


class TableList(Shape):
    """All tables, in the order data flows."""

    items: list[TableInfo]
    rows: int
    next_step: NextStep | None
