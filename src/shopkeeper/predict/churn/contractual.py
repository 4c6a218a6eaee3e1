"""Churn under a contract: who cancels is seen, who has not yet is cut off by today.

A discrete-time hazard of cancelling (Singer and Willett 1993), learned from one row a customer:
tenure in periods, whether the contract ended, and what is known of the customer. Customers alike in
tenure need no rows of their own: each customer is at risk in every period up to its tenure, and the
periods are told apart by bends, so the fit works on sums. Kaplan and Meier (1958) is the baseline:
one survival curve for everybody.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from scipy.special import expit

from shopkeeper.core.errors import InputError, NotEnoughDataError, SourceError
from shopkeeper.predict.churn.hazard import fit_binomial
from shopkeeper.predict.contract import register, require_fitted
from shopkeeper.predict.history import Bools, Floats
from shopkeeper.predict.memory import matrix_bytes, require_memory

LEAST_EVENTS = 30
MEMORY_MB = 2_048
KNOTS = (0.2, 0.4, 0.6, 0.8)
"""Bends of the hazard over the log of tenure, as quantiles of the tenures of those who left."""


@dataclass(frozen=True, slots=True)
class Contracts:
    """One row a customer.

    Parameters
    ----------
    tenure : Floats
        Whole periods (months, say) under contract; the last one counts as begun.
    ended : Bools
        Whether the contract ended with that period; otherwise it is still running.
    covariates : Mapping[str, Sequence[Any]]
        What is known of the customer: numbers, or words, which become one column each.
    """

    tenure: Floats
    ended: Bools
    covariates: Mapping[str, Sequence[Any]]


@dataclass(frozen=True, slots=True)
class LearnedContract:
    """Everything `fit` learns.

    Parameters
    ----------
    numbers : tuple[str, ...]
        Covariates that are numbers.
    words : dict[str, tuple[str, ...]]
        Covariates that are words, and their known values; the first is the base.
    centre, spread : tuple[float, ...]
        Mean and standard deviation of all terms.
    weight : tuple[float, ...]
        Weight of each standardised term; the first ones are of tenure.
    intercept : float
        Constant.
    knots : tuple[float, ...]
        Bends in log(tenure).
    customers : int
        Customers learned from.
    """

    numbers: tuple[str, ...]
    words: dict[str, tuple[str, ...]]
    centre: tuple[float, ...]
    spread: tuple[float, ...]
    weight: tuple[float, ...]
    intercept: float
    knots: tuple[float, ...]
    customers: int


def kaplan_meier(tenure: Floats, ended: Bools) -> tuple[Floats, Floats]:
    """Return the share still under contract after each period, whoever is cut off.

    Parameters
    ----------
    tenure : Floats
        Whole periods under contract.
    ended : Bools
        Whether the contract ended with the last of them.

    Returns
    -------
    tuple[Floats, Floats]
        Periods in which a contract ended, ascending, and the share left after each.

    Examples
    --------
    >>> at, left = kaplan_meier(
    ...     np.array([1.0, 2.0, 2.0, 3.0]), np.array([True, True, False, False])
    ... )
    >>> at.tolist(), left.tolist()
    ([1.0, 2.0], [0.75, 0.5])
    """
    at, where = np.unique(tenure, return_inverse=True)
    events = np.bincount(where, weights=ended.astype(np.float64))
    count = np.bincount(where).astype(np.float64)
    at_risk = np.cumsum(count[::-1])[::-1]
    left: Floats = np.cumprod(1.0 - events / at_risk).astype(np.float64)
    seen = events > 0
    return at[seen], left[seen]


@register
class ContractChurn:
    """Chance that a contract ends within some periods."""

    name: ClassVar[str] = "contract_hazard"
    task: ClassVar[str] = "contract_churn"

    def __init__(self) -> None:
        self._learned: LearnedContract | None = None

    @property
    def learned(self) -> LearnedContract:
        """Return what was learned.

        Raises
        ------
        PlanError
            When the model was not fitted.
        """
        require_fitted(self._learned, self.name)
        assert self._learned is not None
        return self._learned

    def fit(self, data: Contracts, /, *, seed: int = 0) -> Self:  # noqa: ARG002 - a model's shape
        """Learn the hazard.

        Parameters
        ----------
        data : Contracts
            One row a customer.
        seed : int
            Decides nothing: the fit has one answer.

        Returns
        -------
        Self
            The same object.

        Raises
        ------
        NotEnoughDataError
            When fewer than 30 contracts ended, or fewer than 30 did not.
        InputError
            When tenures are missing or negative, or columns differ in length.
        TooLargeError
            When the periods at risk would not fit into memory.
        """
        tenure, ended = _checked(data)
        numbers, words = _kinds(data.covariates)
        terms = _covariates(data.covariates, numbers, words, len(tenure))
        last = np.maximum(tenure, 1.0)
        knots = tuple(np.unique(np.quantile(np.log(last[ended]), KNOTS)).tolist())
        width = 1 + len(knots) + terms.shape[1]
        kinds, where = np.unique(terms, axis=0, return_inverse=True)
        cells = int(last.sum())
        require_memory(
            "training contract churn", matrix_bytes(cells, width, copies=3.0), MEMORY_MB,
            "count tenure in longer periods, or take a sample", size=len(tenure), unit="customers",
        )  # fmt: skip
        period, at, at_risk, events = _at_risk(last, ended, np.ravel(where), len(kinds))
        design = np.column_stack([_tenure_terms(period, knots), kinds[at]])
        centre = np.average(design, axis=0, weights=at_risk)
        spread = np.sqrt(np.average((design - centre) ** 2, axis=0, weights=at_risk))
        spread = np.where(spread > 1e-9, spread, 1.0)
        point = fit_binomial((design - centre) / spread, at_risk, events, 1.0)
        self._learned = LearnedContract(
            numbers,
            words,
            tuple(centre.tolist()),
            tuple(spread.tolist()),
            tuple(point[1:].tolist()),
            float(point[0]),
            knots,
            len(tenure),
        )
        return self

    def survival(
        self, tenure: Floats, covariates: Mapping[str, Sequence[Any]], periods: int
    ) -> Floats:
        """Return the chance that contracts running now still run after each of some periods.

        Parameters
        ----------
        tenure : Floats
            Periods under contract so far.
        covariates : Mapping[str, Sequence[Any]]
            What is known of the customers; a word not seen before counts as the base.
        periods : int
            How many periods to look ahead.

        Returns
        -------
        Floats
            Shape (customers, periods); falling along a row.
        """
        learned = self.learned
        terms = _covariates(covariates, learned.numbers, learned.words, len(tenure))
        curve = np.empty((len(tenure), periods))
        left = np.ones(len(tenure))
        for step in range(periods):
            now = np.asarray(tenure, dtype=np.float64) + step + 1.0
            design = np.column_stack([_tenure_terms(now, learned.knots), terms])
            ready = (design - np.array(learned.centre)) / np.array(learned.spread)
            left = left * (1.0 - expit(ready @ np.array(learned.weight) + learned.intercept))
            curve[:, step] = left
        return curve

    def predict(self, data: Contracts, periods: int = 1) -> Floats:
        """Return the chance that each contract ends within some periods.

        Parameters
        ----------
        data : Contracts
            Contracts; `ended` is not read.
        periods : int
            How many periods to look ahead.

        Returns
        -------
        Floats
            One value a customer.
        """
        ends: Floats = 1.0 - self.survival(data.tenure, data.covariates, periods)[:, -1]
        return ends

    def save(self, folder: Path) -> None:
        """Write `model.json`.

        Parameters
        ----------
        folder : Path
            Made if it does not exist.
        """
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(asdict(self.learned), ensure_ascii=False, indent=1)
        (folder / "model.json").write_text(text + "\n")

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
            When the folder holds no such model.
        """
        model = cls()
        try:
            stored = json.loads((folder / "model.json").read_text())
            plain: dict[str, Any] = {
                name: tuple(value) if isinstance(value, list) else value
                for name, value in stored.items()
            }
            plain["words"] = {k: tuple(v) for k, v in stored["words"].items()}
            model._learned = LearnedContract(**plain)
        except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
            raise SourceError(
                f"{folder} holds no contract churn model that can be read "
                f"({type(error).__name__}: {error})",
                next_step="save the model again with ContractChurn.save",
                path=str(folder),
            ) from error
        return model


