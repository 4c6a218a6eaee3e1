"""The plan: a frozen value that one reader explains and another performs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.core import tables
from shopkeeper.core.ids import content_id
from shopkeeper.core.money import said
from shopkeeper.decide.choose import REASONS, Choice
from shopkeeper.decide.problem import CHANNELS, Customers, Ints, Limits, Options
from shopkeeper.decide.timing import allowed_hour, send_times
from shopkeeper.decide.wording import SHORT

POLICY = "value-1"


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that will be done and not done, and why.

    Parameters
    ----------
    plan_id
        Digest of the decisions: equal plans have equal ids.
    as_of
        The moment of the plan.
    currency
        Of all amounts.
    decisions
        DECISIONS rows, one per customer.
    summary
        Totals, by reason, channel, offer and hour; plain values.
    """

    plan_id: str
    as_of: datetime
    currency: str
    decisions: pa.Table
    summary: Mapping[str, Any]


def make_plan(
    customers: Customers,
    options: Options,
    limits: Limits,
    choice: Choice,
    as_of: datetime,
    currency: str,
) -> Plan:
    """Freeze a choice.

    Parameters
    ----------
    customers, options, limits, choice
        The problem and its answer.
    as_of
        The moment of the plan.
    currency
        Of the amounts.
    """
    version = content_id(POLICY, repr(limits), length=12, prefix=POLICY)
    ids = customers.customer_id
    send = choice.option >= 0
    picked = np.where(send, choice.option, 0)
    offer = _text(options.offer_ids, options.offer[picked], send)
    channel = _text(CHANNELS, options.channel[picked], send)
    moment = send_times(customers, limits, as_of)
    columns: dict[str, Any] = {
        "customer_id": ids,
        "as_of": pa.array(np.full(len(ids), as_of), tables.ARROW_TYPES["timestamp"]),
        "action": pa.array(np.where(send, "send", "none")),
        "offer_id": offer,
        "channel": channel,
        "send_at": pa.array(moment, mask=~send).cast(tables.ARROW_TYPES["timestamp"]),
        "probability": pa.array(choice.probability),
        "policy_version": pa.array(np.full(len(ids), version)),
        "holdout": pa.array(choice.holdout),
        "uplift": pa.array(choice.uplift.astype(np.float64)),
        "value": pa.array(choice.value.astype(np.float64)),
        "expected_margin_minor": pa.array(
            np.rint(choice.value.astype(np.float64) + choice.cost).astype(np.int64)
        ),
        "cost_minor": pa.array(np.rint(choice.cost.astype(np.float64)).astype(np.int64)),
        "currency": pa.array(np.full(len(ids), currency)),
        "reason": pa.array(np.array(REASONS)).take(pa.array(choice.reason)),
        "reasons": _reasons(customers, limits, choice),
        "candidates": _candidates(options, choice),
        "constraints": _constraints(customers, limits),
    }
    body = pa.table(columns)
    plan_id = content_id(
        as_of.isoformat(), version, *(_digest(body, x) for x in ("customer_id", "offer_id",
        "channel", "send_at", "probability")), prefix="plan",
    )  # fmt: skip
    decision_id = pc.binary_join_element_wise(plan_id, ids, ":")
    rows = body.append_column("decision_id", decision_id).append_column(
        "plan_id", pa.array(np.full(len(ids), plan_id))
    )
    return Plan(
        plan_id, as_of, currency,
        tables.DECISIONS.cast(rows.select(tables.DECISIONS.arrow_schema.names)),
        _summary(customers, options, limits, choice, version),
    )  # fmt: skip


def explain(plan: Plan, language: str = "en") -> str:
    """The plan in words: what, for whom, at what price, and who is left out why.

    Parameters
    ----------
    plan
        The plan.
    language
        ``zh`` or ``en``.
    """
    s = plan.summary
    zh = language == "zh"

    def money(minor: float) -> str:
        return said(minor, plan.currency)

    lines = [
        f"计划 {plan.plan_id}（{plan.as_of:%Y-%m-%d}）" if zh
        else f"Plan {plan.plan_id} as of {plan.as_of:%Y-%m-%d}",
        f"  触达 {s['send']:,} 位，共 {s['customers']:,} 位客户" if zh
        else f"  contact {s['send']:,} of {s['customers']:,} customers",
        f"  预计花费 {money(s['spend_minor'])}，预算 {money(s['budget_minor'])}" if zh
        else f"  expected spend {money(s['spend_minor'])} of {money(s['budget_minor'])}",
        f"  预计增量净毛利 {money(s['value_minor'])}，距理论上限不超过 {s['gap']:.2%}" if zh
        else f"  expected net incremental margin {money(s['value_minor'])}, "
             f"within {s['gap']:.2%} of the bound",
    ]  # fmt: skip
    for code, count in s["by_reason"].items():
        lines.append(f"  {SHORT[code]['zh' if zh else 'en']}: {count:,}")
    return "\n".join(lines)


def _text(names: tuple[str, ...], index: Ints, present: np.ndarray) -> pa.Array:
    taken = pa.array(names, pa.string()).take(pa.array(index))
    return pc.if_else(pa.array(present), taken, pa.scalar(None, pa.string()))


