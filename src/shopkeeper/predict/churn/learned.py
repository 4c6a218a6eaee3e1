"""What the churn model knows once it has learned."""

from __future__ import annotations

from dataclasses import dataclass

from shopkeeper.predict.calibrate import Calibrator
from shopkeeper.predict.churn.learners import Line
from shopkeeper.predict.churn.processes import Processes
from shopkeeper.predict.churn.stack import Stack


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
    processes : Processes
        Processes fitted at the training moment; None where a cut-off had too little to fit one.
    stack : Stack
        Weights of the stacked method.
    calibrators : dict[str, Calibrator]
        One for each method that could be fitted.
    shift : dict[str, float]
        What is added to the calibrated log-odds of a method: past cut-offs have other horizons and
        ages, and the processes carry the level to the horizon asked for.
    facts : dict[str, tuple[float, ...]]
        How the processes' log-odds follow the facts behind them, for reasons.
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
    processes: Processes
    stack: Stack
    calibrators: dict[str, Calibrator]
    shift: dict[str, float]
    facts: dict[str, tuple[float, ...]]
    usual: dict[str, float]
    bought_share: float
    as_of_us: int
    horizon_days: float
    seed: int
    customers: int
