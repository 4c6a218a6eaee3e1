"""What everybody buys: the baseline every recommender must beat, and the answer for newcomers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from shopkeeper.predict.recommend.base import Recommender
from shopkeeper.predict.recommend.interactions import DAY_US, Floats, Interactions

__all__ = ["FadingPopularity", "Popularity", "RecentPopularity"]


class Popularity(Recommender):
    """Number of users who had the item, over the whole past."""

    name: ClassVar[str] = "popularity"

    def __init__(self) -> None:
        super().__init__()
        self._counts: Floats = np.zeros(0, dtype=np.float32)

    def parameters(self) -> dict[str, Any]:
        """No parameters."""
        return {}

    def _learn(self, interactions: Interactions, seed: int) -> None:  # noqa: ARG002 - nothing random
        self._counts = _buyers(interactions)

    def _score(self, histories: Interactions) -> Floats:
        return np.tile(self._counts, (histories.n_users, 1))

    def _state(self) -> Mapping[str, Any]:
        return {"counts": self._counts}

    def _restore(self, state: Mapping[str, Any]) -> None:
        self._counts = state["counts"]


class RecentPopularity(Popularity):
    """Number of users who had the item in the last days.

    Where there are no timestamps the declared stand-in is the most recent part of every
    history. Equal counts are decided by the popularity of the whole past.

    Parameters
    ----------
    days
        Length of the window before the last interaction.
    share
        Part of each history, from its end, that counts as recent without timestamps.
    """

    name: ClassVar[str] = "popularity-7-days"
    reason: ClassVar[str] = "popular_recently"

    def __init__(self, days: int = 7, share: float = 0.2) -> None:
        super().__init__()
        self.days = days
        self.share = share

    def parameters(self) -> dict[str, Any]:
        """Window and stand-in share."""
        return {"days": self.days, "share": self.share}

    def _learn(self, interactions: Interactions, seed: int) -> None:  # noqa: ARG002 - nothing random
        if interactions.times is not None:
            last = interactions.times.max(initial=0)
            recent = interactions.times > last - self.days * DAY_US
        else:
            ago = interactions.steps_ago()
            length = ago + interactions.steps + 1
            recent = ago < np.ceil(length * self.share)
        whole = _buyers(interactions)
        # Below 1, so it only decides between equal counts.
        self._counts = _buyers(interactions.where(recent)) + whole / (whole.max(initial=0) + 1)


class FadingPopularity(Popularity):
    """Buyers of the item, each by how lately: half as much every so many days.

    Steadier than a window where few sales fall into a week. Where there are no timestamps, age is
    the part of the user's own history that came after.

    Parameters
    ----------
    half_life_days
        Age at which a buyer counts half.
    share
        The same as a part of each history, without timestamps.
    """

    name: ClassVar[str] = "popularity-fading"
    reason: ClassVar[str] = "popular"

    def __init__(self, half_life_days: float = 7.0, share: float = 0.2) -> None:
        super().__init__()
        self.half_life_days = half_life_days
        self.share = share

    def parameters(self) -> dict[str, Any]:
        """Half-life, and its stand-in share."""
        return {"half_life_days": self.half_life_days, "share": self.share}

    def _learn(self, interactions: Interactions, seed: int) -> None:  # noqa: ARG002 - nothing random
        if interactions.times is not None:
            last = interactions.times.max(initial=0)
            age = (last - interactions.times) / (self.half_life_days * DAY_US)
        else:
            ago = interactions.steps_ago()
            age = ago / np.maximum((ago + interactions.steps + 1) * self.share, 1e-9)
        # A buyer counts once an item, by the latest time.
        key = interactions.users * interactions.n_items + interactions.items
        order = np.lexsort((age, key))
        _, first = np.unique(key[order], return_index=True)
        kept = order[first]
        counts = np.bincount(
            interactions.items[kept], 0.5 ** age[kept], minlength=interactions.n_items
        )
        self._counts = counts.astype(np.float32)


def _buyers(interactions: Interactions) -> Floats:
    counts = np.bincount(interactions.weights().indices, minlength=interactions.n_items)
    return counts.astype(np.float32)
