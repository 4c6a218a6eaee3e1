"""The churn model: several methods learned side by side, one chosen on a rehearsal in the past."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import lightgbm as lgb

from shopkeeper.core.errors import NotEnoughDataError, SourceError
from shopkeeper.predict.calibrate import Calibrator
from shopkeeper.predict.churn.features import FeatureRows, bought_within, feature_rows
from shopkeeper.predict.churn.learn import learn, scores
from shopkeeper.predict.churn.learned import Learned
from shopkeeper.predict.churn.learners import Line, chance
from shopkeeper.predict.churn.past import first_us
from shopkeeper.predict.churn.processes import Processes
from shopkeeper.predict.churn.shares import contributions, shares
from shopkeeper.predict.churn.stack import Stack, choose, log_odds
from shopkeeper.predict.contract import register, require_fitted
from shopkeeper.predict.history import Bools, Floats, Ints, Question, sample_customers
from shopkeeper.predict.split import Cutoff, plan_cutoffs

METHODS = (
    "p_alive", "recency", "pareto_nbd", "bg_nbd", "logistic", "boosted", "hazard", "blend", "stack",
)  # fmt: skip
"""Every method is fitted and measured; the first is a baseline never chosen."""

MOST_CUSTOMERS = 60_000
"""More customers than this are sampled for learning: with four cut-offs, plenty of rows."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The methods on a past moment whose truth is known and later than what they learned from.

    Parameters
    ----------
    cutoff : Cutoff
        The moment and its horizon.
    bought : Bools
        Whether each customer bought.
    purchases : Ints
        Purchase days each customer had before the moment.
    said : dict[str, Floats]
        Probability to buy, by method.
    external : bool
        Whether the external columns took part.
    """

    cutoff: Cutoff
    bought: Bools
    purchases: Ints
    said: dict[str, Floats]
    external: bool = False


@register
class ChurnModel:
    """Chance that a customer buys nothing within the horizon.

    Parameters
    ----------
    method : str | None
        Method to use; None chooses on a rehearsal.
    """

    name: ClassVar[str] = "churn"
    task: ClassVar[str] = "churn"

    def __init__(self, method: str | None = None) -> None:
        self.method = method
        self.rehearsal: Rehearsal | None = None
        self._learned: Learned | None = None
        self._trees: lgb.Booster | None = None

    @property
    def learned(self) -> Learned:
        """Return what was learned.

        Raises
        ------
        PlanError
            When the model was not fitted.
        """
        require_fitted(self._learned, self.name)
        assert self._learned is not None
        return self._learned

    def fit(self, data: Question, /, *, seed: int = 0) -> Self:
        """Learn from orders before the moment, at several earlier cut-offs.

        Parameters
        ----------
        data : Question
            Orders, moment and horizon; external columns where there are any.
        seed : int
            Decides folds and the sampling of the trees.

        Returns
        -------
        Self
            The same object.

        Raises
        ------
        NotEnoughDataError
            When the history is too short, has fewer than 50 customers, or nobody (or everybody)
            bought in the truth windows.
        """
        orders = len(data.history.before(data.as_of_us))
        data = replace(data, history=sample_customers(data.history, MOST_CUSTOMERS, seed))
        self.rehearsal = rehearse(data, seed=seed) if self.method is None else None
        method = self.method or "stack"
        # a rehearsal without the external columns says nothing about methods that have them
        if self.rehearsal is not None and self.rehearsal.external == bool(data.external):
            method = choose(self.rehearsal.bought, self.rehearsal.said, orders, seed=seed)
        self._learned = learn(data, method, seed)
        self._trees = lgb.Booster(model_str=self._learned.trees)
        return self

    def margins(self, rows: FeatureRows) -> dict[str, Floats]:
        """Return the uncalibrated chance to buy by each method.

        Parameters
        ----------
        rows : FeatureRows
            Rows with the model's own columns.

        Returns
        -------
        dict[str, Floats]
            Scores in [0, 1] by method.
        """
        learned = self.learned
        assert self._trees is not None
        return scores(rows, learned.line, self._trees, learned.tree_columns, learned.stack)

    def rows(self, data: Question) -> FeatureRows:
        """Compute the feature rows of a moment with the model's own process.

        Parameters
        ----------
        data : Question
            Orders and moment; the horizon is the model's own.

        Returns
        -------
        FeatureRows
            One row per customer who bought before the moment.
        """
        learned = self.learned
        block = data.columns_at(data.as_of_us)
        rows = feature_rows(
            data.history, data.as_of_us, learned.horizon_days, learned.processes, block
        )
        if rows.names != learned.names:
            missing = sorted(set(learned.names) - set(rows.names))
            raise SourceError(
                f"the churn model reads columns that are not given: {', '.join(missing) or 'none'}"
                f"; not known to it: {', '.join(sorted(set(rows.names) - set(learned.names)))}",
                next_step="give the external columns it was trained with, in the same order",
                missing=missing,
            )
        return rows

    def probabilities(self, rows: FeatureRows) -> dict[str, Floats]:
        """Return the calibrated chance to buy by each method.

        Parameters
        ----------
        rows : FeatureRows
            Rows from `rows`.

        Returns
        -------
        dict[str, Floats]
            Probabilities by method; methods that could not be fitted are absent.
        """
        said, learned = self.margins(rows), self.learned
        found = {name: map_(said[name]) for name, map_ in learned.calibrators.items()}
        for name, shift in learned.shift.items():
            found[name] = chance(log_odds(found[name]) + shift)
        return found

    def predict(self, data: Question) -> tuple[Ints, Floats]:
        """Return the chance of churn of every customer who bought before the moment.

        Parameters
        ----------
        data : Question
            Orders and moment.

        Returns
        -------
        tuple[Ints, Floats]
            Customer codes and their chance to buy nothing in the horizon.
        """
        rows = self.rows(data)
        return rows.code, 1.0 - self.probabilities(rows)[self.learned.method]

    def contributions(self, rows: FeatureRows) -> tuple[tuple[str, ...], Floats]:
        """Return what each column adds to the log-odds of churn.

        Parameters
        ----------
        rows : FeatureRows
            Rows from `rows`.

        Returns
        -------
        tuple[tuple[str, ...], Floats]
            Columns, and their contributions; shape (rows, columns); positive raises the risk.
        """
        assert self._trees is not None
        return self.learned.names, contributions(self.learned, self._trees, rows)

    def importances(self, rows: FeatureRows) -> dict[str, float]:
        """Return each column's share in the judgement of the method in use.

        Parameters
        ----------
        rows : FeatureRows
            Rows from `rows`; some thousands are plenty.

        Returns
        -------
        dict[str, float]
            Share by column, largest first, summing to one.
        """
        names, added = self.contributions(rows)
        return shares(names, added)

    def save(self, folder: Path) -> None:
        """Write `model.json` and `trees.txt`.

        Parameters
        ----------
        folder : Path
            Made if it does not exist.
        """
        folder.mkdir(parents=True, exist_ok=True)
        learned = self.learned
        stored: dict[str, Any] = {
            name: getattr(learned, name) for name in Learned.__slots__ if name != "trees"
        }
        stored["line"] = learned.line.to_json()
        stored["calibrators"] = {k: v.to_json() for k, v in learned.calibrators.items()}
        stored["processes"] = learned.processes.to_json()
        stored["stack"] = learned.stack.to_json()
        stored |= {"model": self.name, "task": self.task, "asked": self.method}
        (folder / "model.json").write_text(json.dumps(stored, ensure_ascii=False, indent=1) + "\n")
        (folder / "trees.txt").write_text(learned.trees)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Parameters
        ----------
        folder : Path
            Folder given to `save`.

        Returns
        -------
        Self
            Answers exactly as the saved model.

        Raises
        ------
        SourceError
            When the folder holds no churn model.
        """
        try:
            stored = json.loads((folder / "model.json").read_text())
            trees = (folder / "trees.txt").read_text()
            model = cls(stored["asked"])
            model._learned = _restored(stored, trees)
        except (OSError, KeyError, ValueError, TypeError) as error:
            raise SourceError(
                f"{folder} holds no churn model that can be read ({type(error).__name__}: {error})",
                next_step="save the model again with ChurnModel.save",
                path=str(folder),
            ) from error
        model._trees = lgb.Booster(model_str=trees)
        return model


