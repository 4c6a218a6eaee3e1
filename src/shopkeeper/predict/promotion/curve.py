"""What a price would bring: units and margin with intervals, within the prices that were seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shopkeeper.core.errors import InputError
from shopkeeper.predict.history import Floats
from shopkeeper.predict.promotion.elasticity import Estimate

__all__ = ["ResponseCurve", "response_curve"]

SEEN = (0.02, 0.98)
"""Share of the observed prices that counts as seen."""


@dataclass(frozen=True, slots=True)
class ResponseCurve:
    """Units and margin by price.

    Parameters
    ----------
    price_now, units_now : float
        Where the product stands: units a period at the present price.
    lowest, highest : float
        Prices between which the curve speaks.
    cost : float | None
        Cost of one unit; None where unknown.
    elasticity : Estimate
        Slope of log units on log price.
    """

    price_now: float
    units_now: float
    lowest: float
    highest: float
    cost: float | None
    elasticity: Estimate

    def at(self, price: Floats) -> dict[str, Floats]:
        """Return what prices would bring.

        Parameters
        ----------
        price : Floats
            Prices of one unit.

        Returns
        -------
        dict[str, Floats]
            `units`, `units_low`, `units_high`, and with a cost `margin`, `margin_low`,
            `margin_high`.

        Raises
        ------
        InputError
            When a price was never seen: nothing is known there.
        """
        asked = np.atleast_1d(np.asarray(price, dtype=np.float64))
        outside = ~((asked >= self.lowest * (1 - 1e-9)) & (asked <= self.highest * (1 + 1e-9)))
        if outside.any():
            raise InputError(
                f"a price of {asked[outside][0]:g} was never seen: prices were between "
                f"{self.lowest:g} and {self.highest:g}",
                next_step="ask within these prices, or try the price in some stores first",
                lowest=self.lowest,
                highest=self.highest,
            )
        move = np.log(asked / self.price_now)
        told = self.elasticity
        slopes = {"units": told.value, "units_low": told.low, "units_high": told.high}
        answer = {name: self.units_now * np.exp(move * slope) for name, slope in slopes.items()}
        ends = np.stack([answer["units_low"], answer["units_high"]])
        answer["units_low"], answer["units_high"] = ends.min(axis=0), ends.max(axis=0)
        if self.cost is not None:
            gain = asked - self.cost
            answer["margin"] = answer["units"] * gain
            both = np.stack([answer["units_low"] * gain, answer["units_high"] * gain])
            answer["margin_low"], answer["margin_high"] = both.min(axis=0), both.max(axis=0)
        return answer

    def grid(self, points: int = 15) -> Floats:
        """Return prices from the lowest to the highest seen.

        Parameters
        ----------
        points : int
            How many.

        Returns
        -------
        Floats
            Ascending.
        """
        return np.linspace(self.lowest, self.highest, points)


def response_curve(
    price: Floats, units: Floats, elasticity: Estimate, *, cost: float | None = None,
    last: int = 8,
) -> ResponseCurve:  # fmt: skip
    """Make the curve of one product in one place.

    Parameters
    ----------
    price, units : Floats
        Its past in order of time: price and units of each period.
    elasticity : Estimate
        From `estimate_elasticities`.
    cost : float | None
        Cost of one unit.
    last : int
        Periods that say where it stands now.

    Returns
    -------
    ResponseCurve
        Speaks between the 2nd and the 98th of a hundred prices seen.

    Raises
    ------
    InputError
        When there is no period with a price.

    Examples
    --------
    >>> import numpy as np
    >>> slope = Estimate(-2.0, 0.1, -2.2, -1.8)
    >>> curve = response_curve(np.array([1.0, 2.0, 1.0]), np.array([8.0, 2.0, 8.0]), slope, last=1)
    >>> curve.at(np.array([1.9]))["units"].round(2).tolist()
    [2.22]
    """
    known = np.isfinite(price) & (price > 0) & np.isfinite(units)
    if not known.any():
        raise InputError("there is no period with a price", next_step="give prices as paid")
    price, units = price[known], units[known]
    now = float(np.exp(np.mean(np.log(price[-last:]))))
    low, high = (float(x) for x in np.quantile(price, SEEN))
    return ResponseCurve(
        now, float(units[-last:].mean()), min(low, now), max(high, now), cost, elasticity
    )
