"""New models without code: options, preview, training in the background."""

from __future__ import annotations

import datetime as dt
import logging
import threading
import time
from typing import Any

from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.queries.event_words import EVENT_NAMES
from shopkeeper.apps.service.queries.propensity_shown import detail_of, summary_of
from shopkeeper.apps.service.queries.reading import day_of, rows
from shopkeeper.apps.service.queries.runs import NEVER_RAN
from shopkeeper.apps.service.queries.vocabulary import vocabulary
from shopkeeper.apps.service.schemas.common import NextStep, Text
from shopkeeper.apps.service.schemas.propensity import (
    Propensity,
    PropensityChoice,
    PropensityDetail,
    PropensityList,
    PropensityOptions,
    PropensityPreview,
    PropensityRequest,
    PropensityWindow,
)
from shopkeeper.core.clock import day_start, from_us
from shopkeeper.core.errors import NotEnoughDataError, ShopkeeperError
from shopkeeper.core.tables import ACTIVITY, FEATURES, PURCHASE_LINES, PURCHASES
from shopkeeper.features.library_index import all_features

LOG = logging.getLogger(__name__)
FLOW = "propensity"
MOST_CHOICES = 200
HORIZONS = [7, 14, 30, 60, 90]
NONE_YET = NextStep(
    text=Text(
        zh="还没有自建模型。选一个要预测的行为、预测期和人群，就能训练一个。",
        en="No model of your own yet. Choose what to predict, how far ahead and of whom.",
    ),
    action=Text(zh="新建模型", en="New model"),
    link="/models/new",
    command="shopkeeper learn new --name cart --event add_to_cart --horizon 14",
)


def options(shop: OpenShop) -> PropensityOptions:
    """What a new model can be made of in this shop.

    Parameters
    ----------
    shop
        The open shop.

    Returns
    -------
    PropensityOptions
    """
    known = (ACTIVITY, PURCHASE_LINES, PURCHASES, FEATURES)
    return shop.remember("propensity_options", known, lambda: _options(shop))


def _options(shop: OpenShop) -> PropensityOptions:
    from shopkeeper.apps.flows.propensity_rows import first_moment
    from shopkeeper.apps.flows.propensity_words import CONDITION_WORDS

    first = first_moment(shop.tables)
    as_of = _now(shop, None) if first is not None else None
    events = _choices(shop, ACTIVITY, "kind")
    return PropensityOptions(
        events=[x.model_copy(update={"label": EVENT_NAMES.get(x.value, x.label)}) for x in events],
        categories=_choices(shop, PURCHASE_LINES, "category"),
        brands=_choices(shop, PURCHASE_LINES, "brand"),
        conditions=[
            PropensityChoice(value=k, label=Text(zh=zh, en=en))
            for k, (zh, en) in CONDITION_WORDS.items()
        ],
        features=[
            PropensityChoice(value=x.name, label=Text(zh=x.zh, en=x.en)) for x in all_features()
        ],
        horizons=HORIZONS,
        rules=vocabulary(shop).examples,
        first_day=day_of(shop, from_us(first)) if first is not None else None,
        as_of=day_of(shop, as_of) if as_of is not None else None,
        customers=shop.tables.count(FEATURES),
        next_step=None if first is not None else NEVER_RAN,
    )


def _choices(shop: OpenShop, contract: Any, column: str) -> list[PropensityChoice]:
    table = shop.tables.table(contract)
    there = table.filter(table[column].notnull())
    counted = there.group_by(column).aggregate(
        n=there.count(), customers=there.customer_id.nunique()
    )
    found = rows(shop, counted.order_by([counted["n"].desc(), counted[column]]).limit(MOST_CHOICES))
    return [
        PropensityChoice(
            value=x[column], label=Text(zh=x[column], en=x[column]), rows=x["n"],
            customers=x["customers"],
        )
        for x in found
    ]  # fmt: skip


