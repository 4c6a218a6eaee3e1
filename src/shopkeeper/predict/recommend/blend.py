"""A weighted sum of recommenders, weights chosen on truth the components did not see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from shopkeeper.predict.contract import model_class
from shopkeeper.predict.recommend.base import Reasons, Recommender, load_recommender
from shopkeeper.predict.recommend.candidates import judged, levelled
from shopkeeper.predict.recommend.interactions import Floats, Interactions, Ints
from shopkeeper.predict.recommend.popularity import RecentPopularity
from shopkeeper.predict.recommend.rank import blocks
from shopkeeper.predict.recommend.split import Split

__all__ = ["Blend", "choose_weights"]

Doubles = npt.NDArray[np.float64]

_SHARES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
_WORTH = 0.001
_FLOOR = 0.001


class Blend(Recommender):
    """Σ weight · score / (largest score of the user), over its components.

    Parameters
    ----------
    components
        Each ``{"name": ..., "parameters": {...}}``, or a recommender.
    weights
        One a component, not negative.
    """

    name: ClassVar[str] = "blend"

    def __init__(
        self,
        components: Sequence[Recommender | Mapping[str, Any]],
        weights: Sequence[float],
    ) -> None:
        super().__init__()
        self.components = [
            part
            if isinstance(part, Recommender)
            else model_class(self.task, part["name"])(**part["parameters"])
            for part in components
        ]
        self.weights = [float(weight) for weight in weights]
        self._last: tuple[Interactions, list[Floats]] | None = None

    def parameters(self) -> dict[str, Any]:
        """Components with their parameters, and the weights."""
        parts = [{"name": p.name, "parameters": p.parameters()} for p in self.components]
        return {"components": parts, "weights": self.weights}

    def _learn(self, interactions: Interactions, seed: int) -> None:
        for part in self.components:
            part.fit(interactions, seed=seed)

    def take_fitted(self) -> Self:
        """Use components that are already fitted on the same items, without fitting again.

        Returns
        -------
        Self
            The same object, ready to score.
        """
        self._item_ids = self.components[0].item_ids
        return self

    def _score(self, histories: Interactions) -> Floats:
        total = np.zeros((histories.n_users, histories.n_items), dtype=np.float32)
        said = []
        for part, weight in zip(self.components, self.weights, strict=True):
            if weight > 0:
                own = np.float32(weight) * levelled(part.score(histories))
                total += own
                if histories.n_users == 1:
                    said.append(own)
        # One request asks for scores and then for reasons of the same history.
        self._last = (histories, said) if histories.n_users == 1 else None
        return total

    def explain(self, histories: Interactions, users: Ints, items: Ints) -> Reasons:
        """The reason of the component that speaks loudest for each pair."""
        said = np.zeros((len(self.components), len(items)), dtype=np.float32)
        last = self._last
        kept = last[1] if last is not None and last[0] is histories else None
        if kept is not None:
            used = [number for number, weight in enumerate(self.weights) if weight > 0]
            for number, own_scores in zip(used, kept, strict=True):
                said[number] = own_scores[0, items]
        spans = () if kept is not None else blocks(histories.n_users, len(self.item_ids))
        for start, stop in spans:
            own = np.flatnonzero((users >= start) & (users < stop))
            part = histories.slice_users(start, stop)
            for number, component in enumerate(self.components):
                if len(own) and self.weights[number] > 0:
                    shares = levelled(component.score(part))[users[own] - start, items[own]]
                    said[number, own] = self.weights[number] * shares
        loudest = said.argmax(axis=0)
        codes = np.full(len(items), self.reason, dtype=object)
        sources = np.full(len(items), -1, dtype=np.int64)
        for number, component in enumerate(self.components):
            own = np.flatnonzero(loudest == number)
            if len(own):
                reasons = component.explain(histories, users[own], items[own])
                codes[own], sources[own] = reasons.codes, reasons.sources
        return Reasons(codes, sources)

    def _state(self) -> Mapping[str, Any]:
        return {}

    def _restore(self, state: Mapping[str, Any]) -> None:
        """Everything learned is in the components."""

    def _save_parts(self, folder: Path) -> None:
        for number, part in enumerate(self.components):
            part.save(folder / f"component-{number}")

    def _load_parts(self, folder: Path) -> None:
        self.components = [
            load_recommender(folder / f"component-{number}")
            for number in range(len(self.components))
        ]


def choose_weights(
    components: Sequence[Recommender],
    split: Split,
    *,
    exclude_seen: bool,
    users: int = 2_000,
    seed: int = 0,
    rounds: int = 3,
) -> list[float]:
    """Weights by coordinate ascent on NDCG@10, never on the split that is reported.

    Starts at the best single component and, component after component, tries which share of the
    whole it should have. A change must gain `_WORTH` of the figure, so that a component that adds
    nothing keeps weight 0. Popularity always keeps a thousandth: it orders what nothing personal
    is known about, and answers newcomers.

    Parameters
    ----------
    components
        Fitted on ``split.past``.
    split
        Validation; must not be the split the blend is reported on.
    exclude_seen
        As the blend will be used.
    users
        Judge at most so many, drawn by ``seed``.
    seed
        Decides the draw.
    rounds
        Passes over the components.

    Returns
    -------
    list of float
        One weight a component, sum 1.

    Raises
    ------
    NotEnoughDataError
        If no user of the split can be judged.
    """
    asked = judged(components, split, exclude_seen=exclude_seen, users=users, seed=seed)
    scores = asked.candidates.scores

    def gain(weights: Doubles) -> float:
        return asked.figures(scores @ weights.astype(np.float32)).values["ndcg@10"]

    count = len(components)
    singles = [gain(row) for row in np.eye(count)]
    weights: Doubles = np.eye(count)[int(np.argmax(singles))]
    weights = _floored(components, weights)
    best = gain(weights)
    for _ in range(rounds):
        before = best
        for number in range(count):
            for share in _SHARES:
                tried = _with_share(weights, number, share)
                tried = _floored(components, tried)
                value = gain(tried)
                if value > best * (1 + _WORTH):
                    weights, best = tried, value
        if best <= before:
            break
    return [float(weight) for weight in weights]


def _with_share(weights: Doubles, number: int, share: float) -> Doubles:
    """The same weights with one of them set to a share of the whole."""
    others = weights.copy()
    others[number] = 0.0
    whole = others.sum()
    if whole <= 0:
        return weights
    changed: Doubles = others / whole * (1 - share)
    changed[number] = share
    return changed


def _floored(components: Sequence[Recommender], weights: Doubles) -> Doubles:
    floor = np.array([_FLOOR * (part.name == RecentPopularity.name) for part in components])
    raised: Doubles = np.maximum(weights, floor)
    raised /= raised.sum()
    return raised
