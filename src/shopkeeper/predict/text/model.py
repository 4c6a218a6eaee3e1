"""A classifier of texts: two linear views and the lexicon, weighed on texts held back.

Everything is linear in the end, so that what each part of a text adds can be shown and sums up to
the log-odds exactly.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from shopkeeper.core.errors import InputError
from shopkeeper.predict.contract import register, require_fitted
from shopkeeper.predict.text.grams import GramPlan, Grams, counts, find_grams
from shopkeeper.predict.text.learn import (
    Labelled,
    by_content,
    checked,
    count_rows,
    folds_of,
    members_of,
    plan_of,
    rehearse,
    weigh,
)
from shopkeeper.predict.text.linear import (
    View,
    fit_ratios,
    fit_tfidf,
    present,
    tfidf,
    used_columns,
)
from shopkeeper.predict.text.phrases import Floats
from shopkeeper.predict.text.rules import (
    lexical_views,
    require_readable,
    sentiment_rules,
    unit_views,
)
from shopkeeper.predict.text.units import Ints, Units, read_units


@dataclass(frozen=True, slots=True)
class _State:
    """What was learned: n-grams in use, weights of both views, and how they are weighed.

    `mix` has one row a decision value (ratios by class, TF-IDF by class, lexicon) and one column a
    class (one column for two classes: the log-odds of the second).
    """

    classes: tuple[str, ...]
    plan: GramPlan
    columns: Ints
    idf: Floats
    ratios: View
    frequencies: View
    mix: Floats
    base: Floats
    chosen: dict[str, float]


@register
class TextModel:
    """Tells the label of a text, with a probability and the words that decided it."""

    task: ClassVar[str] = "text"
    name: ClassVar[str] = "linear"

    def __init__(self) -> None:
        self._state: _State | None = None
        self._place: npt.NDArray[np.int32] | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """Labels it tells, sorted.

        Returns
        -------
        tuple[str, ...]
        """
        return self._known().classes

    @property
    def chosen(self) -> dict[str, float]:
        """Strengths that were chosen on texts held back.

        Returns
        -------
        dict[str, float]
        """
        return dict(self._known().chosen)

    def fit(self, data: Labelled, /, *, seed: int = 0) -> Self:
        """Learn from labelled texts.

        Parameters
        ----------
        data : Labelled
            Any number of classes from two; near-copies are kept on one side of every fold.
        seed : int
            Decides the folds.

        Returns
        -------
        Self
            The same object.

        Raises
        ------
        NotEnoughDataError
            When there are fewer than 20 texts with words, or fewer than 5 of a class.
        InputError
            When there is one class, numbers of texts and labels differ, or the script is not read.
        TooLargeError
            When training would need more memory than it may take.
        """
        texts, labels = checked(data)
        units = read_units(texts)
        require_readable(units)
        order = by_content(units)
        texts, labels = [texts[i] for i in order], labels[order]
        units = read_units(texts)
        classes, code = np.unique(labels, return_inverse=True)
        plan = plan_of(sum(map(len, texts)))
        rows = count_rows(units, plan)
        members = members_of(code, len(classes))
        held, seen, chosen = rehearse(rows, members, folds_of(texts, code, seed))
        said = lexical_views(units, sentiment_rules().read(units))
        mix, base = weigh(np.column_stack([held, said])[seen], code[seen])
        columns, idf = used_columns(rows)
        small = rows[:, columns]
        ratios = fit_ratios(present(small), members, chosen["ratio_strength"])
        frequencies = fit_tfidf(tfidf(small, idf), members, chosen["tfidf_strength"])
        self._keep(
            _State(
                tuple(str(x) for x in classes), plan, columns, idf, _short(ratios),
                _short(frequencies), mix, base, chosen,
            )
        )  # fmt: skip
        return self

    def log_odds(self, units: Units) -> Floats:
        """Score of each class.

        Parameters
        ----------
        units : Units
            Texts cut into units.

        Returns
        -------
        Floats
            Shape (texts, classes); for two classes the first column is 0 and the second the
            log-odds of the second class.
        """
        state = self._known()
        grams = self._grams(units)
        rows = counts_small(grams, units.texts, len(state.columns))
        said = lexical_views(units, sentiment_rules().read(units))
        views = np.column_stack(
            [
                state.ratios.decide(present(rows)),
                state.frequencies.decide(tfidf(rows, state.idf)),
                said,
            ]
        )
        return _both(views @ state.mix + state.base)

    def probabilities(self, texts: Sequence[str | None]) -> Floats:
        """Probability of each class.

        Parameters
        ----------
        texts : Sequence[str | None]
            In order; an empty text gets the answer of a text without a known word.

        Returns
        -------
        Floats
            Shape (texts, classes), rows sum to one.
        """
        score = self.log_odds(read_units(texts))
        score = np.exp(score - score.max(axis=1, keepdims=True))
        return np.asarray(score / score.sum(axis=1, keepdims=True))

    def predict(self, texts: Sequence[str | None]) -> list[str]:
        """Most likely label of each text.

        Parameters
        ----------
        texts : Sequence[str | None]
            In order.

        Returns
        -------
        list[str]
            One label a text.
        """
        best = self.log_odds(read_units(texts)).argmax(axis=1)
        return [self.classes[i] for i in best]

    def added(self, units: Units, label: str) -> tuple[Floats, float]:
        """What each unit adds to the score of a label.

        Parameters
        ----------
        units : Units
            Texts cut into units.
        label : str
            One of `classes`.

        Returns
        -------
        tuple[Floats, float]
            One number a unit, and the base; the base and the units of a text sum up to its score.
            For two classes the score is the log-odds of the label.
        """
        state = self._known()
        if label not in state.classes:
            raise InputError(
                f"the model knows no label {label!r}",
                next_step=f"choose one of {', '.join(state.classes)}",
            )
        two = len(state.classes) == 2
        column = 0 if two else state.classes.index(label)
        sign = -1.0 if two and label == state.classes[0] else 1.0
        mix = state.mix[:, column] * sign
        k = state.ratios.weights.shape[1]
        grams = self._grams(units)
        first = state.ratios.weights @ mix[:k]
        second = state.frequencies.weights @ mix[k : 2 * k]
        each = _gram_weights(grams, units.texts, first, second, state.idf)
        total = np.zeros(len(units) + 1)
        # a run of units shares its weight evenly: a step up at its start, down after its end
        share = each / grams.length
        total += np.bincount(grams.unit, weights=share, minlength=len(total))
        total -= np.bincount(grams.unit + grams.length, weights=share, minlength=len(total))
        words = (
            np.cumsum(total)[: len(units)]
            + unit_views(units, sentiment_rules().read(units)) @ mix[2 * k :]
        )
        constant = state.base[column] * sign
        constant += state.ratios.intercept @ mix[:k] + state.frequencies.intercept @ mix[k : 2 * k]
        return words, float(constant)

    def save(self, folder: Path) -> None:
        """Write `text.json` and `text.npz`.

        Parameters
        ----------
        folder : Path
            Made if it does not exist.
        """
        state = self._known()
        folder.mkdir(parents=True, exist_ok=True)
        plain = {
            "classes": state.classes, "chosen": state.chosen,
            "plan": {"units": state.plan.units, "letters": state.plan.letters,
                     "negated": state.plan.negated, "bits": state.plan.bits},
        }  # fmt: skip
        (folder / "text.json").write_text(json.dumps(plain, ensure_ascii=False), encoding="utf-8")
        np.savez_compressed(
            folder / "text.npz",
            columns=state.columns.astype(np.int32), idf=state.idf,
            ratios=state.ratios.weights.astype(np.float32), ratios_base=state.ratios.intercept,
            frequencies=state.frequencies.weights.astype(np.float32),
            frequencies_base=state.frequencies.intercept, mix=state.mix, base=state.base,
        )  # fmt: skip

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
        """
        plain = json.loads((folder / "text.json").read_text(encoding="utf-8"))
        plan = plain["plan"]
        with np.load(folder / "text.npz", allow_pickle=False) as stored:
            state = _State(
                tuple(plain["classes"]),
                GramPlan(plan["units"], tuple(plan["letters"]), plan["negated"], plan["bits"]),
                stored["columns"].astype(np.int64), stored["idf"],
                View(stored["ratios"].astype(np.float64), stored["ratios_base"]),
                View(stored["frequencies"].astype(np.float64), stored["frequencies_base"]),
                stored["mix"], stored["base"], plain["chosen"],
            )  # fmt: skip
        model = cls()
        model._keep(state)
        return model

    def _keep(self, state: _State) -> None:
        place = np.full(1 << state.plan.bits, -1, dtype=np.int32)
        place[state.columns] = np.arange(len(state.columns))
        self._state, self._place = state, place

    def _known(self) -> _State:
        require_fitted(self._state, f"{self.task}/{self.name}")
        assert self._state is not None
        return self._state

    def _grams(self, units: Units) -> Grams:
        """N-grams of texts that have a weight, by their place among those."""
        assert self._place is not None
        found = find_grams(units, self._known().plan)
        place = self._place[found.bucket]
        kept = np.flatnonzero(place >= 0)
        return Grams(
            found.text[kept], place[kept].astype(np.int64), found.unit[kept], found.length[kept]
        )


