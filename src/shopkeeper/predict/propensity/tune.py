"""A search for better settings on a budget (Optuna, extra `tune`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from shopkeeper.core.errors import MissingExtraError
from shopkeeper.predict.calibrate import log_loss
from shopkeeper.predict.churn.learners import chance
from shopkeeper.predict.propensity.learn import out_of_fold
from shopkeeper.predict.propensity.learners import Settings
from shopkeeper.predict.propensity.rows import TrainingRows, row_keys

MOST_ROWS = 20_000
"""Rows a trial looks at; the sample goes by content and seed."""
WORTH = 5e-4
"""Nats a row by which found settings must beat the careful ones."""


def search(data: TrainingRows, *, trials: int, seconds: float, seed: int) -> Settings:
    """Search settings of the trees by the log-loss of rows left out.

    Parameters
    ----------
    data : TrainingRows
        Training rows only.
    trials : int
        Most trials; 0 searches nothing.
    seconds : float
        Most seconds.
    seed : int
        Decides the search; the same trials and seed give the same settings.

    Returns
    -------
    Settings
        The careful ones unless others are better by more than noise.

    Raises
    ------
    MissingExtraError
        When Optuna is not installed.
    """
    if trials <= 0:
        return Settings()
    try:
        import optuna
    except ImportError as error:
        raise MissingExtraError("optuna", "tune") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    keys = row_keys(data.sheet)
    data = data.take(np.lexsort((data.outcome, keys)))
    if len(data.outcome) > MOST_ROWS:
        some = np.random.default_rng([seed, 6]).choice(len(data.outcome), MOST_ROWS, replace=False)
        data = data.take(np.sort(some))

    def loss(settings: Settings) -> float:
        unseen = out_of_fold(data, settings, seed, strengths=(0.03,))
        return min(log_loss(data.outcome, chance(x)) for x in unseen.trees.values())

    def trial_loss(trial: Any) -> float:
        return loss(_suggested(trial))

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    study.optimize(trial_loss, n_trials=trials, timeout=seconds)
    if not study.best_trials:
        return Settings()
    careful = loss(Settings())
    if study.best_value >= careful - WORTH:
        return Settings()
    return Settings(**study.best_params)


def _suggested(trial: Any) -> Settings:
    return Settings(
        learning_rate=trial.suggest_float("learning_rate", 0.02, 0.15, log=True),
        leaves=trial.suggest_int("leaves", 3, 31, log=True),
        least=trial.suggest_int("least", 5, 300, log=True),
        columns=trial.suggest_float("columns", 0.2, 1.0),
        ridge=trial.suggest_float("ridge", 0.1, 100.0, log=True),
    )
