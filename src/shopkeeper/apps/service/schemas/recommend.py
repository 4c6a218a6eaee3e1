"""Recommend: what a customer would like, why, and what goes with a product."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from pydantic import Field

from shopkeeper.apps.service.schemas.common import Freshness, Money, NextStep, Shape, Text, Unit
from shopkeeper.apps.service.schemas.predict import FiguresRow, MetricColumn

Surface = Literal["for_you", "again", "next_basket"]
"""Lists of a customer: new products, products to buy again, the next basket as a whole."""


class ShownProduct(Shape):
    """A product as a list shows it."""

    product_id: str
    name: str
    category: str | None
    subcategory: str | None
    brand: str | None
    price: Money | None


class Why(Shape):
    """One reason, as a sentence and as the product or number it speaks of."""

    code: str = Field(description="often_after, bought_together, buy_again, due, popular …")
    text: Text
    source: ShownProduct | None = Field(description="product of the history it comes from")
    days_ago: int | None = Field(default=None, description="when that product was bought")
    times: int | None = Field(default=None, description="how often the product was bought before")


class RecommendedItem(Shape):
    """One place of one list."""

    rank: int
    product: ShownProduct
    score: float
    model: Text = Field(description="method that found it")
    why: list[Why]


class CustomerSurface(Shape):
    """One list of a customer."""

    surface: Surface
    label: Text
    definition: Text
    items: list[RecommendedItem]


class BoughtProduct(Shape):
    """What the customer bought lately: the history the reasons speak of."""

    product: ShownProduct
    last_bought: dt.date
    times: int


class CustomerRecommendations(Shape):
    """The lists of one customer."""

    customer_id: str
    model_version: str | None
    freshness: Freshness
    surfaces: list[CustomerSurface]
    history: list[BoughtProduct]
    next_step: NextStep | None


class NeighbourItem(Shape):
    """A product beside another one."""

    rank: int
    product: ShownProduct
    score: float
    why: list[Why]


class ItemRecommendations(Shape):
    """What goes with one product."""

    product: ShownProduct
    cold: bool = Field(description="hardly ever bought: found by its words and attributes")
    buyers: int | None
    model_version: str | None
    freshness: Freshness
    similar: list[NeighbourItem]
    bought_together: list[NeighbourItem]
    next_step: NextStep | None


class Member(Shape):
    """One method inside the model."""

    name: str
    label: Text
    definition: Text
    weight: float = Field(description="share in the blend; 0 is not used")


class SurfaceFigures(Shape):
    """How one surface was measured, beside its baselines."""

    surface: str
    label: Text
    chosen: str
    baseline: str | None
    columns: list[MetricColumn]
    rows: list[FiguresRow]


class Exposure(Shape):
    """How much of the assortment the lists show, and how different their products are."""

    label: Text
    definition: Text
    value: float | None
    unit: Unit


class RecommendSummary(Shape):
    """The recommender in use."""

    model: str | None
    model_version: str | None
    trained_at: dt.datetime | None
    freshness: Freshness
    protocol: Text | None
    customers: int
    products: int
    cold_products: int = Field(description="products in the catalogue that nobody bought yet")
    members: list[Member]
    surfaces: list[SurfaceFigures]
    exposure: list[Exposure]
    facts: list[Text] = Field(description="what was decided and why, as sentences")
    next_step: NextStep | None
