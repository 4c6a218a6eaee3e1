"""Finding many phrases in many texts at once, the longest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shopkeeper.predict.text.units import Bools, Hashes, Ints, Units, read_units

Floats = npt.NDArray[np.float64]
_STEP = np.uint64(0x9E3779B97F4A7C15)
_SIEVE_BITS = 16


@dataclass(frozen=True, slots=True)
class Found:
    """Phrases found, in the order of the texts.

    Parameters
    ----------
    unit : Ints
        Place of the first unit of each.
    length : Ints
        Units it spans.
    value : Floats
        What the phrase stands for.
    """

    unit: Ints
    length: Ints
    value: Floats


class Phrases:
    """A table of phrases with a number each.

    Parameters
    ----------
    values : Mapping[str, float]
        Number by phrase; phrases are normalised as texts are.
    """

    def __init__(self, values: Mapping[str, float]) -> None:
        units = read_units(list(values))
        length = np.bincount(units.text, minlength=units.texts)
        first = np.cumsum(length) - length
        numbers = np.fromiter(values.values(), dtype=np.float64, count=len(values))
        self._tables: dict[int, tuple[Hashes, Floats]] = {}
        self._sieves: dict[int, Bools] = {}
        for size in sorted({int(x) for x in length if x}, reverse=True):
            these = np.flatnonzero(length == size)
            hashes = run_hashes(units.hashes, size)[first[these]]
            order = np.argsort(hashes, kind="stable")
            self._tables[size] = (hashes[order], numbers[these][order])
            self._sieves[size] = np.zeros(1 << _SIEVE_BITS, dtype=bool)
            self._sieves[size][_sieved(hashes)] = True

    def find(self, units: Units) -> Found:
        """Find the phrases of texts; a unit belongs to the longest phrase around it.

        Parameters
        ----------
        units : Units
            Texts cut into units.

        Returns
        -------
        Found
            Ascending by place; phrases of one length that overlap count from the left.

        Examples
        --------
        >>> units = read_units(["不错，房间不错"])
        >>> Phrases({"不错": 2.0, "错": -2.0}).find(units).value.tolist()
        [2.0, 2.0]
        """
        covered = np.zeros(len(units), dtype=bool)
        parts: list[tuple[Ints, int, Floats]] = []
        for size, (hashes, numbers) in self._tables.items():
            if size > len(units):
                continue
            at, value = self._matches(units, size, hashes, numbers)
            taken = np.concatenate([[0], np.cumsum(covered)])
            free = taken[at + size] == taken[at]
            at, value = at[free], value[free]
            kept = _apart(at, size)
            at, value = at[kept], value[kept]
            for step in range(size):
                covered[at + step] = True
            parts.append((at, size, value))
        if not parts:
            none = np.zeros(0, dtype=np.int64)
            return Found(none, none, np.zeros(0))
        unit = np.concatenate([at for at, _, _ in parts])
        length = np.concatenate([np.full(len(at), n, dtype=np.int64) for at, n, _ in parts])
        order = np.argsort(unit, kind="stable")
        found = np.concatenate([value for _, _, value in parts])
        return Found(unit[order], length[order], found[order])

    def _matches(
        self, units: Units, size: int, hashes: Hashes, numbers: Floats
    ) -> tuple[Ints, Floats]:
        running = run_hashes(units.hashes, size)
        # nearly all runs fall through the sieve; only the rest is looked up
        at = np.flatnonzero(self._sieves[size][_sieved(running)])
        place = np.minimum(np.searchsorted(hashes, running[at]), len(hashes) - 1)
        same = (hashes[place] == running[at]) & (units.text[at] == units.text[at + size - 1])
        return at[same], numbers[place[same]]


def _sieved(hashes: Hashes) -> Hashes:
    """Some bits of a hash that any phrase may occupy."""
    return (hashes >> np.uint64(20)) & np.uint64((1 << _SIEVE_BITS) - 1)


def run_hashes(hashes: Hashes, size: int) -> Hashes:
    """Hash of every run of units of one length.

    Parameters
    ----------
    hashes : Hashes
        One a unit.
    size : int
        Units in a run.

    Returns
    -------
    Hashes
        Shape (units - size + 1,).
    """
    running = hashes[: len(hashes) - size + 1].copy()
    for step in range(1, size):
        running = running * _STEP + hashes[step : len(hashes) - size + 1 + step]
    return running


def _apart(at: Ints, size: int) -> Bools:
    """Leave out matches that begin inside the one kept before; few overlap, so few rounds."""
    kept = np.ones(len(at), dtype=bool)
    while True:
        places = np.flatnonzero(kept)
        gaps = np.diff(at[places])
        near = np.flatnonzero(gaps < size)
        if not len(near):
            return kept
        # of neighbours in a row only every second one goes, from the left
        first = near[np.concatenate([[True], np.diff(near) > 1])]
        kept[places[first + 1]] = False
