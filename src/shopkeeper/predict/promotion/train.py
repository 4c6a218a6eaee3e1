"""Price response of a shop's categories: elasticity, promotion effect, curve; what flows call."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa

from shopkeeper.core.errors import InputError, NotEnoughDataError, SourceError
from shopkeeper.core.tables import ELASTICITIES
from shopkeeper.predict.contract import register, require_fitted
from shopkeeper.predict.history import Floats
from shopkeeper.predict.promotion.curve import response_curve
from shopkeeper.predict.promotion.data import PriceData, price_changes, usable_rows
from shopkeeper.predict.promotion.effect import promotion_effect
from shopkeeper.predict.promotion.elasticity import Estimate, estimate_elasticities, shrink

__all__ = ["CategoryResponse", "PriceResponseModel", "PriceSales", "elasticity_rows"]

LEVEL = 0.95
PROMOTED = 0.05
"""A week counts as promoted when discounts took this share of the list price."""
LEAST_SHARE = 0.8
LEAST_WEEKS = 20
INTENDED_ZH = "用于品类级的价格与促销讨论：在见过的价格之内，按周、按品类。不得用于个人定价。"
INTENDED_EN = (
    "For talking about prices and promotions of categories, by week, within prices that were seen. "
    "Not for prices of single persons."
)


@dataclass(frozen=True, slots=True)
class PriceSales:
    """Weekly sales by product.

    Parameters
    ----------
    table : pa.Table
        Columns `category`, `product_id`, `week` (number), `units`, `amount_minor` (paid),
        `discount_minor`; one row a product and week with sales.
    cost : Mapping[str, float]
        Cost of one unit by product, minor units; those not known are absent.
    """

    table: pa.Table
    cost: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class CategoryResponse:
    """What is known of one category.

    Parameters
    ----------
    category : str
        Its name.
    estimate : Estimate | None
        Elasticity shrunk towards the other categories; None where it cannot be said.
    rows, changes : int
        Product-weeks and price changes it rests on.
    why_zh, why_en : str
        Why there is no estimate, or the estimate in words.
    response : Mapping[str, Any]
        Plain values: `price_now_minor`, `curve`, `effect`.
    """

    category: str
    estimate: Estimate | None
    rows: int
    changes: int
    why_zh: str
    why_en: str
    response: Mapping[str, Any]


@register
class PriceResponseModel:
    """How units of each category follow its price and its promotions."""

    name: ClassVar[str] = "promotion"
    task: ClassVar[str] = "promotion"

    def __init__(self) -> None:
        self._learned: tuple[CategoryResponse, ...] | None = None

    @property
    def learned(self) -> tuple[CategoryResponse, ...]:
        """Return what was learned, categories in alphabetical order.

        Raises
        ------
        PlanError
            When the model was not fitted.
        """
        require_fitted(self._learned, self.name)
        assert self._learned is not None
        return self._learned

    def fit(self, data: PriceSales, /, *, seed: int = 0) -> Self:
        """Learn every category that can be learned; the others get the reason.

        Parameters
        ----------
        data : PriceSales
            Weekly sales before the moment.
        seed : int
            Decides learners and draws.

        Returns
        -------
        Self
            The same object.

        Raises
        ------
        NotEnoughDataError
            When there is no sale at all.
        """
        table = data.table.filter(pa.compute.is_valid(data.table["category"]))
        if table.num_rows == 0:
            raise NotEnoughDataError(
                "there are no sales with a category, units and a price",
                next_step="load order lines and products with their category",
            )
        category = np.asarray(table["category"].to_numpy(zero_copy_only=False), dtype=str)
        names = np.unique(category)
        found = [_one(name, table.filter(pa.array(category == name)), data.cost, seed)
                 for name in names]  # fmt: skip
        self._learned = _together([one for one, _ in found], [more for _, more in found])
        return self

    def predict(self, category: str, price_minor: Floats) -> dict[str, Floats]:
        """Say what prices of a category would bring a week.

        Parameters
        ----------
        category : str
            Name of the category.
        price_minor : Floats
            Mean prices of one unit.

        Returns
        -------
        dict[str, Floats]
            As `ResponseCurve.at`.

        Raises
        ------
        NotEnoughDataError
            When nothing is known of the category's prices.
        InputError
            When a price was never seen.
        """
        one = next((x for x in self.learned if x.category == category), None)
        if one is None or one.estimate is None:
            raise NotEnoughDataError(
                f"nothing can be said of prices of {category!r}",
                next_step="choose a category with an elasticity",
            )
        told = one.response
        curve = response_curve(
            np.array([told["lowest"], told["price_now_minor"], told["highest"]]),
            np.full(3, told["units_now"]), one.estimate, cost=told["cost_minor"], last=3,
        )  # fmt: skip
        curve = replace(curve, price_now=told["price_now_minor"], lowest=told["lowest"],
                        highest=told["highest"])  # fmt: skip
        return curve.at(price_minor)

    def save(self, folder: Path) -> None:
        """Write `model.json`.

        Parameters
        ----------
        folder : Path
            Made if it does not exist.
        """
        folder.mkdir(parents=True, exist_ok=True)
        stored = {"model": self.name, "categories": [asdict(one) for one in self.learned]}
        text = json.dumps(stored, ensure_ascii=False, indent=1)
        (folder / "model.json").write_text(text + "\n")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Parameters
        ----------
        folder : Path
            Folder given to `save`.

        Returns
        -------
        Self
            Answers exactly as the saved model.

        Raises
        ------
        SourceError
            When the folder holds no such model.
        """
        try:
            stored = json.loads((folder / "model.json").read_text())["categories"]
            learned = tuple(
                CategoryResponse(**{**one, "estimate": Estimate(**one["estimate"])
                                    if one["estimate"] else None})
                for one in stored
            )  # fmt: skip
        except (OSError, KeyError, ValueError, TypeError) as error:
            raise SourceError(
                f"{folder} holds no model of price response that can be read "
                f"({type(error).__name__}: {error})",
                next_step="save the model again with PriceResponseModel.save",
                path=str(folder),
            ) from error
        model = cls()
        model._learned = learned
        return model


