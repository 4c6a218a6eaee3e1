"""Sequences as two arrays, and the padded windows a network reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shopkeeper.core.errors import InputError, NotEnoughDataError

__all__ = ["Floats", "Ints", "Sequences", "Windows", "cut_windows", "last_windows"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Sequences:
    """Sequences of item codes, one after the other.

    Parameters
    ----------
    items : Ints
        Codes from 0, oldest first within a sequence; -1 is an item nobody knows.
    offsets : Ints
        First place of each sequence and, at the end, the number of places: ``(n + 1,)``.
    """

    items: Ints
    offsets: Ints

    def __post_init__(self) -> None:
        """Refuse arrays that are no sequences."""
        steps = np.diff(self.offsets)
        if len(self.offsets) == 0 or self.offsets[0] != 0 or self.offsets[-1] != len(self.items):
            raise InputError(
                f"offsets must run from 0 to the number of items, {len(self.items)}",
                next_step="give the first place of each sequence and the total at the end",
            )
        if np.any(steps < 0):
            raise InputError(
                f"offset {int(np.argmax(steps < 0)) + 1} is smaller than the one before it",
                next_step="sort the rows by sequence before taking their offsets",
            )

    @classmethod
    def of(cls, lists: Sequence[Sequence[int]]) -> Sequences:
        """Put lists of codes one after the other.

        Parameters
        ----------
        lists : Sequence[Sequence[int]]
            Oldest first; a list may be empty.

        Returns
        -------
        Sequences
            The same sequences.

        Examples
        --------
        >>> Sequences.of([[3, 1], [], [2]]).offsets.tolist()
        [0, 2, 2, 3]
        """
        lengths = np.fromiter((len(one) for one in lists), dtype=np.int64, count=len(lists))
        flat = np.fromiter((x for one in lists for x in one), dtype=np.int64, count=lengths.sum())
        return cls(flat, np.r_[0, np.cumsum(lengths)].astype(np.int64))

    @property
    def n(self) -> int:
        """How many sequences."""
        return len(self.offsets) - 1

    @property
    def lengths(self) -> Ints:
        """Items of each sequence."""
        return np.diff(self.offsets)

    def known(self) -> Sequences:
        """The same sequences without the places that hold -1."""
        kept = self.items >= 0
        if kept.all():
            return self
        counts = np.r_[0, np.cumsum(kept)].astype(np.int64)
        return Sequences(self.items[kept], counts[self.offsets])

    def take(self, chosen: Ints) -> Sequences:
        """Some of the sequences, in the given order.

        Parameters
        ----------
        chosen : Ints
            Numbers of sequences.

        Returns
        -------
        Sequences
            Those.
        """
        lengths = self.lengths[chosen]
        offsets = np.r_[0, np.cumsum(lengths)].astype(np.int64)
        places = np.arange(offsets[-1]) - np.repeat(offsets[:-1] - self.offsets[chosen], lengths)
        return Sequences(self.items[places], offsets)


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Windows of one width, filled from the left, and what followed each place.

    Parameters
    ----------
    inputs : Ints
        Codes, shape (windows, width); 0 where ``lengths`` says that nothing is there.
    targets : Ints
        The item after each place; -1 where there is none.
    lengths : Ints
        Places used.
    """

    inputs: Ints
    targets: Ints
    lengths: Ints


def last_windows(sequences: Sequences, width: int) -> tuple[Ints, Ints]:
    """The last items of each sequence, filled from the left.

    Parameters
    ----------
    sequences : Sequences
        All items known; an empty sequence gives an empty window.
    width : int
        Longest window; earlier items are left out.

    Returns
    -------
    tuple[Ints, Ints]
        Codes of shape (n, longest kept), 0 where nothing is; and the places used.

    Examples
    --------
    >>> codes, lengths = last_windows(Sequences.of([[5, 6, 7], [8]]), 2)
    >>> codes.tolist(), lengths.tolist()
    ([[6, 7], [8, 0]], [2, 1])
    """
    lengths = np.minimum(sequences.lengths, width)
    wide = max(int(lengths.max(initial=0)), 1)
    return _filled(sequences.items, sequences.offsets[1:] - lengths, lengths, wide, 0), lengths


def cut_windows(sequences: Sequences, width: int) -> Windows:
    """Cut sequences from their end into windows, so that each step but the first is a target once.

    Parameters
    ----------
    sequences : Sequences
        To learn from, all items known.
    width : int
        Longest window.

    Returns
    -------
    Windows
        Later windows of a sequence before earlier ones; sequences of fewer than two items give
        none.

    Raises
    ------
    NotEnoughDataError
        When no sequence has two items.

    Examples
    --------
    >>> cut = cut_windows(Sequences.of([[5, 6, 7, 8], [9]]), 2)
    >>> cut.inputs.tolist(), cut.targets.tolist()
    ([[6, 7], [5, 0]], [[7, 8], [6, -1]])
    """
    steps = np.maximum(sequences.lengths - 1, 0)
    pieces = -(-steps // width)
    if pieces.sum() == 0:
        raise NotEnoughDataError(
            "no sequence has two items, so there is no step to learn from",
            next_step="give at least one sequence of two items",
        )
    owner = np.repeat(np.arange(sequences.n), pieces)
    number = np.arange(len(owner)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    end = sequences.offsets[owner + 1] - 1 - number * width
    lengths = np.minimum(steps[owner] - number * width, width)
    wide = int(lengths.max())
    inputs = _filled(sequences.items, end - lengths, lengths, wide, 0)
    targets = _filled(sequences.items, end - lengths + 1, lengths, wide, -1)
    return Windows(inputs, targets, lengths)


def _filled(items: Ints, starts: Ints, lengths: Ints, wide: int, empty: int) -> Ints:
    places = starts[:, None] + np.arange(wide)
    used = np.arange(wide) < lengths[:, None]
    if len(items) == 0:
        return np.full(places.shape, empty, dtype=np.int64)
    return np.where(used, items[np.where(used, places, 0)], empty).astype(np.int64)
