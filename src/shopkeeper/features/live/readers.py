"""How the value of each measure is read from its series, and when time changes it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shopkeeper.features.live.definition import LiveTrait
from shopkeeper.features.live.series import PER_SECOND, VALUES

FAR = 1 << 62
Reading = tuple[Any, int | None, str | None, int]
"""Value, moment of the fact in microseconds, its source, second at which time changes it."""
Reader = Callable[[Mapping[str, Any], int], Reading]
SESSION_S = 4 * 3_600
"""Longest session: what lies further before its last event is not looked at."""
EMPTY: Reading = (None, None, None, FAR)


def reader_of(trait: LiveTrait, keys: Sequence[str]) -> Reader:
    """What computes a trait.

    Parameters
    ----------
    trait
        The definition.
    keys
        Its series, in the order in which the definition names them.

    Returns
    -------
    Reader
        Called with the series of one customer and the current second.
    """
    window_s, first = trait.window_s or 0, keys[0]
    made: dict[str, Callable[[], Reader]] = {
        "last": lambda: _kept(first, trait.field is None, trait.window_s),
        "first": lambda: _kept(first, trait.field is None, trait.window_s),
        "ever": lambda: _ever(first),
        "active": lambda: _within(first, window_s),
        "new": lambda: _within(first, window_s),
        "count": lambda: _counted(first, 0, trait.window_s),
        "sum": lambda: _counted(first, 1, trait.window_s),
        "distinct": lambda: _distinct(first, window_s),
        "none": lambda: _none(first, keys[1], window_s),
        "open": lambda: _open(first, keys[1], trait.window_s),
        "session": lambda: _session(first, trait.field or "", window_s),
    }
    return made[trait.measure]()


def _kept(key: str, moment: bool, window_s: int | None) -> Reader:
    def read(series: Mapping[str, Any], now_s: int) -> Reading:
        mine = series.get(key)
        if mine is None:
            return EMPTY
        ends = FAR if window_s is None else mine[0] // PER_SECOND + window_s
        if now_s >= ends:
            return None, mine[0], mine[2], FAR
        return mine[0] if moment else mine[1], mine[0], mine[2], ends

    return read


def _ever(key: str) -> Reader:
    def read(series: Mapping[str, Any], _now_s: int) -> Reading:
        mine = series.get(key)
        return EMPTY if mine is None else (True, mine[0], mine[2], FAR)

    return read


def _within(key: str, window_s: int) -> Reader:
    def read(series: Mapping[str, Any], now_s: int) -> Reading:
        mine = series.get(key)
        if mine is None:
            return EMPTY
        ends = mine[0] // PER_SECOND + window_s
        return (True, mine[0], mine[2], ends) if now_s < ends else (False, mine[0], mine[2], FAR)

    return read


def _counted(key: str, place: int, window_s: int | None) -> Reader:
    return _total(key, place) if window_s is None else _windowed(key, place + 4, window_s)


def _total(key: str, place: int) -> Reader:
    def read(series: Mapping[str, Any], _now_s: int) -> Reading:
        mine = series.get(key)
        return EMPTY if mine is None else (mine[place], mine[2], mine[3], FAR)

    return read


def _windowed(key: str, place: int, window_s: int) -> Reader:
    def read(series: Mapping[str, Any], now_s: int) -> Reading:
        mine = series.get(key)
        if mine is None:
            return EMPTY
        seconds = mine[3]
        start = bisect_right(seconds, now_s - window_s)
        if start == len(seconds):
            return 0, mine[1], mine[2], FAR
        return sum(mine[place][start:]), mine[1], mine[2], seconds[start] + window_s

    return read


def _distinct(key: str, window_s: int) -> Reader:
    def read(series: Mapping[str, Any], now_s: int) -> Reading:
        mine = series.get(key)
        if mine is None:
            return EMPTY
        inside = [x for x in mine[2].values() if x > now_s - window_s]
        if not inside:
            return 0, mine[0], mine[1], FAR
        return min(len(inside), VALUES), mine[0], mine[1], min(inside) + window_s

    return read


def _none(key: str, first: str, window_s: int) -> Reader:
    def read(series: Mapping[str, Any], now_s: int) -> Reading:
        # Who never did it counts from the moment at which it was first seen at all.
        mine = series.get(key) or series.get(first)
        if mine is None:
            return EMPTY
        ends = mine[0] // PER_SECOND + window_s
        return (False, mine[0], mine[2], ends) if now_s < ends else (True, mine[0], mine[2], FAR)

    return read


def _open(key: str, settled: str, window_s: int | None) -> Reader:
    def read(series: Mapping[str, Any], now_s: int) -> Reading:
        mine = series.get(key)
        if mine is None:
            return EMPTY
        after = series.get(settled)
        if after is not None and after[0] >= mine[0]:
            return False, after[0], after[2], FAR
        ends = FAR if window_s is None else mine[0] // PER_SECOND + window_s
        return (True, mine[0], mine[2], ends) if now_s < ends else (False, mine[0], mine[2], FAR)

    return read


def _session(key: str, what: str, gap_s: int) -> Reader:
    def read(series: Mapping[str, Any], now_s: int) -> Reading:
        mine = series.get(key)
        if mine is None:
            return EMPTY
        seconds, counts = mine[3], mine[4]
        if not seconds or now_s >= seconds[-1] + gap_s:
            return None, mine[1], mine[2], FAR
        place = len(seconds) - 1
        events = counts[place]
        oldest = seconds[-1] - SESSION_S
        while place and seconds[place] - seconds[place - 1] < gap_s:
            if seconds[place - 1] < oldest:
                break
            place -= 1
            events += counts[place]
        if what == "events":
            value = events
        elif what == "seconds":
            value = seconds[-1] - seconds[place]
        else:
            value = seconds[place] * PER_SECOND
        return value, mine[1], mine[2], seconds[-1] + gap_s

    return read
