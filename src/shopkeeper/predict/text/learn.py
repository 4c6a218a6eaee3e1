"""Learning from labelled texts: what is refused, how folds are made, what is chosen on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, vstack
from sklearn.linear_model import LogisticRegression

from shopkeeper.core.errors import InputError, NotEnoughDataError
from shopkeeper.predict.memory import require_memory
from shopkeeper.predict.text.grams import GramPlan, counts, find_grams
from shopkeeper.predict.text.linear import fit_ratios, fit_tfidf, present, tfidf, used_columns
from shopkeeper.predict.text.phrases import Floats
from shopkeeper.predict.text.twins import twin_groups
from shopkeeper.predict.text.units import Bools, Ints, Units

FEWEST, FEWEST_CLASS = 20, 5
FOLDS = 4
RATIO_STRENGTHS, TFIDF_STRENGTHS = (0.05, 0.15, 0.5), (3.0, 10.0, 30.0)
MEMORY_MB = 6144
BYTES_A_CHARACTER = 140
BYTES_A_WORD_CHARACTER = 60
"""Memory of training by character, with and without runs of letters: rows of both views, twice."""
MANY_CHARACTERS = 8_000_000
MANY_GRAMS = 8_000_000
AT_ONCE = 500_000
"""Units whose n-grams are listed at once."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """Texts with their labels.

    Parameters
    ----------
    texts : Sequence[str]
        In order.
    labels : Sequence[str]
        One a text.
    """

    texts: Sequence[str]
    labels: Sequence[str]


def checked(data: Labelled) -> tuple[list[str], npt.NDArray[np.str_]]:
    """Texts with words and their labels, or a refusal.

    Parameters
    ----------
    data : Labelled
        As given.

    Returns
    -------
    tuple[list[str], npt.NDArray[np.str_]]
        Texts without words are left out.

    Raises
    ------
    NotEnoughDataError
        When there are fewer than 20 texts with words, or fewer than 5 of a class.
    InputError
        When there is one class, or numbers of texts and labels differ.
    TooLargeError
        When training would need more memory than it may take.
    """
    if len(data.texts) != len(data.labels):
        raise InputError(
            f"there are {len(data.texts)} texts and {len(data.labels)} labels",
            next_step="give one label a text",
        )
    kept = [i for i, text in enumerate(data.texts) if text and text.strip()]
    if len(kept) < FEWEST:
        raise NotEnoughDataError(
            f"{len(kept)} labelled texts are too few to learn from",
            next_step=f"{FEWEST - len(kept)} more texts with words are needed",
            texts=len(kept), needed=FEWEST,
        )  # fmt: skip
    texts = [data.texts[i] for i in kept]
    labels = np.array([str(data.labels[i]) for i in kept], dtype=np.str_)
    classes, sizes = np.unique(labels, return_counts=True)
    if len(classes) < 2:
        raise InputError(
            f"all texts carry the label {str(classes[0])!r}",
            next_step="add texts with another label: there is nothing to tell apart",
            label=str(classes[0]),
        )
    if sizes.min() < FEWEST_CLASS:
        rare = str(classes[sizes.argmin()])
        raise NotEnoughDataError(
            f"{sizes.min()} texts with the label {rare!r} are too few",
            next_step=f"{FEWEST_CLASS - sizes.min()} more are needed, or leave that label out",
            label=rare, texts=int(sizes.min()), needed=FEWEST_CLASS,
        )  # fmt: skip
    characters = sum(map(len, texts))
    many = characters > MANY_CHARACTERS
    require_memory(
        f"training on {len(texts):,} texts of {characters:,} characters",
        characters * (BYTES_A_WORD_CHARACTER if many else BYTES_A_CHARACTER),
        MEMORY_MB,
        "train on a sample of the texts",
        size=len(texts),
        unit="texts",
    )
    return texts, labels


def by_content(units: Units) -> Ints:
    """An order that does not depend on the order given.

    Parameters
    ----------
    units : Units
        Texts cut into units.

    Returns
    -------
    Ints
        Places of the texts.
    """
    length = np.bincount(units.text, minlength=units.texts)
    place = (np.arange(len(units)) - (np.cumsum(length) - length)[units.text]).astype(np.uint64)
    total = np.zeros(units.texts, dtype=np.uint64)
    np.add.at(total, units.text, units.hashes * (place * np.uint64(2) + np.uint64(1)))
    return np.argsort(total, kind="stable")


def members_of(code: Ints, classes: int) -> Bools:
    """Membership by class.

    Parameters
    ----------
    code : Ints
        Class of each text.
    classes : int
        How many there are.

    Returns
    -------
    Bools
        Shape (texts, classes); for two classes that of the second alone.
    """
    if classes == 2:
        return np.asarray((code == 1)[:, None])
    return np.asarray(code[:, None] == np.arange(classes))


def folds_of(texts: Sequence[str], code: Ints, seed: int) -> Ints:
    """Fold of each text; twins share one, every class is spread evenly.

    Parameters
    ----------
    texts : Sequence[str]
        In order.
    code : Ints
        Class of each.
    seed : int
        Decides the folds.

    Returns
    -------
    Ints
        0 to `FOLDS` - 1.
    """
    group = twin_groups(texts)
    leaders = np.flatnonzero(group == np.arange(len(group)))
    rank = np.random.default_rng(seed).permutation(len(leaders))
    position = np.zeros(len(texts), dtype=np.int64)
    position[leaders[np.lexsort((rank, code[leaders]))]] = np.arange(len(leaders))
    return np.asarray(position[group] % FOLDS)


def plan_of(characters: int) -> GramPlan:
    """Which n-grams are counted: fewer kinds where there are very many texts to learn from.

    Parameters
    ----------
    characters : int
        In all training texts.

    Returns
    -------
    GramPlan
    """
    if characters > MANY_CHARACTERS:
        return GramPlan(units=2, letters=(0, 0))
    return GramPlan()


def count_rows(units: Units, plan: GramPlan) -> csr_matrix:
    """Counted n-grams of many texts, some at a time, so that the n-grams take bounded memory.

    Parameters
    ----------
    units : Units
        Texts cut into units.
    plan : GramPlan
        What is counted.

    Returns
    -------
    csr_matrix
        Shape (texts, 2^bits).
    """
    edges = np.searchsorted(units.text, np.arange(units.texts + 1))
    parts, first = [], 0
    while first < units.texts:
        last = int(np.searchsorted(edges, edges[first] + AT_ONCE, side="right")) - 1
        last = min(max(last, first + 1), units.texts)
        part = units.part(first, last, int(edges[first]), int(edges[last]))
        parts.append(counts(find_grams(part, plan), part.texts, plan.bits))
        first = last
    return parts[0] if len(parts) == 1 else vstack(parts, format="csr")


def rehearse(
    rows: csr_matrix, members: Bools, folds: Ints
) -> tuple[Floats, Bools, dict[str, float]]:
    """Decisions by views that did not see the text; strengths are chosen on the first fold.

    Parameters
    ----------
    rows : csr_matrix
        Counted n-grams.
    members : Bools
        Membership by class.
    folds : Ints
        Fold of each text.

    Returns
    -------
    tuple[Floats, Bools, dict[str, float]]
        Decisions of both views, shape (texts, 2 x classes); the texts that have them (with very
        many texts those of the first fold alone); the chosen strengths.
    """
    k = members.shape[1]
    held = np.zeros((rows.shape[0], 2 * k))
    chosen: dict[str, float] = {}
    rounds = FOLDS if rows.nnz * k <= MANY_GRAMS else 1
    if rows.nnz * k > 4 * MANY_GRAMS:
        # choosing would take longer than it gains: with so many texts the strengths matter little
        chosen = {"ratio_strength": RATIO_STRENGTHS[1], "tfidf_strength": TFIDF_STRENGTHS[1]}
    for fold in range(rounds):
        inside = folds != fold
        columns, idf = used_columns(rows[inside])
        small = rows[:, columns]
        ones, weighted = present(small), tfidf(small, idf)
        truth = members[~inside]
        first = {}
        for strength in [chosen["ratio_strength"]] if chosen else RATIO_STRENGTHS:
            view = fit_ratios(ones[inside], members[inside], strength)
            first[strength] = view.decide(ones[~inside])
        second = {}
        for strength in [chosen["tfidf_strength"]] if chosen else TFIDF_STRENGTHS:
            view = fit_tfidf(weighted[inside], members[inside], strength)
            second[strength] = view.decide(weighted[~inside])
        if not chosen:
            chosen["ratio_strength"] = min(first, key=lambda x: _loss(first[x], truth))
            chosen["tfidf_strength"] = min(second, key=lambda x: _loss(second[x], truth))
        held[~inside, :k] = first[chosen["ratio_strength"]]
        held[~inside, k:] = second[chosen["tfidf_strength"]]
    return held, folds < rounds, chosen


def weigh(views: Floats, code: Ints) -> tuple[Floats, Floats]:
    """Weights of the views, by a logistic over the decisions of texts held back.

    Parameters
    ----------
    views : Floats
        Shape (texts, views).
    code : Ints
        Class of each text.

    Returns
    -------
    tuple[Floats, Floats]
        Weights, shape (views, classes), and base; one column for two classes.
    """
    scale = np.maximum(views.std(axis=0), 1e-9)
    fitted = LogisticRegression(C=1.0, max_iter=500, tol=1e-6).fit(views / scale, code)
    return np.asarray(fitted.coef_.T / scale[:, None]), np.asarray(fitted.intercept_)


def _loss(decisions: Floats, truth: Bools) -> float:
    """Log-loss after the best single factor: an overconfident view is not punished for that."""
    signed = np.where(truth, decisions, -decisions)
    factors = (0.25, 0.5, 1.0, 2.0)
    return min(float(np.logaddexp(0.0, -factor * signed).mean()) for factor in factors)
