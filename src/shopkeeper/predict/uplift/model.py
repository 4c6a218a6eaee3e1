"""The uplift model: many learners on one randomised trial, one effect by customer.

Memory is bounded: learners take at most `MOST_LEARNED` rows (all rows with a rare outcome, the
others thinned and weighted back), the forest reads one byte a value of all rows.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from shopkeeper.core.errors import InputError, SourceError
from shopkeeper.predict.contract import register, require_fitted
from shopkeeper.predict.history import Floats
from shopkeeper.predict.memory import MIB, require_memory
from shopkeeper.predict.uplift.effects import Bounded, Mixture, part_of
from shopkeeper.predict.uplift.forest import ForestSettings
from shopkeeper.predict.uplift.learners import Bench, Learned, Workbench
from shopkeeper.predict.uplift.stack import Stacked, stack
from shopkeeper.predict.uplift.stored import FolderReader, FolderWriter
from shopkeeper.predict.uplift.trial import Matrix, Trial, canonical_order, check_trial

MOST_LEARNED = 400_000
"""Rows that learners are fitted on, at most."""
LIMIT_MB = 8_192
PASS_ROWS = 500_000
FOLDS = 5
FEW = 2_000
"""Rows up to which noise outweighs what more trees would tell."""
MANY = 15_000
"""Rows from which three folds and fewer trees say as much."""


@dataclass(frozen=True, slots=True)
class LearnedUplift:
    """Everything `fit` learns; effects in units of the outcome.

    Parameters
    ----------
    columns : tuple[str, ...]
        Columns it reads, in order.
    effect : Mixture
        The final effect.
    baseline : Any
        Expected outcome untreated, a regressor.
    learners : dict[str, Any]
        Effect of every learner by its name, the best base of each.
    average, average_error : float
        Average effect and its standard error.
    shares : dict[str, float]
        Weight of each learner.
    losses : dict[str, float]
        Held-out R-loss by learner and base.
    evidence, factor : float
        See `stack.Stacked`.
    rows, treated : int
        Rows learned from, and treated among them.
    binary : bool
        Whether the outcome is 0 or 1.
    seed : int
        Seed of the fit.
    """

    columns: tuple[str, ...]
    effect: Mixture
    baseline: Any
    learners: dict[str, Any]
    average: float
    average_error: float
    shares: dict[str, float]
    losses: dict[str, float]
    evidence: float
    factor: float
    rows: int
    treated: int
    binary: bool
    seed: int


@register
class UpliftModel:
    """What a treatment changes for each customer.

    Parameters
    ----------
    forest : ForestSettings | None
        How the forest grows.
    folds : int | None
        Folds of the cross-fitting, three or more; None takes five, three for few or many rows.
    """

    name: ClassVar[str] = "uplift"
    task: ClassVar[str] = "uplift"

    def __init__(self, forest: ForestSettings | None = None, folds: int | None = None) -> None:
        self._forest = forest or ForestSettings()
        self._folds = folds
        self._learned: LearnedUplift | None = None

    @property
    def learned(self) -> LearnedUplift:
        """Return what was learned.

        Raises
        ------
        PlanError
            When the model was not fitted.
        """
        require_fitted(self._learned, self.name)
        assert self._learned is not None
        return self._learned

    def fit(self, data: Trial, /, *, seed: int = 0) -> Self:
        """Learn from a randomised trial.

        Parameters
        ----------
        data : Trial
            Customers, arms and outcomes.
        seed : int
            Decides folds and samples.

        Returns
        -------
        Self
            The same object.

        Raises
        ------
        InputError
            When numbers are not finite or in their range.
        NotEnoughDataError
            When an arm is missing or too small, or nothing varies.
        TooLargeError
            When the estimate of memory is above 8 GiB.
        """
        self.fit_whole(data, seed=seed)
        return self

    def fit_whole(self, data: Trial, *, seed: int = 0) -> tuple[Workbench, list[Learned], Stacked]:
        """Learn, and return the held-out answers the choice rested on.

        Parameters
        ----------
        data : Trial
            Customers, arms and outcomes.
        seed : int
            Decides folds and samples.

        Returns
        -------
        tuple[Workbench, list[Learned], Stacked]
            What learners shared, the learners, and their mixture; rows in canonical order.
        """
        check_trial(data)
        require_memory(
            "training uplift", training_bytes(min(data.rows, MOST_LEARNED), data.matrix.shape[1]),
            LIMIT_MB, "exclude columns, or take a sample of the customers", size=data.rows,
        )  # fmt: skip
        trial = thinned(data, MOST_LEARNED, seed)
        trial = trial.take(canonical_order(trial))
        bench = Bench(trial, seed, self._folds or (FOLDS if FEW <= trial.rows <= MANY else 3))
        shared = bench.prepare()
        settings = self._forest
        if trial.rows < FEW:
            settings = replace(settings, trees=min(settings.trees, 60))
        if trial.rows > MANY:
            settings = replace(settings, trees=min(settings.trees, 80), depth=settings.depth + 1)
        learned = bench.learners(shared, settings)
        whole = stack(shared, learned)
        self._learned = LearnedUplift(
            columns=data.columns,
            effect=whole.effect,
            baseline=Bounded.of(shared.by_arm[0].model, trial.matrix),
            learners={
                name: Bounded.of(best_of(learned, name).effect, trial.matrix) for name in LEARNERS
            },
            average=whole.average,
            average_error=whole.average_error,
            shares=whole.shares,
            losses={f"{x.learner}_{x.base}": x.loss for x in learned},
            evidence=whole.evidence,
            factor=whole.factor,
            rows=data.rows,
            treated=int(data.treated.sum()),
            binary=trial.binary,
            seed=seed,
        )
        return shared, learned, whole

    def predict(self, matrix: Matrix, learner: str | None = None) -> Floats:
        """Effect of treating each customer.

        Parameters
        ----------
        matrix : Matrix
            Columns as in the training; NaN where missing.
        learner : str | None
            One of `LEARNERS` alone; None is the mixture.

        Returns
        -------
        Floats
            In units of the outcome, one entry a row.

        Raises
        ------
        InputError
            When the number of columns differs from that of the training.
        """
        effect = self.learned.effect if learner is None else self.learned.learners[learner]
        return self._answers(effect, matrix)

    def baseline(self, matrix: Matrix) -> Floats:
        """Expected outcome of each customer without treatment.

        Parameters
        ----------
        matrix : Matrix
            Columns as in the training.

        Returns
        -------
        Floats
            In units of the outcome.
        """
        return self._answers(self.learned.baseline, matrix)

    def _answers(self, part: Any, matrix: Matrix) -> Floats:
        wanted = len(self.learned.columns)
        if matrix.ndim != 2 or matrix.shape[1] != wanted:
            raise InputError(
                f"the uplift model reads {wanted} columns, the table has {matrix.shape[-1]}",
                next_step="give the columns of the training in their order",
                columns=list(self.learned.columns),
            )
        out = np.empty(len(matrix))
        for start in range(0, len(matrix), PASS_ROWS):
            rows = slice(start, start + PASS_ROWS)
            out[rows] = part.predict(np.ascontiguousarray(matrix[rows], dtype=np.float32))
        return out

    def save(self, folder: Path) -> None:
        """Write `model.json` and `arrays.npz`, and trees as text.

        Parameters
        ----------
        folder : Path
            Made if it does not exist.
        """
        folder.mkdir(parents=True, exist_ok=True)
        learned = self.learned
        store = FolderWriter(folder)
        plain = {
            name: getattr(learned, name) for name in LearnedUplift.__dataclass_fields__
            if name not in {"effect", "baseline", "learners"}
        }  # fmt: skip
        plain |= {
            "model": self.name,
            "effect": store.put(learned.effect.to_dict()),
            "baseline": store.put(learned.baseline.to_dict()),
            "learners": {k: store.put(x.to_dict()) for k, x in learned.learners.items()},
        }
        store.close()
        text = json.dumps(plain, ensure_ascii=False, indent=1)
        (folder / "model.json").write_text(text + "\n", encoding="utf-8")

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
            When the folder holds no uplift model.
        """
        try:
            plain = json.loads((folder / "model.json").read_text(encoding="utf-8"))
            with np.load(folder / "arrays.npz", allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            values = {
                name: plain[name] for name in LearnedUplift.__dataclass_fields__
                if name not in {"effect", "baseline", "learners", "columns"}
            }  # fmt: skip
            got = FolderReader(folder, arrays)
            learned = LearnedUplift(
                columns=tuple(plain["columns"]),
                effect=part_of(got.get(plain["effect"])),
                baseline=part_of(got.get(plain["baseline"])),
                learners={k: part_of(got.get(x)) for k, x in plain["learners"].items()},
                **values,
            )
        except (OSError, KeyError, ValueError, TypeError) as error:
            raise SourceError(
                f"{folder} holds no uplift model that can be read ({type(error).__name__}: {error})",
                next_step="save the model again with UpliftModel.save",
                path=str(folder),
            ) from error
        model = cls()
        model._learned = learned
        return model


LEARNERS = ("s", "t", "x", "r", "dr", "forest")
"""Learners by their name; of each the base with the least held-out loss counts."""


def best_of(learned: list[Learned], learner: str) -> Learned:
    """The base of a learner with the least held-out R-loss.

    Parameters
    ----------
    learned : list[Learned]
        Fitted learners.
    learner : str
        One of `LEARNERS`.

    Returns
    -------
    Learned
        One of them.
    """
    return min((x for x in learned if x.learner == learner), key=lambda x: x.loss)


def thinned(trial: Trial, most: int, seed: int) -> Trial:
    """At most so many rows; where the outcome is mostly zero, the others are kept first.

    Parameters
    ----------
    trial : Trial
        All rows.
    most : int
        Rows wanted at most.
    seed : int
        Decides the draw.

    Returns
    -------
    Trial
        Rows with weights that make up for those left out (Horvitz and Thompson 1952).
    """
    if trial.rows <= most:
        return trial
    random = np.random.default_rng([seed, 41])
    happened = trial.outcome != 0
    rare = int(happened.sum())
    weight = trial.weights.copy()
    if rare * 4 <= most:
        chance = (most - rare) / (trial.rows - rare)
        keep = happened | (random.random(trial.rows) < chance)
        weight[~happened] /= chance
    else:
        chance = most / trial.rows
        keep = random.random(trial.rows) < chance
        weight /= chance
    places = np.flatnonzero(keep)
    kept = trial.take(places)
    return replace(kept, weight=weight[places])


def training_bytes(rows: int, columns: int) -> int:
    """Estimate of the peak of training.

    Parameters
    ----------
    rows : int
        Rows learned from.
    columns : int
        Features.

    Returns
    -------
    int
        Bytes: features, the wide basis and its copy by fold, binned copies, and answers by learner.
    """
    wide = columns * 4 + (columns * (columns - 1) // 2 if columns <= 12 else 0)
    return rows * (columns * 14 + wide * 8 * 2 + 70 * 8) + 64 * MIB