def _restored(stored: dict[str, Any], trees: str) -> Learned:
    return Learned(
        method=stored["method"],
        names=tuple(stored["names"]),
        line=Line.from_json(stored["line"]),
        tree_columns=tuple(stored["tree_columns"]),
        trees=trees,
        processes=Processes.from_json(stored["processes"]),
        stack=Stack.from_json(stored["stack"]),
        calibrators={k: Calibrator.from_json(v) for k, v in stored["calibrators"].items()},
        shift=stored["shift"],
        facts={name: tuple(slopes) for name, slopes in stored["facts"].items()},
        usual=stored["usual"],
        bought_share=stored["bought_share"],
        as_of_us=stored["as_of_us"],
        horizon_days=stored["horizon_days"],
        seed=stored["seed"],
        customers=stored["customers"],
    )


def rehearse(data: Question, *, seed: int) -> Rehearsal | None:
    """Do what `fit` and `predict` do, one cut-off earlier, and hold it against what happened.

    Parameters
    ----------
    data : Question
        Orders, moment and horizon.
    seed : int
        Seed of the fit.

    Returns
    -------
    Rehearsal | None
        None where the history is too short for a rehearsal.
    """
    cutoff = plan_cutoffs(first_us(data), data.as_of_us, data.horizon_days)[-1]
    past = Question(data.history, cutoff.as_of_us, cutoff.horizon_days, data.external)
    past = _without_gaps(past)
    try:
        model = ChurnModel(method="stack").fit(past, seed=seed)
        rows = model.rows(past)
    except NotEnoughDataError:
        return None
    count, _ = bought_within(data.history, rows.code, cutoff.as_of_us, cutoff.horizon_days)
    purchases = rows.summary.frequency + 1
    said = model.probabilities(rows)
    return Rehearsal(cutoff, count > 0, purchases, said, bool(past.external))


def _without_gaps(data: Question) -> Question:
    """Drop external columns unless every cut-off and the moment itself has them."""
    plan = plan_cutoffs(first_us(data), data.as_of_us, data.horizon_days)
    moments = [cutoff.as_of_us for cutoff in plan] + [data.as_of_us]
    if all(data.columns_at(moment) is not None for moment in moments):
        return data
    return Question(data.history, data.as_of_us, data.horizon_days)
