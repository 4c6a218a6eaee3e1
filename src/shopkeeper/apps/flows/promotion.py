"""How the units of each category follow its price and its promotions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import ibis
import pyarrow as pa

from shopkeeper.apps.flows.task import TaskReport, keep
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core import columns as c
from shopkeeper.core.clock import to_us, zone
from shopkeeper.core.ports import TableStore
from shopkeeper.core.tables import ELASTICITIES, PRODUCTS, PURCHASE_LINES
from shopkeeper.predict.promotion.train import (
    INTENDED_EN,
    INTENDED_ZH,
    PriceResponseModel,
    PriceSales,
    elasticity_rows,
)

TOP = 60
"""Products of a category that are read, by sales."""


def predict_promotion(runtime: Runtime, as_of: datetime) -> TaskReport:
    """Price response: estimate, keep, write.

    Parameters
    ----------
    runtime
        The open shop; unify must have run.
    as_of
        The moment we pretend it is; nothing later is read.
    """
    sales = PriceSales(_weekly(runtime, as_of), _costs(runtime.tables))
    seed = runtime.settings.predict.seed
    model = PriceResponseModel().fit(sales, seed=seed)
    told = [one for one in model.learned if one.estimate]
    card: dict[str, Any] = {
        "name": "promotion", "task": "promotion", "as_of_us": to_us(as_of), "seed": seed,
        "n": sum(one.rows for one in told), "figures": [],
        "parameters": {one.category: one.estimate.value for one in told if one.estimate},
        "intended_zh": INTENDED_ZH, "intended_en": INTENDED_EN,
    }  # fmt: skip
    kept = keep(runtime, "promotion", "promotion", model.save, card)
    rows = elasticity_rows(model, as_of, kept.version)
    runtime.tables.replace(ELASTICITIES, rows)
    return TaskReport("promotion", kept.version, rows.num_rows)


def _weekly(runtime: Runtime, as_of: datetime) -> pa.Table:
    """Units, amounts and discounts of the best products of each category by week."""
    first = as_of.astimezone(zone(runtime.settings.shop.time_zone)).date()
    lines = runtime.tables.table(PURCHASE_LINES)
    sold = lines.filter(
        (lines.ts_us < ibis.literal(to_us(as_of)).cast("int64"))
        & (lines[c.QUANTITY] > 0)
        & (lines[c.AMOUNT_MINOR] > 0)
        & lines[c.CATEGORY].notnull()
    )
    ago = (ibis.literal(first).delta(sold[c.DAY], unit="day") - 1).cast("int64").floordiv(7)
    rows = sold.select(
        category=sold[c.CATEGORY],
        product_id=sold[c.PRODUCT_ID],
        week=-ago,
        quantity=sold[c.QUANTITY],
        paid=sold[c.AMOUNT_MINOR],
        off=sold[c.DISCOUNT_MINOR].fill_null(0),
    )
    whole = rows.group_by(["category", "product_id"]).aggregate(
        weeks=rows["week"].nunique(), paid=rows["paid"].sum()
    )
    order = ibis.window(
        group_by="category", order_by=[ibis.desc("weeks"), ibis.desc("paid"), "product_id"]
    )
    best = whole.mutate(place=ibis.row_number().over(order))
    best = best.filter(best["place"] < TOP)
    kept = rows.semi_join(best, ["category", "product_id"])
    grouped = kept.group_by(["category", "product_id", "week"]).aggregate(
        units=kept["quantity"].sum().cast("float64"),
        amount_minor=kept["paid"].sum().cast("float64"),
        discount_minor=kept["off"].sum().cast("float64"),
    )
    return runtime.tables.run(grouped.order_by(["category", "product_id", "week"]))


def _costs(store: TableStore) -> dict[str, float]:
    table = store.table(PRODUCTS)
    known = table.filter(table[c.COST_MINOR].notnull())
    found = store.run(known.select(c.PRODUCT_ID, c.COST_MINOR)).to_pylist()
    return {row["product_id"]: float(row["cost_minor"]) for row in found}
