"""Recommend: train on purchases, keep, write the lists of customers and the neighbours of items."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import ibis

from shopkeeper.apps.flows.task import TaskReport, keep, pivot, plain_figure, serving
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.clock import to_us
from shopkeeper.core.tables import ITEM_NEIGHBOURS, PRODUCTS, PURCHASE_LINES, RECOMMENDATIONS
from shopkeeper.predict.recommend.model import ShopRecommender
from shopkeeper.predict.recommend.train import train_recommender


def predict_recommend(runtime: Runtime, as_of: datetime) -> TaskReport:
    """Recommendation: train, keep, recommend.

    Parameters
    ----------
    runtime
        The open shop.
    as_of
        The moment we pretend it is.

    Returns
    -------
    TaskReport
        With figures of every surface.
    """
    settings = runtime.settings.predict
    lines = runtime.tables.table(PURCHASE_LINES)
    known = lines.filter(lines.ts_us < ibis.literal(to_us(as_of)).cast("int64"))
    table = runtime.tables.run(known.select("customer_id", "product_id", "ts_us", "kind"))
    catalogue = runtime.tables.table(PRODUCTS)
    products = runtime.tables.run(
        catalogue.select("product_id", "name", "category", "subcategory", "brand", "attributes")
    )
    run = train_recommender(
        table, as_of, seed=settings.seed, k=settings.recommendations, products=products
    )
    name = f"recommend:{run.facts['chosen']}"
    card = {
        **run.facts, "name": name, "task": "recommend", "n": run.facts["customers"],
        "figures": [plain_figure(x) for x in run.figures],
        "intended_zh": "用于向客户推荐可能购买的商品：新品与复购分别给出；不用于定价。",
        "intended_en": "For showing customers what they may buy, new and again; not for prices.",
    }  # fmt: skip
    kept = keep(runtime, "recommend", name, run.model.save, card)
    kept, model = serving(runtime, kept, run.model, ShopRecommender.load)
    if model is not run.model:
        run = replace(run, model=model, histories=run.histories.for_items(model.item_ids))
    rows = run.recommendations(kept.version)
    runtime.tables.replace(RECOMMENDATIONS, rows)
    runtime.tables.replace(ITEM_NEIGHBOURS, run.neighbours(kept.version))
    return TaskReport(name, kept.version, rows.num_rows, pivot(run.figures, by_slice=True))
