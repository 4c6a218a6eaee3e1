"""Five value tiers from expected spend and activity: one rule table, versioned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shopkeeper.predict.history import Floats, Ints

TIERS_VERSION = "value-tiers-1"


@dataclass(frozen=True, slots=True)
class Tier:
    """One tier and the rule that puts customers there.

    Parameters
    ----------
    code : str
        Stored word.
    zh, en : str
        Names people read.
    top_share : float
        The tier ends at this share of customers, counted from the highest expected spend.
    zh_rule, en_rule : str
        The rule in words.
    """

    code: str
    zh: str
    en: str
    top_share: float
    zh_rule: str
    en_rule: str


TIERS = (
    Tier("vip", "尊享", "VIP", 0.05, "预期消费前 5%", "top 5 % of expected spend"),
    Tier("strategic", "战略", "Strategic", 0.20, "预期消费前 5%–20%", "next 15 %"),
    Tier("core", "核心", "Core", 0.50, "预期消费前 20%–50%", "next 30 %"),
    Tier("potential", "潜力", "Potential", 1.00, "其余仍可能购买的客户", "the rest"),
    Tier(
        "lapsing",
        "流失边缘",
        "Lapsing",
        1.00,
        "未进入前 20%，预测期内购买可能性低于 10%，且距上次购买已超过通常间隔的 2 倍",
        "outside the top 20 %, less than 10 % likely to buy in the horizon, and silent for more "
        "than twice the usual gap",
    ),
)
"""The rule table, in order of value; `lapsing` is read last and overrides core and potential."""

LAPSING_P_BUY = 0.10
LAPSING_OVERDUE = 2.0


def assign_tiers(spend: Floats, p_buy: Floats, overdue: Floats) -> Ints:
    """Put customers into tiers.

    Ties in expected spend share a tier: the higher one.

    Parameters
    ----------
    spend : Floats
        Expected spend in the horizon.
    p_buy : Floats
        Probability of a purchase in the horizon.
    overdue : Floats
        Time since the last purchase in usual gaps of the customer.

    Returns
    -------
    Ints
        Position in `TIERS` of each customer.

    Examples
    --------
    >>> spend = np.arange(20.0)[::-1]
    >>> tiers = assign_tiers(spend, np.full(20, 0.5), np.ones(20))
    >>> [TIERS[at].code for at in (tiers[0], tiers[3], tiers[9], tiers[19])]
    ['vip', 'strategic', 'core', 'potential']
    """
    size = len(spend)
    ranked = np.sort(spend)[::-1]
    above = np.searchsorted(-ranked, -spend, side="left")  # customers strictly above
    ends = np.ceil(np.array([tier.top_share for tier in TIERS[:3]]) * size)
    tier = np.searchsorted(ends, above, side="right").astype(np.int64)
    lapsing = (tier >= 2) & (p_buy < LAPSING_P_BUY) & (overdue > LAPSING_OVERDUE)
    return np.where(lapsing, len(TIERS) - 1, tier)
