"""A shop of six customers whose every answer can be counted by eye."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy import insert

from shopkeeper.backends.open import open_runtime
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core import state, tables
from shopkeeper.core.clock import to_us
from shopkeeper.core.settings import load_settings
from shopkeeper.core.tables import TableContract
from shopkeeper.govern.rules import RULES

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
AS_OF = datetime(2026, 2, 28, 16, 0, tzinfo=UTC)  # the start of 1 March in Shanghai
PEOPLE = ("c1", "c2", "c3", "c4", "c5", "c6")


@dataclass(frozen=True)
class FixedClock:
    moment: datetime = NOW

    def now(self) -> datetime:
        return self.moment


def open_shop(folder: Path, **flags: Any) -> Runtime:
    chosen = {"store.folder": str(folder), "shop.name": "小店", "store.memory_mb": 512}
    return open_runtime(load_settings(flags=chosen | flags), clock=FixedClock())


def put(runtime: Runtime, contract: TableContract, rows: list[dict[str, Any]]) -> None:
    schema = contract.arrow_schema
    named = {name for row in rows for name in row}
    columns = {
        field.name: pa.array([row.get(field.name) for row in rows], field.type)
        for field in schema
        if field.name in named
    }
    runtime.tables.append(contract, pa.table(columns))


def when(moment: datetime) -> dict[str, Any]:
    local = moment + timedelta(hours=8)
    return {
        "occurred_at": moment,
        "ts_us": to_us(moment),
        "day": local.date(),
        "month": f"{local:%Y-%m}",
        "dow": local.isoweekday(),
        "hour": local.hour,
    }


def fill(runtime: Runtime) -> None:
    """Every table that the loop leaves behind, by hand."""
    _fill_collect(runtime)
    _fill_unify(runtime)
    _fill_judgements(runtime)
    _fill_decisions(runtime)
    _fill_measure(runtime)
    _fill_state(runtime)


def _fill_collect(runtime: Runtime) -> None:
    put(
        runtime,
        tables.LOADS,
        [
            {"load_id": f"load{i}", "table_name": "orders", "path": f"day{i}.csv", "source": "csv",
             "bytes": 100, "rows_in": 10, "rows_admitted": 8, "rows_repeated": 1,
             "rows_quarantined": 1, "status": "done", "created_at": NOW - timedelta(days=9 - i)}
            for i in range(3)
        ],
    )  # fmt: skip
    put(
        runtime,
        tables.QUARANTINE,
        [
            {"load_id": f"load{i}", "table_name": "orders", "row_number": 4, "path": f"day{i}.csv",
             "field": "amount_minor", "reason": "not_a_number" if i else "unknown_currency",
             "reason_zh": "不是数字" if i else "未知币种",
             "reason_en": "not a number" if i else "unknown currency",
             "next_step": "Correct the cell", "raw": json.dumps({"amount_minor": "abc"}),
             "created_at": NOW - timedelta(days=9 - i)}
            for i in range(3)
        ],
    )  # fmt: skip
    put(
        runtime,
        tables.PRODUCTS,
        [
            {"product_id": "p1", "name": "牛奶", "category": "dairy", "subcategory": "milk",
             "price_minor": 1500, "currency": "CNY", "source": "csv", "load_id": "load0"},
            {"product_id": "p2", "name": "面包", "category": "bakery", "subcategory": "bread",
             "price_minor": 800, "currency": "CNY", "source": "csv", "load_id": "load0"},
        ],
    )  # fmt: skip
    put(
        runtime,
        tables.OFFERS,
        [{"offer_id": "o1", "name": "满减券", "kind": "amount", "discount_rate": 0.1,
          "currency": "CNY", "source": "csv", "load_id": "load0"}],
    )  # fmt: skip
    put(
        runtime,
        tables.ORDERS,
        [
            {"order_id": "x", "customer_ref": "crm:1", "kind": "sale", "amount_minor": 1,
             "currency": "CNY", "source": "csv", "load_id": "load0", **when(AS_OF)}
        ],
    )  # fmt: skip
    put(
        runtime,
        tables.CORRECTIONS,
        [
            {"load_id": "load2", "table_name": "orders", "row_key": str(i),
             "column_name": "channel", "rule": RULES[0].key, "before": " 门店", "after": "门店"}
            for i in range(2)
        ],
    )  # fmt: skip
    put(
        runtime,
        tables.QUALITY,
        [
            {"run_id": f"run{i}", "as_of": AS_OF - timedelta(days=1 - i),
             "indicator": "completeness", "table_name": "orders", "column_name": "channel",
             "value": 0.90 + i / 20, "threshold": 0.98 if i == 0 else 0.94, "passed": bool(i),
             "rows": 20, "reason_zh": "渠道有缺", "reason_en": "channel is missing in places"}
            for i in range(2)
        ],
    )  # fmt: skip
    put(
        runtime,
        tables.LINEAGE,
        [
            {"step": "unify", "upstream": "orders.amount_minor",
             "downstream": "purchases.amount_minor", "transform": "direct", "run_id": "run1"},
            {"step": "features", "upstream": "purchases.amount_minor",
             "downstream": "features.spend_life", "transform": "group", "run_id": "run1"},
            {"step": "predict", "upstream": "features.spend_life", "downstream": "scores.value",
             "transform": "direct", "run_id": "run1"},
        ],
    )  # fmt: skip


def _fill_unify(runtime: Runtime) -> None:
    put(
        runtime,
        tables.PROFILES,
        [
            {"customer_id": who, "person_name": f"客户{who[1]}", "gender": 2 if who == "c1" else 9,
             "phone": f"+86139000000{i:02d}", "city": "上海",
             "evidence": json.dumps({"city": {"source": "crm.csv", "at": "2026-02-01T00:00:00Z"}}),
             "attributes": json.dumps({"pet": "cat"}), "updated_at": NOW}
            for i, who in enumerate(PEOPLE)
        ],
    )  # fmt: skip
    put(
        runtime,
        tables.IDENTITIES,
        [
            {"identifier": f"crm:{1000 + i}", "identifier_kind": "crm", "customer_id": who}
            for i, who in enumerate(PEOPLE)
        ]
        + [{"identifier": "phone:+8613900000000", "identifier_kind": "phone", "customer_id": "c1",
            "seen_at": NOW}],
    )  # fmt: skip
    put(
        runtime,
        tables.IDENTITY_EDGES,
        [{"edge_id": "e1", "left": "crm:1000", "right": "phone:+8613900000000",
          "rule": "same_record", "evidence": json.dumps({"source": "crm.csv"}), "score": 1.0,
          "source": "crm.csv", "created_at": NOW}],
    )  # fmt: skip
    orders = [
        {"order_id": f"{who}-{n}", "customer_id": who,
         "kind": "return" if (who, n) == ("c1", 2) else "sale", "channel": "store",
         "store_id": "s1", "amount_minor": -500 if (who, n) == ("c1", 2) else 1000 * (i + 1),
         "discount_minor": 0, "currency": "CNY", "quantity": 1.0, "lines": 1,
         **when(AS_OF - timedelta(days=10 * n + i + 1))}
        for i, who in enumerate(PEOPLE)
        for n in range(3 if who == "c1" else 2)
    ]  # fmt: skip
    put(runtime, tables.PURCHASES, orders)
    put(
        runtime,
        tables.PURCHASE_LINES,
        [
            {"line_id": f"{o['order_id']}-1", "product_id": "p1", "category": "dairy",
             **{k: v for k, v in o.items() if k != "lines"}}
            for o in orders
        ],
    )  # fmt: skip
    put(
        runtime,
        tables.ACTIVITY,
        [{"event_id": "ev1", "customer_id": "c1", "kind": "search", "query": "奶", "channel": "app",
          **when(AS_OF - timedelta(hours=3))}],
    )  # fmt: skip
    put(
        runtime,
        tables.CONTACTS,
        [{"touch_id": "t1", "customer_id": "c1", "channel": "sms", "status": "sent",
          "ts_us": to_us(AS_OF - timedelta(days=5)), "day": date(2026, 2, 24), "cost_minor": 5,
          "currency": "CNY"}],
    )  # fmt: skip
    put(
        runtime,
        tables.PERMITS,
        [
            {"customer_id": who, "purpose": "marketing", "channel": "sms",
             "status": "GRANT" if who != "c6" else "DENY", "status_at": AS_OF - timedelta(days=30)}
            for who in PEOPLE
        ],
    )  # fmt: skip


def _fill_judgements(runtime: Runtime) -> None:
    scores = []
    for i, who in enumerate(PEOPLE):
        risk = 9 - i
        scores += [
            {"customer_id": who, "as_of": AS_OF, "kind": "churn", "model": "churn",
             "model_version": "v1", "horizon_days": 60, "value": risk / 10 + 0.05, "unit": "share",
             "band": "high" if risk >= 7 else "middle", "risk": risk, "reasons": "[]"},
            {"customer_id": who, "as_of": AS_OF, "kind": "expected_spend", "model": "blend",
             "model_version": "v2", "horizon_days": 60, "value": 10_000.0 * (i + 1),
             "low": 5_000.0 * (i + 1), "high": 20_000.0 * (i + 1), "unit": "minor units",
             "band": "vip" if i == 5 else "core"},
        ]  # fmt: skip
    old = [{**row, "as_of": AS_OF - timedelta(days=7), "value": 1.0} for row in scores]
    put(runtime, tables.SCORES, old + scores)
    put(
        runtime,
        tables.RECOMMENDATIONS,
        [
            {"customer_id": who, "as_of": AS_OF, "kind": "new", "rank": rank, "product_id": product,
             "score": 1.0 / rank, "model": "markov", "model_version": "v3",
             "reasons": json.dumps([{"code": "often_after", "product_id": "p1"}])}
            for who in PEOPLE
            for rank, product in ((1, "p2"), (2, "p1"))
        ],
    )  # fmt: skip
    put(
        runtime,
        tables.SEGMENTS,
        [
            {"customer_id": who, "as_of": moment, "scheme": scheme, "label": label, "version": "1"}
            for moment in (AS_OF - timedelta(days=30), AS_OF)
            for i, who in enumerate(PEOPLE)
            for scheme, label in (
                ("rfm8", "champions" if i == 5 or moment < AS_OF else "lost"),
                ("tier", "vip" if i == 5 else "core"),
                ("life_cycle", "active"),
            )
        ],
    )
    features = pa.table(
        {
            "customer_id": list(PEOPLE),
            "as_of": pa.array([AS_OF] * 6, pa.timestamp("us", tz="UTC")),
            "recency_days": pa.array([1.0, 2, 3, 4, 5, 6], pa.float64()),
            "orders_90d": pa.array([2] * 6, pa.int64()),
        }
    )
    from shopkeeper.features.library_index import select_features

    extra = [x.column for x in select_features(["recency_days", "orders_90d"])]
    wide = tables.FEATURES.extended(extra)
    runtime.tables.append(wide, wide.cast(features))


def _fill_decisions(runtime: Runtime) -> None:
    send_at = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)  # 10 o'clock in Shanghai
    rows = []
    for i, who in enumerate(PEOPLE):
        action = "send" if i < 3 else "none"
        rows.append(
            {"decision_id": f"d{who}", "plan_id": "plan1", "customer_id": who, "as_of": AS_OF,
             "action": action, "offer_id": "o1" if action == "send" else None,
             "channel": "sms" if action == "send" else None,
             "send_at": send_at if action == "send" else None, "probability": 0.9,
             "policy_version": "policy1", "holdout": who == "c4", "uplift": 0.1,
             "value": 100.0 - i, "expected_margin_minor": 300 if action == "send" else 0,
             "cost_minor": 20 if action == "send" else 0, "currency": "CNY",
             "reason": "best_value" if action == "send" else ("holdout" if who == "c4" else "no_consent"),
             "reasons": json.dumps(
                 [{"code": "best_value", "value": 280, "cost": 20},
                  {"code": "hour", "hour": 10}] if action == "send"
                 else [{"code": "holdout" if who == "c4" else "no_consent"}]),
             "candidates": json.dumps([{"offer": "o1", "channel": "sms", "value": 280}]),
             "constraints": json.dumps(
                 [{"channel": "sms", "consent": who != "c6", "address": True},
                  {"cap": 2, "days": 7, "contacts": 1}], separators=(",", ":"))}
        )  # fmt: skip
    put(runtime, tables.DECISIONS, rows)


def _fill_measure(runtime: Runtime) -> None:
    put(
        runtime,
        tables.METRICS,
        [
            {"metric": metric, "day": date(2026, 2, 20) + timedelta(days=n), "dimension": "all",
             "value": float(100 + n), "n": 10, "sum": 1.0, "sum_squares": 1.0, "unit": unit,
             "run_id": "run1"}
            for metric, unit in (("orders", "count"), ("revenue", "minor"))
            for n in range(9)
        ],
    )  # fmt: skip
    put(
        runtime,
        tables.EFFECTS,
        [{"experiment_id": "plan1", "arm": "sent", "metric": "revenue", "method": "hold-out, Welch",
          "as_of": AS_OF, "estimate": 410_000.0, "low": 320_000.0, "high": 500_000.0,
          "unit": "minor units", "n": 300, "reason_zh": "触达多赚 ¥4,100 ± 900",
          "reason_en": "contacts earned ¥4,100 ± 900 more"}],
    )  # fmt: skip


def _fill_state(runtime: Runtime) -> None:
    with runtime.state.begin() as connection:
        connection.execute(
            insert(state.runs).values(
                run_id="run1", flow="nightly", as_of=AS_OF, status="done", started_at=NOW,
                ended_at=NOW + timedelta(seconds=30), inputs_digest="",
            )
        )  # fmt: skip
        connection.execute(
            insert(state.run_steps),
            [
                {"run_id": "run1", "step": step, "position": i, "status": "done",
                 "started_at": NOW, "seconds": 5.0, "detail": {"rows": 6}}
                for i, step in enumerate(("govern", "unify", "features", "predict"))
            ],
        )  # fmt: skip
        connection.execute(
            insert(state.plans).values(
                plan_id="plan1", as_of=AS_OF, status="draft", digest="abc", created_at=NOW,
                summary={"gap": 0.004, "budget_minor": 500_000},
            )
        )  # fmt: skip
        connection.execute(
            insert(state.outbox),
            [
                {"key": f"k{i}", "plan_id": "plan0", "decision_id": f"d{i}", "customer_id": "c1",
                 "channel": "sms",
                 "payload": {"customer_ref": "crm:c1", "subject": "", "body": "你好"},
                 "send_at": NOW + timedelta(minutes=i), "status": "sent" if i else "queued",
                 "sent_at": NOW if i else None}
                for i in range(3)
            ],
        )  # fmt: skip
