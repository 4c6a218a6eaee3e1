"""N-grams of units, hashed into buckets: one sparse row a text, without a dictionary."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.sparse import csr_matrix

from shopkeeper.predict.text.phrases import Phrases
from shopkeeper.predict.text.units import Bools, Hashes, Ints, Units, mixed, read_units

NEGATIONS = (
    "不", "没", "無", "无", "未", "别", "非", "莫", "勿", "not", "no", "never", "cannot", "without",
    "nothing", "nobody", "neither", "nor", "hardly", "barely", "don't", "doesn't", "didn't",
    "isn't", "wasn't", "aren't", "weren't", "won't", "wouldn't", "can't", "couldn't", "shouldn't",
    "haven't", "hasn't", "hadn't", "dont", "doesnt", "didnt", "isnt", "wasnt", "wont", "cant",
)  # fmt: skip
"""Units that turn what follows them."""

REACH = 4
"""Units after a negation that it turns, unless a sign ends the clause."""


@dataclass(frozen=True, slots=True)
class GramPlan:
    """Which n-grams are counted.

    Parameters
    ----------
    units : int
        Longest run of units; every shorter one is counted too.
    letters : tuple[int, int]
        Shortest and longest run of characters inside words, the word's ends included; (0, 0)
        counts none.
    negated : bool
        Whether units in the reach of a negation are counted once more as turned.
    bits : int
        Binary logarithm of the number of buckets.
    """

    units: int = 3
    letters: tuple[int, int] = (3, 5)
    negated: bool = True
    bits: int = 20


@dataclass(frozen=True, slots=True)
class Grams:
    """Every n-gram of every text, in no order.

    Parameters
    ----------
    text : Ints
        Text it stands in.
    bucket : Ints
        Its bucket.
    unit : Ints
        Place of its first unit; for runs of characters the word's.
    length : Ints
        How many units it spans.
    """

    text: Ints
    bucket: Ints
    unit: Ints
    length: Ints


def find_grams(units: Units, plan: GramPlan) -> Grams:
    """List the n-grams of all texts.

    Parameters
    ----------
    units : Units
        Texts cut into units.
    plan : GramPlan
        What is counted.

    Returns
    -------
    Grams
        Repeats included.
    """
    parts = [*_runs(units, plan.units)]
    if plan.letters[1]:
        parts += _letter_runs(units, plan.letters)
    if plan.negated:
        parts.append(_turned(units))
    mask = np.uint64((1 << plan.bits) - 1)
    at = np.concatenate([where for _, where, _ in parts])
    hashes = np.concatenate([found for found, _, _ in parts])
    length = np.concatenate([np.full(len(x), n, dtype=np.int64) for x, _, n in parts])
    return Grams(units.text[at], (mixed(hashes) & mask).astype(np.int64), at, length)


def counts(grams: Grams, texts: int, bits: int) -> csr_matrix:
    """How often each bucket occurs in each text.

    Parameters
    ----------
    grams : Grams
        Of all texts.
    texts : int
        Number of rows.
    bits : int
        Binary logarithm of the number of columns.

    Returns
    -------
    csr_matrix
        Shape (texts, 2^bits), float32; sorted columns.
    """
    key = np.sort((grams.text << bits) | grams.bucket)
    first = np.ones(len(key), dtype=bool)
    first[1:] = key[1:] != key[:-1]
    at = np.flatnonzero(first)
    times = np.diff(np.append(at, len(key))).astype(np.float32)
    kept = key[at]
    rows = np.zeros(texts + 1, dtype=np.int64)
    np.cumsum(np.bincount(kept >> bits, minlength=texts), out=rows[1:])
    columns = (kept & ((1 << bits) - 1)).astype(np.int32)
    return csr_matrix((times, columns, rows), shape=(texts, 1 << bits))


def count_texts(texts: list[str], plan: GramPlan) -> csr_matrix:
    """Counted n-grams of texts.

    Parameters
    ----------
    texts : list[str]
        One row each.
    plan : GramPlan
        What is counted.

    Returns
    -------
    csr_matrix
        Shape (texts, 2^bits).

    Examples
    --------
    >>> found = count_texts(["好好好", ""], GramPlan(units=1, negated=False))
    >>> found.sum(axis=1).tolist()
    [[2.0], [0.0]]
    """
    units = read_units(texts)
    return counts(find_grams(units, plan), units.texts, plan.bits)


def _runs(units: Units, longest: int) -> list[tuple[Hashes, Ints, int]]:
    """Hash, first unit and length of every run of up to `longest` units."""
    found = [(units.hashes, np.arange(len(units)), 1)]
    running = units.hashes
    for length in range(2, longest + 1):
        if len(units) < length:
            break
        joined = running[:-1] * np.uint64(0x9E3779B97F4A7C15 | 1) + units.hashes[length - 1 :]
        running = joined
        at = np.flatnonzero(units.text[: len(joined)] == units.text[length - 1 :])
        found.append((joined[at] + np.uint64(length), at, length))
    return found


def _letter_runs(units: Units, lengths: tuple[int, int]) -> list[tuple[Hashes, Ints, int]]:
    """Runs of characters inside words, a space at both ends counted as a character."""
    word = np.flatnonzero(units.word)
    if not len(word):
        return []
    size = units.ends[word] - units.starts[word] + 2
    ends = np.cumsum(size)
    letters = np.full(int(ends[-1]), 32, dtype=np.uint64)
    owner = np.repeat(np.arange(len(word)), size)
    place = np.arange(len(owner)) - (ends - size)[owner]
    inner = (place > 0) & (place < size[owner] - 1)
    letters[inner] = units.points[units.starts[word][owner[inner]] + place[inner] - 1]
    found = []
    running = letters
    for length in range(2, lengths[1] + 1):
        if len(letters) < length:
            break
        running = running[:-1] * np.uint64(0x100000001B3) + letters[length - 1 :]
        if length < lengths[0]:
            continue
        at = np.flatnonzero(owner[: len(running)] == owner[length - 1 :])
        found.append((mixed(running[at]) ^ np.uint64(0xA5A5 + length), word[owner[at]], 1))
    return found


def _turned(units: Units) -> tuple[Hashes, Ints, int]:
    """Units in the reach of a negation, with a hash of their own."""
    at = np.flatnonzero(in_reach(units))
    return units.hashes[at] ^ np.uint64(0x5DEECE66D5DEECE6), at, 1


def in_reach(units: Units) -> Bools:
    """Whether a unit stands in the reach of a negation.

    Parameters
    ----------
    units : Units
        Texts cut into units.

    Returns
    -------
    Bools
        One a unit; the negation itself is not in its own reach.
    """
    turns = np.zeros(len(units), dtype=bool)
    turns[_negations().find(units).unit] = True
    place = np.arange(len(units))
    last = np.maximum.accumulate(np.where(turns, place, -REACH - 1))
    last = np.concatenate([[-REACH - 1], last[:-1]])[: len(units)]
    stop = np.maximum.accumulate(np.where(units.mark, place, -1))
    near = (place - last <= REACH) & (stop < last) & ~units.mark
    reached: Bools = near & (units.text[np.maximum(last, 0)] == units.text) & ~turns
    return reached


@lru_cache(maxsize=1)
def _negations() -> Phrases:
    return Phrases(dict.fromkeys(NEGATIONS, 1.0))
