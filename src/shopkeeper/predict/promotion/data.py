"""Sales with prices: one row a product, store and period, and the checks before anything is said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from shopkeeper.core.errors import InputError, NotEnoughDataError
from shopkeeper.predict.history import Bools, Floats, Ints

__all__ = ["PriceData", "price_changes", "require_variation", "usable_rows"]

LEAST_ROWS = 40
LEAST_CHANGES = 10
MOVED = 0.01
"""A price moved when its logarithm changed by this much."""


@dataclass(frozen=True, slots=True)
class PriceData:
    """Rows of sales; all arrays are parallel.

    Parameters
    ----------
    products : tuple[str, ...]
        Names of products.
    product : Ints
        Position of each row's product in `products`.
    store : Ints
        Code of each row's store; zeros where there is one.
    period : Ints
        Number of each row's period.
    units : Floats
        Units sold.
    price : Floats
        Price of one unit, as paid.
    promotion : Floats | None
        Whether, or what share of the period, the product was promoted.
    controls : Mapping[str, Floats]
        What else may move demand and price together (weather, events); never what follows from
        the price.
    """

    products: tuple[str, ...]
    product: Ints
    store: Ints
    period: Ints
    units: Floats
    price: Floats
    promotion: Floats | None = None
    controls: Mapping[str, Floats] = field(default_factory=dict)

    @property
    def unit(self) -> Ints:
        """Code of product and store together."""
        return self.product * (int(self.store.max(initial=0)) + 1) + self.store

    def take(self, rows: Bools | Ints) -> PriceData:
        """Return some of the rows.

        Parameters
        ----------
        rows : Bools | Ints
            Mask or positions.

        Returns
        -------
        PriceData
            The same products.
        """
        return PriceData(
            self.products, self.product[rows], self.store[rows], self.period[rows],
            self.units[rows], self.price[rows],
            None if self.promotion is None else self.promotion[rows],
            {name: column[rows] for name, column in self.controls.items()},
        )  # fmt: skip


def usable_rows(data: PriceData) -> PriceData:
    """Keep rows with sales and a price, in order of product, store and period.

    Parameters
    ----------
    data : PriceData
        Rows in any order.

    Returns
    -------
    PriceData
        Rows without sales have no logarithm and are left out.

    Raises
    ------
    InputError
        When a price is negative, or arrays differ in length.
    NotEnoughDataError
        When fewer than 40 rows remain, or nothing was sold.
    """
    size = len(data.product)
    if any(len(x) != size for x in (data.store, data.period, data.units, data.price)):
        raise InputError("the columns of prices differ in length", next_step="give equal columns")
    if np.any(data.price < 0):
        row = int(np.argmax(data.price < 0))
        raise InputError(
            f"row {row + 1}: the price {data.price[row]:g} is negative",
            next_step="give the price of one unit as paid",
            row=row + 1,
        )
    known = np.isfinite(data.price) & np.isfinite(data.units)
    if known.any() and not np.any(data.units[known]):
        raise NotEnoughDataError(
            "every number of units is zero: there is no demand to learn from",
            next_step="name the column of units sold",
        )
    rows = np.nonzero(known & (data.units > 0) & (data.price > 0))[0]
    if len(rows) < LEAST_ROWS:
        raise NotEnoughDataError(
            f"elasticity needs {LEAST_ROWS} rows with sales and a price, found {len(rows)}",
            next_step=f"bring {LEAST_ROWS - len(rows)} more rows (product, store, period)",
            needed=LEAST_ROWS,
            found=len(rows),
        )
    order = np.lexsort((data.period[rows], data.store[rows], data.product[rows]))
    return data.take(rows[order])


def price_changes(data: PriceData) -> Ints:
    """Count price changes of each product, over its stores.

    Parameters
    ----------
    data : PriceData
        Rows in order, from `usable_rows`.

    Returns
    -------
    Ints
        Shape (products,).
    """
    unit, log_price = data.unit, np.log(data.price)
    moved = (np.diff(unit) == 0) & (np.abs(np.diff(log_price)) > MOVED)
    return np.bincount(data.product[1:][moved], minlength=len(data.products)).astype(np.int64)


def require_variation(data: PriceData) -> Ints:
    """Refuse where prices hardly ever changed.

    Parameters
    ----------
    data : PriceData
        Rows in order.

    Returns
    -------
    Ints
        Changes of each product.

    Raises
    ------
    NotEnoughDataError
        When all products together changed price fewer than ten times.
    """
    changes = price_changes(data)
    total = int(changes.sum())
    if total < LEAST_CHANGES:
        said = "the price never changed" if total == 0 else f"the price changed {total} times"
        raise NotEnoughDataError(
            f"{said}: {LEAST_CHANGES - total} more price changes needed",
            next_step="vary the price of some products in some stores, then ask again",
            needed=LEAST_CHANGES,
            found=total,
        )
    return changes
