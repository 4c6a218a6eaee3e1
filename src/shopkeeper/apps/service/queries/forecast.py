"""Forecasts with their history and figures; elasticities, promotion effects, response curves."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import ibis

from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.queries.reading import at_latest, freshness, latest, parsed, rows
from shopkeeper.apps.service.queries.runs import NEVER_RAN
from shopkeeper.apps.service.schemas.common import Text
from shopkeeper.apps.service.schemas.forecast import (
    CurvePoint,
    ForecastDetail,
    ForecastFigure,
    ForecastList,
    ForecastModel,
    ForecastPoint,
    ForecastSeries,
    HistoryPoint,
    PriceResponse,
    PriceResponses,
    PromotionEffect,
)
from shopkeeper.core import columns as c
from shopkeeper.core.errors import NotFoundError
from shopkeeper.core.ports import StoredModel
from shopkeeper.core.tables import ELASTICITIES, FORECASTS, PRODUCTS, PURCHASE_LINES

Record = dict[str, Any]
TOTAL = Text(zh="全店合计", en="All sales")
METHODS: Mapping[str, Text] = {
    "shopkeeper": Text(zh="综合预测", en="Combined forecast"),
    "boosted": Text(zh="全局提升树", en="Boosted trees over all series"),
    "level": Text(zh="水平与价格效应", en="Level with price effects"),
    "ets": Text(zh="指数平滑", en="Exponential smoothing"),
    "naive": Text(zh="上一期", en="Last value"),
    "seasonal_naive": Text(zh="去年同期", en="Same season before"),
    "median8": Text(zh="近 8 次同期中位数", en="Median of the last eight alike"),
}
BASELINES = frozenset({"ets", "naive", "seasonal_naive", "median8"})
ORDER = {"total": 0, "category": 1, "product": 2}
LEVEL = 0.95


def forecasts(shop: OpenShop) -> ForecastList:
    """Every series of the latest forecast: the total, categories by size, top products.

    Parameters
    ----------
    shop
        The open shop.

    Returns
    -------
    ForecastList
    """
    found = _ahead(shop)
    if not found:
        return ForecastList(
            freshness=freshness(shop, None), model=None, items=[], next_step=NEVER_RAN
        )
    names = _product_names(shop, [i for k, i in found if k == "product"])
    items = [_series(shop, key, ahead, _past(shop, key, ahead), names)
             for key, ahead in found.items()]  # fmt: skip
    items.sort(key=lambda x: (ORDER.get(x.series_kind, 9), -x.expected, x.series_id))
    return ForecastList(
        freshness=freshness(shop, latest(shop, FORECASTS)),
        model=_model(shop), items=items, next_step=None,
    )  # fmt: skip


def forecast(shop: OpenShop, kind: str, series_id: str) -> ForecastDetail:
    """One series with its past.

    Parameters
    ----------
    shop
        The open shop.
    kind
        ``total``, ``category`` or ``product``.
    series_id
        Which; ``all`` for the total.

    Returns
    -------
    ForecastDetail

    Raises
    ------
    NotFoundError
        If the latest run made no forecast of it.
    """
    key = (kind, series_id)
    ahead = _ahead(shop).get(key)
    if not ahead:
        raise NotFoundError(
            f"there is no forecast of {kind} {series_id!r}",
            next_step="See them with GET /api/v1/predict/forecast",
            series_kind=kind,
            series_id=series_id,
        )
    past = _past(shop, key, ahead)
    return ForecastDetail(
        freshness=freshness(shop, latest(shop, FORECASTS)),
        model=_model(shop),
        series=_series(shop, key, ahead, past, _product_names(shop, [series_id])),
        history=[HistoryPoint(start=day, value=past[day]) for day in sorted(past)],
        forecast=[
            ForecastPoint(start=row["period_start"], step=row["steps_ahead"], value=row["value"],
                          low=row["low"], high=row["high"])
            for row in ahead
        ],
    )  # fmt: skip


def _ahead(shop: OpenShop) -> dict[tuple[str, str], list[Record]]:
    def ask() -> dict[tuple[str, str], list[Record]]:
        table = at_latest(shop, FORECASTS)
        if table is None:
            return {}
        answer: dict[tuple[str, str], list[Record]] = {}
        for row in rows(shop, table.order_by([c.SERIES_KIND, c.SERIES_ID, c.STEPS_AHEAD])):
            answer.setdefault((row["series_kind"], row["series_id"]), []).append(row)
        return answer

    return shop.remember("forecasts_ahead", (FORECASTS,), ask)


def _step_days(ahead: list[Record]) -> int:
    if len(ahead) < 2:
        return 7
    return int((ahead[1]["period_start"] - ahead[0]["period_start"]).days)


def _past(shop: OpenShop, key: tuple[str, str], ahead: list[Record]) -> dict[dt.date, float]:
    """Sales by period before the first one ahead, in the unit of the forecast."""
    first, days, unit = ahead[0]["period_start"], _step_days(ahead), ahead[0]["unit"]
    table = _history(shop, key[0], unit, first, days)
    return table.get(key[1], {})


def _history(
    shop: OpenShop, kind: str, unit: str, first: dt.date, days: int
) -> dict[str, dict[dt.date, float]]:
    def ask() -> dict[str, dict[dt.date, float]]:
        lines = shop.tables.table(PURCHASE_LINES)
        column = {"category": c.CATEGORY, "product": c.PRODUCT_ID}.get(kind)
        measured = lines[c.AMOUNT_MINOR if unit == "minor" else c.QUANTITY]
        back = ibis.literal(first).delta(lines[c.DAY], unit="day") - 1
        known = lines.select(
            series_id=ibis.literal("all") if column is None else lines[column].fill_null(""),
            back=back.cast("int64"),
            measured=measured.cast("float64"),
        )
        known = known.filter(known["back"] >= 0)
        longest = rows(shop, known.aggregate(back=known["back"].max()))[0]["back"] or 0
        # The shop's first period is whole only where its first day opens one.
        known = known.filter(known["back"] < (longest + 1) // days * days)
        if kind == "product":
            wanted = [i for k, i in _ahead(shop) if k == "product"]
            known = known.filter(known["series_id"].isin(wanted))
        grouped = known.group_by(["series_id", known["back"].floordiv(days).name("ago")])
        sums = grouped.aggregate(value=known["measured"].sum())
        answer: dict[str, dict[dt.date, float]] = {}
        for row in rows(shop, sums.filter(sums["ago"] < 160)):
            day = first - dt.timedelta(days=days * (int(row["ago"]) + 1))
            answer.setdefault(row["series_id"], {})[day] = row["value"] or 0.0
        return answer

    question = ("forecast_history", kind, unit, first, days)
    return shop.remember(question, (PURCHASE_LINES, FORECASTS), ask)


def _product_names(shop: OpenShop, products: list[str]) -> dict[str, str]:
    if not products:
        return {}
    table = shop.tables.table(PRODUCTS)
    found = table.filter(table[c.PRODUCT_ID].isin(products))[[c.PRODUCT_ID, c.NAME]]
    return {row["product_id"]: row["name"] for row in rows(shop, found) if row["name"]}


def _label(key: tuple[str, str], names: Mapping[str, str]) -> Text:
    if key[0] == "total":
        return TOTAL
    word = names.get(key[1]) or key[1]
    return Text(zh=word or "未分类", en=word or "Without category")


def _series(
    shop: OpenShop,
    key: tuple[str, str],
    ahead: list[Record],
    past: Mapping[dt.date, float],
    names: Mapping[str, str],
) -> ForecastSeries:
    expected = float(sum(row["value"] for row in ahead))
    last = sorted(past)[-len(ahead) :]
    before = float(sum(past[day] for day in last)) if len(last) == len(ahead) else None
    return ForecastSeries(
        series_kind=key[0],
        series_id=key[1],
        label=_label(key, names),
        unit=ahead[0]["unit"],
        currency=shop.settings.shop.currency if ahead[0]["unit"] == "minor" else None,
        expected=expected,
        before=before,
        change=expected / before - 1.0 if before else None,
        next_value=ahead[0]["value"],
        next_low=ahead[0]["low"],
        next_high=ahead[0]["high"],
    )


def _stored(shop: OpenShop) -> StoredModel | None:
    versions = {row["model_version"] for ahead in _ahead(shop).values() for row in ahead}
    return next((x for x in shop.models.versions("forecast") if x.version in versions), None)


def _model(shop: OpenShop) -> ForecastModel | None:
    stored = _stored(shop)
    if stored is None:
        return None
    card = stored.card
    values: dict[str, dict[str, float | None]] = {}
    for figure in card.get("figures", ()):
        if not figure.get("slice"):
            values.setdefault(figure["method"], {})[figure["metric"]] = figure["value"]
    table = [
        ForecastFigure(method=name, label=METHODS.get(name, Text(zh=name, en=name)),
                       baseline=name in BASELINES, chosen=name == "shopkeeper", values=own)
        for name, own in values.items()
    ]  # fmt: skip
    parameters = card.get("parameters", {})
    return ForecastModel(
        version=stored.version,
        trained_at=stored.created_at,
        step_days=int(parameters.get("step_days", 7)),
        steps=int(parameters.get("steps", 8)),
        level=float(parameters.get("level", 0.9)),
        protocol=Text(zh=card.get("protocol_zh", ""), en=card.get("protocol", "")),
        figures=table,
    )


def price_responses(shop: OpenShop) -> PriceResponses:
    """Elasticities of the latest run, strongest first.

    Parameters
    ----------
    shop
        The open shop.

    Returns
    -------
    PriceResponses
    """
    table = at_latest(shop, ELASTICITIES)
    found = rows(shop, table) if table is not None else []
    items = [_response(row) for row in found]
    items.sort(key=lambda x: (x.estimate is None, x.estimate or 0.0, x.series_id))
    return PriceResponses(
        freshness=freshness(shop, latest(shop, ELASTICITIES)),
        currency=shop.settings.shop.currency,
        items=items,
        next_step=None if items else NEVER_RAN,
    )


def _response(row: Record) -> PriceResponse:
    told: Mapping[str, Any] = parsed(row["response"]) or {}
    known = row["estimate"] is not None
    words = Text(zh=row["reason_zh"] or "", en=row["reason_en"] or "")
    effect = told.get("effect")
    return PriceResponse(
        series_kind=row["series_kind"],
        series_id=row["series_id"],
        label=_label((row["series_kind"], row["series_id"]), {}),
        estimate=row["estimate"],
        low=row["low"],
        high=row["high"],
        level=LEVEL,
        observations=row["n"] or 0,
        price_changes=row["price_changes"] or 0,
        note=None if known else words,
        sentence=words if known else None,
        price_now_minor=told.get("price_now_minor"),
        effect=PromotionEffect(**effect) if effect else None,
        curve=[CurvePoint(**point) for point in told.get("curve", ())],
    )
