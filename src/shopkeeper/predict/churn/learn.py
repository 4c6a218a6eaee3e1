"""What the churn model learns from past cut-offs: features, truth, and the fitted parts."""

from __future__ import annotations

from dataclasses import replace

import lightgbm as lgb
import numpy as np

from shopkeeper.predict.calibrate import Calibrator, fit_calibrator, fit_platt
from shopkeeper.predict.churn.features import FeatureRows, feature_rows
from shopkeeper.predict.churn.learned import Learned
from shopkeeper.predict.churn.learners import Line, chance, fit_line, line_columns
from shopkeeper.predict.churn.past import first_us, processes_at, training_rows
from shopkeeper.predict.churn.processes import ANSWERS, Processes
from shopkeeper.predict.churn.shares import fact_slopes
from shopkeeper.predict.churn.stack import Stack, fit_stack, level_shift
from shopkeeper.predict.churn.trees import fit_trees, tree_columns, tree_margin
from shopkeeper.predict.history import Bools, Floats, Question
from shopkeeper.predict.leakage.inspect import guard_training
from shopkeeper.predict.memory import matrix_bytes, require_memory
from shopkeeper.predict.split import Cutoff, customer_folds, is_full

LEARNED = ("logistic", "boosted", "blend", "stack")
DIRECT = {"pareto_nbd": "p_buy", "bg_nbd": "bg_buy", "hazard": "hazard_buy"}
"""Processes, and the column in which each says the chance to buy."""
FOLDS = 3
PLAIN = Calibrator("platt", (1.0,), (0.0,))
"""Leaves a probability as it is."""
MEMORY_MB = 2_048
"""What learning may take at its peak; 60,000 customers at four cut-offs take a quarter of it."""


def direct_scores(rows: FeatureRows) -> dict[str, Floats]:
    """Return the scores that need no learning, on a scale of 0 to 1.

    Parameters
    ----------
    rows : FeatureRows
        Feature rows.

    Returns
    -------
    dict[str, Floats]
        P(alive), recency, and the chance to buy by each process; what rests on a process is absent
        where it could not be fitted.
    """
    scores = {"recency": 1.0 / (1.0 + np.log1p(rows.column("days_since_last")))}
    for method, column in {"p_alive": "p_alive", **DIRECT}.items():
        if np.isfinite(rows.column(column)).all():
            scores[method] = rows.column(column)
    if "pareto_nbd" in scores:
        scores["pareto_nbd"] = -np.expm1(-rows.column("expected_orders"))
    return scores


