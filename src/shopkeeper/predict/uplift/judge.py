"""Figures of uplift methods on rows they did not see, baselines beside them, paired intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from shopkeeper.predict.cards import Figure
from shopkeeper.predict.history import Bools, Floats
from shopkeeper.predict.uplift.curve import Curve, curve_of, exact_curve
from shopkeeper.predict.uplift.learners import Learned, Workbench
from shopkeeper.predict.uplift.model import LEARNERS, UpliftModel, best_of
from shopkeeper.predict.uplift.rules import best_column, paying_share
from shopkeeper.predict.uplift.trial import Trial, make_folds

OURS = "shopkeeper"
RESPONSE = "response"
ONE_COLUMN = "one_column"
RANDOM = "random"
BASELINES = (RESPONSE, ONE_COLUMN, RANDOM)
METRICS = ("qini", "auuc", "uplift@30", "policy_value")
TOP = 0.3
GRID = 1_000
"""Steps of a ranking kept for the bootstrap; ranks within a step count as tied."""
BLOCKS = 200
"""Random blocks of rows that the bootstrap draws."""

Scorer = Callable[[Trial, Trial], Floats]
"""Fits on a trial and scores the customers of another."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One method on one test fold.

    Parameters
    ----------
    score : Floats
        Score by test row; higher is treated earlier.
    treat : Bools
        Whether the method would treat, with a rule fixed in training.
    """

    score: Floats
    treat: Bools


@dataclass
class Tally:
    """Sums of one method over one test fold, by random block, which figures are made from.

    Parameters
    ----------
    ranked : Floats
        (blocks, steps, 4) sums of the ranking, best first.
    policy : Floats
        (blocks, 2 treat or not, 4) sums by what the method would do.
    exact : dict[str, float]
        Figures of all rows, without steps.
    curve : Curve
        Of all rows.
    """

    ranked: Floats
    policy: Floats
    exact: dict[str, float] = field(default_factory=dict)
    curve: Curve | None = None


def our_methods(
    train: Trial, test: Trial, cost: float, seed: int
) -> tuple[dict[str, Judged], UpliftModel]:
    """Our mixture, its learners, the response model and the best one-column rule on a test fold.

    Parameters
    ----------
    train : Trial
        Rows to learn from.
    test : Trial
        Rows to score.
    cost : float
        Cost of a treatment in units of the outcome.
    seed : int
        Decides everything random.

    Returns
    -------
    tuple[dict[str, Judged], UpliftModel]
        By method, and the fitted model.
    """
    model = UpliftModel()
    shared, _, _ = model.fit_whole(train, seed=seed)
    said = {OURS: model.predict(test.matrix)}
    said |= {name: model.predict(test.matrix, name) for name in LEARNERS}
    found = {name: Judged(score, score > cost) for name, score in said.items()}
    rule = best_column(train)
    rankings = {
        ONE_COLUMN: (rule.predict(train.matrix), rule.predict(test.matrix)),
        RESPONSE: (
            shared.expected.model.predict(train.matrix),
            shared.expected.model.predict(test.matrix),
        ),
    }
    for name, (past, now) in rankings.items():
        found[name] = Judged(now, now >= paying_share(past, train, cost))
    return found, model


def tally(judged: Judged, test: Trial, block: Floats, cost: float) -> Tally:
    """Sums of a method over a test fold.

    Parameters
    ----------
    judged : Judged
        Its scores.
    test : Trial
        The rows.
    block : Floats
        Random block of each row, the same for every method.
    cost : float
        Cost of a treatment.

    Returns
    -------
    Tally
        With the exact figures.
    """
    _, step = np.unique(-judged.score, return_inverse=True)
    if step.max() >= GRID:
        # Many distinct scores: ranks in equal steps; equal scores stay together.
        step = (step * GRID) // (int(step.max()) + 1)
    made: list[Floats] = []
    for cell, cells in ((step, int(step.max()) + 1), (1 - judged.treat.astype(np.int64), 2)):
        key = (block.astype(np.int64) * cells + cell) * 2 + ~test.treated
        size = BLOCKS * cells * 2
        count = np.bincount(key, weights=test.weights, minlength=size)
        total = np.bincount(key, weights=test.weights * test.outcome, minlength=size)
        parts = [x.reshape(BLOCKS, cells, 2) for x in (count, total)]
        made.append(np.concatenate(parts, axis=2).astype(np.float64))
    curve = exact_curve(judged.score, test.treated, test.outcome, test.weight)
    found = Tally(made[0], made[1], curve=curve)
    found.exact = figures_of(curve, made[1].sum(axis=0), cost)
    return found


def figures_of(curve: Curve, policy: Floats, cost: float) -> dict[str, float]:
    """The four figures.

    Parameters
    ----------
    curve : Curve
        Of a ranking.
    policy : Floats
        (treat or not, 4) sums.
    cost : float
        Cost of a treatment.

    Returns
    -------
    dict[str, float]
        qini, auuc, uplift@30, and policy_value: mean outcome less cost per customer, were
        everybody handled as the method says, less the mean outcome of treating nobody.
    """
    size = policy[:, :2].sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = policy[0, 2] / policy[0, 0] - policy[0, 3] / policy[0, 1]
    share = float(size[0] / size.sum())
    value = share * (float(gain) - cost) if share > 0 and np.isfinite(gain) else 0.0
    return {
        "qini": curve.qini, "auuc": curve.auuc, "uplift@30": curve.uplift_at(TOP),
        "policy_value": value,
    }  # fmt: skip


def drawn_figures(one: Tally, draws: Floats, cost: float) -> Floats:
    """The four figures in each bootstrap draw.

    Parameters
    ----------
    one : Tally
        Sums by block.
    draws : Floats
        (draws, blocks) weights.
    cost : float
        Cost of a treatment.

    Returns
    -------
    Floats
        (draws, 4) in the order of `METRICS`.
    """
    ranked = np.tensordot(draws, one.ranked, axes=1)
    policy = np.tensordot(draws, one.policy, axes=1)
    out = np.empty((len(draws), len(METRICS)))
    for place in range(len(draws)):
        found = figures_of(curve_of(ranked[place]), policy[place], cost)
        out[place] = [found[metric] for metric in METRICS]
    return out


@dataclass
class Verdict:
    """Figures of all methods over all test folds.

    Parameters
    ----------
    figures : list[Figure]
        Mean over folds with a 95 % interval, by method and metric.
    against : dict[str, tuple[float, float, float]]
        By method: our Qini less its, with the paired interval.
    curves : dict[str, list[tuple[float, float, float]]]
        By method: share, gain, gain of a random order, averaged over folds.
    rows : int
        Distinct customers judged.
    """

    figures: list[Figure]
    against: dict[str, tuple[float, float, float]]
    curves: dict[str, list[tuple[float, float, float]]]
    rows: int


def verdict(
    folds: Sequence[Mapping[str, Tally]], rows: int, cost: float, seed: int, draws: int = 200
) -> Verdict:
    """Average the folds; intervals by resampling blocks of rows, the same for every method.

    Parameters
    ----------
    folds : Sequence[Mapping[str, Tally]]
        By fold and method.
    rows : int
        Distinct customers judged.
    cost : float
        Cost of a treatment.
    seed : int
        Decides the resampling.
    draws : int
        Number of resamples.

    Returns
    -------
    Verdict
        Methods in the order of the first fold, `random` last.
    """
    random = np.random.default_rng([seed, 3])
    weights = [
        random.multinomial(BLOCKS, np.full(BLOCKS, 1 / BLOCKS), draws).astype(np.float64)
        for _ in folds
    ]
    figures: list[Figure] = []
    drawn: dict[str, Floats] = {}
    for method in folds[0]:
        parts = [drawn_figures(f[method], w, cost) for f, w in zip(folds, weights, strict=True)]
        drawn[method] = np.mean(parts, axis=0)
        low, high = np.nanquantile(drawn[method], [0.025, 0.975], axis=0)
        for place, metric in enumerate(METRICS):
            value = float(np.mean([f[method].exact[metric] for f in folds]))
            figures.append(
                Figure(method, metric, value, float(low[place]), float(high[place]), rows)
            )
    everybody = [_whole(f) for f in folds]
    lift = float(np.mean(everybody))
    figures += [
        Figure(RANDOM, "qini", 0.0, n=rows), Figure(RANDOM, "auuc", lift / 2, n=rows),
        Figure(RANDOM, "uplift@30", lift, n=rows),
        Figure(RANDOM, "policy_value", max(lift - cost, 0.0), n=rows),
    ]  # fmt: skip
    against = {}
    for method in folds[0]:
        if method != OURS:
            gap = drawn[OURS][:, 0] - drawn[method][:, 0]
            mean = float(np.mean([f[OURS].exact["qini"] - f[method].exact["qini"] for f in folds]))
            low, high = np.nanquantile(gap, [0.025, 0.975])
            against[method] = (mean, float(low), float(high))
    return Verdict(figures, against, _curves(folds), rows)


def _whole(fold: Mapping[str, Tally]) -> float:
    curve = next(iter(fold.values())).curve
    assert curve is not None
    return float(curve.uplift[-1])


def _curves(folds: Sequence[Mapping[str, Tally]]) -> dict[str, list[tuple[float, float, float]]]:
    grid = np.linspace(0.0, 1.0, 41)
    found = {}
    for method in folds[0]:
        curves = [fold[method].curve for fold in folds]
        gain = np.mean(
            [np.interp(grid, c.share, c.uplift) for c in curves if c is not None], axis=0
        )
        found[method] = [
            (float(x), float(y), float(x * gain[-1])) for x, y in zip(grid, gain, strict=True)
        ]
    return found


def cross_judge(
    trial: Trial, *, cost: float, seeds: Sequence[int], folds: int = 5,
    extra: Mapping[str, Scorer] | None = None,
) -> Verdict:  # fmt: skip
    """Judge every method on folds it did not see.

    Parameters
    ----------
    trial : Trial
        All rows, in canonical order.
    cost : float
        Cost of a treatment in units of the outcome.
    seeds : Sequence[int]
        Each draws its own folds.
    folds : int
        Folds by seed.
    extra : Mapping[str, Scorer] | None
        More methods whose scores are effects; one that fails is left out of every fold.

    Returns
    -------
    Verdict
        Means over all folds of all seeds.
    """
    found: list[dict[str, Tally]] = []
    for seed in seeds:
        fold = make_folds(trial.treated, trial.outcome, folds, seed + 1_000)
        for one in range(folds):
            train, test = trial.take(fold != one), trial.take(fold == one)
            judged, _ = our_methods(train, test, cost, seed)
            for name, scorer in (extra or {}).items():
                score = scorer(train, test)
                if len(score) == test.rows:
                    judged[name] = Judged(score, score > cost)
            block = np.random.default_rng([seed, one]).integers(0, BLOCKS, test.rows)
            found.append({
                name: tally(x, test, block.astype(np.float64), cost) for name, x in judged.items()
            })  # fmt: skip
    everywhere = [name for name in found[0] if all(name in fold for fold in found)]
    kept = [{name: fold[name] for name in everywhere} for fold in found]
    return verdict(kept, trial.rows, cost, seeds[0])


def seen_judge(shared: Workbench, learned: list[Learned], unseen: Floats, cost: float) -> Verdict:
    """Judge the fits of one training by what their copies said about rows they did not see.

    Cheaper than `cross_judge`: nothing is fitted again. The one-column rule and the response model
    are fitted fold by fold.

    Parameters
    ----------
    shared : Workbench
        What learners shared.
    learned : list[Learned]
        Fitted learners.
    unseen : Floats
        Effects of our mixture by such copies.
    cost : float
        Cost of a treatment.

    Returns
    -------
    Verdict
        One fold that holds all rows.
    """
    trial = shared.trial
    scores = {OURS: unseen} | {name: best_of(learned, name).unseen for name in LEARNERS}
    judged = {name: Judged(score, score > cost) for name, score in scores.items()}
    rule = np.empty(trial.rows)
    for one in range(int(shared.fold.max()) + 1):
        held = shared.fold == one
        ranks = best_column(trial.take(~held)).predict(trial.matrix[held])
        rule[held] = np.unique(ranks, return_inverse=True)[1] / max(int(held.sum()), 1)
    response = shared.expected.unseen
    for name, score in ((RESPONSE, response), (ONE_COLUMN, rule)):
        judged[name] = Judged(score, score >= np.quantile(score, 1.0 - TOP))
    block = np.random.default_rng(0).integers(0, BLOCKS, trial.rows).astype(np.float64)
    tallies = {name: tally(x, trial, block, cost) for name, x in judged.items()}
    return verdict([tallies], trial.rows, cost, 0)
