"""The answer first: three sentences, figures behind them, what to do today, the loop."""

from __future__ import annotations

from typing import get_args

from shopkeeper.apps.service import labels, wording
from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.queries import decide, measure, predict, runs
from shopkeeper.apps.service.queries.collect import LOAD_FIRST, quarantine_summary
from shopkeeper.apps.service.queries.deliver import outbox_summary
from shopkeeper.apps.service.queries.quality import quality as quality_of
from shopkeeper.apps.service.queries.reading import freshness, last_data_day, latest
from shopkeeper.apps.service.schemas.common import Figure, Freshness, Text
from shopkeeper.apps.service.schemas.decide import PlanSummary
from shopkeeper.apps.service.schemas.govern import Quality
from shopkeeper.apps.service.schemas.measure import EffectList, IndicatorList
from shopkeeper.apps.service.schemas.overview import (
    Overview,
    Sentence,
    Shop,
    StageKey,
    StageState,
    StageStatus,
    Task,
)
from shopkeeper.apps.service.schemas.predict import ScoresSummary
from shopkeeper.apps.service.schemas.runs import Run
from shopkeeper.core.tables import LOADED, PROFILES, SCORES, contract

HEADLINE_INDICATORS = 4
STAGE_TABLES: dict[str, tuple[str, ...]] = {
    "collect": tuple(contract.name for contract in LOADED),
    "govern": ("quality",),
    "unify": ("profiles",),
    "features": ("features",),
    "predict": ("scores",),
    "segment": ("segments",),
    "decide": ("decisions",),
    "measure": ("metrics",),
}
STAGE_LINKS = {"unify": "/customers", "features": "/customers"}


def overview(shop: OpenShop) -> Overview:
    """Everything the first page shows.

    Parameters
    ----------
    shop
        The open shop.

    Returns
    -------
    Overview
        For an empty shop: no figures, no sentences, and the first step.
    """
    empty = last_data_day(shop) is None and not any(shop.tables.count(x) for x in LOADED)
    scores = predict.scores_summary(shop)
    listed = decide.plans(shop)
    newest = listed.items[0] if listed.items else None
    effects = measure.effects(shop)
    quality = quality_of(shop)
    run = runs.latest_run(shop)
    return Overview(
        shop=Shop(
            name=shop.settings.shop.name,
            currency=shop.settings.shop.currency,
            time_zone=shop.settings.shop.time_zone,
            as_of=run.as_of if run else None,
            empty=empty,
            simulated=shop.settings.shop.simulated,
        ),
        sentences=[] if empty else _sentences(scores, newest, effects),
        figures=[] if empty else _figures(shop, scores, newest, quality, measure.indicators(shop)),
        today=[] if empty else _today(shop, scores, newest, quality),
        stages=_stages(shop, run),
        next_step=LOAD_FIRST if empty else (runs.NEVER_RAN if run is None else None),
    )


def _sentences(
    scores: ScoresSummary, plan: PlanSummary | None, effects: EffectList
) -> list[Sentence]:
    return [
        Sentence(key="risk", text=_risk_sentence(scores), link="/customers?sort=-risk"),
        Sentence(
            key="plan",
            text=_plan_sentence(plan),
            link=f"/decide/plans/{plan.plan_id}" if plan else "/decide",
        ),
        Sentence(key="effect", text=_effect_sentence(effects), link="/measure/effects"),
    ]


def _risk_sentence(scores: ScoresSummary) -> Text:
    high = next((bar for bar in scores.bands if bar.key == "high"), None)
    if high is None:
        if scores.customers:
            return Text(
                zh="目前没有高流失风险的客户。", en="No customer is at high risk of leaving."
            )
        return Text(
            zh="还没有预测：运行一次闭环，就知道谁要流失。",
            en="Nothing is predicted yet: run the loop to see who is about to leave.",
        )
    days = scores.horizon_days
    worth = wording.amount(high.value.minor, high.value.currency) if high.value else None
    zh = f"{high.customers:,} 位客户流失风险高"
    en = f"{high.customers:,} customers are at high risk of leaving"
    if worth:
        zh += f"，他们未来 {days} 天预计仍会消费 {worth}"
        en += f"; they are still expected to spend {worth} in the next {days} days"
    return Text(zh=zh + "。", en=en + ".")


