"""Ways of dividing customers that have a name in the trade, as versioned data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shopkeeper.core.errors import NotFoundError


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment of a scheme.

    Parameters
    ----------
    code
        As stored in ``segments.label``.
    zh, en
        Name in Chinese and English.
    meaning_zh, meaning_en
        Who is in it.
    """

    code: str
    zh: str
    en: str
    meaning_zh: str
    meaning_en: str


@dataclass(frozen=True, slots=True)
class Scheme:
    """One way of dividing customers.

    Parameters
    ----------
    code
        As stored in ``segments.scheme``.
    zh, en
        Name in Chinese and English.
    definition_zh, definition_en
        How it divides.
    segments
        All segments, the best first.
    """

    code: str
    zh: str
    en: str
    definition_zh: str
    definition_en: str
    segments: tuple[Segment, ...]


RFM8 = Scheme(
    "rfm8",
    "RFM 八类",
    "RFM, eight types",
    "最近购买（R）、近一年购买次数（F）与净消费（M）各打 1–5 分，高于全店平均分为高",
    "Recency, orders and net spend of the last year scored 1 to 5; high is above the shop's mean",
    (
        Segment("champions", "重要价值客户", "Champions",
                "近期买过、常买、花得多", "Bought recently, often and for much"),
        Segment("promising", "重要发展客户", "Promising big spenders",
                "近期买过、花得多，但次数少", "Bought recently and for much, but not often"),
        Segment("must_keep", "重要保持客户", "Loyal but slipping",
                "常买、花得多，但有一阵没来", "Bought often and for much, but not lately"),
        Segment("win_back", "重要挽留客户", "Big spenders at risk",
                "花得多，次数少，且很久没来", "Spent much, rarely, and not lately"),
        Segment("regulars", "一般价值客户", "Regulars",
                "近期买过、常买，但花得少", "Bought recently and often, for little"),
        Segment("newcomers", "一般发展客户", "Recent small buyers",
                "近期买过，次数与金额都少", "Bought recently, rarely and for little"),
        Segment("fading", "一般保持客户", "Fading regulars",
                "以前常买，花得少，有一阵没来", "Bought often for little, but not lately"),
        Segment("lost", "一般挽留客户", "Lost",
                "很久没来，次数与金额都少", "Not lately, rarely and for little"),
    ),
)  # fmt: skip
TIER = Scheme(
    "tier",
    "价值层级",
    "Value tiers",
    "按预计消费从高到低：前 5% VIP，至 20% 战略，至 50% 核心，"
    "其余为潜力；其中已沉默或流失的为流失预警",
    "By expected spend: top 5 % VIP, to 20 % strategic, to 50 % core; the rest potential, or "
    "lapsing where dormant or lost",
    (
        Segment("vip", "VIP 客户", "VIP", "预计消费最高的 5%", "Top 5 % by expected spend"),
        Segment("strategic", "战略客户", "Strategic", "预计消费前 5%–20%", "Next 15 %"),
        Segment("core", "核心客户", "Core", "预计消费前 20%–50%", "Next 30 %"),
        Segment("potential", "潜力客户", "Potential", "预计消费后 50%，仍活跃",
                "Lower half, still active"),
        Segment("lapsing", "流失预警客户", "Lapsing", "预计消费后 50%，已沉默或流失",
                "Lower half, dormant or lost"),
    ),
)  # fmt: skip
LIFE_CYCLE = Scheme(
    "life_cycle",
    "生命周期",
    "Life cycle",
    "以客户自己的平均购买间隔为尺（只买过一次的用全店中位数）："
    "不超过 2 倍为活跃，不超过 4 倍为沉默，再久为流失",
    "Measured in the customer's own mean gap (the shop's median for single buyers): up to 2 is "
    "active, up to 4 dormant, beyond lost",
    (
        Segment("new", "新客", "New", "首购不超过 30 天", "First purchase within 30 days"),
        Segment("active", "活跃", "Active", "在自己的购买周期内", "Within their own rhythm"),
        Segment("dormant", "沉默", "Dormant", "超过自己周期的 2 倍", "Beyond twice their rhythm"),
        Segment("lost", "流失", "Lost", "超过自己周期的 4 倍", "Beyond four times their rhythm"),
    ),
)
AIPL = Scheme(
    "aipl",
    "AIPL",
    "AIPL",
    "认知：有触达或访问；兴趣：近 90 天浏览、搜索或加购；"
    "购买：近一年买过一次；忠诚：近一年买过两次以上",
    "Aware: contacted or visited; interested: viewed, searched or filled a cart in 90 days; "
    "purchased: one order within a year; loyal: two or more",
    (
        Segment("loyal", "忠诚", "Loyal", "近一年两单以上", "Two orders or more within a year"),
        Segment("purchase", "购买", "Purchased", "近一年一单", "One order within a year"),
        Segment("interest", "兴趣", "Interested", "近 90 天有浏览、搜索或加购",
                "Viewed, searched or filled a cart within 90 days"),
        Segment("aware", "认知", "Aware", "其余有过任何行为的人", "Everyone else seen in any way"),
    ),
)  # fmt: skip
CLUSTER = Scheme(
    "cluster",
    "行为聚类",
    "Clusters",
    "按消费与购买节奏的相似度聚类，名称由中心画像得出，编号在各次运行间保持不变",
    "Grouped by similarity of value and rhythm; named by the profile of the centre; labels are "
    "kept from run to run",
    (),
)
SCHEMES: Mapping[str, Scheme] = {x.code: x for x in (RFM8, TIER, LIFE_CYCLE, AIPL, CLUSTER)}
"""Scheme by code; the segments of ``cluster`` are in its stored definition."""


def segment_of(scheme: str, code: str) -> Segment:
    """One segment of a scheme with fixed segments.

    Parameters
    ----------
    scheme
        Code of the scheme.
    code
        Code of the segment.

    Returns
    -------
    Segment

    Raises
    ------
    NotFoundError
        If scheme or segment does not exist.

    Examples
    --------
    >>> segment_of("rfm8", "champions").zh
    '重要价值客户'
    """
    found = {x.code: x for x in SCHEMES[scheme].segments} if scheme in SCHEMES else {}
    if code not in found:
        raise NotFoundError(
            f"there is no segment {scheme}:{code}",
            next_step=f"Choose among {', '.join(found) or ', '.join(SCHEMES)}",
            scheme=scheme,
            code=code,
        )
    return found[code]
