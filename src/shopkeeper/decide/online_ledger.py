"""The ledger row of a decision that somebody waited for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from shopkeeper.decide.online import Candidate, Ranking

_encode = msgspec.json.Encoder().encode

LIVE_PLAN = "live"
"""``plan_id`` of decisions that no plan made."""


def ledger_row(ranking: Ranking, candidates: Sequence[Candidate], currency: str) -> dict[str, Any]:
    """The DECISIONS row of a ranking, as plain JSON values.

    Parameters
    ----------
    ranking
        What was answered.
    candidates
        What was asked.
    currency
        Of the amounts.

    Returns
    -------
    dict
        By column; ``as_of`` as ISO text.
    """
    first = ranking.ranked[0] if ranking.ranked else None
    channel = next((x.channel for x in candidates if first and x.id == first.id), "")
    reason = str(first.reasons[0]["code"]) if first else _common(ranking)
    return {
        "decision_id": ranking.decision_id,
        "plan_id": LIVE_PLAN,
        "customer_id": ranking.customer_id,
        "as_of": ranking.as_of.isoformat(),
        "action": "none" if first is None else ("send" if channel else "show"),
        "offer_id": first.id if first else None,
        "channel": channel or None,
        "probability": first.probability if first else 1.0,
        "policy_version": ranking.policy_version,
        "holdout": ranking.holdout,
        "uplift": first.uplift if first else 0.0,
        "value": first.value_minor if first else 0.0,
        "expected_margin_minor": round(first.value_minor + first.cost_minor) if first else 0,
        "cost_minor": round(first.cost_minor) if first else 0,
        "currency": currency,
        "reason": reason,
        "reasons": _json(list(first.reasons) if first else [{"code": reason}]),
        "candidates": _json(
            [
                {"offer": x.id, "value": round(x.value_minor), "probability": x.probability}
                for x in ranking.ranked
            ]
        ),
        "constraints": _json([{"offer": x, **why} for x, why in ranking.refused]),
    }


def _common(ranking: Ranking) -> str:
    """The reason most candidates were refused for; the first of equals."""
    codes = [str(why["code"]) for _, why in ranking.refused]
    return max(codes, key=codes.count) if codes else "no_gain"


def _json(value: object) -> str:
    return _encode(value).decode()