def _checked(data: Contracts) -> tuple[Floats, Bools]:
    tenure = np.asarray(data.tenure, dtype=np.float64)
    ended = np.asarray(data.ended, dtype=bool)
    lengths = {name: len(values) for name, values in data.covariates.items()}
    wrong = [name for name, size in {"ended": len(ended), **lengths}.items() if size != len(tenure)]
    if wrong:
        raise InputError(
            f"column {wrong[0]!r} has another length than tenure ({len(tenure)} rows)",
            next_step="give one value a customer in every column",
            column=wrong[0],
        )
    bad = np.flatnonzero(~np.isfinite(tenure) | (tenure < 0))
    if len(bad):
        raise InputError(
            f"row {bad[0]} has tenure {tenure[bad[0]]}: it must be a number of periods from 0 on",
            next_step="leave such rows out, or count their periods",
            row=int(bad[0]),
        )
    found = min(int(ended.sum()), int((~ended).sum()))
    if found < LEAST_EVENTS:
        what = "ended" if ended.sum() <= (~ended).sum() else "still run"
        raise NotEnoughDataError(
            f"of {len(tenure)} contracts {found} {what}; at least {LEAST_EVENTS} are needed to "
            "tell who leaves",
            next_step=f"load {LEAST_EVENTS - found} more of them, or a longer window",
            needed=LEAST_EVENTS,
            found=found,
        )
    return np.floor(tenure), ended