def _plan_sentence(plan: PlanSummary | None) -> Text:
    if plan is None:
        return Text(zh="还没有触达计划。", en="There is no plan of contacts yet.")
    totals = plan.totals
    spend = wording.amount(totals.spend.minor, totals.spend.currency)
    net = wording.amount(totals.expected_net.minor, totals.expected_net.currency)
    if not totals.contacts:
        return Text(
            zh=f"在 {totals.customers:,} 位客户中，目前没有值得触达的。",
            en=f"Of {totals.customers:,} customers, none is worth a contact now.",
        )
    return Text(
        zh=f"{totals.customers:,} 位客户中有 {totals.contacts:,} 位值得触达，"
        f"花费 {spend}，预计净增毛利 {net}。",
        en=f"Of {totals.customers:,} customers, {totals.contacts:,} are worth a contact: "
        f"{spend} spent, {net} net margin expected.",
    )


def _effect_sentence(effects: EffectList) -> Text:
    for effect in (effects.spend_saved, *effects.items):
        if effect is not None:
            return effect.sentence
    return Text(
        zh="还没有可以衡量的触达效果：执行计划并等待结果后，会与对照组比较。",
        en="No effect to measure yet: after contacts, results are compared with the hold-out.",
    )


def _figures(
    shop: OpenShop,
    scores: ScoresSummary,
    plan: PlanSummary | None,
    quality: Quality,
    indicators: IndicatorList,
) -> list[Figure]:
    figures = [_customers_figure(shop)]
    figures += [
        Figure(
            key=item.key,
            label=item.name,
            definition=item.definition,
            value=item.value,
            unit=item.unit,
            currency=item.currency,
            change=item.change,
            freshness=item.freshness,
            note=item.note,
            link=f"/measure?indicator={item.key}",
        )
        for item in indicators.items[:HEADLINE_INDICATORS]
    ]
    if scores.customers:
        figures.append(_risk_figure(shop, scores))
    if plan is not None:
        figures.append(_plan_figure(plan))
    if quality.passed + quality.failed:
        figures.append(_quality_figure(quality))
    return figures


def _customers_figure(shop: OpenShop) -> Figure:
    return Figure(
        key="customers",
        label=Text(zh="客户数", en="Customers"),
        definition=Text(
            zh="合并身份之后的客户数", en="Customers after identifiers were brought together"
        ),
        value=shop.tables.count(PROFILES),
        unit="customers",
        freshness=Freshness(as_of=last_data_day(shop)),
        link="/customers",
    )


def _risk_figure(shop: OpenShop, scores: ScoresSummary) -> Figure:
    high = next((bar for bar in scores.bands if bar.key == "high"), None)
    return Figure(
        key="at_risk",
        label=Text(zh="高流失风险客户", en="Customers at high risk"),
        definition=Text(
            zh=f"未来 {scores.horizon_days} 天内很可能不再购买的客户",
            en=f"Customers unlikely to buy within the next {scores.horizon_days} days",
        ),
        value=high.customers if high else 0,
        unit="customers",
        freshness=freshness(shop, latest(shop, SCORES)),
        link="/customers?sort=-risk",
    )


def _quality_figure(quality: Quality) -> Figure:
    return Figure(
        key="quality",
        label=Text(zh="数据质量达标率", en="Quality lines met"),
        definition=Text(
            zh="最近一次检查中达到阈值的质量指标占比",
            en="Share of quality indicators that met their line in the latest run",
        ),
        value=quality.passed / (quality.passed + quality.failed),
        unit="ratio",
        freshness=quality.freshness,
        link="/govern",
    )


def _plan_figure(plan: PlanSummary) -> Figure:
    return Figure(
        key="plan_net",
        label=Text(zh="计划预计净增毛利", en="Expected net margin of the plan"),
        definition=Text(
            zh="计划触达带来的预计增量毛利减去花费",
            en="Expected incremental margin of the planned contacts less their cost",
        ),
        value=plan.totals.expected_net.minor,
        unit="minor",
        currency=plan.totals.expected_net.currency,
        freshness=Freshness(as_of=plan.as_of, computed_at=plan.created_at),
        link=f"/decide/plans/{plan.plan_id}",
    )


