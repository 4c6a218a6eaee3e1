"""The churn model: several methods learned side by side, one chosen on a rehearsal in the past."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import lightgbm as lgb
import numpy as np

from shopkeeper.core.errors import NotEnoughDataError, SourceError
from shopkeeper.predict.calibrate import Calibrator, auc, fit_calibrator, fit_platt
from shopkeeper.predict.churn.features import FeatureRows, bought_within, feature_rows, fit_process
from shopkeeper.predict.churn.learners import (
    Line,
    chance,
    fit_line,
    fit_trees,
    importances,
    line_columns,
    tree_columns,
    tree_margin,
)
from shopkeeper.predict.contract import register, require_fitted
from shopkeeper.predict.history import Bools, Floats, Ints, Question, sample_customers
from shopkeeper.predict.split import Cutoff, customer_folds, is_full, plan_cutoffs
from shopkeeper.predict.value.pareto_nbd import ParetoNbd

METHODS = ("p_alive", "recency", "pareto_nbd", "logistic", "boosted", "blend")
"""Every method is fitted and measured; the first is a baseline never chosen."""
CHOICES = METHODS[1:]
LEARNED = ("logistic", "boosted", "blend")

LEAST_CUSTOMERS = 50
LEAST_OUTCOMES = 10
MOST_CUSTOMERS = 60_000
"""More customers than this are sampled for learning: with four cut-offs, plenty of rows."""

FOLDS = 3
PREFER_BLEND = 0.002
"""The blend is kept unless the AUC of another method is better by more than this."""


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
    """

    cutoff: Cutoff
    bought: Bools
    purchases: Ints
    said: dict[str, Floats]


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
        data = replace(data, history=sample_customers(data.history, MOST_CUSTOMERS, seed))
        self.rehearsal = rehearse(data, seed=seed) if self.method is None else None
        method = self.method or _best(self.rehearsal)
        self._learned = _learn(data, method, seed)
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
        scores = direct_scores(rows)
        line = learned.line.margin(rows.names, rows.matrix)
        trees = tree_margin(self._trees, learned.tree_columns, rows.names, rows.matrix)
        return scores | {
            "logistic": chance(line),
            "boosted": chance(trees),
            "blend": chance((line + trees) / 2.0),
        }

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
            data.history, data.as_of_us, learned.horizon_days, learned.process, block
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
        scores = self.margins(rows)
        return {name: map_(scores[name]) for name, map_ in self.learned.calibrators.items()}

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
        learned = self.learned
        assert self._trees is not None
        place = {name: at for at, name in enumerate(learned.names)}
        total = np.zeros((len(rows.code), len(place)))
        if learned.method in ("logistic", "blend"):
            line = learned.line
            added = line.standardised(rows.names, rows.matrix) * np.array(line.weight)
            total[:, [place[name] for name in line.columns]] -= added
        if learned.method in ("boosted", "blend"):
            at = [place[name] for name in learned.tree_columns]
            shap = np.asarray(self._trees.predict(rows.matrix[:, at], pred_contrib=True))
            total[:, at] -= shap[:, :-1]
        if learned.method == "blend":
            total /= 2.0
        sole = {"recency": "days_since_last", "pareto_nbd": "expected_orders"}.get(learned.method)
        if sole is not None:
            sign = 1.0 if sole == "days_since_last" else -1.0
            value = rows.column(sole)
            total[:, place[sole]] = sign * (np.log1p(value) - np.log1p(learned.usual[sole]))
        return learned.names, total

    def importances(self) -> dict[str, float]:
        """Return each column's share in the judgement of the method in use.

        Returns
        -------
        dict[str, float]
            Share by column, largest first, summing to one.
        """
        learned = self.learned
        assert self._trees is not None
        return importances(learned.method, learned.line, learned.tree_columns, self._trees)

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
        process = learned.process
        stored["process"] = process and {
            **process.parameters(),
            "log_likelihood": process.log_likelihood,
        }
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
    process = stored["process"]
    return Learned(
        method=stored["method"],
        names=tuple(stored["names"]),
        line=Line.from_json(stored["line"]),
        tree_columns=tuple(stored["tree_columns"]),
        trees=trees,
        process=None if process is None else ParetoNbd(**process),
        calibrators={k: Calibrator.from_json(v) for k, v in stored["calibrators"].items()},
        usual=stored["usual"],
        bought_share=stored["bought_share"],
        as_of_us=stored["as_of_us"],
        horizon_days=stored["horizon_days"],
        seed=stored["seed"],
        customers=stored["customers"],
    )


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
    cutoff = plan_cutoffs(_first(data), data.as_of_us, data.horizon_days)[-1]
    past = Question(data.history, cutoff.as_of_us, cutoff.horizon_days, data.external)
    try:
        model = ChurnModel(method="blend").fit(_without_gaps(past), seed=seed)
        rows = model.rows(_without_gaps(past))
    except NotEnoughDataError:
        return None
    count, _ = bought_within(data.history, rows.code, cutoff.as_of_us, cutoff.horizon_days)
    purchases = rows.summary.frequency + 1
    return Rehearsal(cutoff, count > 0, purchases, model.probabilities(rows))


def _without_gaps(data: Question) -> Question:
    """Drop external columns unless every cut-off and the moment itself has them."""
    plan = plan_cutoffs(_first(data), data.as_of_us, data.horizon_days)
    moments = [cutoff.as_of_us for cutoff in plan] + [data.as_of_us]
    if all(data.columns_at(moment) is not None for moment in moments):
        return data
    return Question(data.history, data.as_of_us, data.horizon_days)


def _best(rehearsal: Rehearsal | None) -> str:
    """Choose the method that ranks best; the blend unless another is clearly better.

    The level is the calibrator's business: in a short history a rehearsal has another horizon and
    other ages, which moves every level.
    """
    if rehearsal is None:
        return "blend"
    area = {
        name: auc(rehearsal.bought, said)
        for name, said in rehearsal.said.items()
        if name in CHOICES
    }
    best = max(area, key=lambda name: area[name])
    return best if area[best] > area["blend"] + PREFER_BLEND else "blend"


def _first(data: Question) -> int:
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
    plan = plan_cutoffs(_first(data), data.as_of_us, data.horizon_days)
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


def _learn(data: Question, method: str, seed: int) -> Learned:
    cutoffs, blocks, outcomes = training_rows(data)
    names = blocks[0].names
    full = is_full(_first(data), data.as_of_us, data.horizon_days)
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
