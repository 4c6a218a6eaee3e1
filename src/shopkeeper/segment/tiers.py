"""RFM-8, life cycle, value tiers and AIPL as expressions over the feature table."""

from __future__ import annotations

from dataclasses import dataclass

import ibis

RFM_CODES = {
    (True, True, True): "champions",
    (True, False, True): "promising",
    (False, True, True): "must_keep",
    (False, False, True): "win_back",
    (True, True, False): "regulars",
    (True, False, False): "newcomers",
    (False, True, False): "fading",
    (False, False, False): "lost",
}
"""Segment by (recent, frequent, big)."""

NEEDED = (
    "recency_days", "tenure_days", "orders_life", "orders_365d", "net_spend_minor_365d",
    "gap_mean_days", "views_90d", "searches_90d", "carts_90d",
)  # fmt: skip
"""Features the fixed schemes read."""


@dataclass(frozen=True, slots=True)
class RfmRule:
    """How RFM is scored.

    Parameters
    ----------
    version
        Written beside every label; change it with any number below.
    scores
        Number of score classes.
    """

    version: str = "rfm8/1"
    scores: int = 5


@dataclass(frozen=True, slots=True)
class LifeCycleRule:
    """Where the stages of the life cycle begin.

    A customer whose gaps were exponential would stay away twice their mean gap with
    probability .14 and four times with .02: rare enough to act on, seldom enough wrong.

    Parameters
    ----------
    version
        Written beside every label; change it with any number below.
    new_days
        Days since first purchase during which somebody is new.
    dormant_gaps, lost_gaps
        Multiples of the customer's own mean gap.
    shortest_gap_days
        Smallest gap used as a measure, so that a burst of orders does not make a
        week of silence a loss.
    usual_gap_days
        Gap used when nobody in the shop has bought twice.
    """

    version: str = "life_cycle/1"
    new_days: int = 30
    dormant_gaps: int = 2
    lost_gaps: int = 4
    shortest_gap_days: int = 7
    usual_gap_days: int = 30


@dataclass(frozen=True, slots=True)
class TierRule:
    """Shares of customers in each tier, from the top, in percent.

    Parameters
    ----------
    version
        Written beside every label; change it with any number below.
    vip, strategic, core
        Upper ends of the tiers in percent of scored customers.
    """

    version: str = "tier/1"
    vip: int = 5
    strategic: int = 20
    core: int = 50


def rfm_scores(features: ibis.Table, rule: RfmRule = RfmRule()) -> ibis.Table:
    """Scores for recency, frequency and value among everyone who ever bought.

    Parameters
    ----------
    features
        Feature table with the columns of ``NEEDED``.
    rule
        Number of classes.

    Returns
    -------
    ibis.Table
        ``customer_id``, ``as_of``, ``r``, ``f``, ``m`` (int64, 1 is worst). Equal
        values have equal scores; the share of customers that are worse decides.
    """
    bought = features.filter(features.orders_life > 0)

    def score(order: ibis.Value) -> ibis.Value:
        worse = ibis.percent_rank().over(ibis.window(group_by="as_of", order_by=order))
        classes = (worse * rule.scores).floor().cast("int64") + 1
        return ibis.least(classes, ibis.literal(rule.scores).cast("int64"))

    return bought.select(
        "customer_id",
        "as_of",
        r=score(bought.recency_days.desc()),
        f=score(bought.orders_365d.asc()),
        m=score(bought.net_spend_minor_365d.asc()),
    )


def rfm_segments(features: ibis.Table, rule: RfmRule = RfmRule()) -> ibis.Table:
    """The eight RFM types.

    Parameters
    ----------
    features
        Feature table with the columns of ``NEEDED``.
    rule
        How scores are made.

    Returns
    -------
    ibis.Table
        Rows of SEGMENTS; customers who never bought have none.
    """
    scored = rfm_scores(features, rule)
    whole = ibis.window(group_by="as_of")
    marked = scored.select(
        "customer_id",
        "as_of",
        *((scored[x] > scored[x].mean().over(whole)).name(x) for x in ("r", "f", "m")),
    )
    cases = [
        (
            _is(marked.r, wanted=recent)
            & _is(marked.f, wanted=frequent)
            & _is(marked.m, wanted=big),
            code,
        )
        for (recent, frequent, big), code in RFM_CODES.items()
    ]
    return _rows(marked, "rfm8", ibis.cases(*cases), rule.version)