def _today(
    shop: OpenShop, scores: ScoresSummary, plan: PlanSummary | None, quality: Quality
) -> list[Task]:
    tasks = []
    if plan is not None and plan.totals.contacts and plan.status != "performed":
        tasks.append(_plan_task(plan))
    if quality.failed:
        tasks.append(
            Task(
                key="quality",
                text=Text(
                    zh=f"查看 {quality.failed} 项未达标的数据质量指标",
                    en=f"Look at {quality.failed} quality indicators below their line",
                ),
                why=quality.summary,
                action=Text(zh="查看质量", en="See quality"),
                link="/govern",
            )
        )
    refused = quarantine_summary(shop)
    if refused.total:
        top = refused.by_reason[0]
        tasks.append(
            Task(
                key="quarantine",
                text=Text(
                    zh=f"处理 {refused.total:,} 行被隔离的数据",
                    en=f"Deal with {refused.total:,} quarantined rows",
                ),
                why=Text(
                    zh=f"最常见的原因：{top.label.zh}（{top.count:,} 行）",
                    en=f"Most frequent reason: {top.label.en} ({top.count:,} rows)",
                ),
                action=Text(zh="查看隔离区", en="See quarantine"),
                link="/collect/quarantine",
            )
        )
    high = next((bar for bar in scores.bands if bar.key == "high"), None)
    if high is not None and high.customers:
        tasks.append(
            Task(
                key="risk",
                text=Text(
                    zh=f"看看 {high.customers:,} 位高风险客户中价值最高的几位",
                    en=f"Look at the most valuable of {high.customers:,} customers at high risk",
                ),
                why=_risk_sentence(scores),
                action=Text(zh="查看客户", en="See customers"),
                link="/customers?sort=-risk",
                customers=high.customers,
                value=high.value,
            )
        )
    return tasks


def _plan_task(plan: PlanSummary) -> Task:
    draft = plan.status == "draft"
    count = plan.totals.contacts
    return Task(
        key="plan",
        text=(
            Text(
                zh=f"批准触达 {count:,} 位客户的计划",
                en=f"Approve the plan to contact {count:,} customers",
            )
            if draft
            else Text(
                zh=f"执行已批准的 {count:,} 次触达", en=f"Perform {count:,} approved contacts"
            )
        ),
        why=_plan_sentence(plan),
        action=Text(zh="打开计划", en="Open the plan"),
        link=f"/decide/plans/{plan.plan_id}",
        customers=count,
        value=plan.totals.expected_net,
    )


def _stages(shop: OpenShop, run: Run | None) -> list[StageStatus]:
    steps = {step.step: step for step in run.steps} if run else {}
    answer = []
    for stage in get_args(StageKey):
        if stage == "learn":
            continue
        step = steps.get(stage)
        count = (
            outbox_summary(shop).total
            if stage == "deliver"
            else sum(_count(shop, table) for table in STAGE_TABLES[stage])
        )
        state: StageState = "ready" if count else "empty"
        if step is not None and step.status == "running":
            state = "running"
        elif step is not None and step.status == "failed":
            state = "failed"
        answer.append(
            StageStatus(
                stage=stage,
                name=labels.STAGES[stage],
                state=state,
                rows=count,
                summary=_stage_summary(count),
                last_run_at=(step.finished_at or step.started_at) if step else None,
                seconds=step.seconds if step else None,
                link=STAGE_LINKS.get(stage, f"/{stage}"),
            )
        )
    return answer


def _stage_summary(count: int) -> Text:
    if not count:
        return Text(zh="还没有数据", en="Nothing yet")
    return Text(zh=f"{count:,} 行", en=f"{count:,} rows")


def _count(shop: OpenShop, table: str) -> int:
    known = contract(table)
    return shop.remember(
        ("rows", table),
        (known,),
        lambda: shop.tables.count(known) if shop.tables.exists(known) else 0,
    )
