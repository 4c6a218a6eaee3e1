"""Forecasts of sales beside their history and baselines; response to price and promotion."""

from __future__ import annotations

import datetime as dt

from pydantic import Field

from shopkeeper.apps.service.schemas.common import Freshness, NextStep, Shape, Text


class ForecastFigure(Shape):
    """One method on the later weeks that were held back."""

    method: str
    label: Text
    baseline: bool
    chosen: bool
    values: dict[str, float | None] = Field(
        description="by metric: mase, rmsse, wape, bias, coverage80, coverage90, width90"
    )


class ForecastModel(Shape):
    """What made the forecast, and how it was measured."""

    version: str
    trained_at: dt.datetime | None
    step_days: int = Field(description="days of one period: 7 for weeks, 1 for days")
    steps: int = Field(description="periods ahead")
    level: float = Field(description="share of cases the interval was made to hold, e.g. 0.9")
    protocol: Text
    figures: list[ForecastFigure]


class ForecastSeries(Shape):
    """One series with what is expected of it."""

    series_kind: str = Field(description="total, category or product")
    series_id: str
    label: Text
    unit: str = Field(description="units, or minor for money in minor units")
    currency: str | None
    expected: float = Field(description="sum over the periods ahead")
    before: float | None = Field(description="sum over as many periods before")
    change: float | None = Field(description="relative change against `before`")
    next_value: float = Field(description="the first period ahead")
    next_low: float | None
    next_high: float | None


class ForecastList(Shape):
    """Every forecast of the latest run: total, categories, top products."""

    freshness: Freshness
    model: ForecastModel | None
    items: list[ForecastSeries]
    next_step: NextStep | None


class HistoryPoint(Shape):
    """One past period."""

    start: dt.date
    value: float


class ForecastPoint(Shape):
    """One period ahead with its interval."""

    start: dt.date
    step: int
    value: float
    low: float | None
    high: float | None


class ForecastDetail(Shape):
    """One series: the past, the forecast, and the figures of the model."""

    freshness: Freshness
    model: ForecastModel | None
    series: ForecastSeries
    history: list[HistoryPoint]
    forecast: list[ForecastPoint]


class CurvePoint(Shape):
    """What one price would bring a week, within prices that were seen."""

    price_minor: float
    units: float
    units_low: float
    units_high: float
    margin_minor: float | None = Field(description="null where costs are not known")
    margin_low: float | None
    margin_high: float | None


class PromotionEffect(Shape):
    """What promotions of the category brought, in units a promoted week."""

    weeks: int = Field(description="promoted product-weeks it rests on")
    uplift: float
    pulled_forward: float = Field(description="sales missing in the weeks after; negative")
    cannibalised: float | None = Field(
        description="sales missing at other products; negative; null where it cannot be told"
    )
    net: float
    net_low: float
    net_high: float
    margin_minor: float | None = Field(description="net effect on margin; null without costs")
    margin_low: float | None
    margin_high: float | None


class PriceResponse(Shape):
    """Elasticity of one category, or why it cannot be said."""

    series_kind: str
    series_id: str
    label: Text
    estimate: float | None = Field(description="percent of units by percent of price")
    low: float | None
    high: float | None
    level: float = Field(description="share the interval is made to hold: 0.95")
    observations: int = Field(description="product-weeks it rests on")
    price_changes: int
    note: Text | None = Field(description="why there is no estimate")
    sentence: Text | None = Field(description="the estimate in words")
    price_now_minor: float | None
    effect: PromotionEffect | None
    curve: list[CurvePoint]


class PriceResponses(Shape):
    """Categories by elasticity, strongest first; those without an estimate last."""

    freshness: Freshness
    currency: str
    items: list[PriceResponse]
    next_step: NextStep | None
