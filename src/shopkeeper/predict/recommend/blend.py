"""A weighted sum of recommenders, weights chosen on truth the components did not see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from shopkeeper.core.errors import NotEnoughDataError
from shopkeeper.predict.contract import model_class
from shopkeeper.predict.recommend.base import Reasons, Recommender, load_recommender
from shopkeeper.predict.recommend.evaluate import DEPTH, Truth, figures_of
from shopkeeper.predict.recommend.interactions import Floats, Interactions, Ints
from shopkeeper.predict.recommend.rank import blocks, hide_seen, target_ranks
from shopkeeper.predict.recommend.split import Split

__all__ = ["Blend", "choose_weights"]


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
        for part, weight in zip(self.components, self.weights, strict=True):
            if weight > 0:
                total += np.float32(weight) * _levelled(part.score(histories))
        return total

    def explain(self, histories: Interactions, users: Ints, items: Ints) -> Reasons:
        """The reason of the component that speaks loudest for each pair."""
        said = np.zeros((len(self.components), len(items)), dtype=np.float32)
        for start, stop in blocks(histories.n_users, len(self.item_ids)):
            own = np.flatnonzero((users >= start) & (users < stop))
            part = histories.slice_users(start, stop)
            for number, component in enumerate(self.components):
                if len(own) and self.weights[number] > 0:
                    levelled = _levelled(component.score(part))[users[own] - start, items[own]]
                    said[number, own] = self.weights[number] * levelled
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


def _levelled(scores: Floats) -> Floats:
    largest = scores.max(axis=1, keepdims=True, initial=0.0)
    levelled: Floats = scores / np.maximum(largest, np.finfo(np.float32).tiny)
    return levelled


def choose_weights(
    components: Sequence[Recommender],
    split: Split,
    *,
    exclude_seen: bool,
    grid: int = 4,
    users: int = 4_000,
    seed: int = 0,
) -> list[float]:
    """Try every division of 1 into ``grid`` parts and keep the best NDCG@10.

    Parameters
    ----------
    components
        Fitted on ``split.past``.
    split
        Validation; must not be the split the blend is reported on.
    exclude_seen
        As the blend will be used.
    grid
        Parts of the whole: 4 tries weights in steps of a quarter.
    users
        Judge at most so many, drawn by ``seed``.
    seed
        Decides the draw.

    Returns
    -------
    list of float
        One weight a component, sum 1; equal figures go to the more even weights.

    Raises
    ------
    NotEnoughDataError
        If no user of the split can be judged.
    """
    shares = [
        np.array(c) / grid
        for c in product(range(grid + 1), repeat=len(components))
        if sum(c) == grid
    ]
    shares.sort(key=lambda share: (float((share**2).sum()), tuple(-share)))
    truth = Truth.of(split, components[0], new_only=exclude_seen)
    judged = np.unique(truth.users)
    if len(judged) == 0:
        raise NotEnoughDataError(
            "no user of the validation period can be judged, weights cannot be chosen",
            next_step="choose a longer horizon or give the weights",
        )
    drawn = np.random.default_rng(seed).permutation(judged)[:users]
    histories = split.histories.for_items(components[0].item_ids)
    keep = np.isin(truth.users, drawn)
    names = histories.user_ids.take(np.sort(drawn))
    index = np.searchsorted(np.sort(drawn), truth.users[keep])
    truth = Truth(index, truth.items[keep])
    own_histories = _of_users(histories, np.sort(drawn), names)
    ranks = np.empty((len(shares), len(truth.users)), dtype=np.int64)
    for start, stop in blocks(len(drawn), histories.n_items):
        own = slice(*np.searchsorted(truth.users, [start, stop]))
        part = own_histories.slice_users(start, stop)
        levelled = [_levelled(component.score(part)) for component in components]
        for number, share in enumerate(shares):
            total = np.zeros_like(levelled[0])
            for weight, scores in zip(share.tolist(), levelled, strict=True):
                if weight > 0:
                    total += np.float32(weight) * scores
            if exclude_seen:
                hide_seen(total, part)
            rows = truth.users[own] - start
            ranks[number, own] = target_ranks(total, rows, truth.items[own], DEPTH)
    gains = [figures_of(row, truth.users, 0.0).values["ndcg@10"] for row in ranks]
    return [float(weight) for weight in shares[int(np.argmax(gains))]]


def _of_users(histories: Interactions, codes: Ints, names: Any) -> Interactions:
    rows = np.isin(histories.users, codes)
    part = histories.where(rows)
    return Interactions(
        np.searchsorted(codes, part.users),
        part.items,
        part.steps,
        part.times,
        names,
        part.item_ids,
    )