def _digest(rows: pa.Table, name: str) -> str:
    column = rows.column(name).combine_chunks()
    text = pc.fill_null(column.cast(pa.string()), "")
    return content_id(*(x.to_pybytes() for x in text.buffers() if x is not None))


def _number(values: np.ndarray, digits: int) -> pa.Array:
    return pc.round(pa.array(values.astype(np.float64)), digits).cast(pa.string())


def _whole(values: np.ndarray) -> pa.Array:
    return pa.array(np.rint(values.astype(np.float64)).astype(np.int64)).cast(pa.string())


def _reasons(customers: Customers, limits: Limits, choice: Choice) -> pa.Array:
    """JSON of the reason, its figures and, for sends, uplift and hour."""
    send = choice.option >= 0
    origin = pa.array(choice.lift_origin).take(pa.array(np.where(send, choice.option, 0)))
    hour = allowed_hour(customers.preferred_hour, limits)
    code = pa.array(np.array(REASONS)).take(pa.array(choice.reason))
    sent = pc.binary_join_element_wise(
        '[{"code":"', code, '","value":', _whole(choice.value), ',"cost":', _whole(choice.cost),
        '},{"code":"uplift","uplift":', _number(choice.uplift, 5), ',"origin":"', origin,
        '"},{"code":"hour","hour":', _whole(hour), "}]", "",
    )  # fmt: skip
    left = pc.binary_join_element_wise(
        '[{"code":"', code, '","contacts":', _whole(customers.recent_contacts),
        f',"cap":{limits.cap_contacts},"cap_days":{limits.cap_days}', "}]", "",
    )  # fmt: skip
    return pc.if_else(pa.array(send), sent, left)


def _candidates(options: Options, choice: Choice) -> pa.Array:
    """JSON list of the three best permitted options with their values."""
    offers = pa.array(options.offer_ids, pa.string()).take(pa.array(options.offer))
    channels = pa.array(np.array(CHANNELS)).take(pa.array(options.channel))
    head = pc.binary_join_element_wise(
        '{"offer":"', offers, '","channel":"', channels, '","value":', ""
    )
    parts = []
    for k in range(3):
        index = choice.top[:, k]
        real = index >= 0
        worth = _whole(np.nan_to_num(choice.top_value[:, k]))
        comma = "," if k else ""
        text = pc.binary_join_element_wise(
            comma, head.take(pa.array(np.maximum(index, 0))), worth, "}", ""
        )
        parts.append(pc.if_else(pa.array(real), text, ""))
    return pc.binary_join_element_wise("[", *parts, "]", "")


def _constraints(customers: Customers, limits: Limits) -> pa.Array:
    """JSON list of the consents, addresses and the cap that were applied."""
    parts = []
    for j, name in enumerate(CHANNELS):
        code = customers.consented[:, j] * 2 + customers.reachable[:, j]
        texts = [
            f'{{"channel":"{name}","consent":{c},"address":{a}}}'
            for c in ("false", "true") for a in ("false", "true")
        ]  # fmt: skip
        parts.append(pa.array(texts).take(pa.array(code.astype(np.int64))))
    cap = pc.binary_join_element_wise(
        '{"cap":', str(limits.cap_contacts), ',"days":', str(limits.cap_days), ',"contacts":',
        _whole(customers.recent_contacts), "}", "",
    )  # fmt: skip
    joined = pc.binary_join_element_wise(*parts, cap, ",")
    return pc.binary_join_element_wise("[", joined, "]", "")


def _summary(
    customers: Customers, options: Options, limits: Limits, choice: Choice, version: str
) -> dict[str, Any]:
    send = choice.option >= 0
    picked = choice.option[send]
    hour = allowed_hour(customers.preferred_hour, limits)[send]
    counts = np.bincount(choice.reason, minlength=len(REASONS))

    def by(index: Ints, names: tuple[str, ...]) -> list[dict[str, Any]]:
        size = np.bincount(index, minlength=len(names))
        cost = np.bincount(index, weights=choice.cost[send], minlength=len(names))
        value = np.bincount(index, weights=choice.value[send], minlength=len(names))
        return [
            {"name": name, "send": int(size[i]), "spend_minor": round(float(cost[i])),
             "value_minor": round(float(value[i]))}
            for i, name in enumerate(names)
        ]  # fmt: skip

    offers = by(options.offer[picked], options.offer_ids)
    for row, name in zip(offers, options.offer_names, strict=True):
        row["label"] = name
    return {
        "customers": len(customers),
        "send": int(send.sum()),
        "holdout": int(choice.holdout.sum()),
        "explored": int(counts[REASONS.index("explored")]),
        "spend_minor": round(choice.spend),
        "budget_minor": limits.budget_minor,
        "value_minor": round(choice.total),
        "expected_orders": round(float(choice.uplift.sum(dtype=np.float64)), 2),
        "bound_minor": round(choice.bound),
        "gap": choice.gap,
        "budget_price": choice.budget_price,
        "lift": "measured" if "measured" in choice.lift_origin else "assumed",
        "policy_version": version,
        "by_reason": {name: int(counts[i]) for i, name in enumerate(REASONS) if counts[i]},
        "by_channel": by(options.channel[picked], CHANNELS),
        "by_offer": offers,
        "by_hour": np.bincount(hour, minlength=24).tolist(),
    }