def preview(shop: OpenShop, body: PropensityRequest) -> PropensityPreview:
    """What would be trained, or why it cannot be.

    Parameters
    ----------
    shop
        The open shop.
    body
        The form.

    Returns
    -------
    PropensityPreview
        A refusal is an answer here, not an error.
    """
    from shopkeeper.apps.flows.propensity import plan_propensity
    from shopkeeper.apps.flows.propensity_kept import refusal
    from shopkeeper.apps.flows.propensity_spec import spec_of
    from shopkeeper.apps.flows.propensity_words import sentence
    from shopkeeper.predict.propensity.rows import LEAST_OUTCOMES

    started = time.perf_counter()
    spec = spec_of(body.model_dump())
    zh, en = sentence(spec)
    plan: dict[str, Any] = {}
    refused: dict[str, str] = {}
    try:
        plan = plan_propensity(shop.runtime, spec, _now(shop, body.as_of))
        yes = sum(x["positives"] for x in plan["windows"])
        no = sum(x["customers"] for x in plan["windows"]) - yes
        if min(yes, no) < LEAST_OUTCOMES:
            raise NotEnoughDataError(
                f"not enough data to say: it happened to {yes:,} customers and not to {no:,}; "
                f"{LEAST_OUTCOMES} of each are needed",
                next_step="choose a longer horizon, a more common target or a wider audience",
                zh=f"数据不足：过去有 {yes:,} 位客户发生、{no:,} 位未发生，各需至少 {LEAST_OUTCOMES} 位",
                next_zh="延长预测期、换更常见的目标，或放宽人群",
            )
    except ShopkeeperError as error:
        refused = refusal(error)
    return PropensityPreview(
        possible=not refused,
        refused=Text(zh=refused["zh"], en=refused["en"]) if refused else None,
        next_step=Text(zh=refused["next_zh"], en=refused["next_en"]) if refused else None,
        windows=[
            PropensityWindow(
                role=x["role"], day=_day(shop, x["at"]), until=_day(shop, x["until"]),
                customers=x["customers"], positives=x["positives"], rate=x["rate"],
            )
            for x in plan.get("windows", [])
        ],
        customers=plan.get("customers", 0),
        features=plan.get("features", 0),
        exclusions=[],
        estimate_seconds=plan.get("estimate_seconds"),
        sentence=Text(zh=zh, en=en),
        seconds=time.perf_counter() - started,
    )  # fmt: skip


def create(shop: OpenShop, body: PropensityRequest) -> Propensity:
    """Keep a definition and start its training in the background.

    Parameters
    ----------
    shop
        The open shop.
    body
        The form.

    Returns
    -------
    Propensity
        As it stands now; `run_id` tells which run works on it.

    Raises
    ------
    BusyError
        If another run is in progress; nothing was kept then.
    """
    from shopkeeper.apps.flows.propensity import perform
    from shopkeeper.apps.flows.propensity_kept import keep_spec
    from shopkeeper.apps.flows.propensity_spec import spec_of
    from shopkeeper.apps.flows.steps import Step, run_identity, run_steps

    spec = spec_of(body.model_dump())
    as_of = _now(shop, body.as_of)
    inputs = {"name": spec.name, "spec": spec.digest, "asked": shop.clock.now().isoformat()}
    run_id, _ = run_identity(FLOW, as_of, inputs)

    def train() -> dict[str, Any]:
        done = perform(shop.runtime, spec, as_of)
        return {"rows": done.scored, "version": done.version}

    def work() -> None:
        try:
            steps = [Step("predict", train)]
            run_steps(shop.state, shop.clock, FLOW, as_of, inputs, steps)
        except ShopkeeperError as error:
            LOG.warning("run %s stopped: %s", run_id, error)
        except Exception:
            LOG.exception("run %s failed", run_id)

    kept = threading.Event()

    def after_keeping() -> None:
        if kept.wait(60):
            work()

    thread = threading.Thread(target=after_keeping, name=f"propensity-{run_id}", daemon=True)
    shop.background.start(run_id, thread)
    # kept only now: a busy service refuses before anything is changed
    keep_spec(shop.runtime, spec)
    kept.set()
    return propensity(shop, spec.name)


def propensities(shop: OpenShop) -> PropensityList:
    """Every model that people asked for, newest first.

    Parameters
    ----------
    shop
        The open shop.

    Returns
    -------
    PropensityList
    """
    from shopkeeper.apps.flows.propensity_kept import stored_rows

    found = stored_rows(shop.state)
    return PropensityList(
        items=[summary_of(shop, x) for x in found], next_step=None if found else NONE_YET
    )


def propensity(shop: OpenShop, name: str) -> PropensityDetail:
    """One model with its report.

    Parameters
    ----------
    shop
        The open shop.
    name
        Which.

    Returns
    -------
    PropensityDetail

    Raises
    ------
    NotFoundError
        If nobody asked for it.
    """
    from shopkeeper.apps.flows.propensity_kept import stored_row

    return detail_of(shop, stored_row(shop.state, name))


def delete(shop: OpenShop, name: str) -> None:
    """Forget a definition.

    Parameters
    ----------
    shop
        The open shop.
    name
        Which.

    Raises
    ------
    NotFoundError
        If nobody asked for it.
    """
    from shopkeeper.apps.flows.propensity_kept import forget_spec

    forget_spec(shop.state, name)


def _now(shop: OpenShop, day: dt.date | None) -> dt.datetime:
    from shopkeeper.apps.flows.propensity_rows import now_of

    if day is not None:
        return day_start(day, shop.settings.shop.time_zone)
    return now_of(shop.runtime)


def _day(shop: OpenShop, moment: dt.datetime) -> dt.date:
    day = day_of(shop, moment)
    assert day is not None
    return day
