"""Bounded memories of what happened, independent of the order in which it arrived.

Moments are whole seconds. Every series is a plain list or mapping that JSON knows, so that a
profile keeps it as it is.

``last``, ``first``
    ``[ts_us, value, source]``.
``total``
    ``[n, sum, ts_us, source]``: everything, with the latest event.
``buckets``
    ``[level, ts_us, source, seconds, counts, sums]``: at most :data:`BUCKETS` moments, each second
    its own at first; when there are more, neighbours within :data:`WIDTHS` ``[level]``
    seconds are joined at their latest second, so that an event may stay in a window
    longer by less than that width, and never leaves too early.
``values``
    ``[ts_us, source, {value: second}]``: the :data:`VALUES` values seen last.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Any

BUCKETS = 128
"""Moments that a windowed series keeps apart."""
WIDTHS = (1, 10, 60, 300, 3_600, 86_400, 7 * 86_400)
"""Seconds within which moments are joined, by level; 400 days always fit."""
VALUES = 64
"""Different values that are counted; a count of this many means as many or more."""
MAX_TEXT = 200
"""Characters kept of a value."""
PER_SECOND = 1_000_000


def keep_last(series: list[Any] | None, ts_us: int, value: Any, source: str) -> list[Any]:
    """The later of two; of one moment the greater text."""
    if series is None:
        return [ts_us, value, source]
    if ts_us < series[0]:
        return series
    if ts_us > series[0] or (str(value), source) > (str(series[1]), series[2]):
        series[0], series[1], series[2] = ts_us, value, source
    return series


def keep_first(series: list[Any] | None, ts_us: int, value: Any, source: str) -> list[Any]:
    """The earlier of two; of one moment the lesser text."""
    if series is None:
        return [ts_us, value, source]
    if ts_us < series[0] or (
        ts_us == series[0] and (str(value), source) < (str(series[1]), series[2])
    ):
        series[0], series[1], series[2] = ts_us, value, source
    return series


def add_total(series: list[Any] | None, ts_us: int, amount: int, source: str) -> list[Any]:
    """One more event."""
    if series is None:
        return [1, amount, ts_us, source]
    series[0] += 1
    series[1] += amount
    series[2], series[3] = max((series[2], series[3]), (ts_us, source))
    return series


def add_bucket(
    series: list[Any] | None, ts_us: int, amount: int, source: str, oldest_s: int
) -> list[Any]:
    """One more event in its second.

    Parameters
    ----------
    series
        As it stands; changed in place.
    ts_us, amount, source
        The event.
    oldest_s
        Seconds up to and including this one have left every window.

    Returns
    -------
    list
        The series.
    """
    second = ts_us // PER_SECOND
    if series is None:
        if second <= oldest_s:
            return [0, ts_us, source, [], [], []]
        return [0, ts_us, source, [second], [1], [amount]]
    series[1], series[2] = max((series[1], series[2]), (ts_us, source))
    seconds: list[int] = series[3]
    if seconds and seconds[0] <= oldest_s:
        _forget(series, oldest_s)
        seconds = series[3]
    if second <= oldest_s:
        return series
    _insert(series, second, 1, amount)
    while len(series[3]) > BUCKETS:
        _coarsen(series)
    return series


def _insert(series: list[Any], second: int, n: int, amount: int) -> None:
    seconds, counts, sums = series[3], series[4], series[5]
    width = WIDTHS[series[0]]
    # Buckets are disjoint and sorted, so the one that covers a second is its neighbour.
    place = bisect_left(seconds, second)
    if place < len(seconds) and seconds[place] // width == second // width:
        counts[place] += n
        sums[place] += amount
    elif place and seconds[place - 1] // width == second // width:
        counts[place - 1] += n
        sums[place - 1] += amount
        seconds[place - 1] = second
    else:
        seconds.insert(place, second)
        counts.insert(place, n)
        sums.insert(place, amount)


def _forget(series: list[Any], oldest_s: int) -> None:
    place = bisect_right(series[3], oldest_s)
    for part in series[3:6]:
        del part[:place]


def _coarsen(series: list[Any]) -> None:
    """Join the neighbours that the next width covers."""
    before = list(zip(series[3], series[4], series[5], strict=True))
    series[0] += 1
    series[3], series[4], series[5] = [], [], []
    width = WIDTHS[series[0]]
    for second, n, amount in before:
        if series[3] and series[3][-1] // width == second // width:
            series[3][-1] = second
            series[4][-1] += n
            series[5][-1] += amount
        else:
            series[3].append(second)
            series[4].append(n)
            series[5].append(amount)


def add_value(
    series: list[Any] | None, ts_us: int, value: str, source: str, oldest_s: int
) -> list[Any]:
    """One more event with a value to tell apart; parameters as :func:`add_bucket`."""
    if series is None:
        series = [ts_us, source, {}]
    elif (ts_us, source) > (series[0], series[1]):
        series[0], series[1] = ts_us, source
    second = ts_us // PER_SECOND
    seen: dict[str, int] = series[2]
    if second <= oldest_s or seen.get(value, -1) >= second:
        return series
    seen[value] = second
    if len(seen) > VALUES:
        gone = [k for k, s in seen.items() if s <= oldest_s]
        for key in gone:
            del seen[key]
        if len(seen) > VALUES:
            del seen[min(seen, key=lambda k: (seen[k], k))]
    return series


def join_totals(mine: list[Any], theirs: list[Any]) -> list[Any]:
    """Totals of two that are one."""
    latest = max((mine[2], mine[3]), (theirs[2], theirs[3]))
    return [mine[0] + theirs[0], mine[1] + theirs[1], *latest]


def join_buckets(mine: list[Any], theirs: list[Any]) -> list[Any]:
    """Moments of two that are one, as coarse as the coarser."""
    while mine[0] < theirs[0]:
        _coarsen(mine)
    mine[1], mine[2] = max((mine[1], mine[2]), (theirs[1], theirs[2]))
    for second, n, amount in zip(theirs[3], theirs[4], theirs[5], strict=True):
        _insert(mine, second, n, amount)
    while len(mine[3]) > BUCKETS:
        _coarsen(mine)
    return mine


def join_values(mine: list[Any], theirs: list[Any]) -> list[Any]:
    """Values of two that are one."""
    latest = max((mine[0], mine[1]), (theirs[0], theirs[1]))
    seen = dict(mine[2])
    for value, second in theirs[2].items():
        seen[value] = max(second, seen.get(value, second))
    kept = sorted(seen, key=lambda k: (seen[k], k))[-VALUES:]
    return [*latest, {k: seen[k] for k in sorted(kept)}]
