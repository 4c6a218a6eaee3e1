"""Model cards: what a model is, what it was measured at, and what it is not for."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from shopkeeper.core.clock import from_us
from shopkeeper.predict.history import Floats, Ints


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure of one method.

    Parameters
    ----------
    method : str
        The model or baseline.
    metric : str
        Name of the figure, such as `auc`.
    value : float
        The figure.
    low, high : float | None
        Ends of its 95 % interval, where one was computed.
    n : int
        Rows it rests on.
    slice : str
        The part of the rows, such as `purchases=1`; empty for all.
    """

    method: str
    metric: str
    value: float
    low: float | None = None
    high: float | None = None
    n: int = 0
    slice: str = ""


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Rows of similar probability: what was said about them, and what happened.

    Parameters
    ----------
    predicted : float
        Mean probability said.
    observed : float
        Share of rows in which it happened.
    n : int
        Rows in the bin.
    """

    predicted: float
    observed: float
    n: int


@dataclass(frozen=True, slots=True)
class Gain:
    """What the best-scored customers hold of what is looked for.

    Parameters
    ----------
    share : float
        Share of customers, best scored first.
    found : float
        Share of all that happened that is among them.
    n : int
        Customers.
    """

    share: float
    found: float
    n: int


def gain_points(outcome: Floats, score: Floats, points: int = 10) -> tuple[Gain, ...]:
    """Return the gains curve: who is reached first, and how much of it that finds.

    Parameters
    ----------
    outcome : Floats
        What happened, not negative; 0 or 1, or amounts.
    score : Floats
        Higher is reached first; tied customers share what they hold, so that their order cannot
        matter.
    points : int
        Points of the curve, evenly spaced; the last is everybody.

    Returns
    -------
    tuple[Gain, ...]
        Empty where nothing happened.

    Examples
    --------
    >>> [gain.found for gain in gain_points(np.array([1.0, 0, 1, 0]), np.array([4.0, 3, 2, 1]), 2)]
    [0.5, 1.0]
    """
    n, total = len(outcome), float(np.sum(outcome))
    if n == 0 or total <= 0:
        return ()
    _, at = np.unique(-np.asarray(score, dtype=np.float64), return_inverse=True)
    size = np.bincount(at)
    mean = np.bincount(at, weights=np.asarray(outcome, dtype=np.float64)) / size
    held = np.cumsum(np.repeat(mean, size)) / total
    ends = np.unique(np.ceil(np.arange(1, points + 1) / points * n).astype(np.int64))
    return tuple(Gain(float(end / n), float(held[end - 1]), int(end)) for end in ends)


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a reader must know before using a model.

    Parameters
    ----------
    name : str
        Name of the model.
    task : str
        What it predicts: `churn`, `value`, ...
    as_of_us : int
        The moment it was trained at; it saw nothing later.
    train_from_us, train_to_us : int
        Window of the orders it learned from, half-open.
    horizon_days : float
        How far ahead it looks.
    n : int
        Customers it learned from.
    seed : int
        Decides everything random.
    parameters : Mapping[str, float]
        Fitted or chosen parameters worth reading.
    figures : tuple[Figure, ...]
        Its figures and the baselines', measured on a window later than its training rows.
    protocol : str
        How the figures were taken.
    intended_zh, intended_en : str
        What it is for and what it is not for.
    features : tuple[str, ...]
        Columns it reads.
    protocol_zh : str
        `protocol` in Chinese.
    test_from_us, test_to_us : int | None
        Window the figures were measured on, half-open; None where none was.
    calibration : tuple[CalibrationBin, ...]
        Probabilities of the method in use against what happened in that window; empty where the
        model states no probability.
    importances : Mapping[str, float]
        Share of each column in the judgement, summing to one; empty where the model has none.
    gains : tuple[Gain, ...]
        Gains curve of the method in use on that window; empty where none was drawn.
    """

    name: str
    task: str
    as_of_us: int
    train_from_us: int
    train_to_us: int
    horizon_days: float
    n: int
    seed: int
    parameters: Mapping[str, float] = field(default_factory=dict)
    figures: tuple[Figure, ...] = ()
    protocol: str = ""
    intended_zh: str = ""
    intended_en: str = ""
    features: tuple[str, ...] = ()
    protocol_zh: str = ""
    test_from_us: int | None = None
    test_to_us: int | None = None
    calibration: tuple[CalibrationBin, ...] = ()
    importances: Mapping[str, float] = field(default_factory=dict)
    gains: tuple[Gain, ...] = ()

    def to_json(self) -> str:
        """Return the card as JSON text; figures that do not exist become null."""
        plain = asdict(self)
        plain["parameters"] = {name: _plain(value) for name, value in self.parameters.items()}
        plain["importances"] = {name: float(share) for name, share in self.importances.items()}
        plain["figures"] = [
            {key: _plain(value) for key, value in asdict(figure).items()} for figure in self.figures
        ]
        return json.dumps(plain, ensure_ascii=False, indent=1, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> ModelCard:
        """Read what `to_json` wrote.

        Parameters
        ----------
        text : str
            JSON text.

        Returns
        -------
        ModelCard
            The same card.
        """
        plain: dict[str, Any] = json.loads(text)
        plain["figures"] = tuple(
            Figure(**{**figure, "value": _number(figure["value"])}) for figure in plain["figures"]
        )
        plain["features"] = tuple(plain["features"])
        bins = plain.get("calibration", ())
        plain["calibration"] = tuple(CalibrationBin(**part) for part in bins)
        plain["gains"] = tuple(Gain(**part) for part in plain.get("gains", ()))
        return cls(**plain)

    def figure(self, method: str, metric: str) -> float:
        """Return one figure over all rows.

        Parameters
        ----------
        method : str
            The model or baseline.
        metric : str
            Name of the figure.

        Returns
        -------
        float
            NaN where it was not measured.
        """
        for figure in self.figures:
            if (figure.method, figure.metric, figure.slice) == (method, metric, ""):
                return figure.value
        return float("nan")


def rehearsal_words(as_of_us: int, horizon_days: float) -> tuple[str, str]:
    """Say how a rehearsal in the past took the figures of a card.

    Parameters
    ----------
    as_of_us : int
        Moment of the rehearsal, microseconds UTC.
    horizon_days : float
        Days it looked ahead.

    Returns
    -------
    tuple[str, str]
        `protocol` and `protocol_zh`.

    Examples
    --------
    >>> rehearsal_words(1_512_172_800_000_000, 30.0)[1]
    '用 2017-12-02 之前的订单训练，在其后 30 天上检验；随后用全部订单重新训练'
    """
    day = from_us(as_of_us)
    en = (
        f"trained before {day:%Y-%m-%d}, measured on the {horizon_days:.0f} days after it; "
        "then trained again with all orders"
    )
    zh = (
        f"用 {day:%Y-%m-%d} 之前的订单训练，在其后 {horizon_days:.0f} 天上检验；"
        "随后用全部订单重新训练"
    )
    return en, zh


def _plain(value: Any) -> Any:
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


NO_REHEARSAL = (
    "no rehearsal: the history is too short to hold one",
    "历史太短，没有可用的检验期",
)
"""`protocol` and `protocol_zh` of a card without figures."""


def bootstrap_interval(
    statistic: Callable[[Ints], float], n: int, *, seed: int, draws: int = 100
) -> tuple[float, float]:
    """Return the 95 % percentile interval of a statistic over resampled rows.

    Parameters
    ----------
    statistic : Callable[[Ints], float]
        Computes the figure on the rows it is given (positions, repeats included).
    n : int
        Number of rows.
    seed : int
        Decides the resampling.
    draws : int
        Number of resamples.

    Returns
    -------
    tuple[float, float]
        Low and high ends.
    """
    random = np.random.default_rng(seed)
    values: Floats = np.array([statistic(random.integers(0, n, n)) for _ in range(draws)])
    low, high = np.nanquantile(values, [0.025, 0.975])
    return float(low), float(high)