def _kinds(
    covariates: Mapping[str, Sequence[Any]],
) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    """Part covariates into numbers and words."""
    numbers, words = [], {}
    for name, values in covariates.items():
        column = np.asarray(values)
        if column.dtype.kind in "bifu":
            numbers.append(name)
        else:
            known, count = np.unique(column.astype(str), return_counts=True)
            # the most frequent is the base, and rare ones share it
            order = np.argsort(-count, kind="stable")
            words[name] = tuple(str(known[at]) for at in order if count[at] >= 10 or at == order[0])
    return tuple(numbers), words


def _covariates(
    covariates: Mapping[str, Sequence[Any]],
    numbers: tuple[str, ...],
    words: dict[str, tuple[str, ...]],
    size: int,
) -> Floats:
    missing = [name for name in (*numbers, *words) if name not in covariates]
    if missing:
        raise InputError(
            f"column {missing[0]!r} is not given, and the model reads it",
            next_step="give every covariate it was trained with",
            column=missing[0],
        )
    parts = [np.nan_to_num(np.asarray(covariates[name], dtype=np.float64)) for name in numbers]
    for name, known in words.items():
        column = np.asarray(covariates[name]).astype(str)
        parts += [(column == value).astype(np.float64) for value in known[1:]]
    return np.column_stack(parts) if parts else np.zeros((size, 0))


def _tenure_terms(period: Floats, knots: tuple[float, ...]) -> Floats:
    log_period = np.log(np.maximum(period, 1.0))
    bends = [np.maximum(log_period - knot, 0.0) for knot in knots]
    return np.column_stack([log_period, (period <= 1.0).astype(np.float64), *bends])


def _at_risk(
    last: Floats, ended: Bools, kind: np.ndarray[Any, Any], kinds: int
) -> tuple[Floats, np.ndarray[Any, Any], Floats, Floats]:
    """Add up customers alike in covariates: who entered each period, and who left in it."""
    most = int(last.max())
    entered = np.zeros((kinds, most + 1))
    np.add.at(entered, (kind, last.astype(np.int64)), 1.0)
    events = np.zeros((kinds, most + 1))
    np.add.at(events, (kind[ended], last[ended].astype(np.int64)), 1.0)
    # whoever reached period t was at risk in 1..t
    at_risk = np.cumsum(entered[:, ::-1], axis=1)[:, ::-1]
    at, period = np.nonzero(at_risk > 0)
    kept = period > 0
    at, period = at[kept], period[kept]
    return period.astype(np.float64), at, at_risk[at, period], events[at, period]