def _data(table: pa.Table) -> PriceData:
    """Products sold in most weeks: the others' missing weeks would look like high demand."""
    product = np.asarray(table["product_id"].to_numpy(zero_copy_only=False), dtype=str)
    week = np.asarray(table["week"].to_numpy(), dtype=np.int64)
    names, code = np.unique(product, return_inverse=True)
    first, last = np.full(len(names), 1 << 40), np.full(len(names), -1)
    np.minimum.at(first, code, week)
    np.maximum.at(last, code, week)
    share = np.bincount(code) / np.maximum(last - first + 1, 1)
    kept = ((share >= LEAST_SHARE) & (np.bincount(code) >= LEAST_WEEKS))[code]
    if not kept.any():
        best = int(np.bincount(code).max())
        if best >= LEAST_WEEKS:
            raise NotEnoughDataError(
                f"no product was sold in four of five weeks; the best in {best} with gaps between",
                next_step="take larger product groups: weeks without sales show no price",
            )
        raise NotEnoughDataError(
            f"no product was sold in {LEAST_WEEKS} weeks, the best in {best}: "
            f"{LEAST_WEEKS - best} more weeks with sales needed",
            next_step="come back later, or take larger product groups",
            needed=LEAST_WEEKS,
            found=best,
        )
    names, code = np.unique(product[kept], return_inverse=True)
    units = np.asarray(table["units"].to_numpy(), dtype=np.float64)[kept]
    paid = np.asarray(table["amount_minor"].to_numpy(), dtype=np.float64)[kept]
    off = np.asarray(table["discount_minor"].to_numpy(), dtype=np.float64)[kept]
    share_off = off / np.maximum(paid + off, 1e-9)
    return PriceData(
        tuple(names.tolist()), code.astype(np.int64), np.zeros(len(units), dtype=np.int64),
        week[kept], units, paid / np.maximum(units, 1e-9), (share_off > PROMOTED).astype(float),
    )  # fmt: skip


def _one(
    name: str, table: pa.Table, cost: Mapping[str, float], seed: int
) -> tuple[CategoryResponse, PriceData | None]:
    empty = CategoryResponse(str(name), None, table.num_rows, 0, "", "", {})
    changes = 0
    try:
        rows = usable_rows(_data(table))
        changes = int(price_changes(rows).sum())
        # A promotion is mostly a lower price: as a control it would take the price's effect away.
        plain = replace(rows, promotion=None)
        pooled = estimate_elasticities(plain, seed=seed)
    except (NotEnoughDataError, InputError) as error:
        zh, en = _reason(error)
        return replace(empty, why_zh=zh, why_en=en, changes=changes), None
    each = np.array([cost.get(product, np.nan) for product in rows.products])
    response = {"effect": _effect(rows, each, seed)}
    return replace(empty, estimate=pooled.pooled, rows=pooled.rows, changes=changes,
                   response=response), rows  # fmt: skip


def _reason(error: NotEnoughDataError | InputError) -> tuple[str, str]:
    facts = error.facts
    if "needed" in facts:
        more = facts["needed"] - facts["found"]
        zh = f"数据不足：需要 {facts['needed']}，现有 {facts['found']}，还差 {more}"
        return f"{zh}（{error.message}）", error.message
    return f"无法给出弹性（{error.message}）", error.message


