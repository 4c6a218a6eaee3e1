"""What was loaded, what was refused, what lies in the lake."""

from __future__ import annotations

import ibis

from shopkeeper.apps.service import labels, paging
from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.queries.reading import Record, parsed, rows
from shopkeeper.apps.service.schemas.collect import (
    Load,
    LoadPage,
    QuarantinedRow,
    QuarantinePage,
    QuarantineSummary,
    TableInfo,
    TableList,
)
from shopkeeper.apps.service.schemas.common import Count, NextStep, Text
from shopkeeper.collect.reasons import REASONS
from shopkeeper.core import columns as c
from shopkeeper.core.ids import content_id
from shopkeeper.core.tables import ALL, LOADED, LOADS, QUARANTINE, TableContract

LOAD_FIRST = NextStep(
    text=Text(
        zh="店里还没有数据。装载一个订单文件（CSV、Excel、Parquet）就能开始。",
        en="The shop has no data yet. Load a file of orders (CSV, Excel, Parquet) to begin.",
    ),
    action=Text(zh="装载数据", en="Load data"),
    link="/collect",
    command="shopkeeper collect orders.csv",
)
NOTHING_REFUSED = NextStep(
    text=Text(
        zh="没有被隔离的行：装载的数据全部通过。", en="Nothing is in quarantine: all rows passed."
    ),
    action=Text(zh="查看装载批次", en="See the loads"),
    link="/collect",
)


def loads(shop: OpenShop, *, table: str | None, cursor: str | None, limit: int) -> LoadPage:
    """Loads, newest first.

    Parameters
    ----------
    shop
        The open shop.
    table
        Only loads into this table.
    cursor
        From the page before.
    limit
        Rows a page holds.

    Returns
    -------
    LoadPage
    """
    kind = f"loads:{table or ''}"
    offset = paging.decode(kind, cursor)
    expr = shop.tables.table(LOADS)
    if table is not None:
        expr = expr.filter(expr[c.TABLE_NAME] == table)
    expr = expr.order_by([expr[c.CREATED_AT].desc(), expr[c.LOAD_ID], expr[c.TABLE_NAME]])
    found, after = paging.cut(kind, rows(shop, expr.limit(limit + 1, offset=offset)), offset, limit)
    return LoadPage(
        items=[_load(row) for row in found],
        next_cursor=after,
        total=shop.tables.count(LOADS) if table is None else None,
        next_step=None if found or offset else LOAD_FIRST,
    )


def _load(row: Record) -> Load:
    return Load(
        load_id=row["load_id"],
        source=row["path"] or row["source"] or "",
        table=row["table_name"],
        table_label=labels.named(labels.TABLES, row["table_name"]),
        status=row["status"] or "done",
        rows_read=row["rows_in"] or 0,
        rows_admitted=row["rows_admitted"] or 0,
        rows_duplicate=row["rows_repeated"] or 0,
        rows_quarantined=row["rows_quarantined"] or 0,
        started_at=row["created_at"],
        finished_at=None,
        seconds=None,
        digest=row["load_id"],
    )


def quarantine(
    shop: OpenShop,
    *,
    reason: str | None,
    table: str | None,
    load_id: str | None,
    cursor: str | None,
    limit: int,
) -> QuarantinePage:
    """Refused rows, newest load first, in the order of their source.

    Parameters
    ----------
    shop
        The open shop.
    reason
        Only rows refused for this reason code.
    table
        Only rows meant for this table.
    load_id
        Only rows of this load.
    cursor
        From the page before.
    limit
        Rows a page holds.

    Returns
    -------
    QuarantinePage
    """
    kind = f"quarantine:{reason or ''}:{table or ''}:{load_id or ''}"
    offset = paging.decode(kind, cursor)
    expr = shop.tables.table(QUARANTINE)
    for column, wanted in ((c.REASON, reason), (c.TABLE_NAME, table), (c.LOAD_ID, load_id)):
        if wanted is not None:
            expr = expr.filter(expr[column] == wanted)
    expr = expr.order_by(
        [expr[c.CREATED_AT].desc(), expr[c.LOAD_ID], expr[c.TABLE_NAME], expr[c.ROW_NUMBER]]
    )
    found, after = paging.cut(kind, rows(shop, expr.limit(limit + 1, offset=offset)), offset, limit)
    unfiltered = reason is None and table is None and load_id is None
    return QuarantinePage(
        items=[_refused(row) for row in found],
        next_cursor=after,
        total=shop.tables.count(QUARANTINE) if unfiltered else None,
        next_step=None if found or offset else _when_empty(shop),
    )


