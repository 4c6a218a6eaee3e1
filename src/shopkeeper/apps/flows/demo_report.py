"""The figures of the demo, and what the shop should do today in a few sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ibis

from shopkeeper.apps.flows.demo import DemoData
from shopkeeper.apps.flows.steps import RunReport
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.money import said
from shopkeeper.core.ports import TableStore
from shopkeeper.core.tables import QUALITY, QUARANTINE, SCORES, SEGMENTS
from shopkeeper.decide.wording import SHORT


def demo_figures(
    runtime: Runtime, loaded: DemoData, report: RunReport, seconds: Mapping[str, float]
) -> dict[str, Any]:
    """Everything the demo shows, as plain values.

    Parameters
    ----------
    runtime
        The open shop.
    loaded
        What collect reported.
    report
        The nightly run.
    seconds
        Durations of what came before it.
    """
    store = runtime.tables
    steps = report.steps
    return {
        "shop": runtime.settings.shop.name,
        "simulated": True,
        "currency": runtime.settings.shop.currency,
        "as_of": report.as_of.isoformat(),
        "collect": loaded.to_dict(),
        "quarantine": quarantine_by_reason(store),
        "quality": quality_of(store, report.run_id),
        "features": steps["features"],
        "predict": steps["predict"],
        "segments": segment_sizes(store, report),
        "risk": risk_counts(store, report),
        "plan": {k: v for k, v in steps["decide"].items() if k != "by_hour"},
        "measure": steps["measure"],
        "run_seconds": {**seconds, **report.seconds},
    }


def quarantine_by_reason(store: TableStore) -> list[dict[str, Any]]:
    """Quarantined rows by table and reason."""
    rows = store.table(QUARANTINE)
    grouped = rows.group_by("table_name", "reason", "reason_zh", "reason_en").aggregate(
        rows=rows.count()
    )
    found: list[dict[str, Any]] = store.run(grouped.order_by("table_name", "reason")).to_pylist()
    return found


def quality_of(store: TableStore, run_id: str) -> list[dict[str, Any]]:
    """Quality indicators of a run: each indicator's worst row beside its threshold."""
    rows = store.table(QUALITY)
    mine = rows.filter(rows.run_id == run_id)
    found = store.run(
        mine.select("indicator", "table_name", "column_name", "value", "threshold", "passed")
        .order_by("indicator", "table_name", "column_name")
    ).to_pylist()  # fmt: skip
    return [r for r in found if r["value"] is not None]


def segment_sizes(store: TableStore, report: RunReport) -> dict[str, dict[str, int]]:
    """Customers by scheme and label at the run's moment."""
    rows = store.table(SEGMENTS)
    mine = rows.filter(rows.as_of == _moment(report))
    grouped = mine.group_by("scheme", "label").aggregate(customers=mine.count())
    sizes: dict[str, dict[str, int]] = {}
    for r in store.run(grouped.order_by("scheme", "label")).to_pylist():
        sizes.setdefault(r["scheme"], {})[r["label"]] = r["customers"]
    return sizes


def risk_counts(store: TableStore, report: RunReport) -> dict[str, Any]:
    """Customers by churn band, and what the high band is expected to spend."""
    rows = store.table(SCORES)
    mine = rows.filter(rows.as_of == _moment(report))
    churn = mine.filter(mine.kind == "churn").select("customer_id", risk_band="band")
    spend = mine.filter(mine.kind == "expected_spend").select("customer_id", spend="value")
    both = churn.left_join(spend, "customer_id")
    grouped = both.group_by("risk_band").aggregate(customers=both.count(), spend=both.spend.sum())
    return {
        r["risk_band"]: {
            "customers": r["customers"], "expected_spend_minor": round(r["spend"] or 0),
        }
        for r in store.run(grouped.order_by("risk_band")).to_pylist()
        if r["risk_band"]
    }  # fmt: skip


def summary_lines(figures: Mapping[str, Any]) -> list[str]:
    """What the shop should do today, in Chinese and English.

    Parameters
    ----------
    figures
        Of :func:`demo_figures`.
    """
    currency = figures["currency"]
    risk = figures["risk"].get("high", {"customers": 0, "expected_spend_minor": 0})
    risky = said(risk["expected_spend_minor"], currency)
    lines = [
        "",
        f"今天该做什么 · What to do today ({figures['shop']}, {figures['as_of'][:10]})",
        f"  {risk['customers']:,} 位客户流失风险高，预计消费 {risky}",
        f"  {risk['customers']:,} customers are likely to leave; expected to spend {risky}",
    ]
    plan = figures["plan"]
    if "refused" in plan:
        return [*lines, f"  {plan['refused']}"]
    spend = said(plan["spend_minor"], currency)
    value = said(plan["value_minor"], currency)
    lines += [
        (
            f"  建议触达 {plan['send']:,} 位，花费 {spend}，预计净增量毛利 {value}"
            f"（距上限 {plan['gap']:.2%}；留白 {plan['holdout']:,} 位）"
        ),
        (
            f"  contact {plan['send']:,} of {plan['customers']:,} at {spend}: expected net "
            f"incremental margin {value}, within {plan['gap']:.2%} of the bound; {plan['holdout']:,} held out"
        ),
    ]
    lines += [
        f"    {SHORT[code]['zh']} · {SHORT[code]['en']}: {count:,}"
        for code, count in plan["by_reason"].items()
    ]
    return lines


def _moment(report: RunReport) -> Any:
    return ibis.literal(report.as_of)
