"""Figures of forecasts: scaled and weighted errors, coverage and width of intervals.

MASE: Hyndman and Koehler (IJF 22, 2006); RMSSE: the M5 competition's scaled squared error. Scales
come from the past of each series; series whose past never changes have none and count in WAPE only.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from shopkeeper.predict.history import Floats

__all__ = ["interval_figures", "measure_forecasts"]


def measure_forecasts(
    forecasts: Mapping[str, Floats], truth: Floats, absolute: Floats, squared: Floats
) -> dict[str, dict[str, float]]:
    """Measure forecasts against what happened.

    Parameters
    ----------
    forecasts : Mapping[str, Floats]
        By method; shape (series, cells).
    truth : Floats
        What happened; NaN where unknown: not judged.
    absolute, squared : Floats
        Scales of the series, shape (series,) or that of `truth`.

    Returns
    -------
    dict[str, dict[str, float]]
        mase and rmsse (means over series), wape (sum of errors over sum of values), bias (sum of
        forecasts over sum of values less one), n cells.

    Examples
    --------
    >>> import numpy as np
    >>> one = np.ones(1)
    >>> measure_forecasts({"x": np.array([[3.0]])}, np.array([[2.0]]), one, one)["x"]["wape"]
    0.5
    """
    known = np.isfinite(truth)
    answer = {}
    for name, said in forecasts.items():
        error = np.where(known, said - truth, 0.0)
        total = float(np.abs(truth[known]).sum())
        signed = float(truth[known].sum())
        answer[name] = {
            "mase": _over_series(np.abs(error), known, absolute),
            "rmsse": _over_series(error**2, known, squared, root=True),
            "wape": float(np.abs(error).sum()) / total if total else float("nan"),
            "bias": float(said[known].sum()) / signed - 1.0 if signed else float("nan"),
            "n": float(known.sum()),
        }
    return answer


def _over_series(error: Floats, known: Floats, scale: Floats, *, root: bool = False) -> float:
    scale = np.broadcast_to(scale.reshape(len(error), -1), error.shape)
    power = 2 if root else 1
    usable = known & np.isfinite(scale) & (scale > 0)
    count = usable.sum(axis=1)
    ratio = np.where(usable, error / np.where(usable, scale, 1.0) ** power, 0.0)
    mean = ratio.sum(axis=1)[count > 0] / count[count > 0]
    if len(mean) == 0:
        return float("nan")
    return float(np.mean(np.sqrt(mean) if root else mean))


def interval_figures(
    low: Floats, high: Floats, truth: Floats, *, by_series: bool = False
) -> dict[str, float]:
    """Measure an interval.

    Parameters
    ----------
    low, high : Floats
        Ends; shape (series, cells).
    truth : Floats
        What happened; NaN where unknown.
    by_series : bool
        Whether to average over series instead of cells.

    Returns
    -------
    dict[str, float]
        coverage, and width: the sum of widths over the sum of values.
    """
    known = np.isfinite(truth)
    inside = known & (truth >= low - 1e-9) & (truth <= high + 1e-9)
    count = known.sum(axis=1)
    share = inside.sum(axis=1)[count > 0] / count[count > 0]
    coverage = float(share.mean()) if by_series else float(inside.sum() / max(known.sum(), 1))
    total = float(np.abs(truth[known]).sum())
    width = float((high - low)[known].sum()) / total if total else float("nan")
    return {"coverage": coverage, "width": width}