def base_scores(rows: FeatureRows, line: Floats, trees: Floats) -> dict[str, Floats]:
    """Return what the stack weighs.

    Parameters
    ----------
    rows : FeatureRows
        Feature rows.
    line, trees : Floats
        Log-odds of both learners on the same rows.

    Returns
    -------
    dict[str, Floats]
        Chance to buy by method.
    """
    said = {name: rows.column(column) for name, column in DIRECT.items()}
    known = {name: values for name, values in said.items() if np.isfinite(values).all()}
    return {"logistic": chance(line), "boosted": chance(trees), **known}


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

    Raises
    ------
    LeakageError
        When a column gives the outcome away.
    """
    cutoffs, blocks, outcomes = training_rows(data)
    now, processes = _present(data)
    blocks, now, processes = _usable(blocks, now, processes)
    rows, bought = _stacked(blocks), np.concatenate(outcomes)
    needed = matrix_bytes(len(rows.code), len(rows.names), copies=6.0)
    require_memory(
        "training churn", needed, MEMORY_MB, "give fewer external columns", size=len(rows.names),
        unit="columns",
    )  # fmt: skip
    moments = np.repeat([c.as_of_us for c in cutoffs], [len(b.code) for b in blocks])
    guard_training(rows.names, rows.matrix, bought, moments=moments, groups=rows.code, seed=seed)
    full = is_full(first_us(data), data.as_of_us, data.horizon_days)
    columns = line_columns(rows.names), tree_columns(rows.names, full=full)
    unseen, stack = _out_of_fold(rows, bought, columns, seed)
    calibrators = {name: fit_calibrator(unseen[name], bought) for name in unseen}
    # the stack is a logistic line on unseen scores: a freer shape above it only adds noise
    calibrators["stack"] = PLAIN
    calibrators |= _direct_calibrators(cutoffs, blocks, outcomes)
    longest = max(cutoff.horizon_days for cutoff in cutoffs)
    nearest = [at for at, cutoff in enumerate(cutoffs) if cutoff.horizon_days == longest]
    line = fit_line(rows.names, rows.matrix, bought, columns[0])
    trees = fit_trees(rows.names, rows.matrix, bought, columns[1], seed)
    said = scores(now, line, trees, columns[1], stack)
    with np.errstate(all="ignore"):
        middle = np.nanmedian(np.where(np.isfinite(now.matrix), now.matrix, np.nan), axis=0)
    return Learned(
        method=method if method in calibrators else "stack",
        names=rows.names,
        line=line,
        tree_columns=columns[1],
        trees=trees.model_to_string(),
        processes=processes,
        stack=stack,
        calibrators=dict(sorted(calibrators.items())),
        shift=_shifts(now, said, calibrators),
        facts=fact_slopes(now, tuple(DIRECT.values())),
        usual={name: float(np.nan_to_num(v)) for name, v in zip(now.names, middle, strict=True)},
        bought_share=float(np.mean(np.concatenate([outcomes[at] for at in nearest]))),
        as_of_us=data.as_of_us,
        horizon_days=data.horizon_days,
        seed=seed,
        customers=len(np.unique(rows.code)),
    )


def scores(
    rows: FeatureRows, line: Line, trees: lgb.Booster, columns: tuple[str, ...], stack: Stack
) -> dict[str, Floats]:
    """Return the uncalibrated chance to buy by each method.

    Parameters
    ----------
    rows : FeatureRows
        Feature rows.
    line : Line
        Fitted line.
    trees : lgb.Booster
        Fitted trees.
    columns : tuple[str, ...]
        Columns of the trees.
    stack : Stack
        Weights of the stacked method.

    Returns
    -------
    dict[str, Floats]
        Scores in [0, 1] by method.
    """
    straight = line.margin(rows.names, rows.matrix)
    grown = tree_margin(trees, columns, rows.names, rows.matrix)
    base = base_scores(rows, straight, grown)
    return {
        **direct_scores(rows),
        "logistic": base["logistic"],
        "boosted": base["boosted"],
        "blend": chance((straight + grown) / 2.0),
        "stack": stack.chance(base),
    }


def _present(data: Question) -> tuple[FeatureRows, Processes]:
    """Features at the moment itself, and the processes fitted there."""
    block = data.columns_at(data.as_of_us)
    processes = processes_at(data.history, data.as_of_us)
    rows = feature_rows(data.history, data.as_of_us, data.horizon_days, processes, block)
    return rows, processes


def _usable(
    blocks: list[FeatureRows], now: FeatureRows, processes: Processes
) -> tuple[list[FeatureRows], FeatureRows, Processes]:
    """Give up a process that some moment was too early for: a column is known always or never."""
    every = [*blocks, now]
    lost = [name for name in ANSWERS if not all(np.isfinite(b.column(name)).all() for b in every)]
    if not lost:
        return blocks, now, processes
    kept = Processes(
        None if {"p_alive", "expected_orders", "p_buy"} & set(lost) else processes.pareto_nbd,
        None if "bg_buy" in lost else processes.bg_nbd,
        None if "hazard_buy" in lost else processes.hazard,
    )
    if kept.pareto_nbd is None:
        lost += ["p_alive", "expected_orders", "p_buy"]
    blanked = []
    for block in every:
        matrix = block.matrix.copy()
        matrix[:, [block.names.index(name) for name in lost]] = np.nan
        blanked.append(replace(block, matrix=matrix))
    return blanked[:-1], blanked[-1], kept


def _stacked(blocks: list[FeatureRows]) -> FeatureRows:
    """Lay the rows of all cut-offs one below the other."""
    return replace(
        blocks[0],
        code=np.concatenate([block.code for block in blocks]),
        matrix=np.vstack([block.matrix for block in blocks]),
    )


def _direct_calibrators(
    cutoffs: list[Cutoff], blocks: list[FeatureRows], outcomes: list[Bools]
) -> dict[str, Calibrator]:
    """Read scores without a horizon in them on the cut-offs nearest to the horizon asked for."""
    longest = max(cutoff.horizon_days for cutoff in cutoffs)
    nearest = [at for at, cutoff in enumerate(cutoffs) if cutoff.horizon_days == longest]
    direct = [direct_scores(blocks[at]) for at in nearest]
    truth = np.concatenate([outcomes[at] for at in nearest])
    found = {}
    for name in set.intersection(*(set(scores) for scores in direct)):
        if name in ("hazard", "bg_nbd"):
            # a probability for the horizon asked for already
            found[name] = PLAIN
        else:
            # a line on the logit scale carries on where later scores leave the range seen here
            found[name] = fit_platt(np.concatenate([s[name] for s in direct]), truth)
    return found


def _shifts(
    now: FeatureRows, said: dict[str, Floats], calibrators: dict[str, Calibrator]
) -> dict[str, float]:
    """Move the level of the learned methods to the mean of their own, the hazard's and Pareto/NBD's.

    Neither knows the season to come; the mean of three strayed least at past moments.
    """
    others = [now.column(name) for name in ("hazard_buy", "p_buy")]
    levels = [float(np.mean(values)) for values in others if np.isfinite(values).all()]
    found = {}
    for name in LEARNED:
        own = calibrators[name](said[name])
        found[name] = level_shift(own, float(np.mean([float(np.mean(own)), *levels])))
    return found


def _out_of_fold(
    rows: FeatureRows, bought: Bools, columns: tuple[dict[str, str], tuple[str, ...]], seed: int
) -> tuple[dict[str, Floats], Stack]:
    """Score every training row by learners that never saw its customer, and weigh them."""
    names, matrix = rows.names, rows.matrix
    fold = customer_folds(rows.code, FOLDS, seed)
    line, trees = np.zeros(len(fold)), np.zeros(len(fold))
    for part in range(FOLDS):
        out = fold == part
        inside = ~out
        if not out.any() or len(np.unique(bought[inside])) < 2:
            continue
        fitted = fit_line(names, matrix[inside], bought[inside], columns[0])
        line[out] = fitted.margin(names, matrix[out])
        grown = fit_trees(names, matrix[inside], bought[inside], columns[1], seed)
        trees[out] = tree_margin(grown, columns[1], names, matrix[out])
    base = base_scores(rows, line, trees)
    stack = fit_stack(base, bought)
    unseen = {
        "logistic": base["logistic"],
        "boosted": base["boosted"],
        "blend": chance((line + trees) / 2.0),
    }
    return unseen, stack
