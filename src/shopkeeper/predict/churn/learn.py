"""What the churn model learns from past cut-offs: features, truth, and the fitted parts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shopkeeper.core.errors import NotEnoughDataError
from shopkeeper.predict.calibrate import Calibrator, fit_calibrator, fit_platt
from shopkeeper.predict.churn.features import FeatureRows, bought_within, feature_rows, fit_process
from shopkeeper.predict.churn.learners import (
    Line,
    chance,
    fit_line,
    fit_trees,
    line_columns,
    tree_columns,
    tree_margin,
)
from shopkeeper.predict.history import Bools, Floats, Ints, Question
from shopkeeper.predict.split import Cutoff, customer_folds, is_full, plan_cutoffs
from shopkeeper.predict.value.pareto_nbd import ParetoNbd

LEARNED = ("logistic", "boosted", "blend")
LEAST_CUSTOMERS = 50
LEAST_OUTCOMES = 10
FOLDS = 3


@dataclass(frozen=True, slots=True)
class Learned:
    """Everything `fit` learns.

    Parameters
    ----------
    method : str
        Chosen method, one of `CHOICES`.
    names : tuple[str, ...]
        Columns of the feature rows it expects.
    line : Line
        Logistic line.
    tree_columns : tuple[str, ...]
        Columns of the trees, by position.
    trees : str
        LightGBM model text.
    process : ParetoNbd | None
        Process fitted at the training moment, time in days; None with too few repeat purchases.
    calibrators : dict[str, Calibrator]
        One for each method that could be fitted.
    usual : dict[str, float]
        Median of each column at the training moment.
    bought_share : float
        Share of training rows that bought: the answer for a customer without history.
    as_of_us : int
        Training moment.
    horizon_days : float
        Horizon in days.
    seed : int
        Seed of the fit.
    customers : int
        Customers learned from.
    """

    method: str
    names: tuple[str, ...]
    line: Line
    tree_columns: tuple[str, ...]
    trees: str
    process: ParetoNbd | None
    calibrators: dict[str, Calibrator]
    usual: dict[str, float]
    bought_share: float
    as_of_us: int
    horizon_days: float
    seed: int
    customers: int


def direct_scores(rows: FeatureRows) -> dict[str, Floats]:
    """Return the scores that need no learning, on a scale of 0 to 1.

    Parameters
    ----------
    rows : FeatureRows
        Feature rows.

    Returns
    -------
    dict[str, Floats]
        P(alive), recency, and Pareto/NBD expected purchases; the latter and P(alive) are absent
        where the process could not be fitted.
    """
    scores = {"recency": 1.0 / (1.0 + np.log1p(rows.column("days_since_last")))}
    if np.isfinite(rows.column("p_alive")).all():
        scores["p_alive"] = rows.column("p_alive")
        scores["pareto_nbd"] = -np.expm1(-rows.column("expected_orders"))
    return scores


def first_us(data: Question) -> int:
    """Moment of the first order known at the moment of the question.

    Parameters
    ----------
    data : Question
        Orders and moment.

    Returns
    -------
    int
        Microseconds UTC.

    Raises
    ------
    NotEnoughDataError
        When there are none.
    """
    seen = data.history.ts_us[data.history.ts_us < data.as_of_us]
    if len(seen) == 0:
        raise NotEnoughDataError(
            "there are no orders before the moment of the forecast",
            next_step="choose a later moment, or load the orders before it",
            as_of_us=data.as_of_us,
        )
    return int(seen.min())


def training_rows(data: Question) -> tuple[list[Cutoff], list[FeatureRows], list[Bools]]:
    """Compute features and truth at the past cut-offs.

    Parameters
    ----------
    data : Question
        Orders, moment and horizon.

    Returns
    -------
    tuple[list[Cutoff], list[FeatureRows], list[Bools]]
        One entry a cut-off with at least 50 customers, earliest first.

    Raises
    ------
    NotEnoughDataError
        When no cut-off has 50 customers, or one of the two outcomes hardly occurs.
    """
    known = data.history.before(data.as_of_us)
    plan = plan_cutoffs(first_us(data), data.as_of_us, data.horizon_days)
    cutoffs, blocks, outcomes = [], [], []
    most = 0
    for cutoff in plan:
        customers = len(np.unique(known.before(cutoff.as_of_us).code))
        most = max(most, customers)
        if customers < LEAST_CUSTOMERS:
            continue
        block = data.columns_at(cutoff.as_of_us)
        rows = feature_rows(known, cutoff.as_of_us, cutoff.horizon_days, external=block)
        count, _ = bought_within(known, rows.code, cutoff.as_of_us, cutoff.horizon_days)
        cutoffs.append(cutoff)
        blocks.append(rows)
        outcomes.append(count > 0)
    if not blocks:
        raise NotEnoughDataError(
            f"at least {LEAST_CUSTOMERS} customers with a purchase before a past cut-off are "
            f"needed, found {most}",
            next_step="load more customers or a longer history",
            needed=LEAST_CUSTOMERS,
            found=most,
        )
    bought = int(sum(np.sum(outcome) for outcome in outcomes))
    stayed_away = sum(len(outcome) for outcome in outcomes) - bought
    if min(bought, stayed_away) < LEAST_OUTCOMES:
        raise NotEnoughDataError(
            f"in the truth windows {bought} customers bought and {stayed_away} did not; at least "
            f"{LEAST_OUTCOMES} of each are needed to tell them apart",
            next_step="choose another horizon, or load a longer history",
            bought=bought,
            stayed_away=stayed_away,
        )
    return cutoffs, blocks, outcomes


def learn(data: Question, method: str, seed: int) -> Learned:
    """Fit and calibrate every method on the past cut-offs.

    Parameters
    ----------
    data : Question
        Orders, moment and horizon.
    method : str
        The method in use.
    seed : int
        Decides everything random.

    Returns
    -------
    Learned
        All fitted parts.
    """
    cutoffs, blocks, outcomes = training_rows(data)
    names = blocks[0].names
    full = is_full(first_us(data), data.as_of_us, data.horizon_days)
    columns = line_columns(names, full=full), tree_columns(names, full=full)
    usable = np.isfinite(np.concatenate([b.column("p_buy") for b in blocks])).all()
    matrix = np.vstack([block.matrix for block in blocks])
    bought = np.concatenate(outcomes)
    code = np.concatenate([block.code for block in blocks])
    unseen = _out_of_fold(names, matrix, bought, code, columns, seed)
    calibrators = {name: fit_calibrator(unseen[name], bought) for name in LEARNED}
    # scores without a horizon in them are read on the cut-offs nearest to the horizon asked for
    longest = max(cutoff.horizon_days for cutoff in cutoffs)
    nearest = [at for at, cutoff in enumerate(cutoffs) if cutoff.horizon_days == longest]
    direct = [direct_scores(blocks[at]) for at in nearest]
    truth = np.concatenate([outcomes[at] for at in nearest])
    for name in set.intersection(*(set(scores) for scores in direct)):
        # a line on the logit scale carries on where later scores leave the range seen here
        calibrators[name] = fit_platt(np.concatenate([s[name] for s in direct]), truth)
    now = feature_rows(
        data.history, data.as_of_us, data.horizon_days, external=data.columns_at(data.as_of_us)
    )
    days = now.summary
    process = None
    if usable and np.isfinite(now.column("p_buy")).all():
        process = fit_process(days)
    with np.errstate(all="ignore"):
        middle = np.nanmedian(np.where(np.isfinite(now.matrix), now.matrix, np.nan), axis=0)
    return Learned(
        method=method if method in calibrators else "blend",
        names=names,
        line=fit_line(names, matrix, bought, columns[0]),
        tree_columns=columns[1],
        trees=fit_trees(names, matrix, bought, columns[1], seed).model_to_string(),
        process=process,
        calibrators=dict(sorted(calibrators.items())),
        usual={name: float(np.nan_to_num(v)) for name, v in zip(now.names, middle, strict=True)},
        bought_share=float(np.mean(np.concatenate([outcomes[at] for at in nearest]))),
        as_of_us=data.as_of_us,
        horizon_days=data.horizon_days,
        seed=seed,
        customers=len(np.unique(code)),
    )


def _out_of_fold(
    names: tuple[str, ...],
    matrix: Floats,
    bought: Bools,
    code: Ints,
    columns: tuple[dict[str, str], tuple[str, ...]],
    seed: int,
) -> dict[str, Floats]:
    """Score every training row by learners that never saw its customer."""
    fold = customer_folds(code, FOLDS, seed)
    line, trees = np.zeros(len(code)), np.zeros(len(code))
    for part in range(FOLDS):
        out = fold == part
        inside = ~out
        if not out.any() or len(np.unique(bought[inside])) < 2:
            continue
        fitted = fit_line(names, matrix[inside], bought[inside], columns[0])
        line[out] = fitted.margin(names, matrix[out])
        grown = fit_trees(names, matrix[inside], bought[inside], columns[1], seed)
        trees[out] = tree_margin(grown, columns[1], names, matrix[out])
    return {
        "logistic": chance(line),
        "boosted": chance(trees),
        "blend": chance((line + trees) / 2.0),
    }
