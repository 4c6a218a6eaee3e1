"""What each column adds to a churn score, whichever method is in use."""

from __future__ import annotations

from collections.abc import Sequence

import lightgbm as lgb
import numpy as np

from shopkeeper.predict.churn.features import FeatureRows
from shopkeeper.predict.churn.learned import Learned
from shopkeeper.predict.churn.stack import log_odds
from shopkeeper.predict.churn.trees import OFFSET
from shopkeeper.predict.history import Floats

CHANCES = {"hazard": "hazard_buy", "pareto_nbd": "p_buy", "bg_nbd": "bg_buy"}
"""Methods that are one column, and which."""

FACTS = ("days_since_last", "purchases", "age_days", "amount_mean")
"""What processes know; the first also tells what the others leave."""


def contributions(learned: Learned, trees: lgb.Booster, rows: FeatureRows) -> Floats:
    """Return what each column adds to the log-odds of churn, beside its usual value.

    Parameters
    ----------
    learned : Learned
        What the model learned.
    trees : lgb.Booster
        Its trees.
    rows : FeatureRows
        Feature rows.

    Returns
    -------
    Floats
        Shape (rows, columns of the rows); positive raises the risk. For the learned methods a row
        adds up to its uncalibrated log-odds, but for a constant.
    """
    method = learned.method
    weight = _weights(learned)
    place = {name: at for at, name in enumerate(learned.names)}
    total = np.zeros((len(rows.code), len(place)))
    if weight.get("logistic"):
        line = learned.line
        added = line.standardised(rows.names, rows.matrix) * np.array(line.weight)
        total[:, [place[name] for name in line.columns]] -= weight["logistic"] * added
    if weight.get("boosted"):
        at = [place[name] for name in learned.tree_columns]
        shap = np.asarray(trees.predict(rows.matrix[:, at], pred_contrib=True))
        total[:, at] -= weight["boosted"] * shap[:, :-1]
        if OFFSET in learned.facts:
            _tell(total, place, learned, rows, OFFSET, weight["boosted"])
    for name, column in CHANCES.items():
        if weight.get(name):
            _tell(total, place, learned, rows, column, weight[name])
    if method in ("recency", "p_alive"):
        sole = "days_since_last" if method == "recency" else "p_alive"
        value = np.log1p(rows.column(sole)) - np.log1p(learned.usual[sole])
        total[:, place[sole]] = value if method == "recency" else -value
    return total


def _weights(learned: Learned) -> dict[str, float]:
    """How much each base method counts in the one in use."""
    if learned.method == "stack":
        return dict(zip(learned.stack.parts, learned.stack.weight, strict=True))
    if learned.method == "blend":
        return {"logistic": 0.5, "boosted": 0.5}
    return {learned.method: 1.0}


def _tell(
    total: Floats,
    place: dict[str, int],
    learned: Learned,
    rows: FeatureRows,
    column: str,
    weight: float,
) -> None:
    """Tell the log-odds of a process by the facts behind it; what they leave is the silence's."""
    usual = log_odds(np.array([learned.usual[column]]))[0]
    rest = log_odds(rows.column(column)) - usual
    for name, slope in zip(FACTS, learned.facts[column], strict=True):
        part = slope * (np.log1p(rows.column(name)) - np.log1p(learned.usual[name]))
        total[:, place[name]] -= weight * part
        rest = rest - part
    total[:, place[FACTS[0]]] -= weight * rest


def fact_slopes(rows: FeatureRows, columns: Sequence[str]) -> dict[str, tuple[float, ...]]:
    """Return how the log-odds of processes follow the logarithms of the facts they rest on.

    Parameters
    ----------
    rows : FeatureRows
        Feature rows at the training moment.
    columns : Sequence[str]
        Columns of the processes; those with a value missing are left out.

    Returns
    -------
    dict[str, tuple[float, ...]]
        Least-squares slopes by column, in order of `FACTS`.
    """
    facts = np.column_stack([np.log1p(rows.column(name)) for name in FACTS])
    facts = facts - facts.mean(axis=0)
    found = {}
    for name in columns:
        if np.isfinite(rows.column(name)).all():
            odds = log_odds(rows.column(name))
            slopes = np.linalg.lstsq(facts, odds - odds.mean(), rcond=None)[0]
            found[name] = tuple(float(slope) for slope in slopes)
    return found


def shares(names: Sequence[str], added: Floats) -> dict[str, float]:
    """Return each column's share of the contributions, by mean distance from their mean.

    Parameters
    ----------
    names : Sequence[str]
        One a column.
    added : Floats
        Contributions; shape (rows, columns).

    Returns
    -------
    dict[str, float]
        Largest first, summing to one; columns without any are left out.

    Examples
    --------
    >>> shares(["a", "b"], np.array([[1.0, 0.0], [3.0, 0.0]]))
    {'a': 1.0}
    """
    size = np.abs(added - added.mean(axis=0)).mean(axis=0)
    total = float(size.sum())
    found = {n: float(s) / total for n, s in zip(names, size, strict=True) if s > 0.0}
    return dict(sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))
