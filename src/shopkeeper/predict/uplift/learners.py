"""S-, T-, X-, R- and DR-learners and the honest forest, cross-fitted on one trial.

Every learner leaves, beside its effect fitted on all rows, an effect for each row by a copy that did
not see the row's fold: what the choice between learners rests on. Outcome models are cross-fitted
too, so that no residual knows its own outcome (Chernozhukov et al. 2018).

S, T, X: Künzel et al. 2019. R: Nie and Wager 2021. DR: Kennedy 2023.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import nnls

from shopkeeper.core.errors import NotEnoughDataError
from shopkeeper.predict.history import Bools, Floats, Ints
from shopkeeper.predict.uplift.bases import CrossFit, fit_line, fit_logistic
from shopkeeper.predict.uplift.bins import Binner
from shopkeeper.predict.uplift.boost import Boosting
from shopkeeper.predict.uplift.columns import Columns
from shopkeeper.predict.uplift.effects import Effect, Mixture, Switch
from shopkeeper.predict.uplift.forest import ForestSettings, grow_forest
from shopkeeper.predict.uplift.trial import CLIP, Trial, make_folds

LEAVES = 5
"""Leaves of trees that learn effects: effects are simpler than outcomes."""


@dataclass(frozen=True, slots=True)
class Learned:
    """One learner on one trial.

    Parameters
    ----------
    learner : str
        ``s``, ``t``, ``x``, ``r``, ``dr`` or ``forest``.
    base : str
        ``line``, ``basis``, ``boost``, ``mixed`` or ``bins``.
    effect : Effect
        Fitted on all rows.
    unseen : Floats
        Effect of every row by a copy that did not see it.
    loss : float
        R-loss of `unseen`.
    """

    learner: str
    base: str
    effect: Effect
    unseen: Floats
    loss: float


@dataclass(frozen=True, slots=True)
class Workbench:
    """A trial with what all learners share.

    Parameters
    ----------
    trial : Trial
        Rows in canonical order.
    fold : Ints
        Fold by row.
    share : Floats
        Probability of treatment by row, clipped.
    outcome : Floats
        Outcomes, extreme ones drawn in.
    expected : CrossFit
        Model of the outcome whatever the arm; `unseen` is its cross-fitted answer.
    by_arm : tuple[CrossFit, CrossFit]
        Models of the outcome of controls and of treated.
    """

    trial: Trial
    fold: Ints
    share: Floats
    outcome: Floats
    expected: CrossFit
    by_arm: tuple[CrossFit, CrossFit]

    @property
    def residual(self) -> tuple[Floats, Floats]:
        """Outcome and treatment less what was expected of them."""
        return self.outcome - self.expected.unseen, self.trial.treated - self.share

    @property
    def scores(self) -> Floats:
        """Doubly robust score of the effect by row; its mean is the average effect."""
        mu0, mu1 = (fit.unseen for fit in self.by_arm)
        t, e = self.trial.treated, self.share
        rest = np.where(t, (self.outcome - mu1) / e, -(self.outcome - mu0) / (1.0 - e))
        return mu1 - mu0 + rest

    def blind(self, kind: str) -> Floats:
        """Targets of effect learners that know nothing of the fold held out.

        A residual made with a model that saw the held-out fold carries that fold's noise into the
        learner, which then seems to predict it.

        Parameters
        ----------
        kind : str
            ``r``, ``dr``, ``x1`` (effects of treated) or ``x0`` (effects of controls).

        Returns
        -------
        Floats
            (folds, rows).
        """
        t, e, y = self.trial.treated, self.share, self.outcome
        if kind == "r":
            return np.asarray((y - self.expected.pairs) / (t - e))
        mu0, mu1 = (fit.pairs for fit in self.by_arm)
        if kind == "x1":
            return np.asarray(y - mu0)
        if kind == "x0":
            return np.asarray(mu1 - y)
        rest = np.where(t, (y - mu1) / e, -(y - mu0) / (1.0 - e))
        return np.asarray(mu1 - mu0 + rest)

    def loss(self, effect: Floats) -> float:
        """Mean R-loss of effects.

        Parameters
        ----------
        effect : Floats
            By row, from copies that did not see it.
        """
        y, w = self.residual
        return float(np.average((y - w * effect) ** 2, weights=self.trial.weights))


class Bench:
    """Fits base learners on one trial; columns are made and binned once.

    Parameters
    ----------
    trial : Trial
        Checked, in canonical order.
    seed : int
        Decides folds and samples.
    folds : int
        Number of folds.
    """

    def __init__(self, trial: Trial, seed: int, folds: int) -> None:
        self.trial, self.seed = trial, seed
        self.fold = make_folds(trial.treated, trial.outcome, folds, seed)
        self.everyone = np.ones(trial.rows, dtype=bool)
        self._columns = {wide: Columns.of(trial.matrix, wide=wide) for wide in (False, True)}
        self._made = {wide: self._columns[wide].make(trial.matrix) for wide in (False, True)}
        self._boosting = Boosting(trial.matrix, self.fold, seed)
        self.binner = Binner.of(trial.matrix)
        self.codes = self.binner.codes(trial.matrix)

    def bases(
        self, target: Floats, weight: Floats, use: Bools, *, binary: bool = False, leaves: int = 8,
        pairs: bool = False,
    ) -> list[CrossFit]:  # fmt: skip
        """Every base learner on one target.

        Parameters
        ----------
        target : Floats
            What to predict.
        weight : Floats
            Weight by row.
        use : Bools
            Rows to learn from.
        binary : bool
            Whether the target is 0 or 1 and the answer a probability.
        leaves : int
            Leaves of a boosted tree.
        pairs : bool
            Whether copies without two folds are fitted too.
        """
        line = fit_logistic if binary else fit_line
        rest = (target, weight, self.fold, use)
        wide = fit_line(self._made[True], self._columns[True], *rest, pairs=pairs)
        return [
            line(self._made[False], self._columns[False], *rest, pairs=pairs),
            replace(wide, base="basis"),
            self._boosting.fit(target, weight, use, binary=binary, leaves=leaves, pairs=pairs),
        ]

    def outcome_model(self, outcome: Floats, use: Bools) -> CrossFit:
        """Mixture of the bases that predicts unseen outcomes best (Breiman 1996).

        Parameters
        ----------
        outcome : Floats
            By row.
        use : Bools
            Rows to learn from.
        """
        weight, binary = self.trial.weights, self.trial.binary
        fits = self.bases(outcome, weight, use, binary=binary, pairs=True)
        root = np.sqrt(weight[use])
        said = np.column_stack([fit.unseen[use] for fit in fits])
        mean = float(np.average(outcome[use], weights=weight[use]))
        share, _ = nnls((said - mean) * root[:, None], (outcome[use] - mean) * root)
        share /= max(float(share.sum()), 1.0)
        rest = mean * (1.0 - float(share.sum()))
        unseen = rest + np.tensordot(share, np.stack([fit.unseen for fit in fits]), axes=1)
        twice = rest + np.tensordot(share, np.stack([fit.pairs for fit in fits]), axes=1)
        used = [place for place in range(len(fits)) if share[place] > 0]
        model = Mixture(
            tuple(float(share[i]) for i in used), tuple(fits[i].model for i in used), rest
        )
        loss = float(np.average((outcome[use] - unseen[use]) ** 2, weights=weight[use]))
        return CrossFit("mixed", model, unseen, loss, twice)

    def prepare(self) -> Workbench:
        """Fit what all learners share."""
        trial = self.trial
        outcome = drawn_in(trial.outcome, trial.binary)
        share = self._share()
        expected = self.outcome_model(outcome, self.everyone)
        arms = (
            self.outcome_model(outcome, ~trial.treated),
            self.outcome_model(outcome, trial.treated),
        )
        # e(x) mu1(x) + (1 - e(x)) mu0(x) is another model of the same; the better one stays.
        both = share * arms[1].unseen + (1.0 - share) * arms[0].unseen
        loss = float(np.average((outcome - both) ** 2, weights=trial.weights))
        if loss < expected.loss:
            twice = share * arms[1].pairs + (1.0 - share) * arms[0].pairs
            expected = CrossFit("mixed", expected.model, both, loss, twice)
        return Workbench(trial, self.fold, share, outcome, expected, arms)

    def _share(self) -> Floats:
        trial = self.trial
        if trial.propensity is not None:
            known = np.broadcast_to(np.asarray(trial.propensity, dtype=np.float64), (trial.rows,))
            return np.clip(known, CLIP, 1.0 - CLIP)
        weight = trial.weights
        mean = float(np.average(trial.treated, weights=weight))
        fit = fit_logistic(
            self._made[False], self._columns[False], trial.treated.astype(np.float64), weight,
            self.fold, self.everyone,
        )  # fmt: skip
        constant = mean * (1.0 - mean)
        if fit.loss < 0.995 * constant:  # less is chance, and a constant share is a coin's
            _refuse_no_overlap(fit.unseen)
            return np.clip(fit.unseen, CLIP, 1.0 - CLIP)
        return np.full(trial.rows, float(np.clip(mean, CLIP, 1.0 - CLIP)))

    def learners(self, bench: Workbench, forest: ForestSettings) -> list[Learned]:
        """Every learner, each with every base it was made for.

        Parameters
        ----------
        bench : Workbench
            What they share.
        forest : ForestSettings
            How the forest grows.
        """
        return [
            self._s(bench),
            self._t(bench),
            *self._x(bench),
            *self._direct(bench, "r"),
            *self._direct(bench, "dr"),
            self._forest(bench, forest),
        ]

    def _learned(
        self, bench: Workbench, learner: str, base: str, effect: Effect, unseen: Floats
    ) -> Learned:
        return Learned(learner, base, effect, unseen, bench.loss(unseen))

    def _s(self, bench: Workbench) -> Learned:
        trial = self.trial
        arm = trial.treated.astype(np.float32)
        wide = np.column_stack([trial.matrix, arm])
        fit = Boosting(wide, self.fold, self.seed)
        whole = fit.fit(bench.outcome, trial.weights, self.everyone, binary=trial.binary)
        effect = Switch(whole.model)
        # Copies per fold, of the same strength, asked for both arms.
        rounds = getattr(whole.model, "rounds", 0)
        unseen = fit.unseen_difference(bench.outcome, trial.weights, trial.binary, rounds)
        return self._learned(bench, "s", "boost", effect, unseen)

    def _t(self, bench: Workbench) -> Learned:
        control, treated = bench.by_arm
        effect = Mixture((1.0, -1.0), (treated.model, control.model))
        return self._learned(bench, "t", "mixed", effect, treated.unseen - control.unseen)

    def _x(self, bench: Workbench) -> list[Learned]:
        trial = self.trial
        sides = [
            self.bases(bench.blind("x1"), trial.weights, trial.treated, leaves=LEAVES),
            self.bases(bench.blind("x0"), trial.weights, ~trial.treated, leaves=LEAVES),
        ]
        share = float(np.average(bench.share, weights=trial.weights))
        found = []
        for one, other in zip(*sides, strict=True):
            # The arm with many controls knows the effect on the treated best (Künzel, eq. 9).
            effect = Mixture((1.0 - share, share), (one.model, other.model))
            unseen = (1.0 - share) * one.unseen + share * other.unseen
            found.append(self._learned(bench, "x", one.base, effect, unseen))
        return found

    def _direct(self, bench: Workbench, learner: str) -> list[Learned]:
        weights = self.trial.weights
        if learner == "r":
            _, w = bench.residual
            weights = weights * w * w
        fits = self.bases(bench.blind(learner), weights, self.everyone, leaves=LEAVES)
        return [self._learned(bench, learner, x.base, x.model, x.unseen) for x in fits]

    def _forest(self, bench: Workbench, settings: ForestSettings) -> Learned:
        trial = self.trial
        y, _ = bench.residual
        share = bench.share
        weight = trial.weights
        if float(share.std()) > 0:
            weight = weight * np.where(trial.treated, 1.0 / share, 1.0 / (1.0 - share))
        forest, unseen = grow_forest(
            self.codes, self.binner, trial.treated, y, weight, settings, self.seed
        )
        return self._learned(bench, "forest", "bins", forest, unseen)


def drawn_in(outcome: Floats, binary: bool) -> Floats:
    """Outcomes with the extreme ones drawn in, where a few rows carry most of the variance.

    Parameters
    ----------
    outcome : Floats
        As measured.
    binary : bool
        Whether they are only 0 or 1.

    Returns
    -------
    Floats
        Unchanged unless the kurtosis is above 30; else cut at the 99.5th percentile of the
        outcomes that are not zero, on both sides. The average effect is taken from the uncut ones.
    """
    if binary:
        return outcome
    centred = outcome - outcome.mean()
    spread = float((centred**2).mean())
    if spread == 0 or float((centred**4).mean()) / spread**2 <= 30:
        return outcome
    some = outcome[outcome != 0]
    low, high = np.quantile(some, [0.005, 0.995])
    return np.clip(outcome, min(low, 0.0), max(high, 0.0))


def _refuse_no_overlap(share: Floats) -> None:
    outside = float(((share < CLIP) | (share > 1.0 - CLIP)).mean())
    if outside > 0.5:
        raise NotEnoughDataError(
            f"the columns tell who was treated for {outside:.0%} of the rows (probability below "
            f"{CLIP:g} or above {1 - CLIP:g}): there is nobody to compare them with",
            next_step="exclude columns that follow from the treatment, or hold out at random",
            share=outside,
        )