def _refused(row: Record) -> QuarantinedRow:
    record = parsed(row["raw"])
    fields = record if isinstance(record, dict) else {"raw": row["raw"]}
    plain = {str(key): None if value is None else str(value) for key, value in fields.items()}
    return QuarantinedRow(
        quarantine_id=content_id(
            row["load_id"], row["table_name"], row["row_number"], prefix="quarantine"
        ),
        load_id=row["load_id"],
        table=row["table_name"],
        table_label=labels.named(labels.TABLES, row["table_name"]),
        source=row["path"] or "",
        row_number=row["row_number"],
        field=row["field"],
        value=plain.get(row["field"] or ""),
        reason=row["reason"] or "",
        reason_text=Text(zh=row["reason_zh"] or "", en=row["reason_en"] or ""),
        next_step=_advice(row["reason"], row["next_step"]),
        record=plain,
        quarantined_at=row["created_at"],
    )


def _advice(code: str | None, stored: str | None) -> Text:
    """What to do about a refusal; stages that keep no catalogue store both languages in one."""
    known = REASONS.get(code or "")
    if known is not None:
        return Text(zh=known.next_zh, en=known.next_en)
    zh, _, en = (stored or "").partition(" / ")
    return Text(zh=zh, en=en or zh)


def _in_general(code: str, stored: Text) -> Text:
    """A reason without the value of one row, as the name of a group."""
    known = REASONS.get(code)
    if known is None:
        return stored
    return Text(
        zh=known.zh.format(field="字段", value="…"),
        en=known.en.format(field="the field", value="…"),
    )


def _when_empty(shop: OpenShop) -> NextStep:
    return NOTHING_REFUSED if shop.tables.count(LOADS) else LOAD_FIRST


def quarantine_summary(shop: OpenShop) -> QuarantineSummary:
    """Refused rows by reason, table and field.

    Parameters
    ----------
    shop
        The open shop.

    Returns
    -------
    QuarantineSummary
        Counts in falling order.
    """
    return shop.remember("quarantine", (QUARANTINE, LOADS), lambda: _summary(shop))


def _summary(shop: OpenShop) -> QuarantineSummary:
    table = shop.tables.table(QUARANTINE)
    groups = rows(
        shop,
        table.group_by([c.REASON, c.TABLE_NAME, c.FIELD]).aggregate(
            rows=table.count(), zh=table[c.REASON_ZH].min(), en=table[c.REASON_EN].min()
        ),
    )
    loaded = shop.tables.table(LOADS)
    admitted = rows(shop, loaded.aggregate(rows=loaded[c.ROWS_ADMITTED].sum()))[0]["rows"] or 0
    total = sum(group["rows"] for group in groups)
    reasons = {
        group["reason"]: _in_general(
            group["reason"], Text(zh=group["zh"] or "", en=group["en"] or "")
        )
        for group in groups
    }
    return QuarantineSummary(
        total=total,
        admitted=admitted,
        share=total / (total + admitted) if total + admitted else None,
        by_reason=_counts(groups, "reason", reasons, total),
        by_table=_counts(groups, "table_name", labels.TABLES, total),
        by_field=_counts(groups, "field", {}, total),
        next_step=None if total else _when_empty(shop),
    )


def _counts(groups: list[Record], by: str, words: dict[str, Text], total: int) -> list[Count]:
    sums: dict[str, int] = {}
    for group in groups:
        key = group[by] or ""
        sums[key] = sums.get(key, 0) + group["rows"]
    return [
        Count(key=key, label=labels.named(words, key or None), count=rows, share=rows / total)
        for key, rows in sorted(sums.items(), key=lambda pair: (-pair[1], pair[0]))
    ]


def tables(shop: OpenShop) -> TableList:
    """Every table of the lake in the order data flows.

    Parameters
    ----------
    shop
        The open shop.

    Returns
    -------
    TableList
    """
    items = [_table(shop, contract) for contract in ALL.values()]
    return TableList(
        items=items,
        rows=sum(item.rows for item in items),
        next_step=None if any(shop.tables.count(x) for x in LOADED) else LOAD_FIRST,
    )


def _table(shop: OpenShop, contract: TableContract) -> TableInfo:
    def ask() -> TableInfo:
        written = shop.tables.exists(contract)
        expr: ibis.Table = shop.tables.table(contract)
        return TableInfo(
            table=contract.name,
            label=labels.named(labels.TABLES, contract.name),
            stage=labels.STAGE_OF_TABLE[contract.name],
            rows=shop.tables.count(contract) if written else 0,
            columns=len(expr.columns),
            version=shop.tables.version(contract) if written else None,
            changed_at=None,
        )

    return shop.remember(("table", contract.name), (contract,), ask)
