"""Uplift: trained tasks, what still waits for random contacts, and the four groups."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from shopkeeper.apps.flows.uplift import TASK
from shopkeeper.apps.flows.uplift_rows import (
    ALL,
    Contacted,
    arms_by_offer,
    more_needed,
    randomised_contacts,
)
from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.queries.reading import day_of, money
from shopkeeper.apps.service.schemas.common import Interval, Money, NextStep, Text
from shopkeeper.apps.service.schemas.uplift import (
    CurvePoint,
    UpliftCurve,
    UpliftFigure,
    UpliftGroup,
    UpliftGroups,
    UpliftMethod,
    UpliftOverview,
    UpliftTask,
    UpliftWaiting,
)
from shopkeeper.core.clock import from_us
from shopkeeper.core.errors import NotFoundError
from shopkeeper.core.ports import StoredModel
from shopkeeper.core.tables import CONTACTS, DECISIONS
from shopkeeper.predict.uplift.groups import ADVICE, GROUPS, MEANINGS, NAMES
from shopkeeper.predict.uplift.judge import BASELINES, OURS

METHODS: Mapping[str, tuple[str, str]] = {
    OURS: ("组合（采用）", "Mixture (in use)"),
    "s": ("S 学习器", "S-learner"),
    "t": ("T 学习器", "T-learner"),
    "x": ("X 学习器", "X-learner"),
    "r": ("R 学习器", "R-learner"),
    "dr": ("DR 学习器", "DR-learner"),
    "forest": ("诚实增量森林", "Honest uplift forest"),
    "response": ("响应模型", "Response model"),
    "one_column": ("最佳单列规则", "Best one-column rule"),
    "random": ("随机顺序", "Random order"),
}
METRICS: Mapping[str, tuple[str, str]] = {
    "qini": ("Qini（每客面积）", "Qini (area per customer)"),
    "auuc": ("增量曲线面积", "Area under the uplift curve"),
    "uplift@30": ("前 30% 的增量", "Uplift of the first 30 %"),
    "policy_value": ("按此触达的每客价值", "Value per customer of following it"),
}
ENOUGH_EVIDENCE = 3.84
"""Squared z of a 5 % test."""
HOLD_OUT = NextStep(
    text=Text(
        zh="学习增量需要随机留出的客户。执行带留出组的计划，或导入一次随机试验。",
        en="Learning uplift needs customers held out at random. Perform plans with a hold-out, or "
        "bring a randomised trial.",
    ),
    action=Text(zh="查看计划", en="See plans"),
    link="/decide",
    command="shopkeeper run nightly",
)


def uplift(shop: OpenShop) -> UpliftOverview:
    """Everything the Uplift page opens with.

    Parameters
    ----------
    shop
        The open shop.

    Returns
    -------
    UpliftOverview
        Tasks that were trained, the one over all offers first, and those that wait.
    """
    tasks = [_task(shop, model) for model in _champions(shop)]
    trained = {task.task for task in tasks}
    waiting = [x for x in _waiting(shop) if x.task not in trained]
    return UpliftOverview(tasks=tasks, waiting=waiting, next_step=None if tasks else HOLD_OUT)


def _champions(shop: OpenShop) -> list[StoredModel]:
    found = [
        model for model in shop.models.versions()
        if model.task.startswith(f"{TASK}.") and "champion" in model.aliases
        and "uplift" in model.card
    ]  # fmt: skip
    return sorted(found, key=lambda x: (x.task != f"{TASK}.{ALL}", x.task))


def _named(name: str, *, simulated: bool = False) -> Text:
    if name == ALL:
        return Text(zh="全部触达", en="All contacts")
    tail = ("（模拟试验）", " (simulated trial)") if simulated else ("", "")
    return Text(zh=f"{name}{tail[0]}", en=f"{name}{tail[1]}")


def _text(names: Mapping[str, tuple[str, str]], key: str) -> Text:
    zh, en = names.get(key, (key, key))
    return Text(zh=zh, en=en)


def _interval(low: Any, high: Any) -> Interval | None:
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return None
    return Interval(low=low, high=high, level=0.95)


def _task(shop: OpenShop, model: StoredModel) -> UpliftTask:
    card, own = model.card, model.card["uplift"]
    differs = own["evidence"] > ENOUGH_EVIDENCE
    binary = own["binary"]
    return UpliftTask(
        task=model.task,
        name=_named(own["offer"], simulated=own["simulated"]),
        version=model.version,
        trained_at=model.created_at,
        as_of=day_of(shop, from_us(card["as_of_us"])),
        customers=card["n"],
        treated=own["treated"],
        controls=own["controls"],
        outcome=Text(zh="触达后 7 天内下单", en="An order within 7 days of the contact")
        if not model.task.startswith(f"{TASK}:trial")
        else Text(zh="试验的结果列", en="The trial's outcome"),
        outcome_unit="ratio" if binary else "minor",
        average_effect=own["average"],
        average_effect_interval=_interval(own["low"], own["high"]),
        heterogeneity=Text(
            zh="客户之间的增量确有差异" if differs else "尚无证据表明客户之间的增量不同，"
            "几乎所有人都按平均值估计",
            en="Customers differ in how much treatment changes them" if differs else
            "No evidence yet that customers differ: nearly everybody gets the average",
        ),
        simulated=own["simulated"],
        methods=_methods(card),
        curves=[
            UpliftCurve(
                method=method,
                label=_text(METHODS, method),
                points=[CurvePoint(share=x, gain=y, random=z) for x, y, z in points],
            )
            for method, points in own["curves"].items()
        ],
        warnings=[Text(zh=x["reason_zh"], en=x["reason_en"]) for x in own["left_out"]],
    )  # fmt: skip


def _methods(card: Mapping[str, Any]) -> list[UpliftMethod]:
    against = card["uplift"]["against"]
    found: dict[str, list[UpliftFigure]] = {}
    for figure in card["figures"]:
        found.setdefault(figure["method"], []).append(
            UpliftFigure(
                metric=figure["metric"],
                label=_text(METRICS, figure["metric"]),
                value=figure["value"],
                interval=_interval(figure["low"], figure["high"]),
            )
        )
    return [
        UpliftMethod(
            method=method,
            label=_text(METHODS, method),
            baseline=method in BASELINES,
            chosen=method == OURS,
            figures=figures,
            better_by=_interval(*against[method][1:]) if method in against else None,
        )
        for method, figures in found.items()
    ]


def _waiting(shop: OpenShop) -> list[UpliftWaiting]:
    def ask() -> Contacted:
        return randomised_contacts(shop.runtime, shop.clock.now())

    contacted = shop.remember("uplift_contacts", (CONTACTS, DECISIONS), ask)
    treated, held = arms_by_offer(contacted)[ALL]
    more = more_needed(treated, held)
    if more:
        reason = Text(
            zh=f"随机触达不足：已触达 {treated} 位、随机留出 {held} 位，还需 {more} 次随机触达。",
            en=f"Not enough randomised contacts: {treated} contacted and {held} held out at "
            f"random, {more} more needed.",
        )
    else:
        reason = Text(
            zh="随机触达已足够，下一次夜间运行时训练；若结果太少，会说明还差多少。",
            en="There are enough randomised contacts: trained in the next nightly run, which says "
            "how many outcomes are missing if there are too few.",
        )
    return [
        UpliftWaiting(
            task=f"{TASK}.{ALL}", name=_named(ALL), randomised=treated + held,
            treated=treated, held_out=held, more_needed=more, reason=reason,
        )
    ]  # fmt: skip


def groups(shop: OpenShop, task: str, cost_minor: int, worth_minor: int) -> UpliftGroups:
    """The four groups at a cost of treatment.

    Parameters
    ----------
    shop
        The open shop.
    task
        ``uplift.<offer or all>``.
    cost_minor
        Cost of one treatment, minor units.
    worth_minor
        Worth of one unit of the outcome (an order, or one minor unit of money), minor units.

    Returns
    -------
    UpliftGroups

    Raises
    ------
    NotFoundError
        If no such task was trained.
    """
    model = next((x for x in _champions(shop) if x.task == task), None)
    if model is None:
        raise NotFoundError(
            f"no uplift model {task!r} has been trained",
            next_step="choose one of GET /api/v1/predict/uplift", task=task,
        )  # fmt: skip
    own = model.card["uplift"]
    even = cost_minor / worth_minor
    cells = [(side, *cell) for side in ("high", "low") for cell in own["bins"][side]]
    parts: dict[str, list[Any]] = {group: [] for group in GROUPS}
    for side, n, mean, square, base in cells:
        place = 0 if mean > even else 3 if mean < 0 else 1 if side == "high" else 2
        parts[GROUPS[place]].append((n, mean, square, base))
    total = sum(cell[1] for cell in cells)
    treat = sum(cell[0] for cell in parts[GROUPS[0]])
    gain = sum(n * (mean * worth_minor - cost_minor) for n, mean, _, _ in parts[GROUPS[0]])
    return UpliftGroups(
        task=task,
        name=_named(own["offer"], simulated=own["simulated"]),
        cost=_money(shop, cost_minor),
        worth=_money(shop, worth_minor),
        break_even=even,
        groups=[
            _group(shop, group, parts[group], total, cost_minor, own["error"]) for group in GROUPS
        ],
        treat=treat,
        spend_saved=_money(shop, (total - treat) * cost_minor),
        expected_gain=_money(shop, gain),
        next_step=None if total else HOLD_OUT,
    )


def _group(
    shop: OpenShop, group: str, cells: list[Any], total: int, cost_minor: int, error: float
) -> UpliftGroup:
    size = sum(cell[0] for cell in cells)
    mean = base = None
    interval = None
    if size:
        mean = sum(n * m for n, m, _, _ in cells) / size
        base = sum(n * b for n, _, _, b in cells) / size
        spread = sum(square + n * (m - mean) ** 2 for n, m, square, _ in cells) / size
        reach = 1.96 * math.sqrt(error**2 + spread / size)
        interval = _interval(mean - reach, mean + reach)
    return UpliftGroup(
        group=group,
        label=_text(NAMES, group),
        meaning=_text(MEANINGS, group),
        advice=_text(ADVICE, group),
        customers=size,
        share=size / total if total else 0.0,
        mean_uplift=mean,
        uplift_interval=interval,
        mean_baseline=base,
        cost=_money(shop, size * cost_minor),
    )


def _money(shop: OpenShop, minor: float) -> Money:
    amount = money(shop, minor)
    assert amount is not None
    return amount
