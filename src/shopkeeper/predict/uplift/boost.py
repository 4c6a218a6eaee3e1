"""Boosted trees as a base learner: LightGBM, its number of trees chosen on unseen folds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import lightgbm as lgb
import numpy as np

from shopkeeper.predict.history import Bools, Floats, Ints
from shopkeeper.predict.uplift.bases import Constant, CrossFit, own_target
from shopkeeper.predict.uplift.trial import Matrix

ROUNDS = (5, 10, 20, 40, 80, 160)
RATE = 0.05


@dataclass(frozen=True)
class Trees:
    """Boosted trees.

    Parameters
    ----------
    text : str
        LightGBM's own text.
    rounds : int
        Trees in use.
    """

    text: str
    rounds: int

    @cached_property
    def booster(self) -> lgb.Booster:
        """The trees, read once."""
        return lgb.Booster(model_str=self.text)

    def predict(self, matrix: Matrix) -> Floats:
        """Answer for every row.

        Parameters
        ----------
        matrix : Matrix
            Features.
        """
        said = self.booster.predict(
            matrix, num_iteration=self.rounds, num_threads=1 if len(matrix) < 50_000 else 0
        )
        return np.asarray(said, dtype=np.float64)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"kind": "trees", "text": self.text, "rounds": self.rounds}


class Boosting:
    """Fits trees on one matrix again and again; the matrix is binned once.

    Parameters
    ----------
    matrix : Matrix
        Features of all rows.
    fold : Ints
        Fold by row.
    seed : int
        Decides the sampling of rows and columns.
    """

    def __init__(self, matrix: Matrix, fold: Ints, seed: int) -> None:
        self._matrix, self._fold, self._seed = matrix, fold, seed
        self._data = lgb.Dataset(
            matrix, params={"max_bin": 63, "verbosity": -1, "min_data_in_bin": 3,
                            "feature_pre_filter": False}, free_raw_data=False,
        )  # fmt: skip
        self._data.construct()

    def fit(
        self, target: Floats, weight: Floats, use: Bools, *, binary: bool = False, leaves: int = 8,
        pairs: bool = False,
    ) -> CrossFit:  # fmt: skip
        """Fit on the complement of every fold and on all rows.

        Parameters
        ----------
        target : Floats
            What to predict: by row, or (folds, rows), see `bases.own_target`.
        weight : Floats
            Weight by row.
        use : Bools
            Rows to learn from; answers are given for all.
        binary : bool
            Whether the target is 0 or 1 and the answer a probability.
        leaves : int
            Leaves of a tree, at most.
        pairs : bool
            Whether copies without two folds are fitted too.

        Returns
        -------
        CrossFit
            The loss is the weighted squared error over rows in use.
        """
        fold = self._fold
        k = int(fold.max()) + 1
        own = own_target(target, fold)
        answers = np.empty((len(ROUNDS) + 1, len(own)))
        for one in range(k):
            held = fold == one
            rows = use & ~held
            told = target if target.ndim == 1 else target[one]
            answers[0, held] = np.average(told[rows], weights=weight[rows])
            booster = self._train(told, weight, rows, binary, leaves, ROUNDS[-1])
            for place, rounds in enumerate(ROUNDS, start=1):
                answers[place, held] = self._ask(booster, held, rounds)
        w = weight[use]
        losses = [float(np.average((own[use] - said[use]) ** 2, weights=w)) for said in answers]
        best = int(np.argmin(losses))
        unseen, loss = answers[best], losses[best]
        twice = np.tile(unseen, (k, 1)) if pairs else np.empty((0, 0))
        if best == 0:
            return CrossFit("boost", Constant(float(np.average(own[use], weights=w))), unseen, loss,
                            twice)  # fmt: skip
        rounds = ROUNDS[best - 1]
        for one, other in ((a, b) for a in range(k) for b in range(a) if pairs):
            rows = use & (fold != one) & (fold != other)
            booster = self._train(own, weight, rows, binary, leaves, rounds)
            for held, asked in ((one, fold == other), (other, fold == one)):
                twice[held, asked] = self._ask(booster, asked, rounds)
        booster = self._train(own, weight, use, binary, leaves, rounds)
        return CrossFit("boost", Trees(booster.model_to_string(), rounds), unseen, loss, twice)

    def _ask(self, booster: lgb.Booster, rows: Bools, rounds: int) -> Floats:
        part = self._matrix[rows]
        threads = 1 if len(part) < 50_000 else 0
        return np.asarray(booster.predict(part, num_iteration=rounds, num_threads=threads))

    def unseen_difference(
        self, target: Floats, weight: Floats, binary: bool, rounds: int
    ) -> Floats:
        """Answers with the last column at 1 less those with it at 0, by copies that saw neither.

        Parameters
        ----------
        target : Floats
            What to predict.
        weight : Floats
            Weight by row.
        binary : bool
            Whether the target is 0 or 1.
        rounds : int
            Trees; zero answers zero.

        Returns
        -------
        Floats
            By row.
        """
        said = np.zeros(len(target))
        if rounds == 0:
            return said
        for one in range(int(self._fold.max()) + 1):
            held = self._fold == one
            booster = self._train(target, weight, ~held, binary, 8, rounds)
            asked = self._matrix[held].copy()
            for value, sign in ((1.0, 1.0), (0.0, -1.0)):
                asked[:, -1] = value
                said[held] += sign * np.asarray(booster.predict(asked, num_threads=1))
        return said

    def _train(
        self, target: Floats, weight: Floats, rows: Bools, binary: bool, leaves: int, rounds: int
    ) -> lgb.Booster:
        places = np.flatnonzero(rows)
        part = self._data.subset(places)
        part.construct()  # before the target is set: it would take the whole matrix's, which has none
        part.set_label(target[places])
        part.set_weight(weight[places])
        size = len(places)
        return lgb.train(
            {
                "objective": "binary" if binary else "regression", "learning_rate": RATE,
                "num_leaves": leaves if size < 100_000 else 2 * leaves,
                "min_data_in_leaf": int(max(20, min(size / 100, 500))), "lambda_l2": 1.0,
                "feature_fraction": 0.8, "bagging_fraction": 0.7, "bagging_freq": 1,
                "seed": self._seed, "deterministic": True, "force_row_wise": True,
                "max_bin": 63, "min_data_in_bin": 3, "feature_pre_filter": False, "verbosity": -1,
                "min_sum_hessian_in_leaf": 1e-6,
                # Threads that wait for each other cost more than they bring on few rows.
                "num_threads": 1 if size < 50_000 else 0,
            },
            part, num_boost_round=rounds,
        )  # fmt: skip
