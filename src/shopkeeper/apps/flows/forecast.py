"""Forecast the demand of the shop by week: total, categories, top products."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime

import ibis
import pyarrow as pa

from shopkeeper.apps.flows.task import TaskReport, keep, pivot, serving
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core import columns as c
from shopkeeper.core.clock import to_us, zone
from shopkeeper.core.ports import TableStore
from shopkeeper.core.tables import FORECASTS, PURCHASE_LINES
from shopkeeper.predict.forecast.model import ForecastModel
from shopkeeper.predict.forecast.train import (
    STEP_DAYS,
    demand_panel,
    forecast_rows,
    forecast_with,
    train_demand,
)

PRODUCTS = 40
"""Products with a forecast of their own."""
CATEGORIES = 200
MOST_WEEKS = 260
CHINA = frozenset({"Asia/Shanghai", "Asia/Urumqi", "Asia/Chongqing", "Asia/Harbin", "PRC"})


def predict_forecast(runtime: Runtime, as_of: datetime) -> TaskReport:
    """Forecast: train, keep, write.

    Parameters
    ----------
    runtime
        The open shop; unify must have run.
    as_of
        The moment we pretend it is; nothing later is read.
    """
    first = as_of.astimezone(zone(runtime.settings.shop.time_zone)).date()
    panel = demand_panel(
        {
            kind: weekly_sales(runtime.tables, as_of, first, kind)
            for kind in ("category", "product")
        },
        first,
        chinese=runtime.settings.shop.time_zone in CHINA,
    )
    run = train_demand(panel, as_of, seed=runtime.settings.predict.seed)
    card = json.loads(run.card.to_json())
    kept = keep(runtime, "forecast", run.card.name, run.model.save, card)
    kept, model = serving(runtime, kept, run.model, ForecastModel.load)
    if model is not run.model:
        steps = run.forecast.value.shape[1]
        run = replace(run, model=model, forecast=forecast_with(model, panel, steps))
    rows = forecast_rows(run, as_of, first, kept.version)
    # Older forecasts stay readable through the versions of the table.
    runtime.tables.replace(FORECASTS, rows)
    return TaskReport(run.card.name, kept.version, rows.num_rows, pivot(run.card.figures))


def weekly_sales(store: TableStore, as_of: datetime, first: date, kind: str) -> pa.Table:
    """Sum sales by week before a day: amounts of categories, units of top products.

    Parameters
    ----------
    store
        The lake.
    as_of
        Lines at or after it are not read.
    first
        Day the weeks are counted back from.
    kind
        ``category`` or ``product``.

    Returns
    -------
    pa.Table
        ``series_id``, ``ago`` (0 for the last week), ``value``.
    """
    lines = store.table(PURCHASE_LINES)
    known = lines.filter(lines.ts_us < ibis.literal(to_us(as_of)).cast("int64"))
    back = ibis.literal(first).delta(known[c.DAY], unit="day") - 1
    by_category = kind == "category"
    named = known[c.CATEGORY].fill_null("") if by_category else known[c.PRODUCT_ID]
    rows = known.select(
        series_id=named,
        ago=back.cast("int64").floordiv(STEP_DAYS),
        amount=known[c.AMOUNT_MINOR].cast("float64"),
        measured=known[c.AMOUNT_MINOR if by_category else c.QUANTITY].cast("float64"),
    )
    rows = rows.filter((rows["ago"] >= 0) & (rows["ago"] < MOST_WEEKS))
    sums = rows.group_by(["series_id", "ago"]).aggregate(value=rows["measured"].sum())
    if not by_category:
        sold = rows.group_by("series_id").aggregate(amount=rows["amount"].sum())
        top = sold.order_by([ibis.desc("amount"), "series_id"]).limit(PRODUCTS)
        sums = sums.semi_join(top, "series_id")
    return store.run(sums.order_by(["series_id", "ago"]))
