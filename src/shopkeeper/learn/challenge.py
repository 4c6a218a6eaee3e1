"""Champion and challenger on the same later window: who serves is decided on evidence.

A challenger takes over when the interval of its advantage lies above zero; or when it is no worse
and the champion is too old or reads other columns; or when the champion cannot answer any more. A
ranking that gains while probabilities stop meaning what they say, or while one group of customers
pays for the others, is no gain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from shopkeeper.learn.metrics import (
    HIGHER_IS_BETTER,
    PROBABILITIES,
    Floats,
    Metric,
    Paired,
    blind_figure,
    paired,
    skill,
)

Act = Literal["promote", "hold", "roll back"]
Why = Literal[
    "better", "no_worse_and_old", "no_worse_and_columns", "cannot_answer", "not_better", "worse",
    "too_few", "calibration", "slice", "retired", "not_judged",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rules:
    """When a challenger takes over.

    Parameters
    ----------
    least_rows : int
        Customers below which nothing is decided.
    least_each : int
        The rarer outcome must occur this often where the truth is yes or no.
    no_worse : float
        Share of the champion's skill a challenger may lack and still count as no worse.
    max_age_days : float
        Age from which a champion gives way to one that is no worse.
    calibration_slack : float
        Calibration error a challenger may have above the champion's.
    total_slack : float
        The same for amounts: relative error of the total.
    slice_rows : int
        Smallest group that is looked at on its own.
    """

    least_rows: int = 200
    least_each: int = 30
    no_worse: float = 0.05
    max_age_days: float = 90.0
    calibration_slack: float = 0.02
    total_slack: float = 0.05
    slice_rows: int = 200


@dataclass(frozen=True)
class Evaluation:
    """What two models said of the same customers, and what happened afterwards.

    Parameters
    ----------
    metric : Metric
        The figure that decides; one that `learn.metrics.paired` knows.
    truth : Floats
        What happened; shape (n,).
    champion : Floats | None
        What the champion said; None where it cannot answer any more.
    challenger : Floats
        What the challenger said.
    window_from_us, window_to_us : int
        When it happened; half-open, microseconds UTC.
    champion_as_of_us : int
        Moment the champion was trained at. Where that lies inside the window it has seen part of
        the answers: being no worse then proves nothing for it, beating it still proves something.
    groups : Mapping[str, npt.NDArray[np.bool_]]
        Customers of each named group.
    columns_changed : bool
        Whether the challenger reads other columns than the champion.
    recipe : bool
        Whether the challenger's statements come from the same recipe trained at `window_from_us`
        instead of from the stored model itself, which has seen the window.
    """

    metric: Metric
    truth: Floats
    champion: Floats | None
    challenger: Floats
    window_from_us: int
    window_to_us: int
    champion_as_of_us: int = 0
    groups: Mapping[str, npt.NDArray[np.bool_]] = field(default_factory=dict)
    columns_changed: bool = False
    recipe: bool = True

    @property
    def n(self) -> int:
        """Customers compared."""
        return len(self.truth)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done, and on what evidence.

    Parameters
    ----------
    act : Act
        `promote`, `hold` or `roll back`.
    why : Why
        The one reason.
    pair : Paired
        The comparison.
    window_from_us, window_to_us : int
        Window of the comparison.
    calibration : tuple[float, float] | None
        Calibration errors of champion and challenger; of amounts, relative errors of the total.
    worst : tuple[str, Paired] | None
        The group in which the challenger does worst.
    champion_saw : bool
        Whether the champion had seen part of the window.
    missing : int
        Rows or outcomes still needed, where too few.
    """

    act: Act
    why: Why
    pair: Paired
    window_from_us: int
    window_to_us: int
    calibration: tuple[float, float] | None = None
    worst: tuple[str, Paired] | None = None
    champion_saw: bool = False
    missing: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return the evidence as a JSON object; figures that do not exist become null."""
        return {
            "act": self.act,
            "why": self.why,
            **_pair_json(self.pair),
            "higher_is_better": HIGHER_IS_BETTER.get(self.pair.metric, True),
            "window_from_us": self.window_from_us,
            "window_to_us": self.window_to_us,
            "calibration": self.calibration and list(self.calibration),
            "worst": self.worst and {"group": self.worst[0], **_pair_json(self.worst[1])},
            "champion_saw": self.champion_saw,
            "missing": self.missing,
        }


def decide(
    evaluation: Evaluation, *, champion_age_days: float = 0.0, rules: Rules | None = None, seed: int = 7
) -> Verdict:  # fmt: skip
    """Decide whether a challenger takes over.

    Parameters
    ----------
    evaluation : Evaluation
        What both said, and what happened.
    champion_age_days : float
        Days since the champion was trained.
    rules : Rules | None
        When a challenger takes over; None takes the usual ones.
    seed : int
        Decides the resampling.

    Returns
    -------
    Verdict
        `promote` or `hold` with the comparison.
    """
    rules = rules or Rules()
    e = evaluation
    if e.champion is None:
        return _verdict(e, "promote", "cannot_answer", _alone(e))
    pair = paired(e.metric, e.truth, e.champion, e.challenger, seed=seed)
    missing = _missing(e, rules)
    if missing:
        return _verdict(e, "hold", "too_few", pair, missing=missing)
    calibration = _calibration(e)
    worst = _worst(e, rules, seed)
    facts: dict[str, Any] = {"calibration": calibration, "worst": worst}
    reason = _gain(e, pair, champion_age_days, rules)
    if reason is None:
        return _verdict(e, "hold", "worse" if pair.high < 0 else "not_better", pair, **facts)
    slack = rules.calibration_slack if e.metric in PROBABILITIES else rules.total_slack
    if calibration is not None and calibration[1] > calibration[0] + slack:
        return _verdict(e, "hold", "calibration", pair, **facts)
    if worst is not None and worst[1].high < 0 and _loss(e, worst[1], rules) > 1.0:
        return _verdict(e, "hold", "slice", pair, **facts)
    return _verdict(e, "promote", reason, pair, **facts)


def watch(evaluation: Evaluation, *, rules: Rules | None = None, seed: int = 7) -> Verdict:
    """Decide whether a model that took over gives the place back to the one before it.

    Parameters
    ----------
    evaluation : Evaluation
        `champion` is the model before, `challenger` the one that took over, on a window after it
        took over.
    rules : Rules | None
        As for `decide`.
    seed : int
        Decides the resampling.

    Returns
    -------
    Verdict
        `roll back` where the interval of its advantage lies below zero, else `hold`: too few
        outcomes keep it on probation, any other reason ends that.
    """
    rules = rules or Rules()
    e = evaluation
    if e.champion is None:
        return _verdict(e, "hold", "cannot_answer", _alone(e))
    pair = paired(e.metric, e.truth, e.champion, e.challenger, seed=seed)
    missing = _missing(e, rules)
    if missing:
        return _verdict(e, "hold", "too_few", pair, missing=missing)
    if pair.high < 0:
        return _verdict(e, "roll back", "worse", pair, calibration=_calibration(e))
    return _verdict(e, "hold", "better" if pair.low > 0 else "not_better", pair)


def _verdict(e: Evaluation, act: Act, why: Why, pair: Paired, **facts: Any) -> Verdict:
    saw = e.champion_as_of_us > e.window_from_us
    return Verdict(act, why, pair, e.window_from_us, e.window_to_us, champion_saw=saw, **facts)


def _gain(e: Evaluation, pair: Paired, age_days: float, rules: Rules) -> Why | None:
    if pair.low > 0:
        return "better"
    blind = blind_figure(e.metric, e.truth)
    margin = rules.no_worse * max(abs(skill(e.metric, pair.champion, blind)), 0.02)
    if e.metric == "auc":
        margin /= 2.0
    elif e.metric != "ndcg":
        margin *= blind
    if pair.low > -margin:
        if e.columns_changed:
            return "no_worse_and_columns"
        if age_days >= rules.max_age_days:
            return "no_worse_and_old"
    return None


def _loss(e: Evaluation, pair: Paired, rules: Rules) -> float:
    """How many times what may be lost is lost for sure."""
    size = 0.5 if e.metric == "auc" else max(abs(pair.champion), 1e-12)
    return -pair.high / (rules.no_worse * size)


def _missing(e: Evaluation, rules: Rules) -> int:
    short = max(rules.least_rows - e.n, 0)
    if e.metric in PROBABILITIES and e.n:
        positives = int(np.sum(e.truth > 0.5))
        short = max(short, rules.least_each - min(positives, e.n - positives))
    return short


def _alone(e: Evaluation) -> Paired:
    nan = float("nan")
    known = paired(e.metric, e.truth, e.challenger, e.challenger, seed=0, draws=1)
    return Paired(e.metric, nan, known.challenger, nan, nan, nan, e.n)


def _calibration(e: Evaluation) -> tuple[float, float] | None:
    if e.champion is None or e.metric == "ndcg":
        return None
    gap = calibration_gap if e.metric in PROBABILITIES else total_gap
    return gap(e.truth, e.champion), gap(e.truth, e.challenger)


def total_gap(truth: Floats, said: Floats) -> float:
    """Return how far the sum of what was said is from the sum of what happened.

    Parameters
    ----------
    truth, said : Floats
        Amounts.

    Returns
    -------
    float
        Relative, without sign; 0 where nothing happened.

    Examples
    --------
    >>> total_gap(np.array([1.0, 3.0]), np.array([2.0, 3.0]))
    0.25
    """
    total = float(truth.sum())
    return abs(float(said.sum()) / total - 1.0) if total else 0.0


def calibration_gap(truth: Floats, said: Floats, bins: int = 10) -> float:
    """Return the mean gap of what was said and what happened over bins of equal size.

    Parameters
    ----------
    truth : Floats
        0 or 1.
    said : Floats
        Probabilities.
    bins : int
        Number of bins.

    Returns
    -------
    float
        Weighted by rows; 0 for no rows.

    Examples
    --------
    >>> calibration_gap(np.array([0.0, 1.0]), np.array([0.5, 0.5]), bins=1)
    0.0
    """
    by = np.argsort(said, kind="stable")
    parts = [part for part in np.array_split(by, min(bins, max(len(by), 1))) if len(part)]
    gaps = [abs(float(said[p].mean() - truth[p].mean())) * len(p) for p in parts]
    return sum(gaps) / max(len(by), 1)


def _worst(e: Evaluation, rules: Rules, seed: int) -> tuple[str, Paired] | None:
    assert e.champion is not None
    found: list[tuple[str, Paired]] = []
    for name, inside in sorted(e.groups.items()):
        if int(inside.sum()) >= rules.slice_rows:
            pair = paired(
                e.metric, e.truth[inside], e.champion[inside], e.challenger[inside], seed=seed,
                draws=200,
            )  # fmt: skip
            if np.isfinite(pair.difference):
                found.append((name, pair))
    return min(found, key=lambda one: one[1].difference, default=None)


def _pair_json(pair: Paired) -> dict[str, Any]:
    def plain(value: float) -> float | None:
        return float(value) if np.isfinite(value) else None

    return {
        "metric": pair.metric, "champion": plain(pair.champion),
        "challenger": plain(pair.challenger), "difference": plain(pair.difference),
        "low": plain(pair.low), "high": plain(pair.high), "n": pair.n,
    }  # fmt: skip