def life_cycle_segments(features: ibis.Table, rule: LifeCycleRule = LifeCycleRule()) -> ibis.Table:
    """New, active, dormant or lost, measured by each customer's own rhythm.

    Parameters
    ----------
    features
        Feature table with the columns of ``NEEDED``.
    rule
        Where the stages begin.

    Returns
    -------
    ibis.Table
        Rows of SEGMENTS; customers who never bought have none.
    """
    bought = features.filter(features.orders_life > 0)
    usual = bought.group_by("as_of").aggregate(usual_gap=bought.gap_mean_days.median())
    joined = bought.left_join(usual, "as_of")
    gap = ibis.greatest(
        ibis.coalesce(joined.gap_mean_days, joined.usual_gap, _number(rule.usual_gap_days)),
        _number(rule.shortest_gap_days),
    )
    recency = joined.recency_days.cast("float64")
    stage = ibis.cases(
        (joined.tenure_days < rule.new_days, "new"),
        (recency <= gap * rule.dormant_gaps, "active"),
        (recency <= gap * rule.lost_gaps, "dormant"),
        else_="lost",
    )
    return _rows(joined, "life_cycle", stage, rule.version)


def tier_segments(
    features: ibis.Table,
    scores: ibis.Table,
    rule: TierRule = TierRule(),
    life_cycle: LifeCycleRule = LifeCycleRule(),
) -> ibis.Table:
    """Five tiers by expected spend.

    Parameters
    ----------
    features
        Feature table with the columns of ``NEEDED``.
    scores
        Rows of SCORES of kind ``expected_spend``, one a customer and ``as_of``.
    rule
        Shares of the tiers.
    life_cycle
        What counts as dormant or lost.

    Returns
    -------
    ibis.Table
        Rows of SEGMENTS; customers without a score have none. Equal values share a tier.
    """
    stage = life_cycle_segments(features, life_cycle)
    stages = stage.select("customer_id", "as_of", stage=stage.label)
    ranked = scores.select(
        "customer_id",
        "as_of",
        better=ibis.percent_rank().over(
            ibis.window(group_by="as_of", order_by=scores.value.desc())
        ),
    )
    joined = ranked.left_join(stages, ["customer_id", "as_of"])
    percent = joined.better * 100
    tier = ibis.cases(
        (percent < rule.vip, "vip"),
        (percent < rule.strategic, "strategic"),
        (percent < rule.core, "core"),
        (joined.stage.isin(("dormant", "lost")), "lapsing"),
        else_="potential",
    )
    return _rows(joined, "tier", tier, rule.version)


def aipl_segments(features: ibis.Table) -> ibis.Table:
    """Aware, interested, purchased or loyal.

    Parameters
    ----------
    features
        Feature table with the columns of ``NEEDED``.

    Returns
    -------
    ibis.Table
        Rows of SEGMENTS, one for everyone.
    """
    interest = features.views_90d + features.searches_90d + features.carts_90d
    place = ibis.cases(
        (features.orders_365d >= 2, "loyal"),
        (features.orders_365d == 1, "purchase"),
        (interest > 0, "interest"),
        else_="aware",
    )
    return _rows(features, "aipl", place, "aipl/1")


def fixed_segments(features: ibis.Table, scores: ibis.Table | None) -> ibis.Table:
    """All schemes with fixed segments.

    Parameters
    ----------
    features
        Feature table with the columns of ``NEEDED``.
    scores
        As for :func:`tier_segments`; None leaves the tiers out.

    Returns
    -------
    ibis.Table
        Rows of SEGMENTS.
    """
    parts = [rfm_segments(features), life_cycle_segments(features), aipl_segments(features)]
    if scores is not None:
        parts.append(tier_segments(features, scores))
    return ibis.union(*parts, distinct=False)


def _number(value: int) -> ibis.Value:
    return ibis.literal(value).cast("float64")


def _is(flag: ibis.Value, *, wanted: bool) -> ibis.Value:
    return flag if wanted else ~flag


def _rows(table: ibis.Table, scheme: str, label: ibis.Value, version: str) -> ibis.Table:
    return table.select(
        "customer_id",
        "as_of",
        scheme=ibis.literal(scheme),
        label=label,
        version=ibis.literal(version),
    )
