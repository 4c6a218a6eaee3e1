"""Texts as arrays of units: a Chinese character or an English word is one unit.

Chinese needs no segmentation this way and English needs no language switch: one pass over the code
points of all texts together, in numpy, yields units, their place and the characters inside words.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Points = npt.NDArray[np.uint32]
Bools = npt.NDArray[np.bool_]

SEPARATOR = "\ue000"
"""Between texts; a private code point that is removed from the texts themselves."""

LONGEST = 20_000
"""Characters of one text that are read; what follows is left out."""

_BREAK = 0xE000
_PRIME = np.uint64(0x9E3779B97F4A7C15)
_STEP = np.uint64(0x100000001B3)
_SIGNS = dict.fromkeys([*range(0xFE00, 0xFE10), 0x200B, 0x200D, 0xFEFF, 0x00AD])
"""Variation selectors and invisible joiners: one emoji stays one emoji."""


@dataclass(frozen=True, slots=True)
class Units:
    """All texts, cut into units.

    Parameters
    ----------
    points : Points
        Code points of all texts after normalisation, a separator before and after each.
    starts, ends : Ints
        Place of each unit in `points`, end exclusive.
    text : Ints
        Text each unit belongs to; ascending.
    hashes : Hashes
        One number a unit, equal for equal units.
    mark : Bools
        Whether the unit is punctuation or another sign.
    word : Bools
        Whether the unit is a word of an alphabet (letters and digits) rather than one character.
    texts : int
        Number of texts, those without a unit included.
    """

    points: Points
    starts: Ints
    ends: Ints
    text: Ints
    hashes: Hashes
    mark: Bools
    word: Bools
    texts: int

    def __len__(self) -> int:
        """Number of units."""
        return len(self.starts)

    def part(self, first: int, last: int, start: int, stop: int) -> Units:
        """Some texts of these.

        Parameters
        ----------
        first, last : int
            Texts, the last exclusive.
        start, stop : int
            Their units, the last exclusive.

        Returns
        -------
        Units
            Code points are shared.
        """
        cut = slice(start, stop)
        return Units(
            self.points, self.starts[cut], self.ends[cut], self.text[cut] - first,
            self.hashes[cut], self.mark[cut], self.word[cut], last - first,
        )  # fmt: skip

    def shown(self, unit: int, count: int = 1) -> str:
        """Some units next to each other, as they were read.

        Parameters
        ----------
        unit : int
            Place of the first.
        count : int
            How many.

        Returns
        -------
        str
            Normalised text.
        """
        part = self.points[self.starts[unit] : self.ends[unit + count - 1]]
        return part.astype("<u4").tobytes().decode("utf-32-le")


def normalised(texts: Sequence[str | None]) -> Points:
    """Code points of all texts: full width made half, lower case, long runs cut to two.

    Traditional characters stay what they are; a null is an empty text.

    Parameters
    ----------
    texts : Sequence[str | None]
        In order.

    Returns
    -------
    Points
        A separator before the first, between any two and after the last.

    Examples
    --------
    >>> normalised(["ＯＫ！！！！"]).astype("<u4").tobytes().decode("utf-32-le")[1:-1]
    'ok!!'
    """
    short = [(x or "")[:LONGEST].replace(SEPARATOR, " ") for x in texts]
    joined = SEPARATOR + SEPARATOR.join(short) + SEPARATOR
    plain = unicodedata.normalize("NFKC", joined).lower().translate(_SIGNS)
    points = np.frombuffer(plain.encode("utf-32-le", "replace"), dtype="<u4").astype(np.uint32)
    same = points[1:] == points[:-1]
    third = np.zeros(len(points), dtype=bool)
    third[2:] = same[1:] & same[:-1]
    kept: Points = points[~(third & (points != _BREAK))]
    return kept


def read_units(texts: Sequence[str | None]) -> Units:
    """Cut texts into units.

    Parameters
    ----------
    texts : Sequence[str | None]
        In order.

    Returns
    -------
    Units
        Spaces are no unit.

    Examples
    --------
    >>> found = read_units(["房间不错", "Not bad!"])
    >>> [found.shown(at) for at in range(len(found))]
    ['房', '间', '不', '错', 'not', 'bad', '!']
    """
    points = normalised(texts)
    letter, space, mark = _kinds(points)
    inside = np.concatenate([[False], letter[1:] & letter[:-1]])
    starts = np.flatnonzero(~space & ~inside)
    here = starts.astype(np.int64)
    lasts = np.flatnonzero(~space & ~np.concatenate([inside[1:], [False]]))
    text = np.cumsum(points == _BREAK)[here] - 1
    return Units(
        points, here, lasts.astype(np.int64) + 1, text.astype(np.int64),
        _word_hashes(points, here, lasts + 1), mark[here], letter[here], len(texts),
    )  # fmt: skip


def mixed(values: Hashes) -> Hashes:
    """Spread the bits of numbers so that any of them can be used alone (splitmix64).

    Parameters
    ----------
    values : Hashes
        Any numbers.

    Returns
    -------
    Hashes
        One to one.
    """
    spread = values + _PRIME
    spread = (spread ^ (spread >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    spread = (spread ^ (spread >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return spread ^ (spread >> np.uint64(31))


def _kinds(points: Points) -> tuple[Bools, Bools, Bools]:
    """Letters of alphabets and digits, spaces (the separator too), and all other signs."""
    ascii_letter = ((points >= 97) & (points <= 122)) | ((points >= 48) & (points <= 57))
    # Latin with accents, Greek, Cyrillic: everything up to the general punctuation but ×, ÷
    other_letter = (points >= 0xC0) & (points < 0x2000) & (points != 0xD7) & (points != 0xF7)
    apostrophe = (points == 39) | (points == 0x2019)
    letter = ascii_letter | other_letter
    between = np.zeros(len(points), dtype=bool)
    between[1:-1] = apostrophe[1:-1] & letter[:-2] & letter[2:]
    letter |= between
    space = (points <= 32) | (points == 0x3000) | (points == _BREAK) | (points == 0xA0)
    syllable = (points >= 0x2E80) & (points < 0xE000)
    syllable &= ~((points >= 0x3000) & (points < 0x3040))
    far = (points >= 0x20000) & (points < 0x40000)
    return letter, space, ~(letter | space | syllable | far)


def _word_hashes(points: Points, starts: Ints, ends: Ints) -> Hashes:
    """Sum of characters times powers of a prime by their place, wrapping; one pass."""
    if not len(starts):
        return np.zeros(0, dtype=np.uint64)
    length = ends - starts
    powers = np.full(int(length.max()), _STEP, dtype=np.uint64).cumprod()
    owner = np.repeat(np.arange(len(starts)), length)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(length) - length, length)
    values = points[starts[owner] + place].astype(np.uint64) * powers[place]
    return mixed(np.add.reduceat(values, np.cumsum(length) - length))
