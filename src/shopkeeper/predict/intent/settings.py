"""Bounds and choices of a model of intent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from shopkeeper.core.errors import InputError

__all__ = ["IntentSettings"]


@dataclass(frozen=True, slots=True)
class IntentSettings:
    """Bounds and choices.

    Parameters
    ----------
    positions : tuple[int, ...]
        Events of a session after which it is learned from.
    most_prefixes : int
        Learn from at most so many prefixes, drawn by the seed.
    least_goals : int
        Sessions that must reach the goal, and as many that must not.
    net : Literal["none", "gru", "transformer"]
        Network whose columns are tried beside the features; kept where later sessions are judged
        better with it.
    net_seconds : float
        Time it may learn.
    rounds : int
        Most trees of each kind.
    threads : int
        While learning.
    limit_mb : int
        Bound on the memory of learning.
    """

    positions: tuple[int, ...] = (1, 2, 3, 5, 8, 10, 15, 20)
    most_prefixes: int = 150_000
    least_goals: int = 100
    net: Literal["none", "gru", "transformer"] = "none"
    net_seconds: float = 60.0
    rounds: int = 200
    threads: int = 1
    limit_mb: int = 2_048

    def __post_init__(self) -> None:
        """Refuse what cannot be built."""
        if not self.positions or min(self.positions) < 1:
            raise InputError(
                "positions of a session count from 1", next_step="give positions such as 3, 5, 10"
            )
        if self.net not in {"none", "gru", "transformer"}:
            raise InputError(
                f"there is no network of kind {self.net!r}",
                next_step="choose none, gru or transformer",
            )