def _effect(rows: PriceData, cost: Floats, seed: int) -> dict[str, Any] | None:
    try:
        found = promotion_effect(rows, cost=cost, seed=seed)
    except NotEnoughDataError:
        return None
    return {
        "weeks": found.promoted, "uplift": found.uplift, "pulled_forward": found.pulled_forward,
        "cannibalised": found.cannibalised, "net": found.net, "net_low": found.net_low,
        "net_high": found.net_high, "margin_minor": found.margin,
        "margin_low": found.margin_low, "margin_high": found.margin_high,
    }  # fmt: skip


def _together(
    found: list[CategoryResponse], data: list[PriceData | None]
) -> tuple[CategoryResponse, ...]:
    """Shrink categories towards each other, then draw curves and write sentences."""
    told = [one.estimate for one in found]
    raw = np.array([x.value if x else np.nan for x in told])
    se = np.array([x.se if x else np.nan for x in told])
    known = [x for x in told if x]
    if known:
        value, low, high, _ = shrink(raw, se, np.full(len(raw), 30.0), LEVEL, known[0])
    answer = []
    for at, (one, rows) in enumerate(zip(found, data, strict=True)):
        if one.estimate is None or rows is None:
            answer.append(one)
            continue
        estimate = Estimate(float(value[at]), one.estimate.se, float(low[at]), float(high[at]))
        zh, en = _sentence(estimate)
        response = {**one.response, **_curve(rows, estimate)}
        answer.append(replace(one, estimate=estimate, why_zh=zh, why_en=en, response=response))
    return tuple(answer)


def _sentence(told: Estimate) -> tuple[str, str]:
    if told.high >= 0:
        ends = f"{told.low:.2f} to {told.high:.2f}"
        return (
            f"价格对销量的影响还看不清（弹性 {told.value:.2f}，95% 区间 {ends.replace('to', '至')}）",
            f"what the price does is not clear yet (elasticity {told.value:.2f}, 95 %: {ends})",
        )
    drop, least, most = -told.value, -told.high, -told.low
    return (
        f"价格每上调 1%，销量约下降 {drop:.1f}%（95% 区间 {least:.1f}%–{most:.1f}%）",
        f"1 % more in price, about {drop:.1f} % fewer units (95 %: {least:.1f} to {most:.1f} %)",
    )


def _curve(rows: PriceData, estimate: Estimate) -> dict[str, Any]:
    """Curve of the category's mean price, within the moves that products' prices made."""
    log_price = np.log(rows.price)
    count = np.bincount(rows.product)
    usual = np.bincount(rows.product, weights=log_price) / count
    week = rows.period - rows.period.min()
    units = np.bincount(week, weights=rows.units)
    paid = np.bincount(week, weights=rows.units * rows.price)
    sold = units > 0
    now = float(paid[sold][-8:].sum() / units[sold][-8:].sum())
    relative = np.quantile(np.exp(log_price - usual[rows.product]), [0.02, 0.98])
    lowest, highest = float(min(relative[0], 1.0) * now), float(max(relative[1], 1.0) * now)
    selling = float(units[sold][-8:].mean())
    curve = response_curve(np.array([lowest, now, highest]), np.full(3, selling), estimate, last=1)
    curve = replace(curve, price_now=now, lowest=lowest, highest=highest)
    grid = curve.grid()
    told = curve.at(grid)
    points = [
        {"price_minor": float(grid[at]), "units": float(told["units"][at]),
         "units_low": float(told["units_low"][at]), "units_high": float(told["units_high"][at]),
         "margin_minor": None, "margin_low": None, "margin_high": None}
        for at in range(len(grid))
    ]  # fmt: skip
    return {"price_now_minor": now, "units_now": selling, "lowest": lowest, "highest": highest,
            "cost_minor": None, "curve": points}  # fmt: skip


def elasticity_rows(model: PriceResponseModel, as_of: datetime, version: str) -> pa.Table:
    """Rows of ELASTICITIES.

    Parameters
    ----------
    model : PriceResponseModel
        Fitted.
    as_of : datetime
        The moment it speaks from.
    version : str
        Version of the stored model.

    Returns
    -------
    pa.Table
        One row a category; those without an estimate carry the reason.
    """
    rows = []
    for one in model.learned:
        told = one.estimate
        rows.append({
            "series_kind": "category", "series_id": one.category, "as_of": as_of,
            "estimate": told.value if told else None, "low": told.low if told else None,
            "high": told.high if told else None, "n": one.rows, "price_changes": one.changes,
            "response": json.dumps(dict(one.response), ensure_ascii=False),
            "reason_zh": one.why_zh, "reason_en": one.why_en, "model_version": version,
        })  # fmt: skip
    return ELASTICITIES.cast(pa.Table.from_pylist(rows, schema=ELASTICITIES.arrow_schema))
