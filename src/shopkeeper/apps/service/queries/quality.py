"""Quality indicators of the latest run with their history, and the report in words."""

from __future__ import annotations

from shopkeeper.apps.flows.govern import corrections_by_rule
from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.queries import meanings
from shopkeeper.apps.service.queries.collect import LOAD_FIRST
from shopkeeper.apps.service.queries.reading import Record, freshness, rows
from shopkeeper.apps.service.queries.runs import NEVER_RAN
from shopkeeper.apps.service.schemas.common import Freshness, NextStep, Text
from shopkeeper.apps.service.schemas.govern import (
    GovernReport,
    Quality,
    QualityIndicator,
    QualityPoint,
    ReportSection,
)
from shopkeeper.core import columns as c
from shopkeeper.core.tables import CORRECTIONS, LOADS, QUALITY
from shopkeeper.govern.gates import blocks
from shopkeeper.govern.report import report as in_words

RUNS_SHOWN = 60

Key = tuple[str, str, str]


def quality(shop: OpenShop) -> Quality:
    """Quality of the data at the latest run.

    Parameters
    ----------
    shop
        The open shop.

    Returns
    -------
    Quality
        Indicators that missed their line first.
    """
    return shop.remember("quality", (QUALITY, LOADS), lambda: _quality(shop))


def _history(shop: OpenShop) -> list[Record]:
    """Rows of the latest runs, oldest first."""
    table = shop.tables.table(QUALITY)
    moments = table[[c.AS_OF]].distinct()
    moments = moments.order_by(moments[c.AS_OF].desc()).limit(RUNS_SHOWN)
    recent = table.semi_join(moments, c.AS_OF)
    return rows(
        shop,
        recent.order_by(
            [recent[c.AS_OF], recent[c.RUN_ID], recent[c.INDICATOR], recent[c.TABLE_NAME],
             recent[c.COLUMN_NAME]]
        ),
    )  # fmt: skip


def _quality(shop: OpenShop) -> Quality:
    found = _history(shop)
    if not found:
        return Quality(
            run_id=None,
            freshness=Freshness(),
            passed=0,
            failed=0,
            summary=Text(zh="还没有检查过数据质量。", en="Data quality has not been measured yet."),
            indicators=[],
            next_step=_before_first(shop),
        )
    run_id, as_of = found[-1]["run_id"], found[-1]["as_of"]
    series: dict[Key, list[QualityPoint]] = {}
    for row in found:
        point = QualityPoint(at=row["as_of"], value=row["value"])
        series.setdefault(_key(row), []).append(point)
    now = [row for row in found if row["run_id"] == run_id]
    indicators = [_indicator(row, series[_key(row)]) for row in now]
    indicators.sort(key=lambda x: (x.passed is not False, x.key, x.table, x.column or ""))
    failed = sum(x.passed is False for x in indicators)
    passed = sum(x.passed is True for x in indicators)
    return Quality(
        run_id=run_id,
        freshness=freshness(shop, as_of),
        passed=passed,
        failed=failed,
        summary=_summary(passed, failed),
        indicators=indicators,
        next_step=None,
    )


def _before_first(shop: OpenShop) -> NextStep:
    return NEVER_RAN if shop.tables.count(LOADS) else LOAD_FIRST


def _summary(passed: int, failed: int) -> Text:
    if not failed:
        return Text(
            zh=f"{passed} 项质量指标全部达标。",
            en=f"All {passed} quality indicators met their line.",
        )
    return Text(
        zh=f"{passed + failed} 项质量指标中有 {failed} 项未达标。",
        en=f"{failed} of {passed + failed} quality indicators missed their line.",
    )


def _key(row: Record) -> Key:
    return row["indicator"], row["table_name"], row["column_name"]


def _indicator(row: Record, history: list[QualityPoint]) -> QualityIndicator:
    words = meanings.quality_indicator(row["indicator"])
    said = Text(zh=row["reason_zh"] or "", en=row["reason_en"] or "")
    return QualityIndicator(
        key=row["indicator"],
        name=words.name,
        definition=words.definition,
        finding=said,
        dimension=words.dimension,
        dimension_label=words.dimension_label,
        table=row["table_name"],
        column=row["column_name"] or None,
        value=row["value"],
        unit=words.unit,
        target=row["threshold"],
        passed=row["passed"],
        numerator=None,
        denominator=row["rows"],
        history=history,
    )


def report(shop: OpenShop) -> GovernReport:
    """The quality report in words: what was loaded, cleaned, found and stopped.

    Parameters
    ----------
    shop
        The open shop.

    Returns
    -------
    GovernReport
        Of the latest run; without one, only the first step.
    """
    measured = quality(shop)
    if measured.run_id is None:
        return GovernReport(freshness=measured.freshness, sections=[], next_step=measured.next_step)

    def ask() -> GovernReport:
        table = shop.tables.table(QUALITY)
        found = shop.tables.run(table.filter(table[c.RUN_ID] == measured.run_id))
        loads = shop.tables.run(shop.tables.table(LOADS))
        words = in_words(found, loads, corrections_by_rule(shop.tables), blocks(found))
        return GovernReport(
            freshness=measured.freshness,
            sections=[
                ReportSection(
                    heading=Text(zh=x.heading_zh, en=x.heading_en),
                    body=Text(zh=x.body_zh, en=x.body_en),
                )
                for x in words
            ],
            next_step=None,
        )

    return shop.remember("govern_report", (QUALITY, LOADS, CORRECTIONS), ask)