def counts_small(grams: Grams, texts: int, columns: int) -> csr_matrix:
    """Counts of n-grams already brought to their places.

    Parameters
    ----------
    grams : Grams
        Of all texts.
    texts, columns : int
        Shape.

    Returns
    -------
    csr_matrix
        Shape (texts, columns).
    """
    bits = max(int(columns).bit_length(), 1)
    wide = counts(grams, texts, bits)
    return csr_matrix((wide.data, wide.indices, wide.indptr), shape=(texts, columns))


def _gram_weights(
    grams: Grams, texts: int, ratio: Floats, frequency: Floats, idf: Floats
) -> Floats:
    """What each occurrence adds: the weight of its n-gram, shared among its repeats."""
    rows = counts_small(grams, texts, len(idf))
    value = ratio[rows.indices] + tfidf(rows, idf).data * frequency[rows.indices]
    width = len(idf)
    key = np.repeat(np.arange(texts), np.diff(rows.indptr)) * width + rows.indices
    at = np.searchsorted(key, grams.text * width + grams.bucket)
    return np.asarray((value / rows.data)[at])


def _both(score: Floats) -> Floats:
    if score.shape[1] > 1:
        return score
    return np.column_stack([np.zeros(len(score)), score[:, 0]])


def _short(view: View) -> View:
    """Weights as they are stored, so that a loaded model answers alike."""
    return View(view.weights.astype(np.float32).astype(np.float64), view.intercept)
