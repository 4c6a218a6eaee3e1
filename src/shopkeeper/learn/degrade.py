"""Whether a model still knows what it knew: what it said, once what happened is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from shopkeeper.learn.challenge import calibration_gap
from shopkeeper.learn.metrics import (
    PROBABILITIES,
    Floats,
    Metric,
    blind_figure,
    figure,
    skill,
    statistic,
)

SHARE = 0.15
"""Share of its skill a model may lose."""
CALIBRATION_SLACK = 0.05
"""Calibration error a model may gain."""
LEAST_ROWS = 200
LEAST_EACH = 30


@dataclass(frozen=True, slots=True)
class Realised:
    """What a model turned out to know.

    Parameters
    ----------
    metric : str
        Name of the figure.
    value : float
        The figure now.
    skill, low, high : float
        Its skill over a blind forecast, and the 95 % interval.
    expected : float
        Its skill when it took over; NaN where that was not measured.
    calibration, expected_calibration : float
        Calibration errors now and then; NaN where there are none.
    n : int
        Customers whose outcome is known.
    window_from_us, window_to_us : int
        When it happened; half-open.
    why : str
        `skill` or `calibration` where it is degraded, `too_few` where nothing can be said,
        `unmeasured` where nothing is known of before, else empty.
    """

    metric: str
    value: float
    skill: float
    low: float
    high: float
    expected: float
    calibration: float
    expected_calibration: float
    n: int
    window_from_us: int
    window_to_us: int
    why: str = ""

    @property
    def degraded(self) -> bool:
        """Whether the model should be replaced."""
        return self.why in ("skill", "calibration")

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object; figures that do not exist become null."""
        plain = {name: getattr(self, name) for name in self.__slots__}
        return {
            name: None if isinstance(value, float) and not np.isfinite(value) else value
            for name, value in plain.items()
        }


def realised(
    metric: Metric,
    truth: Floats,
    said: Floats,
    *,
    expected: float,
    window: tuple[int, int],
    expected_calibration: float = float("nan"),
    share: float = SHARE,
    seed: int = 7,
    draws: int = 200,
) -> Realised:
    """Hold what a model said against what happened.

    It counts as degraded when it lost the given share of its skill and chance does not explain
    that (the interval of today's skill lies below what it was), or when its probabilities stopped
    meaning what they say.

    Parameters
    ----------
    metric : Metric
        The figure, as for `learn.metrics.paired`.
    truth, said : Floats
        What happened and what was said; shape (n,).
    expected : float
        Skill when it took over; NaN where unknown.
    window : tuple[int, int]
        When it happened, half-open, microseconds UTC.
    expected_calibration : float
        Calibration error when it took over; NaN where unknown.
    share : float
        Share of its skill it may lose.
    seed : int
        Decides the resampling.
    draws : int
        Resamples.

    Returns
    -------
    Realised
        Figure, skill with interval, and whether it is degraded.
    """
    nan = float("nan")
    n = len(truth)
    value, blind = figure(metric, truth, said), blind_figure(metric, truth) if n else nan
    now = skill(metric, value, blind)
    low, high = (
        _interval(metric, truth, said, seed, draws) if n and np.isfinite(now) else (nan, nan)
    )
    gap = calibration_gap(truth, said) if metric in PROBABILITIES and n else nan
    why = ""
    if _too_few(metric, truth):
        why = "too_few"
    elif not np.isfinite(expected):
        why = "unmeasured"
    elif expected > 0 and now <= (1.0 - share) * expected and high < expected:
        why = "skill"
    elif np.isfinite(expected_calibration) and gap > expected_calibration + CALIBRATION_SLACK:
        why = "calibration"
    return Realised(
        metric, value, now, low, high, expected, gap, expected_calibration, n, *window, why
    )


def _too_few(metric: Metric, truth: Floats) -> bool:
    if len(truth) < LEAST_ROWS:
        return True
    positives = int(np.sum(truth > 0.5))
    return metric in PROBABILITIES and min(positives, len(truth) - positives) < LEAST_EACH


def _interval(
    metric: Metric, truth: Floats, said: Floats, seed: int, draws: int
) -> tuple[float, float]:
    of = statistic(metric, truth, said)
    constant = float(np.mean(truth))
    relative = metric not in ("auc", "ndcg")
    blind = statistic(metric, truth, np.full(len(truth), constant)) if relative else None
    random = np.random.default_rng(seed)
    found = []
    for _ in range(draws):
        drawn = random.multinomial(len(truth), np.full(len(truth), 1.0 / len(truth)))
        weights = drawn[None, :].astype(np.float64)
        base = float(blind(weights)[0]) if blind else 0.0
        found.append(skill(metric, float(of(weights)[0]), base))
    low, high = np.nanquantile(found, [0.025, 0.975])
    return float(low), float(high)
