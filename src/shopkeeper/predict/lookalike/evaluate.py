"""How well members that were held back are found, beside what is simple."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

from shopkeeper.predict.calibrate import auc
from shopkeeper.predict.lookalike.model import LookalikeModel, Seeds, require_audience
from shopkeeper.predict.lookalike.space import Bools, Customers, Floats, Ints, Space, build_space

HELD = 0.3
METHODS: dict[str, tuple[str, str]] = {
    "bagged": ("相似扩展", "Look-alike"),
    "logistic": ("逻辑回归", "Plain logistic"),
    "centroid": ("中心余弦", "Cosine to the centre"),
    "activity": ("仅看活跃度", "Activity alone"),
}
"""Name of each method in Chinese and English."""


@dataclass(frozen=True, slots=True)
class Found:
    """How one method orders customers outside the seeds.

    Parameters
    ----------
    method : str
        One of `METHODS`.
    lift : float
        Share of hidden members in its best tenth over their share in all.
    auc : float
        Chance that a hidden member stands before another customer.
    """

    method: str
    lift: float
    auc: float


def baseline_scores(
    customers: Customers, members: Bools, *, seed: int, methods: tuple[str, ...] = tuple(METHODS)
) -> dict[str, Floats]:
    """Scores of every method; ours by bags that had not seen the customer.

    Parameters
    ----------
    customers : Customers
        Everybody.
    members : Bools
        Seeds.
    seed : int
        Decides everything random.
    methods : tuple[str, ...]
        Which.

    Returns
    -------
    dict[str, Floats]
        One score a customer, by method.
    """
    found: dict[str, Floats] = {}
    plain = _standard(customers)
    if "bagged" in methods:
        space: Space = build_space(customers, seed)
        found["bagged"] = LookalikeModel().fit(space, members, seed=seed)
    if "logistic" in methods:
        fitted = LogisticRegression(C=1.0, max_iter=300, class_weight="balanced")
        found["logistic"] = np.asarray(fitted.fit(plain, members).decision_function(plain))
    if "centroid" in methods:
        centre = plain[members].mean(axis=0)
        length = np.linalg.norm(plain, axis=1) * max(float(np.linalg.norm(centre)), 1e-12)
        found["centroid"] = plain @ centre / np.maximum(length, 1e-12)
    if "activity" in methods:
        found["activity"] = customers.activity.astype(np.float64)
    return found


def held_out(data: Seeds, *, seed: int) -> list[Found]:
    """Hide some members, learn from the rest, and see who finds the hidden ones.

    Parameters
    ----------
    data : Seeds
        Everybody, and who belongs.
    seed : int
        Decides who is hidden.

    Returns
    -------
    list[Found]
        One a method, ours first.

    Raises
    ------
    NotEnoughDataError
        As the model itself refuses.
    """
    require_audience(data)
    inside = np.flatnonzero(data.members)
    random = np.random.default_rng(seed)
    hidden = random.permutation(inside)[: max(round(HELD * len(inside)), 3)]
    seeds = data.members.copy()
    seeds[hidden] = False
    scores = baseline_scores(data.customers, seeds, seed=seed)
    others = np.flatnonzero(~seeds)
    truth = np.isin(others, hidden)
    return [
        Found(method, top_lift(truth, score[others]), auc(truth, score[others]))
        for method, score in scores.items()
    ]


def top_lift(truth: Bools, score: Floats, share: float = 0.1) -> float:
    """Share of members among the best over their share in all; ties count by chance.

    Parameters
    ----------
    truth : Bools
        Who is a member.
    score : Floats
        Higher is better.
    share : float
        How many count as the best.

    Returns
    -------
    float
        1 where the order says nothing.
    """
    return precision_at(truth, score, share) / max(float(truth.mean()), 1e-12)


def precision_at(truth: Bools, score: Floats, share: float) -> float:
    """Share of members among the best; those tied at the edge count by their mean.

    Parameters
    ----------
    truth : Bools
        Who is a member.
    score : Floats
        Higher is better.
    share : float
        How many count as the best.

    Returns
    -------
    float
        0 to 1.

    Examples
    --------
    >>> precision_at(np.array([True, False, False, False]), np.array([3.0, 2, 1, 0]), 0.5)
    0.5
    """
    best = max(int(np.ceil(share * len(score))), 1)
    edge = np.partition(score, len(score) - best)[len(score) - best]
    above, at = score > edge, score == edge
    room = best - int(above.sum())
    return float((truth[above].sum() + truth[at].mean() * room) / best)


def _standard(customers: Customers) -> Floats:
    """What a tutorial does: logs of everything, standardised, missing is the mean."""
    facts = customers.facts
    logs = np.sign(facts) * np.log1p(np.abs(facts))
    counts = np.log1p(customers.items.toarray()) if customers.items.shape[1] <= 500 else None
    joined = logs if counts is None else np.column_stack([logs, counts])
    seen = np.isfinite(joined)
    mean = np.where(seen, joined, 0.0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    filled = np.where(seen, joined, mean)
    return np.asarray((filled - mean) / np.maximum(filled.std(axis=0), 1e-9))


__all__ = ["HELD", "METHODS", "Found", "Ints", "baseline_scores", "held_out", "precision_at",
           "top_lift"]  # fmt: skip
