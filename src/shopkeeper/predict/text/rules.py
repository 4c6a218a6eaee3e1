"""Sentiment without training: a lexicon with negations, degrees and contrast, roughly calibrated.

What a shop has on its first day. The probability is a logistic of the summed polarity; its slope is
a round number, not fitted on any data, and every answer says its method.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from shopkeeper.core.errors import InputError
from shopkeeper.predict.text.grams import NEGATIONS
from shopkeeper.predict.text.lexicon import DEGREES, NOT_NEGATING, polarities
from shopkeeper.predict.text.phrases import Floats, Phrases
from shopkeeper.predict.text.units import Ints, Units, read_units

METHOD = "rules"
SLOPE = 0.9
"""Log-odds that one unit of polarity adds."""
TURNED = -0.8
"""Factor of a negated polarity: `not good` is bad, less than `bad` is."""
DEGREE_REACH, NEGATION_REACH = 3, 3
AFTER_BUT = 1.5
"""Factor of what follows a contrast (但, but): it is what the writer ends on."""
CONTRASTS = ("但", "但是", "可是", "不过", "然而", "就是", "but", "however", "although", "though")

VIEWS = 5
EDGE = 12
"""Units that count as the beginning and as the end of a text."""

CHINESE, LATIN = (0x3400, 0xA000), (0x41, 0x250)


@dataclass(frozen=True, slots=True)
class Read:
    """What was read in texts.

    Parameters
    ----------
    log_odds : Floats
        Of a satisfied writer; one a text; `base` plus what the units add.
    added : Floats
        What each unit adds; one a unit.
    base : float
        Log-odds of a text that says nothing.
    words : Ints
        Words of the lexicon in each text; 0 where nothing was recognised.
    """

    log_odds: Floats
    added: Floats
    base: float
    words: Ints


@lru_cache(maxsize=1)
def sentiment_rules() -> SentimentRules:
    """Return the one reader of the lexicon; it holds no state of its own.

    Returns
    -------
    SentimentRules
    """
    return SentimentRules()


class SentimentRules:
    """Lexicon, negations, degrees and contrast."""

    def __init__(self) -> None:
        self._polarity = Phrases(polarities())
        self._degree = Phrases(dict(DEGREES))
        turning = dict.fromkeys(NEGATIONS, 1.0) | {
            "不太": 1.0,
            "不怎么": 1.0,
            "没有": 1.0,
            "不是很": 1.0,
        }
        self._turning = Phrases({**turning, **dict.fromkeys(NOT_NEGATING, 0.0)})
        self._contrast = Phrases(dict.fromkeys(CONTRASTS, 1.0))

    def read(self, units: Units) -> Read:
        """Read the sentiment of texts.

        Parameters
        ----------
        units : Units
            Texts cut into units.

        Returns
        -------
        Read
            A text in which nothing was recognised has log-odds 0.

        Examples
        --------
        >>> read = SentimentRules().read(read_units(["很好", "一点也不好", "不是不好", "天气"]))
        >>> read.log_odds.round(1).tolist()
        [1.8, -1.8, 1.4, 0.0]
        """
        found = self._polarity.find(units)
        value = found.value * self._factor(units, found.unit)
        text = units.text[found.unit]
        spoken = np.bincount(text, minlength=units.texts)
        # many words of one kind repeat themselves: the sum grows with the root of their number
        value *= SLOPE / np.sqrt(np.maximum(spoken[text], 1))
        added = np.zeros(len(units))
        owner = np.repeat(np.arange(len(found.unit)), found.length)
        first = np.cumsum(found.length) - found.length
        place = found.unit[owner] + np.arange(len(owner)) - first[owner]
        added[place] = (value / found.length)[owner]
        log_odds = np.bincount(units.text, weights=added, minlength=units.texts)
        return Read(np.asarray(log_odds, dtype=np.float64), added, 0.0, spoken)

    def _factor(self, units: Units, at: Ints) -> Floats:
        """Degrees, negations and contrast before each phrase, within its clause."""
        size = len(units)
        clause = np.cumsum(units.mark) + units.text
        degree, turns = np.zeros(size), np.zeros(size)
        found = self._degree.find(units)
        degree[found.unit + found.length - 1] = np.log(found.value)
        found = self._turning.find(units)
        turns[found.unit + found.length - 1] = found.value
        contrast = np.zeros(size)
        contrast[self._contrast.find(units).unit] = 1.0
        strength = _before(degree, clause, at, DEGREE_REACH)
        turned = _before(turns, clause, at, NEGATION_REACH)
        seen = np.concatenate([[0.0], np.cumsum(contrast)])
        first = np.searchsorted(units.text, np.arange(units.texts))
        after = seen[at] - seen[first[units.text[at]]] > 0
        odd = turned.astype(np.int64) % 2 == 1
        factor = np.exp(np.minimum(strength, 0.8)) * np.where(odd, TURNED, 1.0)
        return np.asarray(factor * np.where(after, AFTER_BUT, 1.0))


def _before(values: Floats, clause: Ints, at: Ints, reach: int) -> Floats:
    """Sum of values in the units before a place, within its clause."""
    total = np.zeros(len(at))
    for step in range(1, reach + 1):
        place = np.maximum(at - step, 0)
        inside = (at >= step) & (clause[place] == clause[at])
        total += np.where(inside, values[place], 0.0)
    return total


def lexical_views(units: Units, read: Read) -> Floats:
    """Sums of what the lexicon says over parts of a text, for a model to weigh.

    Parameters
    ----------
    units : Units
        Texts cut into units.
    read : Read
        The same texts as read by the rules.

    Returns
    -------
    Floats
        Shape (texts, `VIEWS`); see `unit_views`.
    """
    each = unit_views(units, read)
    return np.column_stack(
        [np.bincount(units.text, weights=x, minlength=units.texts) for x in each.T]
    )


def unit_views(units: Units, read: Read) -> Floats:
    """What each unit adds to each lexical view.

    Parameters
    ----------
    units : Units
        Texts cut into units.
    read : Read
        The same texts as read by the rules.

    Returns
    -------
    Floats
        Shape (units, `VIEWS`): all, praise alone and complaint alone by length, the beginning, the
        end.
    """
    size = np.bincount(units.text, minlength=units.texts)
    first = np.cumsum(size) - size
    place = np.arange(len(units)) - first[units.text]
    left = size[units.text] - place
    root = np.sqrt(read.words[units.text] / (size[units.text] + 10.0))
    praise, complaint = np.maximum(read.added, 0.0) * root, np.minimum(read.added, 0.0) * root
    begin, end = read.added * (place < EDGE), read.added * (left <= EDGE)
    return np.column_stack([read.added, praise, complaint, begin, end])


def require_readable(units: Units) -> None:
    """Refuse texts in scripts that are not read here.

    Parameters
    ----------
    units : Units
        Texts cut into units.

    Raises
    ------
    InputError
        When more than half of the letters are neither Chinese nor Latin, or there are none.
    """
    points = units.points
    chinese = (points >= CHINESE[0]) & (points < CHINESE[1])
    latin = (points >= LATIN[0]) & (points < LATIN[1])
    other = (points >= LATIN[1]) & ~chinese & ((points < 0x2000) | (points >= 0x3040))
    other &= points < 0xE000
    known, unknown = int((chinese | latin).sum()), int(other.sum())
    if not len(units):
        raise InputError(
            "the text is empty", next_step="write a word or a sentence", texts=units.texts
        )
    if unknown > known:
        raise InputError(
            "the text is written in a script that is not read here",
            next_step="Chinese and English are read; translate it, or leave these rows out",
            known_letters=known,
            other_letters=unknown,
        )


def score_of(log_odds: Floats | Sequence[float]) -> Floats:
    """Score from -1 to 1 for log-odds.

    Parameters
    ----------
    log_odds : Floats | Sequence[float]
        Of a satisfied writer.

    Returns
    -------
    Floats
        Twice the probability, less one.
    """
    return np.asarray(np.tanh(np.asarray(log_odds) / 2.0), dtype=np.float64)


def words_of(log_odds: Floats | Sequence[float], edge: float = 0.4) -> list[str]:
    """Word of each sentiment.

    Parameters
    ----------
    log_odds : Floats | Sequence[float]
        Of a satisfied writer.
    edge : float
        Log-odds within which a text is neutral.

    Returns
    -------
    list[str]
        `positive`, `neutral` or `negative`.
    """
    place = np.searchsorted([-edge, edge], log_odds, side="right")
    return [("negative", "neutral", "positive")[int(x)] for x in place]


def read_sentiment(texts: list[str]) -> Floats:
    """Log-odds of texts by the rules.

    Parameters
    ----------
    texts : list[str]
        In order.

    Returns
    -------
    Floats
        One a text.
    """
    return sentiment_rules().read(read_units(texts)).log_odds
